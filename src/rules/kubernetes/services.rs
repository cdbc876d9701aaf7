//! What leads from one object to another: the pods of a namespace, the selectors that pick them, Services and their ports.
//!
//! Files seldom show all of a cluster. Every answer here has a third value beside yes and no: not known from these files.

use std::collections::{BTreeMap, BTreeSet};

use super::objects::{Object, at, int_at, list, list_at, objects, of_kind, text_at, texts};
use super::selector::{ByLabel, Requirement, Test};
use crate::document::Node;
use crate::estate::Estate;

pub use super::selector::Selector;

/// API groups whose objects start no pods.
const PASSIVE: [&str; 34] = [
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apps",
    "autoscaling",
    "autoscaling.k8s.io",
    "batch",
    "bitnami.com",
    "cert-manager.io",
    "cilium.io",
    "coordination.k8s.io",
    "crd.projectcalico.org",
    "discovery.k8s.io",
    "elbv2.k8s.aws",
    "extensions.istio.io",
    "external-secrets.io",
    "externaldns.k8s.io",
    "gateway.networking.k8s.io",
    "karpenter.sh",
    "keda.sh",
    "kustomize.config.k8s.io",
    "kyverno.io",
    "monitoring.coreos.com",
    "networking.istio.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "policy.networking.k8s.io",
    "projectcalico.org",
    "rbac.authorization.k8s.io",
    "scheduling.k8s.io",
    "secrets-store.csi.x-k8s.io",
    "security.istio.io",
    "storage.k8s.io",
    "telemetry.istio.io",
];

/// Kinds of those groups that do.
const ACTIVE: [&str; 5] = ["Alertmanager", "Prometheus", "PrometheusAgent", "ScaledJob", "ThanosRuler"];

/// Namespaces that the cluster itself, or who runs it for others, fills with pods that stand in nobody's files.
const MANAGED: [&str; 5] = ["calico-system", "kube-node-lease", "kube-public", "kube-system", "tigera-operator"];
/// How the names of more of them begin.
const MANAGED_PREFIXES: [&str; 5] = ["aks-", "amazon-", "gke-", "gmp-", "openshift-"];

/// Pods that are started from one template.
pub struct Pods<'a> {
    /// What starts them.
    pub object: Object<'a>,
    /// Their template.
    pub template: &'a Node,
    /// The labels of the template.
    pub labels: BTreeMap<&'a str, &'a str>,
}

impl<'a> Pods<'a> {
    /// Their containers.
    pub fn containers(&self) -> impl Iterator<Item = &'a Node> + use<'a> {
        list_at(self.template, &["spec", "containers"])
    }

    /// The ports that their containers name, sidecars included: name, number.
    pub fn ports(&self) -> Vec<(&'a str, i64)> {
        let sidecars = list_at(self.template, &["spec", "initContainers"]);
        let ports = self.containers().chain(sidecars).flat_map(|container| list_at(container, &["ports"]));
        ports
            .filter_map(|port| Some((text_at(port, &["name"]).unwrap_or_default(), int_at(port, &["containerPort"])?)))
            .collect()
    }

    /// The number of a port that is given as a number or by its name.
    pub fn port(&self, text: &str) -> Option<i64> {
        text.parse().ok().or_else(|| self.ports().into_iter().find(|(name, _)| *name == text).map(|(_, port)| port))
    }

    /// How long they may go on after they were told to stop, in seconds, and where that is written.
    pub fn grace(&self) -> (i64, Option<&'a Node>) {
        let node = at(self.template, &["spec", "terminationGracePeriodSeconds"]);
        (int_at(self.template, &["spec", "terminationGracePeriodSeconds"]).unwrap_or(30), node)
    }
}

/// Whether a text is filled in later, by Helm, envsubst or the like.
pub fn is_later(text: &str) -> bool {
    text.contains(['$', '{', '<', '%'])
}

/// What a selector picks.
pub enum Picked<'c, 'a> {
    /// These pods.
    Pods(Vec<&'c Pods<'a>>),
    /// Nobody, and all pods of the namespace are known.
    Nobody,
    /// The files do not say.
    Unknown,
}

#[derive(Default)]
struct Namespace<'a> {
    pods: Vec<Pods<'a>>,
    labelled: ByLabel<'a>,
    /// Whether something in it starts pods that these files do not show.
    open: bool,
}

/// The pods of all namespaces.
pub struct Cluster<'a> {
    namespaces: BTreeMap<&'a str, Namespace<'a>>,
    /// The labels of the namespaces that are among the files.
    labels: BTreeMap<&'a str, BTreeMap<&'a str, &'a str>>,
    /// Whether labels are added or charts rendered before these files are applied.
    open: bool,
}

impl<'a> Cluster<'a> {
    /// Takes them from files.
    pub fn read(estate: &'a Estate) -> Self {
        let (mut namespaces, mut labels) = (BTreeMap::<&str, Namespace<'_>>::new(), BTreeMap::new());
        let (mut open, mut parts, mut whole) = (false, Vec::new(), BTreeSet::new());
        for object in objects(estate) {
            let Some(template) = object.template() else {
                match object.kind() {
                    "Namespace" => {
                        labels.insert(object.name(), texts(at(object.node, &["metadata", "labels"])));
                    }
                    "Kustomization" => {
                        open |=
                            ["labels", "commonLabels", "helmCharts"].iter().any(|key| object.node.get(key).is_some());
                    }
                    _ if starts_pods(object) => {
                        let elsewhere = [["spec", "targetNamespace"].as_slice(), &["spec", "destination", "namespace"]];
                        let targets = elsewhere.into_iter().filter_map(|path| text_at(object.node, path));
                        for namespace in targets.chain([object.namespace()]) {
                            namespaces.entry(namespace).or_default().open = true;
                        }
                    }
                    "Deployment" | "StatefulSet" | "DaemonSet" => parts.push(object),
                    _ => {}
                }
                continue;
            };
            let pods = Pods { object, template, labels: texts(at(template, &["metadata", "labels"])) };
            if pods.containers().any(|container| container.get("image").is_some()) {
                whole.insert((object.kind(), object.name()));
                let namespace = namespaces.entry(object.namespace()).or_default();
                namespace.labelled.add(namespace.pods.len(), &pods.labels);
                namespace.pods.push(pods);
            } else {
                parts.push(object);
            }
        }
        // A patch of something that is not among the files.
        for part in parts.into_iter().filter(|part| !whole.contains(&(part.kind(), part.name()))) {
            namespaces.entry(part.namespace()).or_default().open = true;
        }
        Self { namespaces, labels, open }
    }

    /// The pods of a namespace that are among the files.
    pub fn pods(&self, namespace: &str) -> &[Pods<'a>] {
        self.namespaces.get(namespace).map_or(&[], |namespace| &namespace.pods)
    }

    /// All pods that are among the files.
    pub fn all(&self) -> impl Iterator<Item = &Pods<'a>> {
        self.namespaces.values().flat_map(|namespace| &namespace.pods)
    }

    /// The labels of a namespace; none where it is not among the files.
    pub fn labels(&self, namespace: &str) -> Option<&BTreeMap<&'a str, &'a str>> {
        self.labels.get(namespace)
    }

    /// Whether all pods of a namespace are among the files, as far as files can show it: there are some, and nothing else that
    /// starts pods.
    pub fn knows(&self, namespace: &str) -> bool {
        !self.is_open(namespace) && !self.pods(namespace).is_empty()
    }

    /// Whether something in a namespace, or before these files are applied, makes objects that they do not show.
    pub fn is_open(&self, namespace: &str) -> bool {
        self.open || is_managed(namespace) || self.namespaces.get(namespace).is_some_and(|found| found.open)
    }

    /// The pods of a namespace that a selector picks.
    pub fn pick(&self, namespace: &str, selector: Selector<'_>) -> Picked<'_, 'a> {
        let requirements = selector.requirements();
        let later = |requirement: &Requirement<'_>| {
            is_later(requirement.key)
                || matches!(&requirement.test, Test::In(values) if values.iter().any(|value| is_later(value)))
        };
        let carried = |key: &str| self.namespaces.get(namespace).is_some_and(|known| known.labelled.has(key));
        if requirements.iter().any(later) {
            return Picked::Unknown;
        }
        // What is written when pods run is no reason against a template; alone it says nothing.
        let (given, asked): (Vec<_>, Vec<_>) =
            requirements.iter().partition(|requirement| !carried(requirement.key) && requirement.is_given());
        let foreign = |requirement: &&Requirement<'_>| {
            requirement.is_positive() && !carried(requirement.key) && requirement.is_foreign()
        };
        if asked.is_empty() && !given.is_empty() || asked.iter().any(foreign) {
            return Picked::Unknown;
        }
        let sure = asked.iter().filter_map(|requirement| match &requirement.test {
            Test::In(values) => Some((requirement.key, values.as_slice())),
            _ => None,
        });
        let holds = |pods: &&Pods<'_>| asked.iter().all(|requirement| requirement.holds(&pods.labels));
        let picked: Vec<&Pods<'_>> =
            self.numbered(namespace, |labelled| labelled.fulfilling(sure.clone())).filter(holds).collect();
        match picked.is_empty() {
            false => Picked::Pods(picked),
            true if self.knows(namespace) => Picked::Nobody,
            true => Picked::Unknown,
        }
    }

    /// The pods of a namespace that a selector fits, with what is written on them when they run.
    pub fn fitting(&self, namespace: &str, selector: Selector<'_>) -> Vec<&Pods<'a>> {
        let fits = |pods: &&Pods<'_>| selector.fits(&pods.labels);
        self.numbered(namespace, |labelled| labelled.fitting(selector)).filter(fits).collect()
    }

    /// The pods of a namespace that their labels are looked up by; all, where nothing is looked up.
    fn numbered(
        &self,
        namespace: &str,
        look_up: impl Fn(&ByLabel<'a>) -> Option<Vec<usize>>,
    ) -> impl Iterator<Item = &Pods<'a>> {
        self.namespaces.get(namespace).into_iter().flat_map(move |known| {
            let numbers = look_up(&known.labelled).unwrap_or_else(|| (0..known.pods.len()).collect());
            numbers.into_iter().filter_map(|number| known.pods.get(number))
        })
    }

    /// The names of the namespaces that have pods.
    pub fn namespaces(&self) -> impl Iterator<Item = &'a str> {
        self.namespaces.keys().copied()
    }

    /// The pods whose labels come nearest to a selector that fits none, and the condition that they miss.
    pub fn nearest(&self, namespace: &str, selector: Selector<'_>) -> Option<(&Pods<'a>, String)> {
        let requirements = selector.requirements();
        let missed = |pods: &Pods<'_>| requirements.iter().filter(|r| !r.holds(&pods.labels)).count();
        let pods = self.pods(namespace).iter().min_by_key(|pods| missed(pods))?;
        let first = requirements.iter().find(|requirement| !requirement.holds(&pods.labels))?;
        let key = first.key.escape_debug();
        let has = pods
            .labels
            .get(first.key)
            .map_or_else(|| format!("has no label `{key}`"), |value| format!("has `{key}: {}`", value.escape_debug()));
        Some((pods, has))
    }
}

/// Whether a namespace holds pods of the cluster itself, such as those of its DNS server.
fn is_managed(namespace: &str) -> bool {
    MANAGED.contains(&namespace) || MANAGED_PREFIXES.iter().any(|prefix| namespace.starts_with(prefix))
}

/// Whether an object that is no workload of Kubernetes itself starts pods, as an operator's does.
fn starts_pods(object: Object<'_>) -> bool {
    let version = text_at(object.node, &["apiVersion"]).unwrap_or_default();
    let Some((group, _)) = version.split_once('/') else { return object.kind() == "ReplicationController" };
    !PASSIVE.contains(&group) || ACTIVE.contains(&object.kind())
}

/// The Services of a namespace and name; there may be one in each of several clusters.
pub fn named<'a>(estate: &'a Estate, namespace: &str, name: &str) -> Vec<Object<'a>> {
    of_kind(estate, "Service").filter(|service| service.namespace() == namespace && service.name() == name).collect()
}

/// The selector of a Service that has one.
pub fn selector(service: Object<'_>) -> Option<&Node> {
    let selector = at(service.node, &["spec", "selector"])?;
    let external = text_at(service.node, &["spec", "type"]) == Some("ExternalName");
    (!external && selector.map().is_some_and(|entries| !entries.is_empty())).then_some(selector)
}

/// The ports of a Service.
pub fn ports(service: Object<'_>) -> impl Iterator<Item = &Node> {
    list_at(service.node, &["spec", "ports"])
}

/// The port of a Service by its number or its name.
pub fn port<'a>(service: Object<'a>, text: &str) -> Option<&'a Node> {
    ports(service).find(|port| text_at(port, &["port"]) == Some(text) || text_at(port, &["name"]) == Some(text))
}

/// What a port of a Service leads to in its pods: a number, or the name of a port.
pub fn target(port: &Node) -> Option<&str> {
    text_at(port, &["targetPort"]).or_else(|| text_at(port, &["port"]))
}

/// The Services that the backends of an Ingress name: the node of each backend.
pub fn backends<'a>(ingress: Object<'a>) -> Vec<&'a Node> {
    let rules = list_at(ingress.node, &["spec", "rules"]).flat_map(|rule| list_at(rule, &["http", "paths"]));
    let all = rules.filter_map(|path| at(path, &["backend", "service"]));
    at(ingress.node, &["spec", "defaultBackend", "service"]).into_iter().chain(all).collect()
}

/// The annotations of an object.
pub fn annotations(object: Object<'_>) -> &[crate::document::node::Entry] {
    at(object.node, &["metadata", "annotations"]).and_then(Node::map).unwrap_or_default()
}

/// The value of an annotation.
pub fn annotation<'a>(object: Object<'a>, key: &str) -> Option<&'a Node> {
    annotations(object).iter().find(|entry| &*entry.key == key).map(|entry| &entry.value)
}

/// The class of an Ingress, where it is written.
pub fn class(ingress: Object<'_>) -> Option<&Node> {
    let written = at(ingress.node, &["spec", "ingressClassName"]).filter(|node| !node.is_null());
    written.or_else(|| annotation(ingress, "kubernetes.io/ingress.class"))
}

/// The items of a list at a key, or none.
pub fn items<'a>(node: &'a Node, key: &str) -> Vec<&'a Node> {
    node.get(key).map(|node| list(node).collect()).unwrap_or_default()
}
