//! A pod stops taking requests before the balancers have stopped sending them.
//!
//! # What it finds
//! `shutdown.drain` below 5 s of a service that is public or that others call. A service that nobody sends to may stop at
//! once.
//!
//! # Why it matters
//! Kubernetes tells a pod to stop and takes it off the lists of endpoints at the same time. Until every proxy, kernel table
//! and load balancer has heard of it, requests still arrive; a process that has closed its port by then refuses them. Each
//! rollout, each scale-down and each node drain costs errors.
//!
//! # Example
//! ```yaml
//! services:
//!   api:
//!     exposure: public
//!     shutdown: {drain: 0s}
//! ```
//!
//! # Fix
//! 5 s to 15 s; leave `drain` out for 10 s.
//!
//! # Source
//! facts.md F-K8-11, X-K8-9: Kubernetes, Pod Lifecycle, termination.

use crate::blueprint::units::Duration;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8020",
    name: "stops-before-balancers-know",
    group: Group::Kubernetes,
    level: Level::Warning,
    security: false,
    fields: &["services.*.shutdown.drain", "services.*.exposure", "services.*.needs"],
    check: Check::Blueprint(check),
};

/// What it takes until the last of them knows, at least.
const LEAST: Duration = Duration::from_secs(5);

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for service in blueprint.services.iter().filter(|service| service.on_kubernetes()) {
        let drain = service.spec.shutdown.drain;
        if drain >= LEAST {
            continue;
        }
        let at = path!["services", service.name];
        let callers = blueprint.callers.get(&format!("services.{}", service.name));
        let caller = callers.and_then(|callers| blueprint.services.get(*callers.first()?));
        let (place, who) = match caller {
            _ if service.is_public() => (Place::Value(at.key("exposure")), "balancers send to it".to_owned()),
            Some(caller) => (
                Place::Key(path!["services", caller.name, "needs", format!("services.{}", service.name)]),
                format!("`{}` sends to it", caller.name),
            ),
            None => continue,
        };
        findings.push(
            RULE.finding(
                Place::Value(at.key("shutdown").key("drain")),
                format!("`{}` stops before everybody has stopped sending to it", service.name),
            )
            .label(format!("{drain} after it is told to stop"))
            .also(place, who)
            .because(format!(
                "endpoints are taken away while the pod is told to stop, not before: for some seconds requests still come, \
                 and {drain} is less than {LEAST} (X-K8-9)"
            ))
            .fix("leave `drain` out for 10s, or write 5s to 15s"),
        );
    }
}
