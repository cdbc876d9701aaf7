//! The objects of one region, as its cluster would hold them.

use std::collections::{BTreeMap, BTreeSet};

use super::File;
use crate::blueprint::names;
use crate::render::Artifact;
use crate::verify::Fault;
use crate::verify::tree::{Node, Value};

/// The port of a sidecar's metrics: no file has it, Istio adds the container.
const SIDECAR_METRICS: &str = "http-envoy-prom";

/// A fault with the file that it stands in.
pub type Found<'a> = (&'a Artifact, Fault);

/// An object.
#[derive(Clone, Copy)]
pub struct Object<'a, 'n> {
    /// The file that it stands in.
    pub artifact: &'a Artifact,
    /// The object.
    pub node: &'n Node<'a>,
    /// Its kind.
    pub kind: &'n str,
    /// Its namespace; empty for what belongs to the whole cluster.
    pub namespace: &'n str,
    /// Its name.
    pub name: &'n str,
}

/// The template of pods, with the object that makes them.
#[derive(Clone, Copy)]
pub struct Pods<'a, 'n> {
    /// What makes them.
    pub owner: Object<'a, 'n>,
    /// `metadata` and `spec` of a pod.
    pub template: &'n Node<'a>,
}

/// All objects of a region.
pub struct World<'a, 'n> {
    /// The objects, in the order of the files.
    pub objects: Vec<Object<'a, 'n>>,
    /// The templates of pods.
    pub pods: Vec<Pods<'a, 'n>>,
    by_name: BTreeMap<(&'n str, &'n str, &'n str), usize>,
    by_label: BTreeMap<(&'n str, &'n str), Vec<usize>>,
    services_by_label: BTreeMap<(&'n str, &'n str), Vec<usize>>,
    hosts: BTreeSet<&'n str>,
    by_kind: BTreeMap<&'n str, Vec<usize>>,
}

impl<'a, 'n> Object<'a, 'n> {
    /// A fault of this object, at a node in it.
    pub fn fault(&self, at: &Node<'_>, message: String) -> Found<'a> {
        let line = if at.line > 0 { at.line } else { self.node.line };
        (self.artifact, Fault::at(line, format!("{} {}: {message}", self.kind, self.name)))
    }
}

impl<'a, 'n> Pods<'a, 'n> {
    /// The labels of the pods.
    pub fn labels(&self) -> &'n [(crate::verify::tree::Key<'a>, Node<'a>)] {
        self.template.at(&["metadata", "labels"]).map_or(&[], Node::entries)
    }

    /// The containers, init containers first.
    pub fn containers(&self) -> impl Iterator<Item = &'n Node<'a>> + use<'a, 'n> {
        let spec = self.template.get("spec");
        let list = move |key: &str| spec.map_or(&[][..], |spec| spec.list(key)).iter();
        list("initContainers").chain(list("containers"))
    }

    /// Whether a container has a port of that name or number, or the sidecar that the mesh puts into the pod.
    pub fn has_port(&self, port: &Node<'_>) -> bool {
        let injected = self.template.text_at(&["metadata", "labels", "sidecar.istio.io/inject"]) == Some("true");
        if injected && matches!(&port.value, Value::Text(name) if name == SIDECAR_METRICS) {
            return true;
        }
        self.containers().flat_map(|c| c.list("ports")).any(|p| match &port.value {
            Value::Int(number) => p.get("containerPort").and_then(Node::int) == Some(*number),
            Value::Text(name) => p.text_at(&["name"]) == Some(name),
            _ => false,
        })
    }
}

impl<'a, 'n> World<'a, 'n> {
    /// The world of these files.
    pub fn new(files: &[&File<'a, 'n>]) -> Self {
        let mut world = Self {
            objects: Vec::new(),
            pods: Vec::new(),
            by_name: BTreeMap::new(),
            by_label: BTreeMap::new(),
            services_by_label: BTreeMap::new(),
            hosts: BTreeSet::new(),
            by_kind: BTreeMap::new(),
        };
        for file in files {
            for node in file.documents {
                let Some(kind) = node.text_at(&["kind"]) else { continue };
                let object = Object {
                    artifact: file.artifact,
                    node,
                    kind,
                    namespace: node.text_at(&["metadata", "namespace"]).unwrap_or_default(),
                    name: node.text_at(&["metadata", "name"]).unwrap_or_default(),
                };
                let at = world.objects.len();
                world.by_name.entry((object.kind, object.namespace, object.name)).or_insert(at);
                world.by_kind.entry(object.kind).or_default().push(at);
                world.objects.push(object);
                match kind {
                    "Service" => {
                        for (key, value) in node.at(&["metadata", "labels"]).map_or(&[][..], Node::entries) {
                            let pair = (key.text.as_ref(), value.text().unwrap_or_default());
                            world.services_by_label.entry(pair).or_default().push(at);
                        }
                    }
                    "ServiceEntry" => {
                        let hosts = node.get("spec").map_or(&[][..], |spec| spec.list("hosts"));
                        world.hosts.extend(hosts.iter().filter_map(Node::text));
                    }
                    _ => {}
                }
                let path: &[&str] = match kind {
                    "Deployment" | "StatefulSet" | "DaemonSet" | "Job" => &["spec", "template"],
                    "CronJob" => &["spec", "jobTemplate", "spec", "template"],
                    "Pod" => &[],
                    _ => continue,
                };
                if let Some(template) = node.at(path) {
                    world.pods.push(Pods { owner: object, template });
                }
            }
        }
        for (at, pods) in world.pods.iter().enumerate() {
            for (key, value) in pods.labels() {
                world.by_label.entry((key.text.as_ref(), value.text().unwrap_or_default())).or_default().push(at);
            }
        }
        world
    }

    /// The objects of a kind.
    pub fn of_kind(&self, kind: &str) -> impl Iterator<Item = Object<'a, 'n>> {
        self.by_kind.get(kind).into_iter().flatten().map(|at| self.objects[*at])
    }

    /// The Services of a namespace that have all of these labels.
    pub fn services(
        &self,
        namespace: &str,
        wanted: &[(crate::verify::tree::Key<'_>, Node<'_>)],
    ) -> Vec<Object<'a, 'n>> {
        let pairs = wanted.iter().map(|(key, value)| (key.text.as_ref(), value.text().unwrap_or_default()));
        let having = pairs.map(|pair| self.services_by_label.get(&pair).map_or(&[][..], Vec::as_slice));
        // By the label that fewest have, as with pods.
        let candidates = match having.min_by_key(|services| services.len()) {
            Some(services) => services,
            None => self.by_kind.get("Service").map_or(&[][..], Vec::as_slice),
        };
        let has = |service: &Object<'_, '_>, (key, value): &(crate::verify::tree::Key<'_>, Node<'_>)| {
            let labels = service.node.at(&["metadata", "labels"]).map_or(&[][..], Node::entries);
            label(labels, &key.text) == value.text()
        };
        let services = candidates.iter().map(|at| self.objects[*at]);
        services.filter(|s| s.namespace == namespace && wanted.iter().all(|pair| has(s, pair))).collect()
    }

    /// Whether a ServiceEntry tells the mesh of a host.
    pub fn has_host(&self, host: &str) -> bool {
        self.hosts.contains(host)
    }

    /// An object by kind, namespace and name.
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Object<'a, 'n>> {
        self.by_name.get(&(kind, namespace, name)).map(|at| self.objects[*at])
    }

    /// Objects that stand twice.
    pub fn twice(&self) -> Vec<Found<'a>> {
        let mut found = Vec::new();
        let mut seen: BTreeMap<(&str, &str, &str, &str), Object<'_, '_>> = BTreeMap::new();
        for object in &self.objects {
            let version = object.node.text_at(&["apiVersion"]).unwrap_or_default();
            let group = version.rsplit_once('/').map_or("", |(group, _)| group);
            if let Some(first) = seen.insert((group, object.kind, object.namespace, object.name), *object) {
                found.push(object.fault(object.node, format!("stands twice, first in {}", first.artifact.path)));
            }
        }
        found
    }

    /// The templates of a namespace whose pods a label selector picks. Labels that are set at run time count as there.
    pub fn selected(&self, namespace: &str, selector: &Node<'_>) -> Vec<Pods<'a, 'n>> {
        let labels = selector.get("matchLabels").unwrap_or(selector);
        let plain: Vec<(&str, &str)> = labels
            .entries()
            .iter()
            .filter(|(key, _)| {
                !at_run_time(&key.text) && !matches!(key.text.as_ref(), "matchLabels" | "matchExpressions")
            })
            .map(|(key, value)| (key.text.as_ref(), value.text().unwrap_or_default()))
            .collect();
        let expressions = selector.list("matchExpressions");
        // By the label that fewest have: a thousand services share all but one.
        let having = |pair| self.by_label.get(pair).map_or(&[][..], Vec::as_slice);
        let candidates: Vec<usize> = match plain.iter().map(having).min_by_key(|pods| pods.len()) {
            Some(pods) => pods.to_vec(),
            None => (0..self.pods.len()).collect(),
        };
        candidates
            .into_iter()
            .map(|at| self.pods[at])
            .filter(|pods| pods.owner.namespace == namespace)
            .filter(|pods| plain.iter().all(|(key, value)| label(pods.labels(), key) == Some(*value)))
            .filter(|pods| expressions.iter().all(|expression| fits(pods.labels(), expression)))
            .collect()
    }
}

/// Labels that nobody writes into a template: Patroni's role, and what the StatefulSet controller adds.
fn at_run_time(key: &str) -> bool {
    matches!(key, names::PATRONI_ROLE | "statefulset.kubernetes.io/pod-name" | "apps.kubernetes.io/pod-index")
}

/// The value of a label.
pub fn label<'n>(labels: &'n [(crate::verify::tree::Key<'_>, Node<'_>)], key: &str) -> Option<&'n str> {
    labels.iter().find(|(k, _)| k.text == key).and_then(|(_, value)| value.text())
}

/// Whether labels fit an expression of a selector.
fn fits(labels: &[(crate::verify::tree::Key<'_>, Node<'_>)], expression: &Node<'_>) -> bool {
    let key = expression.text_at(&["key"]).unwrap_or_default();
    if at_run_time(key) {
        return true;
    }
    let value = label(labels, key);
    let listed = value.is_some_and(|value| expression.list("values").iter().any(|v| v.text() == Some(value)));
    match expression.text_at(&["operator"]) {
        Some("In") => listed,
        Some("NotIn") => !listed,
        Some("Exists") => value.is_some(),
        Some("DoesNotExist") => value.is_none(),
        _ => false,
    }
}

/// A selector in words.
pub fn words(selector: &Node<'_>) -> String {
    let labels = selector.get("matchLabels").unwrap_or(selector);
    let pairs = labels.entries().iter().filter_map(|(key, value)| Some(format!("{}={}", key.text, value.text()?)));
    pairs.collect::<Vec<_>>().join(",")
}
