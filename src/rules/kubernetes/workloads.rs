//! Workloads as rules look at them: how many pods they have, what scales them, which selectors pick their own pods.
//!
//! What a manifest leaves open stays open here: a figure that cannot be read is `None`, and no rule judges by it.

use std::collections::{BTreeMap, BTreeSet};

use super::objects::{Object, at, list_at, objects, of_kind, text_at, texts};
use super::patches::{Patches, patched_scalers};
use super::scalers::Scaler;
use super::selector::Selector;
use crate::diagnostics::Place;
use crate::document::Node;
use crate::estate::Estate;
use crate::rules::view::View;

/// So many zones a region commonly has. How many the cluster has is not in these files.
pub(super) const ZONES: i64 = 3;

/// A Deployment, StatefulSet or DaemonSet.
pub(super) struct Workload<'a> {
    /// All of it.
    pub object: Object<'a>,
    /// Its pod template.
    pub template: &'a Node,
    /// The labels of its pods.
    pub labels: BTreeMap<&'a str, &'a str>,
    /// What scales it.
    pub scaler: Option<Scaler<'a>>,
    /// Whether a patch among the files, of itself or of its autoscaler, writes how many pods it has.
    resized: bool,
}

/// A number of pods, and where it is written.
pub(super) struct Replicas {
    /// The number.
    pub count: i64,
    /// Where it is written; the workload where it is a default.
    pub place: Place,
    /// What is said of it there.
    pub what: &'static str,
}

/// What is written as a whole among the files of a cluster, and the patches of it. Read once, for all rules.
pub struct Workloads<'a> {
    all: Vec<Workload<'a>>,
    /// What runs on and on, with its pod template.
    lasting: Vec<(Object<'a>, &'a Node)>,
    patches: Patches<'a>,
}

impl<'a> Workloads<'a> {
    /// Those of these files.
    pub fn read(estate: &'a Estate) -> Self {
        let mut scaled: BTreeMap<(&str, &str), Vec<Scaler<'_>>> = BTreeMap::new();
        for scaler in Scaler::all(estate) {
            scaled.entry((scaler.kind, scaler.name)).or_default().push(scaler);
        }
        let whole = Whole::of(estate);
        let (patches, scalers) = (Patches::of(estate, |object| whole.has(object)), patched_scalers(estate));
        let (mut all, mut lasting) = (Vec::new(), Vec::new());
        for kind in ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod"] {
            for object in of_kind(estate, kind).filter(|object| whole.has(*object)) {
                let Some(template) = object.template() else { continue };
                lasting.push((object, template));
                if matches!(kind, "ReplicaSet" | "Pod") {
                    continue;
                }
                let known = scaled.get(&(kind, object.name())).map(Vec::as_slice).unwrap_or_default();
                let scaler = known.iter().find(|scaler| may_share(scaler.object, object)).copied();
                let patched = scaler.is_some_and(|s| scalers.contains(&(s.object.kind(), s.object.name())));
                let resized = patched || patches.may_write(object, &["replicas"]);
                let labels = texts(at(template, &["metadata", "labels"]));
                all.push(Workload { object, template, labels, scaler, resized });
            }
        }
        Self { all, lasting, patches }
    }
}

/// All workloads that are written as a whole. A patch of one is none: what it lacks stands in what it patches.
pub(super) fn workloads<'v, 'a>(view: &'v View<'a>) -> &'v [Workload<'a>] {
    &view.workloads().all
}

/// The workloads of which no patch among the files may write one of these keys.
pub(super) fn settled<'v, 'a>(view: &'v View<'a>, keys: &'v [&'v str]) -> impl Iterator<Item = &'v Workload<'a>> {
    let Workloads { all, patches, .. } = view.workloads();
    all.iter().filter(move |workload| !patches.may_write(workload.object, keys))
}

/// What runs on and on: workloads and single pods, each with its pod template; no jobs, no patches, and nothing of which a
/// patch among the files may write one of these keys.
pub(super) fn running<'v, 'a>(view: &'v View<'a>, keys: &'v [&'v str]) -> impl Iterator<Item = (Object<'a>, &'a Node)> {
    let Workloads { lasting, patches, .. } = view.workloads();
    lasting.iter().copied().filter(move |(object, _)| !patches.may_write(*object, keys))
}

/// Which objects are written as a whole.
struct Whole<'a> {
    selecting: BTreeSet<(&'a str, &'a str)>,
}

impl<'a> Whole<'a> {
    /// Those of these files.
    fn of(estate: &'a Estate) -> Self {
        let selecting = objects(estate).filter(|object| at(object.node, &["spec", "selector"]).is_some());
        Self { selecting: selecting.map(|object| (object.kind(), object.name())).collect() }
    }

    /// Whether an object is whole: a container has an image, and its selector, where it lacks one, stands in no other object
    /// of the same kind and name.
    fn has(&self, object: Object<'a>) -> bool {
        let imaged = object.template().is_some_and(|template| containers(template).any(|c| c.get("image").is_some()));
        let patched = object.kind() != "Pod"
            && at(object.node, &["spec", "selector"]).is_none()
            && self.selecting.contains(&(object.kind(), object.name()));
        imaged && !patched
    }
}

/// The containers of a pod template that run as long as the pod.
pub(super) fn containers(template: &Node) -> impl Iterator<Item = &Node> {
    list_at(template, &["spec", "containers"])
}

/// The name of an object as messages show it.
pub(super) fn shown(object: Object<'_>) -> String {
    object.name().escape_debug().to_string()
}

/// The name of a container as messages show it: that of its object, and its own where it is another.
pub(super) fn shown_container(object: Object<'_>, container: &Node) -> String {
    match text_at(container, &["name"]).filter(|name| *name != object.name()) {
        Some(name) => format!("{}/{}", shown(object), name.escape_debug()),
        None => shown(object),
    }
}

/// Whether two objects may be in one namespace: one that is not written may be any.
pub(super) fn may_share(one: Object<'_>, other: Object<'_>) -> bool {
    let written = |object: Object<'_>| at(object.node, &["metadata", "namespace"]).is_some();
    one.namespace() == other.namespace() || !written(one) || !written(other)
}

/// The number at the end of a path: a default where nothing is written, nothing where the API server would take it for no
/// number of this kind.
pub(super) fn number(node: &Node, path: &[&str], default: i64) -> Option<i64> {
    match at(node, path).filter(|node| !node.is_null()) {
        None => Some(default),
        Some(node) => whole_number(node),
    }
}

/// A whole number from 0 on that fits into 32 bits, so that products of two fit into 64.
pub(super) fn whole_number(node: &Node) -> Option<i64> {
    node.scalar()?.text.parse::<i32>().ok().map(i64::from).filter(|number| *number >= 0)
}

/// A value that is a number or a percentage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Share {
    /// `2`
    Count(i64),
    /// `50%`
    Percent(i64),
}

impl Share {
    /// Reads one.
    pub fn of(node: &Node) -> Option<Self> {
        let text = &*node.scalar()?.text;
        match text.strip_suffix('%') {
            None => whole_number(node).map(Self::Count),
            Some(digits) => digits.parse::<i32>().ok().filter(|n| *n >= 0).map(|n| Self::Percent(n.into())),
        }
    }

    /// What it is at the end of a path; a default where nothing is written.
    pub fn at(node: &Node, path: &[&str], default: Self) -> Option<Self> {
        match at(node, path).filter(|node| !node.is_null()) {
            None => Some(default),
            Some(node) => Self::of(node),
        }
    }

    /// So many of a total, rounded down.
    pub fn down(self, total: i64) -> i64 {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => total.saturating_mul(percent) / 100,
        }
    }

    /// So many of a total, rounded up.
    pub fn up(self, total: i64) -> i64 {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => total.saturating_mul(percent).saturating_add(99) / 100,
        }
    }
}

impl<'a> Workload<'a> {
    /// Whether it says itself how many pods it has: a DaemonSet has one a node.
    pub fn is_counted(&self) -> bool {
        self.object.kind() != "DaemonSet"
    }

    /// Whether each of its pods has a volume of its own, which may bind it to a zone.
    pub fn has_own_volumes(&self) -> bool {
        list_at(self.object.node, &["spec", "volumeClaimTemplates"]).next().is_some()
    }

    /// What `spec.replicas` says, or the default of 1; nothing where a patch says something else.
    fn asked(&self) -> Option<Replicas> {
        if self.resized {
            return None;
        }
        let path = ["spec", "replicas"];
        let count = number(self.object.node, &path, 1).filter(|_| self.is_counted())?;
        let written = at(self.object.node, &path).filter(|node| !node.is_null());
        let place = written.map_or_else(|| self.object.place(), |node| Place::Span(node.span));
        let what = if written.is_some() { "so many are asked for" } else { "one, where nothing is written" };
        Some(Replicas { count, place, what })
    }

    /// The pods that always run. Zero replicas are switched off, whatever would scale them.
    pub fn least(&self) -> Option<Replicas> {
        let asked = self.asked()?;
        match self.scaler {
            Some(scaler) if asked.count > 0 => {
                let (count, place) = scaler.least()?;
                Some(Replicas { count, place, what: "the autoscaler keeps so many" })
            }
            _ => Some(asked),
        }
    }

    /// The pods that may run.
    pub fn most(&self) -> Option<Replicas> {
        let asked = self.asked()?;
        match self.scaler {
            Some(scaler) if asked.count > 0 => {
                let (count, place) = scaler.most()?;
                Some(Replicas { count, place, what: "the autoscaler may start so many" })
            }
            _ => Some(asked),
        }
    }

    /// The required terms of its pod anti-affinity.
    pub fn required(&self) -> impl Iterator<Item = &'a Node> {
        let path = ["spec", "affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution"];
        list_at(self.template, &path)
    }

    /// The preferred terms of its pod anti-affinity.
    pub fn preferred(&self) -> impl Iterator<Item = &'a Node> {
        let path = ["spec", "affinity", "podAntiAffinity", "preferredDuringSchedulingIgnoredDuringExecution"];
        list_at(self.template, &path).filter_map(|term| term.get("podAffinityTerm"))
    }

    /// Its topology spread constraints.
    pub fn spread(&self) -> impl Iterator<Item = &'a Node> {
        list_at(self.template, &["spec", "topologySpreadConstraints"])
    }

    /// Whether a selector picks its pods.
    pub fn picked(&self, selector: &Node) -> bool {
        Selector::Labels(selector).picks(&self.labels)
    }

    /// Whether a term or a constraint is about its own pods: its selector picks them; or the template has no labels at all,
    /// so that the API server takes none of it, and the selector names the workload.
    pub fn is_own(&self, term: &Node) -> bool {
        let Some(selector) = term.get("labelSelector") else { return false };
        let elsewhere = list_at(term, &["namespaces"]).next().is_some()
            && !list_at(term, &["namespaces"])
                .any(|name| name.scalar().is_some_and(|name| &*name.text == self.object.namespace()));
        !elsewhere && if self.labels.is_empty() { self.is_named(selector) } else { self.picked(selector) }
    }

    /// Whether a value of a selector is the name of the workload.
    pub fn is_named(&self, selector: &Node) -> bool {
        let name = self.object.name();
        let among = |expression: &Node| {
            text_at(expression, &["operator"]) == Some("In")
                && list_at(expression, &["values"]).any(|v| v.scalar().is_some_and(|v| &*v.text == name))
        };
        !name.is_empty()
            && (texts(selector.get("matchLabels")).values().any(|value| *value == name)
                || list_at(selector, &["matchExpressions"]).any(among))
    }

    /// The required term by which each of its pods needs a zone of its own.
    pub fn zone_term(&self) -> Option<&'a Node> {
        self.required().find(|term| text_at(term, &["topologyKey"]).is_some_and(is_zone) && self.is_own(term))
    }
}

/// Whether a topology key is that of zones.
pub(super) fn is_zone(key: &str) -> bool {
    key.ends_with("/zone")
}
