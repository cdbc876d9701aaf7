//! Regions and platform: one primary, zones known once.

use std::collections::BTreeMap;

use super::Resolver;
use crate::blueprint::{Region, raw};
use crate::diagnostics::{Diagnostic, Place};
use crate::path;

impl Resolver<'_> {
    pub(super) fn regions(&mut self) {
        let spec = self.spec;
        let primaries: Vec<&String> =
            spec.regions.iter().filter(|(_, r)| r.role == raw::RegionRole::Primary).map(|(name, _)| name).collect();
        match primaries.as_slice() {
            [_] => {}
            [] => self.problems.push(
                Diagnostic::error("BP020", Place::Key(path!["regions"]), "no region is primary")
                    .because("the primary region is where data is written; standbys, DNS and decisions follow from it")
                    .fix("write `role: primary` in exactly one region"),
            ),
            [first, others @ ..] => {
                let place = |name: &String| Place::Value(path!["regions", name, "role"]);
                let mut problem = Diagnostic::error("BP020", place(others[0]), "more than one region is primary")
                    .also(place(first), "the other primary")
                    .because("PostgreSQL has one writer (R-PG-31); two primaries would diverge")
                    .fix("write `role: secondary` in all regions but one");
                for other in &others[1..] {
                    problem = problem.also(place(other), "and this one");
                }
                self.problems.push(problem);
            }
        }
        self.zones();
        let mut regions: Vec<Region> =
            spec.regions.iter().map(|(name, spec)| Region { name: name.clone(), spec: spec.clone() }).collect();
        regions.sort_by_key(|region| (!region.is_primary(), region.name.clone()));
        self.regions = regions;
        self.region_names();
    }

    /// Each zone is in one region, once; what a list has too much is said in one finding.
    fn zones(&mut self) {
        let mut zones: BTreeMap<&str, (&String, usize)> = BTreeMap::new();
        for (name, region) in &self.spec.regions {
            let mut twice: Vec<(usize, &str, (&String, usize))> = Vec::new();
            for (at, zone) in region.zones.iter().enumerate() {
                match zones.get(zone.as_str()) {
                    Some(first) => twice.push((at, zone, *first)),
                    None => drop(zones.insert(zone, (name, at))),
                }
            }
            let Some((at, zone, (first, index))) = twice.first().copied() else { continue };
            let place = |region: &String, at: usize| Place::Value(path!["regions", region, "zones"].index(at));
            let mut names: Vec<String> = twice.iter().map(|(_, zone, _)| format!("`{zone}`")).collect();
            names.dedup();
            let title = match names.as_slice() {
                [_] => format!("zone `{zone}` stands twice"),
                _ => format!("zones {} stand twice", names.join(", ")),
            };
            let mut problem =
                Diagnostic::error("BP021", place(name, at), title).also(place(first, index), "here already");
            for (at, ..) in &twice[1..] {
                problem = problem.also(place(name, *at), "and this one");
            }
            let mut left: Vec<&str> = Vec::new();
            for zone in &region.zones {
                if zones.get(zone.as_str()).is_some_and(|(owner, _)| *owner == name) && !left.contains(&zone.as_str()) {
                    left.push(zone);
                }
            }
            let fix = if left.is_empty() {
                format!("name the zones that `{name}` has of its own, or leave one of the regions out")
            } else {
                format!("write `zones: [{}]` in `{name}`", left.join(", "))
            };
            self.problems.push(problem.because("a host belongs to the region of its zone").fix(fix));
        }
    }

    fn region_names(&mut self) {
        for name in self.spec.regions.keys() {
            let fits = name.len() <= 40
                && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
                && !name.starts_with('-')
                && !name.ends_with('-');
            let reserved = matches!(name.as_str(), "global" | "runbooks");
            if !fits || reserved {
                let why = if reserved {
                    "the output has a directory of that name"
                } else {
                    "the region's directory and labels carry its name"
                };
                self.problems.push(
                    Diagnostic::error(
                        "BP022",
                        Place::Key(path!["regions", name]),
                        format!("`{}` cannot name a region", name.escape_debug()),
                    )
                    .because(why)
                    .fix("use lower-case letters, digits and `-`, at most 40"),
                );
            }
        }
    }

    pub(super) fn platform(&mut self) {
        let spec = self.spec;
        if spec.kind == raw::Kind::Overlay {
            self.problems.push(
                Diagnostic::error("BP023", Place::Value(path!["kind"]), "an overlay alone is no blueprint")
                    .fix("name the base before it: `base.yaml overlay.yaml`"),
            );
        }
        let secrets = &spec.platform.secrets;
        if secrets.backend == raw::SecretsBackend::ExternalSecrets && secrets.store.is_none() {
            self.problems.push(
                Diagnostic::error(
                    "BP024",
                    Place::Value(path!["platform", "secrets", "backend"]),
                    "External Secrets needs a store",
                )
                .fix("name the SecretStore or ClusterSecretStore in `platform.secrets.store`"),
            );
        }
        if spec.edge.ingress == raw::Ingress::Nginx {
            self.problems.push(
                Diagnostic::warning(
                    "BP026",
                    Place::Value(path!["edge", "ingress"]),
                    "the nginx ingress controller is retired upstream",
                )
                .because("since March 2026 it gets no security fixes (F-LB-07, R-K8-31)")
                .fix("write `ingress: gateway-api`: the same routes for a Gateway"),
            );
        }
        if spec.platform.namespace.is_none() {
            self.derived(&path!["platform", "namespace"], &spec.metadata.name, "metadata.name");
        }
    }
}
