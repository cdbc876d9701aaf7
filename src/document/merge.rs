//! Overlays and environments: merge patches (RFC 7386) on the tree, with conflicts shown at both places (decision 2).

use super::Path;
use super::node::{Entry, Node, NodeKind};
use crate::diagnostics::{Diagnostic, Place};

/// Applies a patch: maps are merged, lists and scalars replaced, `null` deletes.
pub fn apply(base: &mut Node, patch: &Node, path: &Path, problems: &mut Vec<Diagnostic>) {
    match (&mut base.kind, &patch.kind) {
        (NodeKind::Map(entries), NodeKind::Map(changes)) => {
            for change in changes {
                merge_entry(entries, change, base.span, &path.key(&change.key), problems);
            }
        }
        (NodeKind::Map(_), _) | (_, NodeKind::Map(_)) => {
            let (was, is) = (base.describe(), patch.describe());
            problems.push(
                Diagnostic::error(
                    "BP004",
                    Place::Span(patch.span),
                    format!("`{path}` is {was} in the base and {is} here"),
                )
                .also(Place::Span(base.span), format!("{was} here"))
                .because("a patch that changes the kind of a value is most often a slip")
                .fix("give both the same kind; to replace a map, delete its keys with `null`"),
            );
        }
        _ => *base = patch.clone(),
    }
}

fn merge_entry(
    entries: &mut Vec<Entry>,
    change: &Entry,
    base: super::Span,
    path: &Path,
    problems: &mut Vec<Diagnostic>,
) {
    let known = entries.iter().position(|entry| entry.key == change.key);
    match known {
        None if change.value.is_null() => {
            let near = crate::diagnostics::nearest(&change.key, entries.iter().map(|entry| &*entry.key));
            let fix = near.map_or_else(|| "leave it out".to_owned(), |near| format!("did you mean `{near}`?"));
            problems.push(
                Diagnostic::error(
                    "BP004",
                    Place::Span(change.key_span),
                    format!("`{path}` is deleted here, but it is not there"),
                )
                .also(Place::Span(base), "not in here")
                .fix(fix),
            );
        }
        None => entries.push(Entry { value: strip_nulls(&change.value), ..change.clone() }),
        Some(at) if change.value.is_null() => {
            entries.remove(at);
        }
        Some(at) => apply(&mut entries[at].value, &change.value, path, problems),
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
