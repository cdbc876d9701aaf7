//! The readiness probe asks what all pods share, so that all of them are taken out at once.
//!
//! # What it finds
//! `probes.readiness.asks` names a data store, a service or something external that the service has no `fallback` for. What
//! a path really asks is not known; only what is declared counts.
//!
//! # Why it matters
//! When the shared part is away, every pod is unready in the same seconds. The balancer has no target left: it sends to all
//! of them (an ALB fails open), or DNS gives the region up for a blip of the database. Requests that would not have needed
//! the dependency fail, too, and readiness itself adds its recovery time to the outage.
//!
//! # Example
//! ```yaml
//! services:
//!   api:
//!     probes:
//!       readiness: {http: /ready, asks: [postgres.main]}
//! ```
//!
//! # Fix
//! Answer from the process, let requests that need the dependency fail by themselves, and report the dependency by a metric.
//! Where nothing works without it and failing closed is meant, waive this with that reason.
//!
//! # Source
//! facts.md X-K8-11, F-LB-04, F-DN-07.

use crate::blueprint::service::READINESS;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8019",
    name: "readiness-asks-what-all-share",
    group: Group::Kubernetes,
    level: Level::Error,
    security: false,
    fields: &["services.*.probes.readiness.asks", "services.*.needs.*.fallback"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for service in blueprint.services.iter().filter(|service| service.on_kubernetes()) {
        let Some(readiness) = &service.spec.probes.readiness else { continue };
        let at = path!["services", service.name, "probes", "readiness", "asks"];
        for (index, reference) in readiness.asks.iter().enumerate() {
            let need = service.spec.needs.get(reference.as_str());
            if need.is_some_and(|need| need.fallback.is_some()) {
                continue;
            }
            findings.push(
                RULE.finding(
                    Place::Value(at.index(index)),
                    format!("an outage of `{reference}` takes all pods of `{}` out at once", service.name),
                )
                .label("every pod asks the same")
                .because(format!(
                    "after {} failures, {} apart, no pod is ready any more, until `{reference}` answers again and readiness \
                     has seen it: the outage of one is that of the other (X-K8-11)",
                    readiness.failures.unwrap_or(READINESS.failures), readiness.period
                ))
                .fix("answer from the process alone, and let the requests that need it fail or degrade"),
            );
        }
    }
}
