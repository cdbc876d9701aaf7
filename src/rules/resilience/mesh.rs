//! Istio's objects as rules look at them: routes of VirtualServices, policies of DestinationRules, durations.

use crate::blueprint::units::Duration;
use crate::document::node::Entry;
use crate::document::{Node, NodeKind};
use crate::estate::Estate;
use crate::rules::kubernetes::objects::{Object, at, list_at, of_kind, text_at};

/// The objects of a kind that Istio reads.
pub fn of_istio<'a>(estate: &'a Estate, kind: &'static str) -> impl Iterator<Item = Object<'a>> {
    of_kind(estate, kind).filter(|object| {
        text_at(object.node, &["apiVersion"]).is_some_and(|version| version.starts_with("networking.istio.io/"))
    })
}

/// The HTTP routes of all VirtualServices, each with the object that it stands in.
pub fn routes(estate: &Estate) -> impl Iterator<Item = (Object<'_>, &Node)> {
    of_istio(estate, "VirtualService")
        .flat_map(|object| list_at(object.node, &["spec", "http"]).map(move |route| (object, route)))
}

/// A traffic policy of a DestinationRule, and the one that it inherits from.
#[derive(Clone, Copy)]
pub struct Policy<'a> {
    /// What stands in it.
    pub node: &'a Node,
    /// The policy of the whole host, when this is that of a port or a subset.
    pub above: Option<&'a Node>,
}

/// The traffic policies of a DestinationRule: of the host, of its ports, of its subsets.
pub fn policies(object: Object<'_>) -> Vec<Policy<'_>> {
    let whole = at(object.node, &["spec", "trafficPolicy"]);
    let mut all: Vec<Policy<'_>> = whole.into_iter().map(|node| Policy { node, above: None }).collect();
    let ports = whole.into_iter().flat_map(|policy| list_at(policy, &["portLevelSettings"]));
    // A port inherits nothing from its host.
    all.extend(ports.map(|node| Policy { node, above: None }));
    let subsets = list_at(object.node, &["spec", "subsets"]).filter_map(|subset| subset.get("trafficPolicy"));
    all.extend(subsets.map(|node| Policy { node, above: whole }));
    all
}

/// Every entry of a key below a node.
pub fn entries<'a>(node: &'a Node, key: &str) -> Vec<&'a Entry> {
    let mut found = Vec::new();
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        match &node.kind {
            NodeKind::Map(entries) => {
                found.extend(entries.iter().filter(|entry| &*entry.key == key));
                open.extend(entries.iter().map(|entry| &entry.value));
            }
            NodeKind::List(items) => open.extend(items),
            NodeKind::Scalar(_) => {}
        }
    }
    found
}

/// A duration as Istio reads it: `1m30s`, `1.5s`, `250ms`; not longer than a year.
pub fn duration(text: &str) -> Option<Duration> {
    let mut millis = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        millis += number
            * match &rest[..letters] {
                "h" => 3_600_000.0,
                "m" => 60_000.0,
                "s" => 1000.0,
                "ms" => 1.0,
                _ => return None,
            };
        rest = &rest[letters..];
    }
    (millis > 0.0 && millis <= 366.0 * 86_400_000.0).then(|| Duration::from_millis(millis as u64))
}
