//! A balancer drains its targets for longer than the pods behind them live.
//!
//! # What it finds
//! `deregistration_delay.timeout_seconds` of an ALB or NLB whose targets are pods (`target-type: ip`), or its default of 300 s where
//! it is not written, above the `terminationGracePeriodSeconds` of the pods that the Service leads to. Where the targets are nodes, or
//! the pods are not among the files, nothing is said.
//!
//! # Why it matters
//! The balancer takes a pod out and lets its open connections go on for so long. The pod is killed before: connections that
//! the balancer still holds for good break in the middle of an answer, at every rollout and every scale-down.
//!
//! # Example
//! ```yaml
//! kind: Ingress
//! metadata:
//!   annotations: {alb.ingress.kubernetes.io/target-type: ip}   # and 300 s of draining
//! ---
//! kind: Deployment
//! spec: {template: {spec: {terminationGracePeriodSeconds: 30}}}
//! ```
//!
//! # Fix
//! `deregistration_delay.timeout_seconds` a little below the grace, and both above the longest request.
//!
//! # Source
//! facts.md R-LB-03, F-LB-02, X-K8-9.

use std::collections::BTreeSet;

use super::balancers::{ALB, NLB, is_alb, is_nlb, own, part, target_type};
use crate::document::Node;
use crate::rules::kubernetes::objects::{Object, of_kind, text_at};
use crate::rules::kubernetes::services::{Cluster, Picked, Selector, backends, named, selector};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "LB003",
    name: "pods-die-before-they-are-drained",
    group: Group::Edge,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

const ATTRIBUTE: &str = "deregistration_delay.timeout_seconds";
/// So many seconds, where nothing is written (F-LB-02).
const DEFAULT: i64 = 300;

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let cluster = estate.cluster();
    for ingress in of_kind(estate, "Ingress").filter(|ingress| is_alb(estate, *ingress)) {
        let key = format!("{ALB}target-group-attributes");
        let mut seen = BTreeSet::new();
        let names = backends(ingress).into_iter().filter_map(|node| text_at(node, &["name"]));
        for name in names.filter(|name| seen.insert(*name)) {
            for service in named(estate, ingress.namespace(), name).into_iter().take(1) {
                // What a Service says of its own targets goes before the Ingress.
                let written = own(service, &key).or_else(|| own(ingress, &key));
                judge(estate, cluster, (ingress, service), written, findings);
            }
        }
    }
    for service in of_kind(estate, "Service").filter(|service| is_nlb(*service)) {
        let written = own(service, &format!("{NLB}target-group-attributes"));
        judge(estate, cluster, (service, service), written, findings);
    }
}

fn judge(
    estate: &Estate,
    cluster: &Cluster<'_>,
    (object, service): (Object<'_>, Object<'_>),
    written: Option<&Node>,
    findings: &mut Vec<Diagnostic>,
) {
    if target_type(estate, object, service) != Some("ip") {
        return;
    }
    let text = written.and_then(Node::scalar).and_then(|scalar| part(&scalar.text, ATTRIBUTE));
    let Ok(delay) = text.map_or(Ok(DEFAULT), str::parse::<i64>) else { return };
    let Some(selector) = selector(service) else { return };
    let Picked::Pods(pods) = cluster.pick(service.namespace(), Selector::Map(selector)) else { return };
    let Some(pods) = pods.into_iter().min_by_key(|pods| pods.grace().0) else { return };
    let (grace, at) = pods.grace();
    if delay <= grace {
        return;
    }
    let says = if text.is_some() { "" } else { ", the default" };
    findings.push(
        RULE.finding(
            written.map_or_else(|| object.place(), |node| Place::Span(node.span)),
            format!("the balancer drains `{}` for longer than its pods live", service.name().escape_debug()),
        )
        .label(format!("{delay} s{says}"))
        .also(at.map_or_else(|| pods.object.place(), |node| Place::Span(node.span)), format!("killed after {grace} s"))
        .because(format!("{delay} s > {grace} s: connections that the balancer still drains break (R-LB-03, X-K8-9)"))
        .fix(format!(
            "write `{ATTRIBUTE}={}` into the target-group-attributes, or let the pods live longer",
            grace.saturating_sub(5).max(1)
        )),
    );
}
