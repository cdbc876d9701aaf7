//! A rule that should keep pods of a workload apart selects none of them.
//!
//! # What it finds
//! A term of pod anti-affinity whose selector names the workload itself by a value, and of which no requirement fits a label of
//! its own template; a selector that picks pods of another workload in these files is about those and is not judged. A topology
//! spread constraint whose selector does not pick the pods of its own template, or that has none, which picks nobody: a spread
//! counts the pods that it selects, and is for nothing else. Labels that only a running cluster sets are taken to fit, and where a
//! Kustomization of these files adds labels, only what names the workload is judged.
//! What a patch of kustomize among the files may change is not judged.
//!
//! # Why it matters
//! The API server takes it, the scheduler finds nothing to keep away from, and all pods may stand in one zone or on one node.
//! Nothing shows it before that zone or node is lost.
//!
//! # Example
//! ```yaml
//! template:
//!   metadata:
//!     labels: {app.kubernetes.io/name: api}
//!   spec:
//!     affinity:
//!       podAntiAffinity:
//!         requiredDuringSchedulingIgnoredDuringExecution:
//!           - labelSelector: {matchLabels: {app: api}}
//!             topologyKey: kubernetes.io/hostname
//! ```
//!
//! # Fix
//! The labels of the template in the selector of the term.
//!
//! # Source
//! facts.md R-K8-06, F-K8-10; Kubernetes, Assigning Pods to Nodes, inter-pod affinity.

use super::objects::{Object, at, list_at, of_kind, text_at, texts};
use super::selector::{Selector, Test};
use super::services::is_later;
use super::workloads::{Workload, may_share, settled, shown};
use crate::document::Node;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8006",
    name: "affinity-selects-nothing",
    group: Group::Kubernetes,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let all: Vec<_> = settled(estate, &["affinity", "topologySpreadConstraints", "labels"]).collect();
    let adds = |object: Object<'_>| ["labels", "commonLabels"].iter().any(|key| object.node.get(key).is_some());
    let relabeled = of_kind(estate, "Kustomization").any(adds);
    for workload in all.iter().copied() {
        for term in workload.required().chain(workload.preferred()) {
            let Some(selector) = term.get("labelSelector") else { continue };
            if names_itself(selector, workload, &all) {
                findings.push(misses(workload, selector, "anti-affinity"));
            }
        }
        for constraint in workload.spread() {
            match constraint.get("labelSelector").filter(|selector| !selector.is_null()) {
                None => findings.extend(without(workload, constraint)),
                Some(selector) => {
                    if names_itself(selector, workload, &all) || !relabeled && picks_others(selector, workload) {
                        findings.push(misses(workload, selector, "spread"));
                    }
                }
            }
        }
    }
}

/// Whether a selector means the workload and picks none of its pods.
fn names_itself(selector: &Node, workload: &Workload<'_>, all: &[&Workload<'_>]) -> bool {
    workload.is_named(selector) && !fits_any(selector, workload) && !is_of_others(selector, workload, all)
}

/// Whether a selector does not pick the pods of a workload, as far as these files can tell.
fn picks_others(selector: &Node, workload: &Workload<'_>) -> bool {
    if selector.map().is_none() {
        return false;
    }
    let selector = Selector::Labels(selector);
    let later = selector.requirements().iter().any(|requirement| {
        is_later(requirement.key)
            || matches!(&requirement.test, Test::In(values) if values.iter().any(|value| is_later(value)))
    });
    !later && !workload.labels.values().any(|value| is_later(value)) && !selector.fits(&workload.labels)
}

/// A constraint that selects nobody, as nothing is written.
fn without(workload: &Workload<'_>, constraint: &Node) -> Option<Diagnostic> {
    // What is no constraint at all is for those who check schemas.
    let key = constraint.get("topologyKey")?;
    Some(
        RULE.finding(
            Place::Span(key.span),
            format!("the spread of `{}` selects none of its pods", shown(workload.object)),
        )
        .label("no `labelSelector` beside it")
        .because("a constraint without labelSelector counts no pods, and so keeps none apart (R-K8-06)")
        .fix("write the labels of the template in `labelSelector.matchLabels`"),
    )
}

/// A selector that picks none of the pods of its own workload.
fn misses(workload: &Workload<'_>, selector: &Node, what: &str) -> Diagnostic {
    let found = RULE
        .finding(
            Place::Span(selector.span),
            format!("the {what} of `{}` selects none of its pods", shown(workload.object)),
        )
        .because("a selector that no pod fits keeps nothing apart, and nothing says so (R-K8-06)");
    match at(workload.template, &["metadata", "labels"]).filter(|node| !node.is_null()) {
        Some(labels) => found
            .label("does not fit the labels of the template")
            .also(Place::Span(labels.span), "the labels of its pods")
            .fix("write the labels of the template in the selector"),
        None => found
            .label("the template has no labels")
            .fix("write these labels in `template.metadata.labels` and in the selector of the workload"),
    }
}

/// Whether a requirement of a selector fits a label of the workload's pods.
fn fits_any(selector: &Node, workload: &Workload<'_>) -> bool {
    let equal = texts(selector.get("matchLabels"));
    let fits = |expression: &Node| {
        let value = text_at(expression, &["key"]).and_then(|key| workload.labels.get(key));
        match text_at(expression, &["operator"]) {
            Some("In") => value.is_some_and(|value| {
                list_at(expression, &["values"]).any(|node| node.scalar().is_some_and(|s| &*s.text == *value))
            }),
            Some("Exists") => value.is_some(),
            _ => false,
        }
    };
    equal.iter().any(|(key, value)| workload.labels.get(key) == Some(value))
        || list_at(selector, &["matchExpressions"]).any(fits)
}

/// Whether a selector picks pods of another workload that may be in the same namespace.
fn is_of_others(selector: &Node, workload: &Workload<'_>, all: &[&Workload<'_>]) -> bool {
    let others = all.iter().filter(|other| !std::ptr::eq(other.object.node, workload.object.node));
    others
        .filter(|other| may_share(other.object, workload.object))
        .any(|other| !other.labels.is_empty() && other.picked(selector))
}
