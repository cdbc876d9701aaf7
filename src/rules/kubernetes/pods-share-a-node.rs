//! Nothing keeps the pods of a service from standing on one node.
//!
//! # What it finds
//! `spread.node: none` where more pods always run than there are zones, or where the spread over zones is not hard: two of
//! them may be put onto one node. With one pod a zone the zones keep them apart. In files: a Deployment or StatefulSet of which two
//! pods or more always run, with neither anti-affinity nor a spread constraint over `kubernetes.io/hostname` that selects its own
//! pods; required anti-affinity over zones, and a hard spread of no more than three pods over zones, keep them apart as well.
//! What a patch of kustomize among the files may change is not judged.
//!
//! # Why it matters
//! The scheduler likes nodes that have the image already. The loss of one node then takes several pods, or all of them.
//!
//! # Example
//! ```yaml
//! services:
//!   api:
//!     replicas: {min: 6, max: 12}
//!     spread: {zone: hard, node: none}
//! ```
//!
//! # Fix
//! `node: soft`: it costs nothing, and where there are fewer nodes than pods it waits for nothing.
//!
//! # Source
//! facts.md F-K8-09: Kubernetes, Pod Topology Spread Constraints.

use super::objects::{at, text_at};
use super::workloads::{Workload, ZONES, is_zone, number, settled, shown};
use crate::blueprint::raw::SpreadMode;
use crate::document::Node;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8025",
    name: "pods-share-a-node",
    group: Group::Kubernetes,
    level: Level::Warning,
    security: false,
    fields: &["services.*.spread", "services.*.replicas.min", "regions.*.zones"],
    check: Check::Both(check, files),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let primary = blueprint.primary();
    let zones = primary.spec.zones.len();
    for service in blueprint.services.iter().filter(|service| service.on_kubernetes()) {
        let (spread, min) = (&service.spec.spread, service.spec.replicas.min);
        let apart = spread.zone == SpreadMode::Hard && min as usize <= zones;
        if spread.node != SpreadMode::None || min < 2 || apart {
            continue;
        }
        let at = path!["services", service.name];
        findings.push(
            RULE.finding(
                Place::Value(at.key("spread").key("node")),
                format!("nothing keeps the pods of `{}` from standing on one node", service.name),
            )
            .label("not spread")
            .also(Place::Value(at.key("replicas").key("min")), format!("{min} pods"))
            .also(Place::Value(path!["regions", primary.name, "zones"]), format!("in {zones} zones"))
            .because(if spread.zone == SpreadMode::Hard {
                format!(
                    "{min} pods over {zones} zones put two into one of them, and both may stand on one node (F-K8-09)"
                )
            } else {
                "neither zones nor nodes keep them apart: one node may hold all of them (F-K8-09)".to_owned()
            })
            .fix("write `node: soft`")
            .edit(at.key("spread").key("node"), "soft"),
        );
    }
}

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for workload in settled(estate, &["affinity", "topologySpreadConstraints"]) {
        let Some(least) = workload.least().filter(|least| least.count >= 2) else { continue };
        if keeps_apart(workload, least.count) {
            continue;
        }
        findings.push(
            RULE.finding(
                workload.object.place(),
                format!("nothing keeps the pods of `{}` from standing on one node", shown(workload.object)),
            )
            .label("not spread over nodes")
            .also(least.place, least.what)
            .because("no rule over `kubernetes.io/hostname` selects its pods: one node may hold all of them (F-K8-09)")
            .fix(
                "write a topologySpreadConstraint over kubernetes.io/hostname with maxSkew 1 and ScheduleAnyway, or preferred \
                 anti-affinity",
            ),
        );
    }
}

/// Whether something keeps the pods of a workload on different nodes, or asks for it.
fn keeps_apart(workload: &Workload<'_>, least: i64) -> bool {
    let own = |term: &Node| at(term, &["labelSelector"]).is_some_and(|selector| workload.picked(selector));
    let key = |term: &Node, is: fn(&str) -> bool| text_at(term, &["topologyKey"]).is_some_and(is);
    let host: fn(&str) -> bool = |key| key.ends_with("/hostname");
    let hard = |term: &Node| {
        text_at(term, &["whenUnsatisfiable"]) == Some("DoNotSchedule") && number(term, &["maxSkew"], 1) == Some(1)
    };
    workload.required().any(|term| own(term) && (key(term, host) || key(term, is_zone)))
        || workload.preferred().chain(workload.spread()).any(|term| own(term) && key(term, host))
        || workload.spread().any(|term| own(term) && key(term, is_zone) && hard(term) && least <= ZONES)
}
