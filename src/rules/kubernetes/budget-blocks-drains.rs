//! A PodDisruptionBudget never lets a pod go, so that no node can be drained.
//!
//! # What it finds
//! `maxUnavailable` of zero, `minAvailable` of 100 %, or a `minAvailable` that is, after rounding up, as many pods as always run
//! of all that the budget selects: by their replicas, or by the least of their autoscalers. Where it selects nothing in
//! these files, or something whose number is not known, only the first two are judged. And a second budget for the same pods, by
//! the labels of their template. A blueprint cannot say it (BP016).
//! What a patch of kustomize among the files may change is not judged.
//!
//! # Why it matters
//! Upgrades of a cluster and autoscalers of nodes drain one node after the other. The drain waits for the budget, which waits
//! for nothing: the upgrade stands, or somebody deletes the pods by hand, all at once and against the budget. A pod with two
//! budgets is not evicted at all: the API server answers each request with an error.
//!
//! # Example
//! ```yaml
//! spec:
//!   minAvailable: 2   # of a Deployment with two replicas
//!   selector: {matchLabels: {app: api}}
//! ```
//!
//! # Fix
//! `maxUnavailable: 1`, and one pod more than has to be left; one budget for each pod.
//!
//! # Source
//! facts.md F-K8-08, X-K8-10: Kubernetes, Specifying a Disruption Budget; API-initiated Eviction, stuck evictions.

use std::collections::{BTreeMap, BTreeSet};

use super::objects::{Object, at, of_kind, text_at};
use super::selector::{BySelector, Selector};
use super::workloads::{Share, Workload, shown, workloads};
use crate::document::Node;
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

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let all = workloads(estate);
    for budget in of_kind(estate, "PodDisruptionBudget") {
        findings.extend(never(budget).or_else(|| none_left(budget, all)));
    }
    twice(estate, all, findings);
}

/// Second budgets for the same pods. One of the same name is the same budget, as another overlay writes it.
fn twice(estate: &Estate, all: &[Workload<'_>], findings: &mut Vec<Diagnostic>) {
    let mut budgets: BTreeMap<&str, Vec<(Object<'_>, &Node)>> = BTreeMap::new();
    for budget in of_kind(estate, "PodDisruptionBudget") {
        // Before policy/v1 an empty selector picked nobody.
        if text_at(budget.node, &["apiVersion"]) != Some("policy/v1") {
            continue;
        }
        if let Some(selector) = at(budget.node, &["spec", "selector"]).filter(|selector| selector.map().is_some()) {
            budgets.entry(budget.namespace()).or_default().push((budget, selector));
        }
    }
    let indexed = budgets.into_iter().map(|(namespace, here)| {
        let selectors: Vec<_> = here.iter().map(|(_, selector)| Some(Selector::Labels(selector))).collect();
        (namespace, (BySelector::of(&selectors), here))
    });
    let budgets: BTreeMap<&str, (BySelector<'_>, Vec<_>)> = indexed.collect();
    let mut said: BTreeSet<(&str, &str)> = BTreeSet::new();
    for workload in all {
        let Some((selecting, here)) = budgets.get(workload.object.namespace()) else { continue };
        let near = selecting.fitting(&workload.labels).into_iter().filter_map(|number| here.get(number));
        let mut picking = near.filter(|(_, selector)| workload.picked(selector)).map(|(budget, _)| *budget);
        let Some(first) = picking.next() else { continue };
        for second in picking.filter(|second| second.name() != first.name()) {
            if !said.insert((second.namespace(), second.name())) {
                continue;
            }
            findings.push(
                RULE.finding(second.place(), format!("two budgets hold the pods of `{}`", shown(workload.object)))
                    .label("the second one")
                    .also(first.place(), "the first one")
                    .also(workload.object.place(), "both select its pods")
                    .because(
                        "the API server refuses to evict a pod that has more than one PodDisruptionBudget: the drain of its node \
                         waits for ever (F-K8-08)",
                    )
                    .fix("keep one of them, or let their selectors share no pod"),
            );
        }
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
