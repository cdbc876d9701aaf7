//! Autoscalers as rules look at them: what they scale, between which numbers, by which use of resources.

use super::objects::{Object, at, list_at, objects, text_at};
use super::workloads::{number, whole_number};
use crate::diagnostics::Place;
use crate::document::Node;
use crate::estate::Estate;

/// The use of the CPU request that is aimed at where no metric is written.
const DEFAULT: i64 = 80;

/// A HorizontalPodAutoscaler, or a ScaledObject of KEDA, which makes one.
#[derive(Clone, Copy)]
pub(super) struct Scaler<'a> {
    /// All of it.
    pub object: Object<'a>,
    /// The kind of what it scales.
    pub kind: &'a str,
    /// The name of what it scales.
    pub name: &'a str,
    keys: &'static Keys,
}

/// How its numbers are called, and what they are where nothing is written.
struct Keys {
    least: (&'static str, i64),
    most: (&'static str, Option<i64>),
}

static HPA: Keys = Keys { least: ("minReplicas", 1), most: ("maxReplicas", None) };
static KEDA: Keys = Keys { least: ("minReplicaCount", 0), most: ("maxReplicaCount", Some(100)) };

/// A resource whose use, as a share of the request, decides on the number of pods.
pub(super) struct Metric<'a> {
    /// `cpu` or `memory`.
    pub resource: &'a str,
    /// The percentage that is aimed at; none where it cannot be read.
    pub target: Option<i64>,
    /// The only container that counts.
    pub container: Option<&'a str>,
    /// Where it is written; the autoscaler where it is a default.
    pub place: Place,
    /// Whether it is the default.
    pub is_default: bool,
}

impl<'a> Scaler<'a> {
    /// All of them. One that names nothing to scale is a patch.
    pub fn all(estate: &'a Estate) -> impl Iterator<Item = Self> {
        objects(estate).filter_map(|object| {
            let group = text_at(object.node, &["apiVersion"]).unwrap_or_default();
            let (keys, default) = match object.kind() {
                "HorizontalPodAutoscaler" => (&HPA, None),
                "ScaledObject" if group.starts_with("keda.sh/") => (&KEDA, Some("Deployment")),
                _ => return None,
            };
            let name = text_at(object.node, &["spec", "scaleTargetRef", "name"])?;
            let kind = text_at(object.node, &["spec", "scaleTargetRef", "kind"]).or(default)?;
            Some(Self { object, kind, name, keys })
        })
    }

    /// The HorizontalPodAutoscalers.
    pub fn horizontal(estate: &'a Estate) -> impl Iterator<Item = Self> {
        Self::all(estate).filter(|scaler| scaler.object.kind() == "HorizontalPodAutoscaler")
    }

    fn place(self, path: &[&str]) -> Place {
        at(self.object.node, path).map_or_else(|| self.object.place(), |node| Place::Span(node.span))
    }

    /// The pods that it keeps.
    pub fn least(self) -> Option<(i64, Place)> {
        let (key, default) = self.keys.least;
        Some((number(self.object.node, &["spec", key], default)?, self.place(&["spec", key])))
    }

    /// The pods that it may start.
    pub fn most(self) -> Option<(i64, Place)> {
        let (key, default) = self.keys.most;
        // Nothing stands for 0, which no autoscaler may have as its most.
        let most = number(self.object.node, &["spec", key], default.unwrap_or(0)).filter(|most| *most > 0)?;
        Some((most, self.place(&["spec", key])))
    }

    /// What it aims at, as shares of requests; amounts need no request and are left out.
    pub fn metrics(self) -> Vec<Metric<'a>> {
        let spec = at(self.object.node, &["spec"]);
        let first = spec.and_then(|spec| spec.get("targetCPUUtilizationPercentage"));
        if let Some(node) = first.filter(|node| !node.is_null()) {
            return vec![Metric {
                resource: "cpu",
                target: whole_number(node),
                container: None,
                place: Place::Span(node.span),
                is_default: false,
            }];
        }
        let metrics = spec.and_then(|spec| spec.get("metrics")).filter(|node| !node.is_null());
        let empty = |node: &Node| matches!(&node.kind, crate::document::NodeKind::List(items) if items.is_empty());
        if metrics.is_none_or(empty) {
            let place = self.object.place();
            return vec![Metric { resource: "cpu", target: Some(DEFAULT), container: None, place, is_default: true }];
        }
        list_at(self.object.node, &["spec", "metrics"]).filter_map(metric).collect()
    }
}

/// A metric of an autoscaler, when it is a share of a request.
fn metric(node: &Node) -> Option<Metric<'_>> {
    let inside = match text_at(node, &["type"])? {
        "Resource" => node.get("resource")?,
        "ContainerResource" => node.get("containerResource")?,
        _ => return None,
    };
    let target = at(inside, &["target", "averageUtilization"]).or_else(|| inside.get("targetAverageUtilization"))?;
    Some(Metric {
        resource: text_at(inside, &["name"])?,
        target: whole_number(target),
        container: text_at(inside, &["container"]),
        place: Place::Span(target.span),
        is_default: false,
    })
}
