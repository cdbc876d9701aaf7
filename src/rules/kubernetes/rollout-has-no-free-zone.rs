//! A rollout starts its new pods first, and required anti-affinity leaves no zone for them.
//!
//! # What it finds
//! A Deployment whose pods must not share a zone with one another (as in K8003), with at least as many pods as a region commonly
//! has zones, three, and a `maxSurge` above zero after rounding. It is an error where `maxUnavailable` rounds down to zero: then
//! no old pod goes before a new one is ready. What is not written counts with its default of 25 % each. A term with
//! `pod-template-hash` among its `matchLabelKeys` keeps only pods of one revision apart and is not judged.
//! What a patch of kustomize among the files may change is not judged.
//!
//! # Why it matters
//! The new pod stays Pending. The rollout goes on with what `maxUnavailable` takes away, at less capacity than was meant, or
//! it stands until `progressDeadlineSeconds` has passed: the fix for an outage does not roll out.
//!
//! # Example
//! ```yaml
//! spec:
//!   replicas: 3   # 25 % of three: one more pod, none less
//!   template:
//!     spec:
//!       affinity:
//!         podAntiAffinity:
//!           requiredDuringSchedulingIgnoredDuringExecution:
//!             - topologyKey: topology.kubernetes.io/zone
//! ```
//!
//! # Fix
//! `maxSurge: 0` and `maxUnavailable: 1`; or spread over zones instead of anti-affinity.
//!
//! # Source
//! facts.md X-K8-8, F-K8-07: Kubernetes, Deployments, rolling update.

use super::objects::{at, list_at, text_at};
use super::workloads::{Share, Workload, ZONES, settled, shown};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8005",
    name: "rollout-has-no-free-zone",
    group: Group::Kubernetes,
    level: Level::Warning,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let all = settled(estate, &["affinity", "strategy"]);
    findings.extend(all.filter(|workload| workload.object.kind() == "Deployment").filter_map(fault));
}

fn fault(workload: &Workload<'_>) -> Option<Diagnostic> {
    let term = workload.zone_term()?;
    let revisions =
        list_at(term, &["matchLabelKeys"]).any(|key| key.scalar().is_some_and(|key| &*key.text == "pod-template-hash"));
    let least = workload.least().filter(|least| least.count >= ZONES && !revisions)?;
    let node = workload.object.node;
    if text_at(node, &["spec", "strategy", "type"]).is_some_and(|kind| kind != "RollingUpdate") {
        return None;
    }
    let path = |key| ["spec", "strategy", "rollingUpdate", key];
    let quarter = Share::Percent(25);
    let surge = Share::at(node, &path("maxSurge"), quarter)?.up(least.count);
    let gone = Share::at(node, &path("maxUnavailable"), quarter)?.down(least.count);
    if surge == 0 {
        return None;
    }
    let key = at(term, &["topologyKey"])?;
    let place = |key| at(node, &path(key)).filter(|node| !node.is_null()).map(|node| Place::Span(node.span));
    let deadlock = gone == 0;
    let title = if deadlock {
        format!("a rollout of `{}` can never begin", shown(workload.object))
    } else {
        format!("a rollout of `{}` starts pods that no zone takes", shown(workload.object))
    };
    let left = (least.count.min(ZONES) - gone).max(0);
    let ends = if deadlock {
        "it stays Pending, and no old pod goes before it is ready".to_owned()
    } else {
        format!("it stays Pending, and the rollout goes on at {left} of {} pods", least.count)
    };
    let mut found = RULE
        .finding(place("maxSurge").unwrap_or(Place::Span(key.span)), title)
        .label(if place("maxSurge").is_some() {
            format!("{surge} more than there are")
        } else {
            format!("no room for the {surge} more that a rollout starts by default")
        })
        .also(least.place, least.what);
    if place("maxSurge").is_some() {
        found = found.also(Place::Span(key.span), "one pod in each zone");
    }
    if let Some(place) = place("maxUnavailable") {
        found = found.also(place, format!("{gone} may be missing"));
    }
    if deadlock {
        found.level = Level::Error;
    }
    Some(
        found
            .because(format!(
                "each of {ZONES} zones holds a pod, and a new one needs a zone of its own: {ends} (X-K8-8)"
            ))
            .fix("write `maxSurge: 0` and `maxUnavailable: 1`, or spread over zones instead of anti-affinity"),
    )
}
