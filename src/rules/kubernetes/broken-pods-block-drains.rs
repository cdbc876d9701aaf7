//! Pods that are broken hold up the drain of their node.
//!
//! # What it finds
//! A PodDisruptionBudget without `unhealthyPodEvictionPolicy: AlwaysAllow`. One that was chosen for pods which must catch up
//! with one another before the next may go is to be waived with that reason.
//!
//! # Why it matters
//! By default a pod that is not ready may only be evicted while the budget is met by the others. Pods in a crash loop, of which
//! nothing is worth keeping, then stop the upgrade of the whole cluster.
//!
//! # Example
//! ```yaml
//! spec:
//!   maxUnavailable: 1
//!   selector: {matchLabels: {app: api}}
//! ```
//!
//! # Fix
//! `unhealthyPodEvictionPolicy: AlwaysAllow`.
//!
//! # Source
//! facts.md F-K8-08: Kubernetes, Specifying a Disruption Budget, unhealthy pod eviction policy.

use super::objects::{at, of_kind, text_at};
use super::workloads::shown;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8009",
    name: "broken-pods-block-drains",
    group: Group::Kubernetes,
    level: Level::Warning,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for budget in of_kind(estate, "PodDisruptionBudget") {
        // A budget without selector is a patch of one.
        let selects = at(budget.node, &["spec", "selector"]).is_some_and(|selector| !selector.is_null());
        let path = ["spec", "unhealthyPodEvictionPolicy"];
        if !selects || text_at(budget.node, &path) == Some("AlwaysAllow") {
            continue;
        }
        let written = at(budget.node, &path);
        findings.push(
            RULE.finding(
                written.map_or_else(|| budget.place(), |node| Place::Span(node.span)),
                format!("broken pods that `{}` selects hold up drains", shown(budget)),
            )
            .label(if written.is_some() {
                "evicts a broken pod only while enough others are well"
            } else {
                "`unhealthyPodEvictionPolicy` is missing"
            })
            .because("by default a pod that is not ready goes only while the budget is met without it (F-K8-08)")
            .fix("write `unhealthyPodEvictionPolicy: AlwaysAllow`"),
        );
    }
}
