//! Overlays and environments: merge patches (RFC 7386) on the tree, with conflicts shown at both places (decision 2).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::node::{Entry, Node, NodeKind, by_key};
use super::{Path, Span};
use crate::diagnostics::{Diagnostic, Place, nearest};

/// What patches did to a tree: what is missing afterwards can be led back to them.
#[derive(Debug, Default)]
pub struct Merge {
    /// What is wrong with the patches.
    pub problems: Vec<Diagnostic>,
    deleted: BTreeMap<Path, Span>,
    added: BTreeMap<Path, String>,
}

/// A name that is new among more than so many is hardly a slip, and comparing it with all of them would take long.
const COMPARED: usize = 200;

impl Merge {
    /// Applies a patch: maps are merged, lists and scalars replaced, `null` deletes.
    pub fn apply(&mut self, base: &mut Node, patch: &Node) {
        let start = Span { end: base.span.start, ..base.span };
        self.node(base, start, patch, &Path::root());
    }

    fn node(&mut self, base: &mut Node, key: Span, patch: &Node, path: &Path) {
        match (&mut base.kind, &patch.kind) {
            (NodeKind::Map(entries), NodeKind::Map(changes)) => {
                let mut slots = Slots::new(std::mem::take(entries));
                for change in changes {
                    self.entry(&mut slots, change, key, &path.key(&change.key));
                }
                *entries = slots.entries();
            }
            (NodeKind::Map(_), _) | (_, NodeKind::Map(_)) => {
                let (was, is) = (base.describe(), patch.describe());
                self.problems.push(
                    Diagnostic::error(
                        "BP004",
                        Place::Span(patch.span),
                        format!("`{path}` is {was} in the base and {is} here"),
                    )
                    .also(Place::Span(key), format!("{was} here"))
                    .because("a patch that changes the kind of a value is most often a slip")
                    .fix("give both the same kind; to replace a map, delete its keys with `null`"),
                );
            }
            _ => *base = patch.clone(),
        }
    }

    fn entry(&mut self, slots: &mut Slots, change: &Entry, parent: Span, path: &Path) {
        let near = |slots: &Slots| nearest(&change.key, slots.keys().take(COMPARED)).map(str::to_owned);
        match slots.find(&change.key) {
            None if change.value.is_null() => {
                let fix =
                    near(slots).map_or_else(|| "leave it out".to_owned(), |near| format!("did you mean `{near}`?"));
                self.problems.push(
                    Diagnostic::error(
                        "BP004",
                        Place::Span(change.key_span),
                        format!("`{path}` is deleted here, but it is not there"),
                    )
                    .also(Place::Span(parent), "not in here")
                    .fix(fix),
                );
            }
            None => {
                if slots.len() <= COMPARED {
                    self.added.extend(near(slots).map(|near| (path.clone(), near)));
                }
                slots.push(Entry { value: strip_nulls(&change.value), ..change.clone() });
            }
            Some(_) if change.value.is_null() => {
                self.deleted.insert(path.clone(), change.key_span);
                slots.remove(&change.key);
            }
            Some(entry) => {
                let key = entry.key_span;
                self.node(&mut entry.value, key, &change.value, path);
            }
        }
    }

    /// Shows in a finding about what is missing where a patch deleted it, or which name the patch could have meant.
    pub fn explain(&self, problem: &mut Diagnostic) {
        let missing = match &problem.primary.place {
            Place::Key(path) => Some(path),
            _ => None,
        };
        let paths = missing.into_iter().chain(&problem.rests_on);
        let places: BTreeSet<Span> = paths.filter_map(|path| self.deleted.get(path)).copied().collect();
        let above = |path: &Path| std::iter::successors(Some(path.clone()), Path::parent);
        let required = problem.rests_on.iter().filter(|_| problem.id == "BP008" && !self.added.is_empty());
        let added = required.flat_map(above).find_map(|path| Some((self.added.get(&path)?.clone(), path)));
        if let Some((near, path)) = added {
            problem.fix =
                Some(format!("did you mean `{near}`? `{path}` is new here; a patch of what is there needs its name"));
        }
        for span in places {
            *problem = problem.clone().also(Place::Span(span), "deleted here");
        }
    }
}

/// The entries of a map while it is patched: found by key, in their order, with a gap where one was deleted. To look
/// through all of them for each change would be quadratic where a patch has as many.
struct Slots {
    entries: Vec<Option<Entry>>,
    places: HashMap<Box<str>, usize>,
}

impl Slots {
    fn new(entries: Vec<Entry>) -> Self {
        let mut places = HashMap::with_capacity(entries.len());
        for (at, entry) in entries.iter().enumerate() {
            places.entry(entry.key.clone()).or_insert(at);
        }
        Self { entries: entries.into_iter().map(Some).collect(), places }
    }

    fn len(&self) -> usize {
        self.places.len()
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().flatten().map(|entry| &*entry.key)
    }

    fn find(&mut self, key: &str) -> Option<&mut Entry> {
        self.places.get(key).and_then(|at| self.entries[*at].as_mut())
    }

    fn push(&mut self, entry: Entry) {
        self.places.insert(entry.key.clone(), self.entries.len());
        self.entries.push(Some(entry));
    }

    fn remove(&mut self, key: &str) {
        if let Some(at) = self.places.remove(key) {
            self.entries[at] = None;
        }
    }

    fn entries(self) -> Vec<Entry> {
        self.entries.into_iter().flatten().collect()
    }
}

/// What a patch adds has nothing to delete: RFC 7386 drops the nulls in it.
fn strip_nulls(node: &Node) -> Node {
    match &node.kind {
        NodeKind::Map(entries) => {
            let kept = entries.iter().filter(|entry| !entry.value.is_null());
            let entries = kept.map(|entry| Entry { value: strip_nulls(&entry.value), ..entry.clone() }).collect();
            Node { span: node.span, kind: NodeKind::Map(entries) }
        }
        _ => node.clone(),
    }
}

/// Where two overlays that stand side by side set one path to different values.
pub fn conflicts(a: &Node, b: &Node, path: &Path, problems: &mut Vec<Diagnostic>) {
    if let (NodeKind::Map(entries), NodeKind::Map(others)) = (&a.kind, &b.kind) {
        let others = by_key(others);
        for entry in entries {
            if let Some(other) = others.get(&*entry.key) {
                conflicts(&entry.value, other, &path.key(&entry.key), problems);
            }
        }
    } else if !a.same(b) {
        problems.push(
            Diagnostic::error(
                "BP005",
                Place::Span(b.span),
                format!("two overlays of one directory set `{path}` to different values"),
            )
            .also(Place::Span(a.span), "the other value")
            .because("in a directory no overlay comes before another")
            .fix("keep one of them, or name the files in the order in which they count"),
        );
    }
}
