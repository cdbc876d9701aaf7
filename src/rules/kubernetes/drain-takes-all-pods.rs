//! The drain of a node may take every pod of a service at once.
//!
//! # What it finds
//! `disruption` of a service is as large as the number of pods that always run in a region: its PodDisruptionBudget protects
//! nothing. A service with a single pod is K8024's.
//!
//! # Why it matters
//! Upgrades of a cluster drain node after node, and an autoscaler of nodes drains whenever it saves one. The budget is what
//! makes them wait for the replacement of one pod before they take the next.
//!
//! # Example
//! ```yaml
//! services:
//!   api:
//!     replicas: {min: 3, max: 9}
//!     disruption: 3   # all that always run
//! ```
//!
//! # Fix
//! `disruption: 1`, or leave it out. A service with many pods may allow more, as long as the rest carries the load.
//!
//! # Source
//! facts.md F-K8-08, X-K8-10: Kubernetes, Specifying a Disruption Budget.

use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8007",
    name: "drain-takes-all-pods",
    group: Group::Kubernetes,
    level: Level::Warning,
    security: false,
    fields: &["services.*.disruption", "services.*.replicas.min", "regions.*.warm"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for service in blueprint.services.iter().filter(|service| service.on_kubernetes()) {
        let pods = blueprint.regions.iter().map(|region| (service.replicas(region).0, region));
        let Some((least, region)) = pods.filter(|(pods, _)| *pods >= 2).min_by_key(|(pods, _)| *pods) else { continue };
        let (disruption, at) = (service.spec.disruption, path!["services", service.name]);
        if disruption < least {
            continue;
        }
        let place = Place::Value(at.key("disruption"));
        findings.push(
            RULE.finding(place, format!("a node drain may take all pods of `{}` at once", service.name))
                .label(format!("so many may go at once: {disruption}"))
                .also(Place::Value(at.key("replicas").key("min")), format!("{least} always run in {}", region.name))
                .because(format!(
                    "the budget allows healthy − (pods − maxUnavailable) = {least} − max(0, {least} − {disruption}) = \
                     {least} evictions at once (X-K8-10)"
                ))
                .fix("write `disruption: 1`")
                .edit(at.key("disruption"), 1),
        );
    }
}
