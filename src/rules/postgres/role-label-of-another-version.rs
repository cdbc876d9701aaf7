//! A Service selects the leader by a label that Patroni does not set.
//!
//! # What it finds
//! A Service whose selector asks for the role `master`, where patroni.yml (`kubernetes.leader_label_value`) or the
//! environment of the pods (`PATRONI_KUBERNETES_LEADER_LABEL_VALUE`, in the Service's namespace) sets `primary`, or
//! the reverse. It says nothing where neither is written: the default depends on the version, which no file tells.
//!
//! # Why it matters
//! Patroni 4 labels the leader `primary`, earlier ones `master`. A Service that selects the other has no endpoints:
//! every write fails from the upgrade on, while the cluster is well.
//!
//! # Example
//! ```yaml
//! kubernetes: {leader_label_value: primary}   # patroni.yml
//! ---
//! spec: {selector: {cluster-name: orders, role: master}}   # the Service
//! ```
//!
//! # Fix
//! Select what Patroni sets.
//!
//! # Source
//! Patroni, docs/kubernetes.rst and docs/ENVIRONMENT.rst (facts.md §1.5).

use std::collections::BTreeMap;

use super::configured::{at, list_at, text_at};
use crate::document::{Node, Span};
use crate::rules::kubernetes::objects::{Object, objects, of_kind};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "PG036",
    name: "role-label-of-another-version",
    group: Group::Postgres,
    level: Level::Warning,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

/// What pods are given to have another label.
const VARIABLE: &str = "PATRONI_KUBERNETES_LEADER_LABEL_VALUE";

/// What somebody decided about the label of a leader.
struct Decision<'a> {
    label: &'a str,
    value: &'a str,
    at: Span,
}

/// The decisions by their namespace and scope.
type Decisions<'a> = BTreeMap<(Option<&'a str>, Option<&'a str>), Decision<'a>>;

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let decisions = decisions(estate);
    for service in of_kind(estate, "Service") {
        let Some(selector) = at(service.node, &["spec", "selector"]) else { continue };
        let scope = text_at(selector, &["cluster-name"]);
        // A Service that names no cluster may be for any.
        let first = decisions.first_key_value().filter(|((namespace, _), _)| scope.is_none() && namespace.is_none());
        let here = decisions.get(&(Some(service.namespace()), None));
        let candidates =
            [here, decisions.get(&(None, scope)), decisions.get(&(None, None)), first.map(|(_, first)| first)];
        let asks = |decision: &&Decision<'_>| selector.get(decision.label).is_some();
        let Some(decision) = candidates.into_iter().flatten().find(asks) else { continue };
        let Some(asked) = selector.get(decision.label) else { continue };
        let value = asked.scalar().map_or("", |scalar| &*scalar.text);
        if !matches!((value, decision.value), ("master", "primary") | ("primary", "master")) {
            continue;
        }
        findings.push(
            RULE.finding(Place::Span(asked.span), format!("`{}` leads to no pod", service.name().escape_debug()))
                .label("no pod has this role")
                .also(Place::Span(decision.at), format!("Patroni labels the leader `{}`", decision.value))
                .because("the leader's label has the value that Patroni is told; a Service that selects another has no endpoints (R-PG-36)")
                .fix(format!("select `{}: {}`", decision.label.escape_debug(), decision.value)),
        );
    }
}

/// What files of Patroni decide everywhere, and the environment of pods in their namespace.
fn decisions(estate: &Estate) -> Decisions<'_> {
    let written = estate.of(Kind::Patroni).filter_map(|tree| {
        let node = at(tree, &["kubernetes", "leader_label_value"])?;
        let label = text_at(tree, &["kubernetes", "role_label"]).unwrap_or("role");
        Some(((None, text_at(tree, &["scope"])), Decision { label, value: &node.scalar()?.text, at: node.span }))
    });
    let given = objects(estate).filter_map(|object| {
        let node = variable(object)?;
        let decision = Decision { label: "role", value: &node.scalar()?.text, at: node.span };
        Some(((Some(object.namespace()), None), decision))
    });
    written.chain(given).collect()
}

/// The value of the variable in the containers of a workload.
fn variable(object: Object<'_>) -> Option<&Node> {
    let containers = list_at(object.template()?, &["spec", "containers"]);
    let mut variables = containers.flat_map(|container| list_at(container, &["env"]));
    variables.find(|variable| text_at(variable, &["name"]) == Some(VARIABLE))?.get("value")
}
