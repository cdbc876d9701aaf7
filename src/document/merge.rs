//! Overlays and environments: merge patches (RFC 7386) on the tree, with conflicts shown at both places (decision 2).

use std::collections::{BTreeMap, BTreeSet};

use super::node::{Entry, Node, NodeKind};
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
                for change in changes {
                    self.entry(entries, change, key, &path.key(&change.key));
                }
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

    fn entry(&mut self, entries: &mut Vec<Entry>, change: &Entry, parent: Span, path: &Path) {
        let near = |entries: &[Entry]| {
            nearest(&change.key, entries.iter().take(COMPARED).map(|entry| &*entry.key)).map(str::to_owned)
        };
        match entries.iter().position(|entry| entry.key == change.key) {
            None if change.value.is_null() => {
                let fix =
                    near(entries).map_or_else(|| "leave it out".to_owned(), |near| format!("did you mean `{near}`?"));
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
                if entries.len() <= COMPARED {
                    self.added.extend(near(entries).map(|near| (path.clone(), near)));
                }
                entries.push(Entry { value: strip_nulls(&change.value), ..change.clone() });
            }
            Some(at) if change.value.is_null() => {
                self.deleted.insert(path.clone(), change.key_span);
                entries.remove(at);
            }
            Some(at) => {
                let key = entries[at].key_span;
                self.node(&mut entries[at].value, key, &change.value, path);
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
    if let (NodeKind::Map(entries), NodeKind::Map(_)) = (&a.kind, &b.kind) {
        for entry in entries {
            if let Some(other) = b.get(&entry.key) {
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
