//! A rule that should keep pods of a workload apart selects none of them.
//!
//! # What it finds
//! A term of pod anti-affinity, or a topology spread constraint, whose selector names the workload itself by a value, and of which
//! no requirement fits a label of its own template; a selector that picks pods of another workload in these files is about
//! those and is not judged.
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

use super::objects::{at, list_at, selects, text_at, texts};
use super::workloads::{Workload, may_share, shown, workloads};
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

fn check(estate: &Estate, findings: &mut Vec<Diagnostic>) {
    let all = workloads(estate);
    for workload in &all {
        let terms = workload.required().chain(workload.preferred()).map(|term| (term, "anti-affinity"));
        for (term, what) in terms.chain(workload.spread().map(|term| (term, "spread"))) {
            let Some(selector) = term.get("labelSelector") else { continue };
            if !workload.is_named(selector) || fits_any(selector, workload) || is_of_others(selector, workload, &all) {
                continue;
            }
            let found = RULE
                .finding(
                    Place::Span(selector.span),
                    format!("the {what} of `{}` selects none of its pods", shown(workload.object)),
                )
                .because("a selector that no pod fits keeps nothing apart, and nothing says so (R-K8-06)");
            findings.push(match at(workload.template, &["metadata", "labels"]).filter(|node| !node.is_null()) {
                Some(labels) => found
                    .label("fits no label of the template")
                    .also(Place::Span(labels.span), "the labels of its pods")
                    .fix("write the labels of the template in the selector"),
                None => found
                    .label("the template has no labels")
                    .fix("write these labels in `template.metadata.labels` and in the selector of the workload"),
            });
        }
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
fn is_of_others(selector: &Node, workload: &Workload<'_>, all: &[Workload<'_>]) -> bool {
    let others = all.iter().filter(|other| !std::ptr::eq(other.object.node, workload.object.node));
    others
        .filter(|other| may_share(other.object, workload.object))
        .any(|other| !other.labels.is_empty() && selects(selector, &other.labels))
}
