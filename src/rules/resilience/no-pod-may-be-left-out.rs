//! A circuit breaker may leave out no pod, because its share of so few is none.
//!
//! # What it finds
//! `outlierDetection` in a DestinationRule with ⌊pods × `maxEjectionPercent`⌋ < 1; 10 % where the field is absent. The pods are
//! those of the Deployment or StatefulSet behind the host's Service, `minReplicas` where an autoscaler decides. Where the Service
//! or what runs behind it is not among the files it stays silent, and so it does for a single pod. Read in hand-written files;
//! hagen writes a share of at least one pod.
//!
//! # Why it matters
//! Every pod that fails keeps its share of the requests: the breaker is written, and cannot open. Some releases of Envoy always
//! allow one; that is not something to rest on.
//!
//! # Example
//! ```yaml
//! outlierDetection: {consecutive5xxErrors: 5}   # 3 pods × 10 % = 0
//! ```
//!
//! # Fix
//! `maxEjectionPercent` of at least 100 / pods, rounded up: 34 for three, 50 for two.
//!
//! # Source
//! facts.md X-IS-5, F-IS-02: Istio, destination_rule.proto.

use super::mesh::{of_istio, policies};
use crate::rules::kubernetes::objects::{Object, at, int_at, objects, of_kind, text_at, texts};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "RT015",
    name: "no-pod-may-be-left-out",
    group: Group::Resilience,
    level: Level::Warning,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

/// The share where none is written (F-IS-02).
const PERCENT: i64 = 10;

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for object in of_istio(estate, "DestinationRule") {
        let Some((pods, place)) = pods(estate, object) else { continue };
        for policy in policies(object) {
            let Some(breaker) = policy.node.entry("outlierDetection") else { continue };
            let percent = int_at(&breaker.value, &["maxEjectionPercent"]).unwrap_or(PERCENT);
            if pods < 2 || percent < 0 || pods.saturating_mul(percent) >= 100 {
                continue;
            }
            let written = breaker.value.get("maxEjectionPercent").map(|node| node.span);
            let enough = 100u64.div_ceil(pods.unsigned_abs());
            findings.push(
                RULE.finding(
                    Place::Span(written.unwrap_or(breaker.key_span)),
                    format!("the circuit breaker of `{}` may leave out no pod", object.name()),
                )
                .label(if written.is_some() { "of all pods" } else { "10 % of all pods, as nothing else is written" })
                .also(place.clone(), format!("{pods} pods"))
                .because(format!("⌊{pods} × {percent} %⌋ = 0 (X-IS-5)"))
                .fix(format!("write `maxEjectionPercent: {enough}` or more")),
            );
        }
    }
}

/// How many pods are behind the host of a DestinationRule, and where that is written.
fn pods(estate: &Estate, rule: Object<'_>) -> Option<(i64, Place)> {
    let mut host = text_at(rule.node, &["spec", "host"])?.split('.');
    let name = host.next()?;
    let namespace = host.next().unwrap_or(rule.namespace());
    let service =
        of_kind(estate, "Service").find(|service| service.name() == name && service.namespace() == namespace)?;
    let selector = texts(at(service.node, &["spec", "selector"]));
    if selector.is_empty() {
        return None;
    }
    let mut behind = objects(estate).filter(|object| {
        let Some(template) = object.template() else { return false };
        let labels = texts(at(template, &["metadata", "labels"]));
        object.namespace() == namespace && selector.iter().all(|(key, value)| labels.get(key) == Some(value))
    });
    let workload = behind.next()?;
    if behind.next().is_some() || !matches!(workload.kind(), "Deployment" | "StatefulSet") {
        return None;
    }
    let scaled = of_kind(estate, "HorizontalPodAutoscaler").find(|hpa| {
        hpa.namespace() == namespace
            && text_at(hpa.node, &["spec", "scaleTargetRef", "kind"]) == Some(workload.kind())
            && text_at(hpa.node, &["spec", "scaleTargetRef", "name"]) == Some(workload.name())
    });
    let (object, path) = match scaled {
        Some(hpa) => (hpa, ["spec", "minReplicas"]),
        None => (workload, ["spec", "replicas"]),
    };
    let place = at(object.node, &path).map_or_else(|| object.place(), |node| Place::Span(node.span));
    Some((int_at(object.node, &path).unwrap_or(1), place))
}
