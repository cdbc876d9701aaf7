//! Required anti-affinity over zones caps how many pods can ever run.
//!
//! # What it finds
//! A workload whose pods must not share a zone with one another (`requiredDuringSchedulingIgnoredDuringExecution` over the
//! zone label, a selector that matches its own pods), and that may have more pods, by its replicas or by its autoscaler, than
//! a region has zones. How many zones there are is not in these files: up to six are taken for possible, which is the most
//! that a region of a large provider has, and beyond three it is said that so many zones are needed.
//!
//! # Why it matters
//! Each zone takes one pod. Every pod beyond that stays Pending: the autoscaler asks for more and nothing comes, exactly under
//! load; and after the loss of a zone its pod has nowhere to go.
//!
//! # Example
//! ```yaml
//! spec:
//!   replicas: 10
//!   template:
//!     spec:
//!       affinity:
//!         podAntiAffinity:
//!           requiredDuringSchedulingIgnoredDuringExecution:
//!             - topologyKey: topology.kubernetes.io/zone
//! ```
//!
//! # Fix
//! Spread instead: `topologySpreadConstraints` with `maxSkew: 1`, `whenUnsatisfiable: DoNotSchedule` and
//! `nodeTaintsPolicy: Honor` over the zone; anti-affinity over `kubernetes.io/hostname` where two pods must not share a node.
//!
//! # Source
//! facts.md F-K8-10, X-K8-7; Kubernetes, Assigning Pods to Nodes.

use super::objects::{Object, at, int_at, list_at, objects, of_kind, selects, text_at, texts};
use crate::document::Node;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8003",
    name: "required-affinity-caps-replicas",
    group: Group::Kubernetes,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

/// So many zones a region commonly has.
const COMMON: i64 = 3;

fn check(estate: &Estate, findings: &mut Vec<Diagnostic>) {
    for object in objects(estate).filter(|object| matches!(object.kind(), "Deployment" | "StatefulSet")) {
        let Some(term) = zone_term(object) else { continue };
        let (most, place, what) = most(estate, object);
        if most <= COMMON {
            continue;
        }
        let beyond = most - COMMON;
        findings.push(
            RULE.finding(
                Place::Span(term.span),
                format!("`{}` may have {most} pods, and each needs a zone of its own", object.name()),
            )
            .label("one pod in each zone")
            .also(place, what)
            .because(format!(
                "{most} pods at the most, one per zone by required anti-affinity: with {COMMON} zones {beyond} can never be \
                 scheduled (X-K8-7), and after the loss of a zone its pod has nowhere to go"
            ))
            .fix(
                "spread instead: topologySpreadConstraints over the zone with maxSkew 1, DoNotSchedule and nodeTaintsPolicy \
                 Honor; anti-affinity over kubernetes.io/hostname",
            ),
        );
    }
}

/// The topology key of a required term over zones that matches the workload's own pods.
fn zone_term(object: Object<'_>) -> Option<&Node> {
    let template = object.template()?;
    let labels = texts(at(template, &["metadata", "labels"]));
    let path = ["spec", "affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution"];
    list_at(template, &path).find_map(|term| {
        let key = at(term, &["topologyKey"])?;
        let zone = text_at(term, &["topologyKey"]).is_some_and(|key| key.ends_with("/zone"));
        let own = at(term, &["labelSelector"]).is_some_and(|selector| selects(selector, &labels));
        (zone && own).then_some(key)
    })
}

/// The most pods that a workload may have, and where that is written.
fn most(estate: &Estate, object: Object<'_>) -> (i64, Place, &'static str) {
    let scales = |hpa: &Object<'_>| {
        hpa.namespace() == object.namespace()
            && text_at(hpa.node, &["spec", "scaleTargetRef", "name"]) == Some(object.name())
            && text_at(hpa.node, &["spec", "scaleTargetRef", "kind"]) == Some(object.kind())
    };
    let own = int_at(object.node, &["spec", "replicas"]).unwrap_or(1);
    let written = |node: Option<&Node>| node.map_or_else(|| object.place(), |node| Place::Span(node.span));
    let scaled = of_kind(estate, "HorizontalPodAutoscaler").find(scales).and_then(|hpa| {
        let most = int_at(hpa.node, &["spec", "maxReplicas"])?;
        Some((most, written(at(hpa.node, &["spec", "maxReplicas"])), "the autoscaler may start so many"))
    });
    match scaled {
        Some(scaled) if scaled.0 > own => scaled,
        _ => (own, written(at(object.node, &["spec", "replicas"])), "so many are asked for"),
    }
}
