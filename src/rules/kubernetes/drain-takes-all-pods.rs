//! The drain of a node may take every pod of a service at once.
//!
//! # What it finds
//! `disruption` of a service is as large as the number of pods that always run in a region: its PodDisruptionBudget protects
//! nothing. A service with a single pod is K8024's. In files: a Deployment or StatefulSet of which two pods or more always run,
//! by its replicas or by the least of its autoscaler, and that no PodDisruptionBudget of its namespace selects, or one whose
//! `maxUnavailable` is, after rounding up, as many as always run of all that it selects, or whose `minAvailable` is zero. Labels
//! that only a running cluster sets, such as the role of a database, are taken to fit.
//! What a patch of kustomize among the files may change is not judged.
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

use super::objects::{Object, at, of_kind};
use super::selector::{ByLabel, BySelector, Selector};
use super::workloads::{Share, Workload, may_share, shown, workloads};
use crate::document::Node;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8007",
    name: "drain-takes-all-pods",
    group: Group::Kubernetes,
    level: Level::Warning,
    security: false,
    fields: &["services.*.disruption", "services.*.replicas.min", "regions.*.warm"],
    check: Check::Both(check, files),
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

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let budgets: Vec<Object<'_>> = of_kind(estate, "PodDisruptionBudget").collect();
    let selectors: Vec<_> = budgets.iter().map(|budget| selector(*budget).map(Selector::Labels)).collect();
    let selecting = BySelector::of(&selectors);
    let all = workloads(estate);
    let mut labelled = ByLabel::default();
    all.iter().enumerate().for_each(|(number, workload)| labelled.add(number, &workload.labels));
    findings.extend(budgets.iter().filter_map(|budget| allows_all(*budget, all, &labelled)));
    for workload in all {
        let Some(least) = workload.least().filter(|least| least.count >= 2) else { continue };
        let mut near = selecting.fitting(&workload.labels).into_iter().filter_map(|number| budgets.get(number));
        if near.any(|budget| may_hold(*budget, workload)) {
            continue;
        }
        findings.push(
            RULE.finding(
                workload.object.place(),
                format!("a node drain may take all pods of `{}` at once", shown(workload.object)),
            )
            .label("no PodDisruptionBudget selects its pods")
            .also(least.place, least.what)
            .because("without a budget every eviction is allowed, whatever else is gone (F-K8-08)")
            .fix("write a PodDisruptionBudget with `maxUnavailable: 1` that selects the labels of its template"),
        );
    }
}

/// A budget that lets all pods go that it is for.
fn allows_all(budget: Object<'_>, all: &[Workload<'_>], labelled: &ByLabel<'_>) -> Option<Diagnostic> {
    let selector = selector(budget).filter(|selector| selector.map().is_some())?;
    let written = |key| at(budget.node, &["spec", key]).and_then(|node| Some((node, Share::of(node)?)));
    let (may_go, must_stay) = (written("maxUnavailable"), written("minAvailable"));
    let (node, share) = may_go.or(must_stay)?;
    let (mut count, mut picked) = (0i64, Vec::new());
    let near = labelled.fitting(Selector::Labels(selector)).unwrap_or_else(|| (0..all.len()).collect());
    let here = near.into_iter().filter_map(|number| all.get(number));
    let here = here.filter(|workload| workload.object.namespace() == budget.namespace());
    for workload in here.filter(|workload| workload.picked(selector)) {
        let least = workload.least()?;
        count = count.saturating_add(least.count);
        picked.push(least);
    }
    let gone = if may_go.is_some() { share.up(count) } else { count.saturating_sub(share.up(count)) };
    if count < 2 || gone < count {
        return None;
    }
    let mut found = RULE
        .finding(Place::Span(node.span), format!("budget `{}` lets a node drain take all pods at once", shown(budget)))
        .label(if may_go.is_some() { format!("{gone} may go at once") } else { "none must stay".to_owned() });
    for least in picked {
        found = found.also(least.place, least.what);
    }
    let sum =
        if may_go.is_some() { format!("{count} − max(0, {count} − {gone})") } else { format!("{count} − 0") };
    Some(
        found
            .because(format!("the budget allows healthy − desired = {sum} = {count} evictions at once (X-K8-10)"))
            .fix("write `maxUnavailable: 1`"),
    )
}

/// Whether a budget may hold for pods of a workload, with the labels of its template and with what a running cluster adds.
fn may_hold(budget: Object<'_>, workload: &Workload<'_>) -> bool {
    let fits = |selector| Selector::Labels(selector).fits(&workload.labels);
    may_share(budget, workload.object) && selector(budget).is_some_and(fits)
}

/// What a budget picks its pods by.
fn selector(budget: Object<'_>) -> Option<&Node> {
    at(budget.node, &["spec", "selector"]).filter(|selector| !selector.is_null())
}
