//! Kubernetes objects as rules look at them: kind, name, labels, pod template, containers.

use std::collections::BTreeMap;

use crate::diagnostics::Place;
use crate::document::Node;
use crate::estate::{Estate, Kind};

/// An object.
#[derive(Clone, Copy)]
pub struct Object<'a> {
    /// All of it.
    pub node: &'a Node,
}

impl<'a> Object<'a> {
    fn text(self, path: &[&str]) -> &'a str {
        text_at(self.node, path).unwrap_or_default()
    }

    /// Its kind: `Deployment`.
    pub fn kind(self) -> &'a str {
        self.text(&["kind"])
    }

    /// Its name.
    pub fn name(self) -> &'a str {
        self.text(&["metadata", "name"])
    }

    /// Its namespace; `default` where none is written.
    pub fn namespace(self) -> &'a str {
        text_at(self.node, &["metadata", "namespace"]).unwrap_or("default")
    }

    /// Its pod template: that of a workload, of a job, of a cron job.
    pub fn template(self) -> Option<&'a Node> {
        match self.kind() {
            "Pod" => Some(self.node),
            "CronJob" => at(self.node, &["spec", "jobTemplate", "spec", "template"]),
            "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" => at(self.node, &["spec", "template"]),
            _ => None,
        }
    }

    /// Where its kind is written: what it is pointed at when something is missing in it.
    pub fn place(self) -> Place {
        let name = at(self.node, &["metadata", "name"]).or_else(|| self.node.get("kind"));
        Place::Span(name.map_or(self.node.span, |node| node.span))
    }
}

/// All objects.
pub fn objects(estate: &Estate) -> impl Iterator<Item = Object<'_>> {
    estate.of(Kind::Kubernetes).map(|node| Object { node })
}

/// All objects of a kind.
pub fn of_kind<'a>(estate: &'a Estate, kind: &'static str) -> impl Iterator<Item = Object<'a>> {
    estate.objects(kind).map(|node| Object { node })
}

/// The value at the end of a path of keys.
pub fn at<'a>(node: &'a Node, path: &[&str]) -> Option<&'a Node> {
    path.iter().try_fold(node, |node, key| node.get(key))
}

/// The text at the end of a path of keys.
pub fn text_at<'a>(node: &'a Node, path: &[&str]) -> Option<&'a str> {
    at(node, path).and_then(Node::scalar).map(|scalar| &*scalar.text)
}

/// The whole number at the end of a path of keys.
pub fn int_at(node: &Node, path: &[&str]) -> Option<i64> {
    text_at(node, path)?.parse().ok()
}

/// The items of a list; none for anything else.
pub fn list(node: &Node) -> impl Iterator<Item = &Node> {
    match &node.kind {
        crate::document::NodeKind::List(items) => items.iter(),
        _ => [].iter(),
    }
}

/// The items of the list at the end of a path of keys.
pub fn list_at<'a>(node: &'a Node, path: &[&str]) -> impl Iterator<Item = &'a Node> + use<'a> {
    at(node, path).into_iter().flat_map(list)
}

/// A map of texts, such as labels.
pub fn texts(node: Option<&Node>) -> BTreeMap<&str, &str> {
    let entries = node.and_then(Node::map).unwrap_or_default().iter();
    entries.filter_map(|entry| Some((&*entry.key, &*entry.value.scalar()?.text))).collect()
}
