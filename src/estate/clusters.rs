//! Which files belong together: one directory a region, or an environment, holds objects of the same names for another cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Estate, File, Kind};
use crate::document::{Node, NodeKind};

/// An object is the same in two files when kind, namespace and name are.
type Identity<'a> = (&'a str, &'a str, &'a str);

impl Estate {
    /// The files of each cluster. Where whole objects of one kind, namespace and name stand in several directories side by side,
    /// each of these directories is for a cluster of its own, together with the files that lie in none of them; otherwise all
    /// files are for one.
    pub fn clusters(&self) -> Vec<Self> {
        let split = self.side_by_side();
        if split.is_empty() {
            return vec![Self::of_files(Arc::clone(&self.sources), self.files.clone())];
        }
        let of = |file: &File| {
            let directory = self.directory(file);
            split.iter().find(|one| directory.starts_with(one.as_slice()))
        };
        let clusters = split.iter().map(|one| {
            let files = self.files.iter().filter(|file| of(file).is_none_or(|other| other == one)).cloned().collect();
            Self::of_files(Arc::clone(&self.sources), files)
        });
        // Below each of them there may be others: a directory an environment, and in it one a region.
        clusters.flat_map(|cluster| cluster.clusters()).collect()
    }

    /// The names of the directories that a file lies in.
    fn directory(&self, file: &File) -> Vec<&str> {
        let name = self.sources.get(file.index as usize).map_or("", |source| source.name.as_str());
        let mut parts: Vec<&str> = name.split('/').collect();
        parts.pop();
        parts
    }

    /// The directories that hold the same objects: children of one directory, the uppermost one for which that is so.
    fn side_by_side(&self) -> BTreeSet<Vec<&str>> {
        let mut places: BTreeMap<Identity<'_>, BTreeSet<Vec<&str>>> = BTreeMap::new();
        for file in self.files.iter().filter(|file| file.kind == Kind::Kubernetes) {
            for object in file.documents.iter().filter(|object| is_whole(object)) {
                places.entry(identity(object)).or_default().insert(self.directory(file));
            }
        }
        let mut found: BTreeMap<Vec<&str>, BTreeSet<Vec<&str>>> = BTreeMap::new();
        for directories in places.into_values().filter(|directories| directories.len() > 1) {
            let mut all = directories.iter();
            let Some(first) = all.next() else { continue };
            let common = all.fold(first.len(), |common, other| {
                first.iter().zip(other).take(common).take_while(|(one, other)| one == other).count()
            });
            // One that lies in the other's directory adds to it.
            if directories.iter().any(|directory| directory.len() <= common) {
                continue;
            }
            let children = directories.iter().map(|directory| directory[..=common].to_vec());
            found.entry(first[..common].to_vec()).or_default().extend(children);
        }
        found.into_iter().min_by_key(|(parent, _)| parent.len()).map(|(_, children)| children).unwrap_or_default()
    }
}

fn text<'a>(node: &'a Node, path: &[&str]) -> &'a str {
    let end = path.iter().try_fold(node, |node, key| node.get(key));
    end.and_then(Node::scalar).map_or("", |scalar| &scalar.text)
}

fn identity(object: &Node) -> Identity<'_> {
    (text(object, &["kind"]), text(object, &["metadata", "namespace"]), text(object, &["metadata", "name"]))
}

/// Whether an object stands there as it is applied: what runs pods has images, and an overlay of Kustomize leaves them out.
fn is_whole(object: &Node) -> bool {
    let kind = text(object, &["kind"]);
    if matches!(kind, "Kustomization" | "Component" | "") || text(object, &["metadata", "name"]).is_empty() {
        return false;
    }
    let spec = object.get("spec");
    let template = spec.and_then(|spec| spec.get("template"));
    match kind {
        "Deployment" | "StatefulSet" | "DaemonSet" => template.is_some_and(|template| {
            let containers = template.get("spec").and_then(|spec| spec.get("containers"));
            containers.is_some_and(|list| match &list.kind {
                NodeKind::List(items) => items.iter().any(|container| container.get("image").is_some()),
                _ => false,
            })
        }),
        "Service" => spec.is_some_and(|spec| spec.get("ports").is_some()),
        "HorizontalPodAutoscaler" => spec.is_some_and(|spec| spec.get("scaleTargetRef").is_some()),
        "PodDisruptionBudget" => spec.is_some_and(|spec| spec.get("selector").is_some()),
        _ => false,
    }
}
