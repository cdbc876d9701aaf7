//! A Service selects no pods.
//!
//! # What it finds
//! A Service whose selector fits the labels of no pod template in its namespace. It is only said where the workloads of that
//! namespace are among the files, and nothing there starts pods that the files do not show (a chart, a custom resource of an
//! operator, a patch without its base); never in `kube-system` and the like, where the cluster runs pods of its own. Labels that are written on running pods are left out: those of Kubernetes, and the
//! roles of Patroni and of operators.
//!
//! # Why it matters
//! It has no endpoints, and nothing reports it: whoever calls it waits for a timeout or gets 503, while every pod is healthy.
//!
//! # Example
//! ```yaml
//! kind: Service
//! spec: {selector: {app: orders}}
//! ---
//! kind: Deployment
//! spec: {template: {metadata: {labels: {app: order}}}}
//! ```
//!
//! # Fix
//! Select what the template says.
//!
//! # Source
//! facts.md R-K8-37: Kubernetes, Service, "Services with selectors".

use super::objects::{at, of_kind, text_at};
use super::services::{Picked, Selector, selector};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8037",
    name: "service-selects-nobody",
    group: Group::Kubernetes,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let cluster = estate.cluster();
    for service in of_kind(estate, "Service") {
        // Knative has a Service, too.
        if text_at(service.node, &["apiVersion"]) != Some("v1") {
            continue;
        }
        let Some(node) = selector(service) else { continue };
        let selector = Selector::Map(node);
        if !matches!(cluster.pick(service.namespace(), selector), Picked::Nobody) {
            continue;
        }
        let Some(entry) = at(service.node, &["spec"]).and_then(|spec| spec.entry("selector")) else { continue };
        let mut finding = RULE
            .finding(Place::Span(entry.key_span), format!("`{}` selects no pod", service.name().escape_debug()))
            .label("no template has these labels")
            .because(format!(
                "no pod template of namespace `{}` has all labels of the selector: the Service has no endpoints (R-K8-37)",
                service.namespace().escape_debug()
            ))
            .fix("select the labels that the template has");
        if let Some((pods, has)) = cluster.nearest(service.namespace(), selector) {
            finding = finding.also(pods.object.place(), format!("the nearest one: it {has}"));
        }
        findings.push(finding);
    }
}
