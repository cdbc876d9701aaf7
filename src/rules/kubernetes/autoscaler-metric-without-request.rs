//! An autoscaler looks at the use of a resource that a container does not request.
//!
//! # What it finds
//! A metric of a HorizontalPodAutoscaler that is a percentage of a request, `cpu` where no metric is written, and a container of
//! what it scales that has neither a request nor a limit for that resource. A metric of one container asks that one only. A
//! LimitRange of the namespace that gives a default, and requests of the whole pod, count as requests; amounts
//! (`averageValue`) need none. What an admission controller adds is not known.
//! What a patch of kustomize among the files may change is not judged.
//!
//! # Why it matters
//! A share of nothing cannot be computed: the autoscaler takes no action for that metric. Under load nothing starts.
//!
//! # Example
//! ```yaml
//! containers:
//!   - name: api
//!     resources: {requests: {cpu: 250m}}
//!   - name: proxy   # no request: the use of the pod is unknown
//! ```
//!
//! # Fix
//! `resources.requests` in every container of the pod.
//!
//! # Source
//! facts.md F-K8-06: Kubernetes, Horizontal Pod Autoscaling, algorithm details.

use super::objects::{Object, at, list_at, of_kind, text_at};
use super::scalers::{Metric, Scaler};
use super::workloads::{Workload, containers, settled, shown};
use crate::document::Node;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8011",
    name: "autoscaler-metric-without-request",
    group: Group::Kubernetes,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let limits: Vec<Object<'_>> = of_kind(estate, "LimitRange").collect();
    for workload in settled(estate, &["resources"]) {
        let Some(scaler) = workload.scaler.filter(|scaler| scaler.object.kind() == "HorizontalPodAutoscaler") else {
            continue;
        };
        if scaler.object.namespace() != workload.object.namespace() {
            continue;
        }
        for metric in scaler.metrics() {
            let range = limits
                .iter()
                .any(|range| range.namespace() == workload.object.namespace() && gives(*range, metric.resource));
            if !range && !requests(at(workload.template, &["spec", "resources"]), metric.resource) {
                of_metric(workload, scaler, &metric, findings);
            }
        }
    }
}

fn of_metric(workload: &Workload<'_>, scaler: Scaler<'_>, metric: &Metric<'_>, findings: &mut Vec<Diagnostic>) {
    for container in containers(workload.template) {
        let name = text_at(container, &["name"]).unwrap_or_default();
        let other = metric.container.is_some_and(|wanted| wanted != name);
        if other || requests(container.get("resources"), metric.resource) {
            continue;
        }
        let resource = metric.resource.escape_debug();
        let place = container.get("name").or_else(|| container.get("image")).unwrap_or(container);
        findings.push(
            RULE.finding(
                Place::Span(place.span),
                format!("`{}` is not scaled by {resource}: a container requests none", shown(workload.object)),
            )
            .label(format!("no request for {resource}"))
            .also(
                metric.place.clone(),
                if metric.is_default {
                    format!("`{}` looks at the use of CPU, as no metric is written", shown(scaler.object))
                } else {
                    "a share of the requests".to_owned()
                },
            )
            .because("for a pod of which one container has no request the metric is left out (F-K8-06)")
            .fix(format!("write `resources.requests.{resource}` in every container of the pod")),
        );
    }
}

/// Whether requests, or limits that count as requests, name a resource; a block that is no map may name it.
fn requests(resources: Option<&Node>, resource: &str) -> bool {
    let Some(resources) = resources.filter(|node| !node.is_null()) else { return false };
    let names = |key: &str| match resources.get(key).filter(|node| !node.is_null()) {
        Some(node) => node.map().is_none() || node.get(resource).is_some_and(|amount| !amount.is_null()),
        None => false,
    };
    resources.map().is_none() || names("requests") || names("limits")
}

/// Whether a LimitRange gives containers a request for a resource.
fn gives(range: Object<'_>, resource: &str) -> bool {
    list_at(range.node, &["spec", "limits"])
        .filter(|limit| text_at(limit, &["type"]) == Some("Container"))
        .any(|limit| ["defaultRequest", "default"].into_iter().any(|key| at(limit, &[key, resource]).is_some()))
}
