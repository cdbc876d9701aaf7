//! An autoscaler or a disruption budget names something that is not there.
//!
//! # What it finds
//! A HorizontalPodAutoscaler whose `scaleTargetRef` names a Deployment, StatefulSet or ReplicaSet that is not in its namespace, or
//! one of a wrong API group; a PodDisruptionBudget whose selector fits no pod template of its namespace, or that has none. It is only
//! said where the workloads of that namespace are among the files, and nothing there starts pods that the files do not show;
//! never in `kube-system` and the like, where the cluster runs pods of its own.
//!
//! # Why it matters
//! Neither is refused. The autoscaler never scales, which shows under load; the budget protects nothing, which shows when a
//! drain takes all pods at once.
//!
//! # Example
//! ```yaml
//! kind: HorizontalPodAutoscaler
//! spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: orders-api}}
//! ---
//! kind: Deployment
//! metadata: {name: orders}
//! ```
//!
//! # Fix
//! The name and the labels of the workload.
//!
//! # Source
//! facts.md R-K8-38: Kubernetes, Horizontal Pod Autoscaling; Specifying a Disruption Budget.

use std::collections::BTreeSet;

use super::objects::{Object, at, of_kind, text_at};
use super::services::{Cluster, Picked, Selector, is_later};
use crate::diagnostics::nearest;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8038",
    name: "scales-or-protects-nothing",
    group: Group::Kubernetes,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let cluster = estate.cluster();
    let all = cluster.all().map(|pods| pods.object);
    let there: BTreeSet<_> = all.map(|object| (object.namespace(), object.kind(), object.name())).collect();
    of_kind(estate, "HorizontalPodAutoscaler").for_each(|hpa| autoscaler(hpa, cluster, &there, findings));
    of_kind(estate, "PodDisruptionBudget").for_each(|budget| self::budget(estate, budget, cluster, findings));
}

/// What is there goes by namespace, kind and name.
fn autoscaler(
    hpa: Object<'_>,
    cluster: &Cluster<'_>,
    there: &BTreeSet<(&str, &str, &str)>,
    findings: &mut Vec<Diagnostic>,
) {
    let Some(reference) = at(hpa.node, &["spec", "scaleTargetRef"]) else { return };
    let text = |key: &str| text_at(reference, &[key]).unwrap_or_default();
    let (kind, name, place) = (text("kind"), text("name"), reference.get("name").unwrap_or(reference).span);
    if !matches!(kind, "Deployment" | "StatefulSet" | "ReplicaSet") || is_later(name) || is_later(text("apiVersion")) {
        return;
    }
    let title = |what: &str| format!("`{}` scales nothing: {what}", hpa.name().escape_debug());
    let (shown, namespace) = (name.escape_debug(), hpa.namespace());
    let group = text("apiVersion").split('/').next().unwrap_or_default();
    if group != "apps" {
        let node = reference.get("apiVersion").unwrap_or(reference);
        findings.push(
            RULE.finding(Place::Span(node.span), title(&format!("a {kind} is of the group apps")))
                .label("of another API")
                .because("the autoscaler looks for this kind in this group and finds none (R-K8-38)")
                .fix("write `apiVersion: apps/v1`"),
        );
        return;
    }
    let same = |pods: &&super::services::Pods<'_>| pods.object.kind() == kind;
    if !cluster.knows(namespace) || there.contains(&(namespace, kind, name)) {
        return;
    }
    let near = nearest(name, cluster.pods(namespace).iter().filter(same).map(|pods| pods.object.name()));
    findings.push(
        RULE.finding(Place::Span(place), title(&format!("there is no {kind} `{shown}`")))
            .label("not there")
            .because(format!(
                "namespace `{}` has no such {kind} among these files: the autoscaler reports it and does nothing (R-K8-38)",
                namespace.escape_debug()
            ))
            .fix(near.map_or_else(
                || format!("name the {kind} that is to be scaled"),
                |near| format!("did you mean `{}`?", near.escape_debug()),
            )),
    );
}

fn budget(estate: &Estate, budget: Object<'_>, cluster: &Cluster<'_>, findings: &mut Vec<Diagnostic>) {
    let (namespace, name) = (budget.namespace(), budget.name().escape_debug());
    let Some(entry) = at(budget.node, &["spec"]).and_then(|spec| spec.entry("selector")) else {
        // A patch says only what it changes.
        let parts = of_kind(estate, "PodDisruptionBudget").filter(|other| other.name() == budget.name()).count();
        if at(budget.node, &["spec"]).is_some() && parts == 1 {
            findings.push(
                RULE.finding(budget.place(), format!("`{name}` protects nothing: it has no selector"))
                    .label("no spec.selector")
                    .because("a budget without a selector is for no pod (R-K8-38)")
                    .fix("write `spec.selector.matchLabels`, those of the workload"),
            );
        }
        return;
    };
    let selector = Selector::Labels(&entry.value);
    if !matches!(cluster.pick(namespace, selector), Picked::Nobody) {
        return;
    }
    let mut finding = RULE
        .finding(Place::Span(entry.key_span), format!("`{name}` protects nothing: its selector fits no pod"))
        .label("no template has these labels")
        .because(format!(
            "no pod template of namespace `{}` has these labels: every drain may take all pods at once (R-K8-38)",
            namespace.escape_debug()
        ))
        .fix("select the labels that the template has");
    if let Some((pods, has)) = cluster.nearest(namespace, selector) {
        finding = finding.also(pods.object.place(), format!("the nearest one: it {has}"));
    }
    findings.push(finding);
}
