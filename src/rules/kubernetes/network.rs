//! NetworkPolicies as the API defines them: a pod that any policy selects in a direction may do what one of them allows.
//!
//! What the files do not decide, such as the labels of a namespace that is not among them, counts as allowed.

use std::collections::BTreeMap;

use super::objects::{Object, at, int_at, list_at, objects, of_kind, text_at};
use super::selector::BySelector;
use super::services::{Cluster, Pods, Selector, items};
use crate::document::Node;
use crate::estate::Estate;

/// A direction, as `policyTypes` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Into a pod.
    Ingress,
    /// Out of a pod.
    Egress,
}

impl Direction {
    const fn name(self) -> &'static str {
        match self {
            Self::Ingress => "Ingress",
            Self::Egress => "Egress",
        }
    }

    const fn keys(self) -> (&'static str, &'static str) {
        match self {
            Self::Ingress => ("ingress", "from"),
            Self::Egress => ("egress", "to"),
        }
    }
}

/// A port that is asked for.
#[derive(Clone, Copy)]
pub struct Port<'a> {
    /// `TCP` or `UDP`.
    pub protocol: &'a str,
    /// Its number.
    pub number: i64,
    /// The pods that listen on it, where they are known: a policy may call it by the name that they give it.
    pub owner: Option<&'a Pods<'a>>,
}

/// The policies of Kubernetes among the files.
pub fn policies(estate: &Estate) -> impl Iterator<Item = Object<'_>> {
    of_kind(estate, "NetworkPolicy").filter(|policy| {
        text_at(policy.node, &["apiVersion"]).is_some_and(|version| version.starts_with("networking.k8s.io/"))
    })
}

/// Whether policies of another API are among the files: what those allow is added.
pub fn others(estate: &Estate) -> bool {
    objects(estate).any(|object| {
        let version = text_at(object.node, &["apiVersion"]).unwrap_or_default();
        object.kind().ends_with("NetworkPolicy") && !version.starts_with("networking.k8s.io/")
    })
}

/// The policies of a namespace that are about a direction.
struct Restricting<'a> {
    all: Vec<Object<'a>>,
    selecting: BySelector<'a>,
}

/// All policies of Kubernetes among the files.
pub struct Policies<'a>(BTreeMap<(bool, &'a str), Restricting<'a>>);

impl<'a> Policies<'a> {
    /// Those of these files.
    pub fn of(estate: &'a Estate) -> Self {
        let mut found: BTreeMap<(bool, &str), Vec<Object<'_>>> = BTreeMap::new();
        for policy in policies(estate) {
            for direction in [Direction::Ingress, Direction::Egress] {
                if applies(policy, direction) {
                    found.entry((direction == Direction::Egress, policy.namespace())).or_default().push(policy);
                }
            }
        }
        let indexed = |all: Vec<Object<'a>>| {
            let selectors: Vec<_> = all.iter().map(|policy| selected(*policy)).collect();
            Restricting { selecting: BySelector::of(&selectors), all }
        };
        Self(found.into_iter().map(|(key, all)| (key, indexed(all))).collect())
    }

    /// The policies that restrict pods in a direction, in the order of the files; without any everything is allowed.
    pub fn restricting(&self, pods: &Pods<'_>, direction: Direction) -> Vec<Object<'a>> {
        // The network of the host is outside of all policies.
        if text_at(pods.template, &["spec", "hostNetwork"]) == Some("true") {
            return Vec::new();
        }
        let Some(known) = self.0.get(&(direction == Direction::Egress, pods.object.namespace())) else {
            return Vec::new();
        };
        let selects = |policy: &Object<'_>| selected(*policy).is_none_or(|selector| selector.fits(&pods.labels));
        let numbers = known.selecting.fitting(&pods.labels).into_iter();
        numbers.filter_map(|number| known.all.get(number)).copied().filter(selects).collect()
    }
}

/// What picks the pods that a policy restricts; without it, it is about all pods.
fn selected(policy: Object<'_>) -> Option<Selector<'_>> {
    at(policy.node, &["spec", "podSelector"]).map(Selector::Labels)
}

/// The policy to point at among those that restrict pods: one that is about these pods, before those for a whole namespace.
pub fn blamed<'a>(restricting: &[Object<'a>]) -> Option<Object<'a>> {
    let is_own = |policy: &&Object<'_>| selected(**policy).is_some_and(|selector| !selector.is_empty());
    restricting.iter().find(is_own).or_else(|| restricting.first()).copied()
}

/// Whether a policy is about a direction: without `policyTypes`, always about ingress, and about egress if it has such rules.
fn applies(policy: Object<'_>, direction: Direction) -> bool {
    let types = ["spec", "policyTypes"];
    let named = |node: &Node| node.scalar().is_some_and(|scalar| &*scalar.text == direction.name());
    if list_at(policy.node, &types).next().is_some() {
        return list_at(policy.node, &types).any(named);
    }
    direction == Direction::Ingress || rules(policy, Direction::Egress).next().is_some()
}

/// The rules of a policy in a direction.
pub fn rules(policy: Object<'_>, direction: Direction) -> impl Iterator<Item = &Node> {
    list_at(policy.node, &["spec", direction.keys().0])
}

/// The peers of a rule; none are all.
pub fn peers(rule: &Node, direction: Direction) -> Vec<&Node> {
    items(rule, direction.keys().1)
}

/// Whether a rule is about a port.
pub fn opens(rule: &Node, port: Port<'_>) -> bool {
    let ports = items(rule, "ports");
    ports.is_empty() || ports.into_iter().any(|entry| is_port(entry, port))
}

fn is_port(entry: &Node, port: Port<'_>) -> bool {
    if text_at(entry, &["protocol"]).unwrap_or("TCP") != port.protocol {
        return false;
    }
    let Some(text) = text_at(entry, &["port"]) else { return true };
    match (text.parse::<i64>(), int_at(entry, &["endPort"])) {
        (Ok(first), Some(last)) => (first..=last).contains(&port.number),
        (Ok(number), None) => number == port.number,
        // A name is what the pods at the other end give to a port.
        (Err(_), _) => port.owner.is_none_or(|pods| pods.port(text).is_none_or(|number| number == port.number)),
    }
}

/// Whether a peer may be these pods. Addresses are taken for theirs: no file says which they have.
pub fn admits(peer: &Node, policy: Object<'_>, cluster: &Cluster<'_>, pods: &Pods<'_>) -> bool {
    let (namespace, selector) = (peer.get("namespaceSelector"), peer.get("podSelector"));
    if peer.get("ipBlock").is_some() {
        return true;
    }
    let own = pods.object.namespace();
    let place = namespace.map_or_else(|| own == policy.namespace(), |selector| is_namespace(selector, cluster, own));
    place && selector.is_none_or(|selector| Selector::Labels(selector).fits(&pods.labels))
}

/// Whether a selector may be about a namespace. Its name is a label of it; others are known where it is among the files.
fn is_namespace(selector: &Node, cluster: &Cluster<'_>, namespace: &str) -> bool {
    const NAME: &str = "kubernetes.io/metadata.name";
    let selector = Selector::Labels(selector);
    let Some(known) = cluster.labels(namespace) else {
        return !selector.refuses(NAME, namespace);
    };
    let mut labels: BTreeMap<&str, &str> = known.clone();
    labels.insert(NAME, namespace);
    selector.fits(&labels)
}

/// Whether policies let something through: one of their rules is about the port, and one of its peers is right.
pub fn lets(
    policies: &[Object<'_>],
    direction: Direction,
    port: Port<'_>,
    right: impl Fn(Object<'_>, &Node) -> bool,
) -> bool {
    policies.is_empty()
        || policies.iter().any(|policy| {
            rules(*policy, direction).filter(|rule| opens(rule, port)).any(|rule| {
                let peers = peers(rule, direction);
                peers.is_empty() || peers.into_iter().any(|peer| right(*policy, peer))
            })
        })
}
