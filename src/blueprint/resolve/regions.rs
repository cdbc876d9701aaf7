//! Regions, platform and DNS: one primary, zones known once, records that lead somewhere.

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
        let mut zones: BTreeMap<&str, (&String, usize)> = BTreeMap::new();
        for (name, region) in &spec.regions {
            for (at, zone) in region.zones.iter().enumerate() {
                let here = path!["regions", name, "zones"].index(at);
                if let Some((other, index)) = zones.insert(zone, (name, at)) {
                    let there = path!["regions", other, "zones"].index(index);
                    self.problems.push(
                        Diagnostic::error("BP021", Place::Value(here), format!("zone `{zone}` stands twice"))
                            .also(Place::Value(there), "here already")
                            .because("a host belongs to the region of its zone")
                            .fix("give each zone to one region, once"),
                    );
                }
            }
        }
        let mut regions: Vec<Region> =
            spec.regions.iter().map(|(name, spec)| Region { name: name.clone(), spec: spec.clone() }).collect();
        regions.sort_by_key(|region| (!region.is_primary(), region.name.clone()));
        self.regions = regions;
        self.region_names();
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
                    .fix("name the base first: `hagen render base.yaml overlay.yaml -o out`"),
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
        if spec.platform.namespace.is_none() {
            self.derived(&path!["platform", "namespace"], &spec.metadata.name, "metadata.name");
        }
    }

    pub(super) fn dns(&mut self) {
        let Some(dns) = &self.spec.dns else { return };
        for (label, record) in &dns.records {
            let at = path!["dns", "records", label];
            if !matches!(record.health.interval.secs(), 10 | 30)
                || !record.health.interval.millis().is_multiple_of(1000)
            {
                self.problems.push(
                    Diagnostic::error(
                        "BP050",
                        Place::Value(at.key("health").key("interval")),
                        "Route 53 checks every 10 s or every 30 s",
                    )
                    .because("no other interval exists (F-DN-01)")
                    .fix("write `10s` or `30s`"),
                );
            }
            let needs_balancer = |region: &Region| region.spec.load_balancer.is_none();
            for region in self.regions.clone().iter().filter(|r| needs_balancer(r)) {
                if record.routing == raw::Routing::Simple && !region.is_primary() {
                    continue;
                }
                self.problems.push(
                    Diagnostic::error(
                        "BP051",
                        Place::Key(path!["regions", &region.name, "loadBalancer"]),
                        format!("region `{}` has no load balancer", region.name),
                    )
                    .also(Place::Key(at.clone()), "this record leads to it")
                    .fix("write `loadBalancer: {dnsName: …}` with the name that the provider gave it"),
                );
            }
            if record.failover == Some(raw::DnsFailover::Gated) && record.gate.is_none() {
                self.problems.push(
                    Diagnostic::error("BP052", Place::Value(at.key("failover")), "a gated failover needs its gate")
                        .because("people let the secondary in by removing an object that a health check watches; no control-plane call is needed in the incident (F-DN-13)")
                        .fix("write `gate: {host: …, path: …}`, an object that lies outside the primary region"),
                );
            }
            if record.routing == raw::Routing::Geolocation {
                self.geolocation(label);
            }
        }
        self.load_balancers();
    }

    /// Exactly one region answers everybody who is mapped nowhere (R-DN-01), and no place is mapped twice.
    fn geolocation(&mut self, label: &str) {
        let record = path!["dns", "records", label];
        let spec = self.spec;
        let defaults: Vec<&String> = spec
            .regions
            .iter()
            .filter(|(_, r)| r.geo.as_ref().is_some_and(|g| g.default))
            .map(|(name, _)| name)
            .collect();
        if defaults.len() != 1 {
            let place = defaults
                .get(1)
                .map_or(Place::Key(record.clone()), |name| Place::Value(path!["regions", name, "geo", "default"]));
            self.problems.push(
                Diagnostic::error("BP053", place, "geolocation needs exactly one default region")
                    .because("without a default, clients from places that are mapped nowhere get no answer (F-DN-05, R-DN-01)")
                    .fix("write `geo: {default: true}` in one region"),
            );
        }
        let mut seen: BTreeMap<String, (&String, crate::document::Path)> = BTreeMap::new();
        for (name, region) in &spec.regions {
            let Some(geo) = &region.geo else { continue };
            let at = path!["regions", name, "geo"];
            let continents = geo
                .continents
                .iter()
                .enumerate()
                .map(|(i, c)| (format!("{c:?}").to_uppercase(), at.key("continents").index(i)));
            let countries =
                geo.countries.iter().enumerate().map(|(i, c)| (format!("country {c}"), at.key("countries").index(i)));
            for (place, here) in continents.chain(countries) {
                if let Some((other, there)) = seen.insert(place.clone(), (name, here.clone())) {
                    self.problems.push(
                        Diagnostic::error("BP054", Place::Value(here), format!("{place} is sent to two regions"))
                            .also(Place::Value(there), format!("to `{other}` here"))
                            .fix("leave it to one of them"),
                    );
                }
            }
        }
    }

    fn load_balancers(&mut self) {
        for region in self.regions.clone() {
            let Some(balancer) = &region.spec.load_balancer else {
                continue;
            };
            let at = path!["regions", &region.name, "loadBalancer"];
            if region.spec.provider == raw::Provider::Aws {
                let suffix = format!(".{}.elb.amazonaws.com", region.name);
                let network = format!(".elb.{}.amazonaws.com", region.name);
                let name = balancer.dns_name.as_str();
                if !name.ends_with(&suffix) && !name.ends_with(&network) {
                    self.problems.push(
                        Diagnostic::error("BP055", Place::Value(at.key("dnsName")), format!("`{name}` is no load balancer of {}", region.name))
                            .because("an AWS load balancer is called NAME-HASH.REGION.elb.amazonaws.com, a network one NAME-HASH.elb.REGION.amazonaws.com (R-DN-04)")
                            .fix("copy the DNS name that AWS gave it"),
                    );
                }
            } else if balancer.hosted_zone_id.is_none() && self.spec.dns.is_some() {
                self.problems.push(
                    Diagnostic::error("BP056", Place::Key(at), "the hosted zone id of this load balancer is not known")
                        .because("Route 53 aliases need it, and hagen's table holds AWS regions only")
                        .fix("write `hostedZoneId: Z…`"),
                );
            }
        }
    }
}
