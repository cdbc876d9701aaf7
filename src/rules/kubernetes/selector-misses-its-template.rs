//! A workload has no selector, or one that does not pick the pods of its own template.
//!
//! # What it finds
//! A Deployment, StatefulSet, DaemonSet or ReplicaSet without `spec.selector`, with an empty one, or with one that the labels
//! of `spec.template` do not fit. A patch is not judged: an object whose containers have no image, or whose selector stands in
//! another file under the same kind and name.
//! What a patch of kustomize among the files may change is not judged.
//!
//! # Why it matters
//! The API server rejects the object. Where it is applied together with others, the others are there and the pods are not.
//!
//! # Example
//! ```yaml
//! spec:
//!   selector: {matchLabels: {app: api}}
//!   template:
//!     metadata:
//!       labels: {app.kubernetes.io/name: api}
//! ```
//!
//! # Fix
//! The same labels in both: `selector.matchLabels` and `template.metadata.labels`. The selector of an existing workload cannot
//! be changed; the labels of the template can.
//!
//! # Source
//! facts.md F-K8-07: Kubernetes, Deployments, selector.

use std::collections::BTreeMap;

use super::objects::{Object, at, list_at, texts};
use super::selector::Selector;
use super::workloads::{running, shown};
use crate::document::Node;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8001",
    name: "selector-misses-its-template",
    group: Group::Kubernetes,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for (object, template) in running(estate, &["labels", "selector"]).filter(|(object, _)| object.kind() != "Pod") {
        findings.extend(fault(object, template));
    }
}

fn fault(object: Object<'_>, template: &Node) -> Option<Diagnostic> {
    let labels = texts(at(template, &["metadata", "labels"]));
    let (kind, name) = (object.kind(), shown(object));
    let Some(selector) = at(object.node, &["spec", "selector"]).filter(|node| !node.is_null()) else {
        let written =
            labels.iter().next().map_or_else(|| format!("app: {name}"), |(key, value)| format!("{key}: {value}"));
        let also = if labels.is_empty() { ", and the same labels in `template.metadata.labels`" } else { "" };
        return Some(
            RULE.finding(object.place(), format!("{kind} `{name}` has no selector"))
                .label("`spec.selector` is missing")
                .because("the API server rejects a workload without selector (F-K8-07)")
                .fix(format!("write `selector: {{matchLabels: {{{}}}}}`{also}", written.escape_debug())),
        );
    };
    // What fills in a text that stands for a selector is not known.
    selector.map()?;
    let constrains = |key: &str| selector.get(key).is_some_and(|node| !node.is_null());
    if !constrains("matchLabels") && !constrains("matchExpressions") {
        return Some(
            RULE.finding(Place::Span(selector.span), format!("the selector of {kind} `{name}` is empty"))
                .label("would pick every pod of the namespace")
                .because("the API server rejects a workload with an empty selector (F-K8-07)")
                .fix("write the labels of the template below `matchLabels`"),
        );
    }
    if Selector::Labels(selector).picks(&labels) {
        return None;
    }
    let found = RULE
        .finding(Place::Span(missed(selector, &labels).span), format!("{kind} `{name}` does not select its own pods"))
        .because("the API server rejects a selector that the template's labels do not fit (F-K8-07)")
        .fix("write the same labels in `selector.matchLabels` and `template.metadata.labels`");
    Some(match at(template, &["metadata", "labels"]).filter(|node| !node.is_null()) {
        Some(node) => {
            found.label("the labels of the template do not fit").also(Place::Span(node.span), "the labels of its pods")
        }
        None => found.label("the template has no labels"),
    })
}

/// The first requirement of a selector that labels do not fit; the selector where it is none of `matchLabels`.
fn missed<'a>(selector: &'a Node, labels: &BTreeMap<&str, &str>) -> &'a Node {
    let equal = selector.get("matchLabels").and_then(Node::map).unwrap_or_default().iter();
    let mut missed = equal.filter(|entry| {
        labels.get(&*entry.key).is_none_or(|value| entry.value.scalar().is_none_or(|s| &*s.text != *value))
    });
    let whole = list_at(selector, &["matchExpressions"]).next().unwrap_or(selector);
    missed.next().map_or(whole, |entry| &entry.value)
}
