//! After the loss of a zone the pods that are left do not carry the load.
//!
//! # What it finds
//! `load` of a service is declared, and `⌊min × (Z − 1) / Z⌋ × perPod < base`, with Z zones in the primary region: the zone
//! that holds the most pods takes `⌈min / Z⌉` of them along. Without `load`, or with a single zone (K8024), nothing is said.
//! Secondary regions are TG015's.
//!
//! # Why it matters
//! New pods need what everybody asks for at that moment: nodes in the remaining zones. What must not fail has to run before.
//!
//! # Example
//! ```yaml
//! services:
//!   api:
//!     replicas: {min: 3, max: 9}
//!     load: {base: 300/s, perPod: 100/s}   # two pods are left of three: 200/s
//! ```
//!
//! # Fix
//! `replicas.min` of `⌈n × Z / (Z − 1)⌉` or more, with n the pods that carry the load.
//!
//! # Source
//! facts.md X-K8-6 (arithmetic).

use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8013",
    name: "zone-loss-leaves-too-few-pods",
    group: Group::Kubernetes,
    level: Level::Warning,
    security: false,
    fields: &["services.*.load", "services.*.replicas.min", "regions.*.zones"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let zones = blueprint.primary().spec.zones.len() as u64;
    if zones < 2 {
        return;
    }
    for service in blueprint.services.iter().filter(|service| service.on_kubernetes()) {
        let Some(load) = service.spec.load.filter(|load| load.per_pod.per_minute() > 0) else { continue };
        let min = u64::from(service.spec.replicas.min);
        let left = min * (zones - 1) / zones;
        if left * load.per_pod.per_minute() >= load.base.per_minute() {
            continue;
        }
        let needed = load.base.per_minute().div_ceil(load.per_pod.per_minute());
        let least = (needed * zones).div_ceil(zones - 1);
        let at = path!["services", service.name];
        let mut finding = RULE
            .finding(
                Place::Value(at.key("replicas").key("min")),
                format!("the loss of one zone leaves too few pods of `{}` for its load", service.name),
            )
            .label(format!("{left} of {min} are left with {zones} zones"))
            .also(Place::Value(at.key("load")), format!("{} need {needed} pods of {}", load.base, load.per_pod))
            .also(Place::Value(path!["regions", blueprint.primary().name, "zones"]), format!("{zones} zones"))
            .because(format!(
                "{min} × {}/{zones}, rounded down, are {left} pods; {left} × {} is less than {} (X-K8-6)",
                zones - 1,
                load.per_pod,
                load.base
            ))
            .fix(format!("write `min: {least}` or more: {needed} × {zones}/{}, rounded up", zones - 1));
        if least <= u64::from(service.max()) {
            finding = finding.edit(at.key("replicas").key("min"), least);
        }
        findings.push(finding);
    }
}
