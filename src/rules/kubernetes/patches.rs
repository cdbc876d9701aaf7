//! What kustomize may still change in a workload: the keys that patches among the files write.
//!
//! A rule that judges a key leaves out a workload for which a patch writes it: what is applied then stands in none of the
//! files. What a patch writes is taken from its keys alone, wherever they stand in it.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::objects::{Object, at, list, list_at, objects, of_kind, text_at};
use super::workloads::may_share;
use crate::document::{Node, NodeKind, Source, yaml};
use crate::estate::Estate;

/// The keys that a patch writes.
#[derive(Debug, Clone, Default)]
struct Written {
    keys: BTreeSet<String>,
    /// Whether it may write anything: it cannot be read, or it takes the place of a whole part.
    all: bool,
}

/// Which of the objects of a Kustomization a patch is for.
struct Target {
    kind: Option<String>,
    /// The files that its Kustomization leads to; all, where it does not say.
    files: Option<Arc<BTreeSet<u32>>>,
    written: Written,
}

/// What a patch says of itself, where no target is written: kind and name.
type Own = Option<(Option<String>, String)>;

/// All patches that are among the files.
pub(super) struct Patches<'a> {
    /// Those that are written like what they change: kind and name.
    alike: BTreeMap<(&'a str, &'a str), Vec<(Object<'a>, Written)>>,
    /// Those that a Kustomization holds or names, by the exact name of their target.
    named: BTreeMap<String, Vec<Target>>,
    /// Those for several objects.
    several: Vec<Target>,
}

impl<'a> Patches<'a> {
    /// Those of these files; `whole` tells what is no patch.
    pub fn of(estate: &'a Estate, whole: impl Fn(Object<'a>) -> bool) -> Self {
        let mut alike: BTreeMap<(&str, &str), Vec<(Object<'_>, Written)>> = BTreeMap::new();
        for object in objects(estate).filter(|object| is_patch(*object) && !whole(*object)) {
            let mut written = Written::default();
            written.add(object.node);
            alike.entry((object.kind(), object.name())).or_default().push((object, written));
        }
        let mut patches = Self { alike, named: BTreeMap::new(), several: Vec::new() };
        let mut kustomizations = of_kind(estate, "Kustomization").chain(of_kind(estate, "Component")).peekable();
        if kustomizations.peek().is_some() {
            let files = Files::of(estate);
            kustomizations.for_each(|object| patches.read(object, &files));
        }
        patches
    }

    /// What a Kustomization writes.
    fn read(&mut self, object: Object<'a>, files: &Files<'_>) {
        let reached = OnceCell::new();
        let reached = || {
            let files = reached.get_or_init(|| Arc::new(files.reached(object)));
            (object.kind() == "Kustomization" && !files.is_empty()).then(|| Arc::clone(files))
        };
        for name in list_at(object.node, &["replicas"]).filter_map(|replicas| text_at(replicas, &["name"])) {
            let written = Written { keys: BTreeSet::from(["replicas".to_owned()]), all: false };
            self.add(Some(name.to_owned()), Target { kind: None, files: None, written });
        }
        // Flux writes them below `spec`.
        let paths = [["patches"].as_slice(), &["spec", "patches"], &["patchesJson6902"]];
        for patch in paths.into_iter().flat_map(|path| list_at(object.node, path)) {
            let (written, own) = files.patch(object, patch);
            let (kind, name) = match (patch.get("target"), own) {
                (Some(target), _) => (text_at(target, &["kind"]), text_at(target, &["name"])),
                (None, Some((kind, name))) => {
                    self.add(Some(name), Target { kind, files: None, written });
                    continue;
                }
                // A file of several patches was read as objects already.
                (None, None) => continue,
            };
            let name = name.filter(|name| is_plain(name)).map(str::to_owned);
            let files = if name.is_none() { reached() } else { None };
            self.add(name, Target { kind: kind.map(str::to_owned), files, written });
        }
        for patch in list_at(object.node, &["patchesStrategicMerge"]) {
            let text = patch.scalar().map(|scalar| &*scalar.text).filter(|text| text.contains('\n'));
            if let Some((written, Some((kind, name)))) = text.map(read) {
                self.add(Some(name), Target { kind, files: None, written });
            }
        }
    }

    fn add(&mut self, name: Option<String>, target: Target) {
        match name {
            Some(name) => self.named.entry(name).or_default().push(target),
            None => self.several.push(target),
        }
    }

    /// Whether a patch of an object may write one of these keys.
    pub fn may_write(&self, object: Object<'_>, keys: &[&str]) -> bool {
        let alike = self.alike.get(&(object.kind(), object.name())).map(Vec::as_slice).unwrap_or_default();
        let named = self.named.get(object.name()).map(Vec::as_slice).unwrap_or_default();
        let of_kind =
            |target: &&Target| target.kind.as_ref().is_none_or(|kind| !is_plain(kind) || kind == object.kind());
        let reaches =
            |target: &&Target| target.files.as_ref().is_none_or(|files| files.contains(&object.node.span.file));
        alike.iter().any(|(patch, written)| may_share(*patch, object) && written.has(keys))
            || named.iter().filter(of_kind).any(|target| target.written.has(keys))
            || self.several.iter().filter(of_kind).filter(reaches).any(|target| target.written.has(keys))
    }
}

impl Written {
    fn has(&self, keys: &[&str]) -> bool {
        !keys.is_empty() && (self.all || keys.iter().any(|key| self.keys.contains(*key)))
    }

    /// The keys of a tree. Trees are no deeper than what the reader of YAML takes.
    fn add(&mut self, node: &Node) {
        match &node.kind {
            NodeKind::Map(entries) => {
                for entry in entries {
                    self.all |= &*entry.key == "$patch";
                    self.keys.insert(entry.key.to_string());
                    self.add(&entry.value);
                }
            }
            NodeKind::List(items) => items.iter().for_each(|item| self.add(item)),
            _ => {}
        }
    }

    /// An operation of JSON Patch.
    fn operation(&mut self, operation: &Node) {
        let Some(path) = text_at(operation, &["path"]) else {
            self.all = true;
            return;
        };
        self.keys.extend(path.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")));
        let last = path.rsplit('/').next().unwrap_or_default();
        // A whole part: what it held is gone, whatever its keys were.
        let part =
            matches!(last, "" | "-" | "spec" | "template" | "containers" | "metadata") || last.parse::<u32>().is_ok();
        self.all |= part || text_at(operation, &["op"]).is_some_and(|op| matches!(op, "move" | "copy"));
        operation.get("value").into_iter().for_each(|value| self.add(value));
    }
}

/// What the text of a patch writes, and the kind and name that stand in it.
fn read(text: &str) -> (Written, Own) {
    let (documents, _) = yaml::parse_foreign(&Source::new("patch", text), 0);
    let mut written = Written { keys: BTreeSet::new(), all: documents.is_empty() };
    for document in &documents {
        match &document.kind {
            NodeKind::List(_) => list(document).for_each(|operation| written.operation(operation)),
            NodeKind::Map(_) => written.add(document),
            _ => written.all = true,
        }
    }
    let own = match documents.as_slice() {
        [one] => text_at(one, &["metadata", "name"])
            .map(|name| (text_at(one, &["kind"]).map(str::to_owned), name.to_owned())),
        _ => None,
    };
    (written, own)
}

/// Whether an object is of a kind that is looked at here.
fn is_patch(object: Object<'_>) -> bool {
    matches!(object.kind(), "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Pod")
}

/// Whether a name stands for itself: those of targets are regular expressions.
fn is_plain(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

/// The files by their names.
struct Files<'a> {
    estate: &'a Estate,
    names: BTreeMap<String, u32>,
    /// What else a file leads to.
    kustomizations: BTreeMap<u32, Vec<Object<'a>>>,
}

impl<'a> Files<'a> {
    fn of(estate: &'a Estate) -> Self {
        let named = estate.sources.iter().zip(0u32..);
        let names = named.map(|(source, index)| (plain(&source.name), index)).collect();
        let mut kustomizations: BTreeMap<u32, Vec<Object<'_>>> = BTreeMap::new();
        for object in objects(estate).filter(|object| matches!(object.kind(), "Kustomization" | "Component")) {
            kustomizations.entry(object.node.span.file).or_default().push(object);
        }
        Self { estate, names, kustomizations }
    }

    /// The name of what a Kustomization calls by a path.
    fn beside(&self, object: Object<'_>, path: &str) -> String {
        let name = self.estate.sources.get(object.node.span.file as usize).map_or("", |source| &source.name);
        let directory = name.rsplit_once('/').map_or("", |(directory, _)| directory);
        plain(&if directory.is_empty() && !name.starts_with('/') {
            path.to_owned()
        } else {
            format!("{directory}/{path}")
        })
    }

    /// What a patch of a Kustomization writes, inline or in a file of its own, and the kind and name that stand in it.
    fn patch(&self, object: Object<'_>, patch: &Node) -> (Written, Own) {
        if let Some(text) = text_at(patch, &["patch"]) {
            return read(text);
        }
        let file = text_at(patch, &["path"]).and_then(|path| self.names.get(&self.beside(object, path)));
        match file.and_then(|index| self.estate.sources.get(*index as usize)) {
            Some(source) => read(&source.text),
            None => (Written { keys: BTreeSet::new(), all: true }, None),
        }
    }

    /// The files that a Kustomization leads to, through the directories that it and others name.
    fn reached(&self, object: Object<'_>) -> BTreeSet<u32> {
        let (mut reached, mut waiting) = (BTreeSet::new(), vec![object]);
        while let Some(object) = waiting.pop() {
            let keys = ["resources", "bases", "components"];
            for node in keys.into_iter().flat_map(|key| list_at(object.node, &[key])) {
                let Some(path) = node.scalar() else { continue };
                let name = self.beside(object, &path.text);
                let inside = format!("{name}/");
                let below = self.names.range(inside.clone()..).take_while(|(file, _)| file.starts_with(&inside));
                let own = self.names.get(&name).copied();
                for index in own.into_iter().chain(below.map(|(_, index)| *index)) {
                    if reached.insert(index) {
                        waiting.extend(self.kustomizations.get(&index).into_iter().flatten());
                    }
                }
            }
        }
        reached
    }
}

/// A path without `.` and `..`.
fn plain(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "." => {}
            "" if !parts.is_empty() => {}
            ".." if parts.last().is_some_and(|last| !matches!(*last, ".." | "")) => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

/// The kinds and names of the autoscalers of which a patch, which says only what it changes, is among the files.
pub(super) fn patched_scalers(estate: &Estate) -> BTreeSet<(&str, &str)> {
    let scaling = objects(estate).filter(|o| matches!(o.kind(), "HorizontalPodAutoscaler" | "ScaledObject"));
    let parts = scaling.filter(|object| at(object.node, &["spec", "scaleTargetRef"]).is_none());
    parts.map(|object| (object.kind(), object.name())).collect()
}
