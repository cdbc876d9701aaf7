//! Services: references looked up, grace and toleration derived, contradictions found.

use super::{Resolver, waits};
use crate::blueprint::names::record_host;
use crate::blueprint::service::{START, seen};
use crate::blueprint::units::Duration;
use crate::blueprint::{Need, NeedTarget, Service, names, raw};
use crate::diagnostics::{Diagnostic, Place, nearest};
use crate::document::Path;
use crate::path;

/// What the probes of a service ask beside its process.
fn asked(probes: &raw::Probes) -> impl Iterator<Item = (&'static str, &Vec<raw::Reference>)> {
    let all = [("readiness", &probes.readiness), ("liveness", &probes.liveness), ("startup", &probes.startup)];
    all.into_iter().filter_map(|(name, probe)| Some((name, &probe.as_ref()?.asks)))
}

impl Resolver<'_> {
    pub(super) fn services(&mut self) -> Vec<Service> {
        let spec = self.spec;
        spec.services.iter().map(|(name, service)| self.service(name.as_str(), service)).collect()
    }

    fn service(&mut self, name: &str, spec: &raw::Service) -> Service {
        let at = path!["services", name];
        self.tier(&at, spec.tier.as_ref());
        if spec.platform == raw::ServicePlatform::Kubernetes && spec.image.is_none() {
            self.problems.push(
                Diagnostic::error("BP030", Place::Key(at.key("image")), format!("service `{name}` has no image"))
                    .rests_on(at.key("platform"))
                    .fix("write `image: REGISTRY/NAME:TAG@sha256:DIGEST`"),
            );
        }
        if let Some(max) = spec.replicas.max.filter(|max| *max < spec.replicas.min) {
            self.problems.push(
                Diagnostic::error(
                    "BP031",
                    Place::Value(at.key("replicas").key("max")),
                    "the most is less than the least",
                )
                .also(Place::Value(at.key("replicas").key("min")), "the least")
                .because(format!("{max} < {}", spec.replicas.min))
                .fix(format!("write `max: {}` or more", spec.replicas.min)),
            );
        }
        if spec.rollout.max_surge == 0 && spec.rollout.max_unavailable == 0 {
            self.problems.push(
                Diagnostic::error("BP032", Place::Key(at.key("rollout")), "a rollout without room can never begin")
                    .rests_on(at.key("rollout"))
                    .because("with maxSurge 0 and maxUnavailable 0 no pod may be added and none taken away (R-K8-05)")
                    .fix("allow at least one of them"),
            );
        }
        if spec.autoscale.as_ref().is_some_and(|a| a.cpu.is_none() && a.memory.is_none()) {
            self.problems.push(
                Diagnostic::error(
                    "BP033",
                    Place::Key(at.key("autoscale")),
                    "an autoscaler without a target never acts",
                )
                .rests_on(at.key("autoscale"))
                .fix("write `cpu: 60%` or `memory: 80%`"),
            );
        }
        let needs = self.needs(&at, spec);
        let host = self.route(&at, spec);
        for (probe, asks) in asked(&spec.probes) {
            for (index, reference) in asks.iter().enumerate() {
                let here = at.key("probes").key(probe).key("asks").index(index);
                self.reference(&here, reference.as_str(), &["services", "postgres", "redis", "external"]);
            }
        }
        if let Some(sessions) = &spec.sessions {
            self.reference(&at.key("sessions"), sessions.as_str(), &["redis", "postgres"]);
        }
        let targets = self.targets(&spec.objectives, spec.tier.as_ref());
        let (longest_request, longest_because) = waits::longest(&self.waits, name, spec);
        let grace = spec
            .shutdown
            .grace
            .unwrap_or_else(|| Duration::from_millis(spec.shutdown.drain.millis() + longest_request.millis() + 5000));
        if spec.shutdown.grace.is_none() {
            let because = format!(
                "drain {} + longest request {longest_request} ({longest_because}) + 5s (X-K8-9)",
                spec.shutdown.drain
            );
            self.derived(&at.key("shutdown").key("grace"), grace, because);
        }
        let toleration = self.toleration(&at, spec);
        Service { name: name.to_owned(), spec: spec.clone(), targets, needs, longest_request, grace, toleration, host }
    }

    fn needs(&mut self, at: &Path, spec: &raw::Service) -> Vec<Need> {
        let mut needs = Vec::new();
        for (reference, need) in &spec.needs {
            let here = at.key("needs").key(reference);
            if !self.reference(&here, reference.as_str(), &["services", "postgres", "redis", "external"]) {
                continue;
            }
            let (section, name) = reference.parts();
            let target = NeedTarget::of_section(section);
            let pooled = spec_pool(self.spec, target, name);
            if need.via == Some(raw::Via::Pool) && pooled == Some(false) {
                self.problems.push(
                    Diagnostic::error("BP034", Place::Value(here.key("via")), format!("`{reference}` has no pool"))
                        .also(Place::Key(path!["postgres", name, "pool"]), "no pool here")
                        .fix("write `via: direct`, or give the cluster a pool"),
                );
            }
            let only_postgres = [("via", need.via.is_some()), ("read", need.read.is_some())];
            for (field, _) in only_postgres.iter().filter(|(_, set)| *set && target != NeedTarget::Postgres) {
                self.problems.push(
                    Diagnostic::error(
                        "BP035",
                        Place::Key(here.key(field)),
                        format!("`{field}` is for PostgreSQL only"),
                    )
                    .fix("leave it out"),
                );
            }
            if let Some(fallback) = &need.fallback {
                self.reference(
                    &here.key("fallback"),
                    fallback.as_str(),
                    &["services", "external", "redis", "postgres"],
                );
            }
            needs.push(Need { reference: reference.to_string(), target, name: name.to_owned(), spec: need.clone() });
        }
        needs
    }

    fn route(&mut self, at: &Path, spec: &raw::Service) -> Option<String> {
        let route = match (&spec.route, spec.exposure) {
            (Some(_), raw::Exposure::Internal) => {
                self.problems.push(
                    Diagnostic::error("BP036", Place::Key(at.key("route")), "an internal service has no route")
                        .rests_on(at.key("exposure"))
                        .because("a route would put it on the public path (R-K8-34)")
                        .fix("write `exposure: public`, or leave the route out"),
                );
                return None;
            }
            (None, raw::Exposure::Public) => {
                self.problems.push(
                    Diagnostic::error("BP037", Place::Key(at.key("route")), "a public service needs a route")
                        .rests_on(at.key("exposure"))
                        .fix("write `route: {path: /}`"),
                );
                return None;
            }
            (None, raw::Exposure::Internal) => return None,
            (Some(route), raw::Exposure::Public) => route,
        };
        for (field, set) in [("rateLimit", route.rate_limit.is_some()), ("connections", route.connections.is_some())] {
            if set && self.spec.edge.ingress != raw::Ingress::Nginx {
                self.problems.push(
                    Diagnostic::error(
                        "BP038",
                        Place::Key(at.key("route").key(field)),
                        format!("this ingress cannot be told a `{field}`"),
                    )
                    .also(Place::Value(path!["edge", "ingress"]), "the ingress that is chosen")
                    .because(
                        "the Gateway API has no such field; leaving it out in silence would promise what is not there",
                    )
                    .fix("limit in the service or in front of it (WAF), or use `edge.ingress: nginx`"),
                );
            }
        }
        if let Some(host) = &route.host {
            return Some(host.to_string());
        }
        let records: Vec<String> = self
            .spec
            .dns
            .iter()
            .flat_map(|dns| dns.records.keys().map(|label| names::record_host(label, dns.zone.as_str())))
            .collect();
        match records.as_slice() {
            [host] => {
                self.derived(&at.key("route").key("host"), host, "the only record of dns.records");
                Some(host.clone())
            }
            _ => {
                self.problems.push(
                    Diagnostic::error("BP039", Place::Key(at.key("route")), "the route says no host")
                        .rests_on(path!["dns"])
                        .because("only where there is exactly one DNS record the host is clear")
                        .fix("write `host: api.example.com`"),
                );
                None
            }
        }
    }

    /// Route 53 asks each region's public path: something public must answer there, or DNS takes every region out.
    pub(super) fn health_is_served(&mut self, services: &[Service]) {
        let Some(dns) = &self.spec.dns else { return };
        for (label, record) in &dns.records {
            let host = record_host(label, dns.zone.as_str());
            let of_host: Vec<&Service> =
                services.iter().filter(|s| s.on_kubernetes() && s.host.as_deref() == Some(&host)).collect();
            let asked = record.health.path.as_str();
            let serves = |service: &&Service| {
                let path = service.spec.route.as_ref().map_or("/", |route| route.path.as_str()).trim_end_matches('/');
                asked.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            // Without any public service the regions are served by something that hagen does not know.
            if of_host.is_empty() || of_host.iter().any(serves) {
                continue;
            }
            let at = path!["dns", "records", label, "health", "path"];
            let mut problem =
                Diagnostic::error("BP151", Place::Value(at), format!("no route of `{host}` serves `{asked}`"));
            for service in &of_host {
                problem =
                    problem.also(Place::Value(path!["services", &service.name, "route", "path"]), "serves only this");
            }
            self.problems.push(
                problem
                    .because("health checks from outside would find every region down")
                    .fix("ask for a path that a public service serves, or give one a route for it"),
            );
        }
    }

    fn toleration(&mut self, at: &Path, spec: &raw::Service) -> Duration {
        if let Some(toleration) = spec.toleration {
            return toleration;
        }
        let most = Duration::from_secs(60);
        let rto = self.scenario_rto(&spec.objectives, spec.tier.as_ref(), raw::Scenario::NodeLoss);
        let seen = seen(self.spec.platform.kubernetes.minor());
        let start = spec.start.unwrap_or(START);
        let left = rto.map(|rto| rto.millis().saturating_sub(seen.millis() + start.millis()));
        let toleration =
            Duration::from_millis(left.map_or(most.millis(), |left| left.min(most.millis()) / 1000 * 1000));
        let because = match rto {
            Some(rto) => format!("min(60s, node RTO {rto} - {seen} to see it - {start} to start) (R-K8-22, X-K8-5)"),
            None => "60s: no RTO is written (R-K8-22)".to_owned(),
        };
        self.derived(&at.key("toleration"), toleration, because);
        toleration
    }

    /// Whether the tier exists; a problem otherwise.
    pub(super) fn tier(&mut self, at: &Path, tier: Option<&raw::Name>) {
        let Some(tier) = tier else { return };
        let tiers = &self.spec.objectives.tiers;
        if !tiers.contains_key(tier.as_str()) {
            let near = nearest(tier.as_str(), tiers.keys().map(raw::Name::as_str));
            let known: Vec<&str> = tiers.keys().map(raw::Name::as_str).collect();
            let fix = near.map_or_else(
                || {
                    if known.is_empty() {
                        "write it in `objectives.tiers`".to_owned()
                    } else {
                        format!("use one of: {}", known.join(", "))
                    }
                },
                |near| format!("did you mean `{near}`?"),
            );
            self.problems.push(
                Diagnostic::error("BP011", Place::Value(at.key("tier")), format!("there is no tier `{tier}`")).fix(fix),
            );
        }
    }

    /// Whether what a reference names exists; a problem otherwise.
    pub(super) fn reference(&mut self, at: &Path, reference: &str, sections: &[&str]) -> bool {
        let (section, name) = reference.rsplit_once('.').unwrap_or((reference, ""));
        let names = |section: &str| -> Vec<&str> {
            match section {
                "services" => self.spec.services.keys().map(raw::Name::as_str).collect(),
                "postgres" => self.spec.postgres.keys().map(raw::Name::as_str).collect(),
                "redis" => self.spec.redis.keys().map(raw::Name::as_str).collect(),
                "external" => self.spec.external.keys().map(raw::Name::as_str).collect(),
                "backup" => self.spec.backup.keys().map(raw::Name::as_str).collect(),
                _ => Vec::new(),
            }
        };
        if sections.contains(&section) && names(section).binary_search(&name).is_ok() {
            return true;
        }
        // With the section right only its names can be meant.
        let one = [section];
        let sections_meant = if sections.contains(&section) { &one[..] } else { sections };
        let all: Vec<String> =
            sections_meant.iter().flat_map(|s| names(s).into_iter().map(move |n| format!("{s}.{n}"))).collect();
        let fix = match nearest(reference, all.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None if all.is_empty() && sections.contains(&section) => format!("define it under `{section}`"),
            None if all.is_empty() => {
                let names: Vec<String> = sections.iter().map(|section| format!("`{section}.NAME`")).collect();
                let what = if sections == ["backup"] { "a destination" } else { "it" };
                format!("define {what} under `{}` and name it: {}", sections.join("`, `"), names.join(" or "))
            }
            None if all.len() > 8 => {
                format!("there are {} to choose from under {}", all.len(), sections_meant.join(", "))
            }
            None => format!("use one of: {}", all.join(", ")),
        };
        let title = if sections.contains(&section) {
            format!("`{reference}` does not exist")
        } else {
            format!("`{reference}` cannot stand here: only {} can", sections.join(", "))
        };
        // The key of a need is its reference; elsewhere the value is.
        let place = if at.steps().iter().rev().nth(1) == Some(&crate::document::Step::Key("needs".to_owned())) {
            Place::Key(at.clone())
        } else {
            Place::Value(at.clone())
        };
        self.problems.push(Diagnostic::error("BP010", place, title).rests_on(path![section, name]).fix(fix));
        false
    }
}

/// Whether a PostgreSQL cluster has a pool; `None` for anything else.
fn spec_pool(spec: &raw::Blueprint, target: NeedTarget, name: &str) -> Option<bool> {
    if target != NeedTarget::Postgres {
        return None;
    }
    spec.postgres.get(name).map(|p| p.pool.kind != raw::PoolKind::None)
}
