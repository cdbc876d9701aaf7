//! A PodDisruptionBudget never lets a pod go, so that no node can be drained.
//!
//! # What it finds
//! `maxUnavailable` of zero, `minAvailable` of 100 %, or a `minAvailable` that is, after rounding up, as many pods as always run
//! of all that the budget selects: by their replicas, or by the least of their autoscalers. Where it selects nothing in
//! these files, or something whose number is not known, only the first two are judged. A blueprint cannot say it (BP016).
//!
//! # Why it matters
//! Upgrades of a cluster and autoscalers of nodes drain one node after the other. The drain waits for the budget, which waits
//! for nothing: the upgrade stands, or somebody deletes the pods by hand, all at once and against the budget.
//!
//! # Example
//! ```yaml
//! spec:
//!   minAvailable: 2   # of a Deployment with two replicas
//!   selector: {matchLabels: {app: api}}
//! ```
//!
//! # Fix
//! `maxUnavailable: 1`, and one pod more than has to be left.
//!
//! # Source
//! facts.md F-K8-08, X-K8-10: Kubernetes, Specifying a Disruption Budget.

use super::objects::{Object, at, of_kind};
use super::workloads::{Share, Workload, shown, workloads};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8008",
    name: "budget-blocks-drains",
    group: Group::Kubernetes,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

const FIX: &str = "write `maxUnavailable: 1`, and have one pod more than has to be left";

fn check(estate: &Estate, findings: &mut Vec<Diagnostic>) {
    let all = workloads(estate);
    for budget in of_kind(estate, "PodDisruptionBudget") {
        findings.extend(never(budget).or_else(|| none_left(budget, &all)));
    }
}

/// What blocks whatever the number of pods.
fn never(budget: Object<'_>) -> Option<Diagnostic> {
    let written = |key| at(budget.node, &["spec", key]).and_then(|node| Some((node, Share::of(node)?)));
    let zero = written("maxUnavailable").filter(|(_, share)| matches!(share, Share::Count(0) | Share::Percent(0)));
    let all = written("minAvailable").filter(|(_, share)| matches!(share, Share::Percent(100..)));
    let (node, label) = zero.map(|(node, _)| (node, "none may go")).or(all.map(|(node, _)| (node, "all must stay")))?;
    Some(
        RULE.finding(Place::Span(node.span), format!("budget `{}` never lets a pod go", shown(budget)))
            .label(label)
            .because("no eviction is ever allowed: a node with one of its pods is never drained (X-K8-10)")
            .fix(FIX),
    )
}

/// What leaves nothing of the pods that always run.
fn none_left(budget: Object<'_>, all: &[Workload<'_>]) -> Option<Diagnostic> {
    let node = at(budget.node, &["spec", "minAvailable"])?;
    let share = Share::of(node)?;
    let selector = at(budget.node, &["spec", "selector"]).filter(|selector| !selector.is_null())?;
    let mut found = RULE.finding(Place::Span(node.span), format!("budget `{}` never lets a pod go", shown(budget)));
    let mut count: i64 = 0;
    for workload in all.iter().filter(|workload| workload.object.namespace() == budget.namespace()) {
        if !workload.picked(selector) {
            continue;
        }
        let least = workload.least()?;
        count = count.saturating_add(least.count);
        found = found.also(least.place, least.what);
    }
    let left = share.up(count);
    if count == 0 || left < count {
        return None;
    }
    Some(
        found
            .label(if left == count { "all of them must stay".to_owned() } else { format!("{left} must stay") })
            .because(format!(
                "{count} healthy − {left} that must stay allow no eviction: the drain of a node with one of them waits for ever \
                 (X-K8-10)"
            ))
            .fix(FIX),
    )
}
