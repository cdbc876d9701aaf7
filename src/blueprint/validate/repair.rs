//! A tree that fits the schema, made of one that does not, so that references are checked in the same run as the form.
//!
//! What is wrong is left out; where the schema requires it, a stand-in takes its place, and its path is noted.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::blueprint::schema::follow;
use crate::diagnostics::{Diagnostic, Place};
use crate::document::node::{Entry, Node, NodeKind, Scalar};
use crate::document::{Path, Span};

/// Where the problems are.
pub fn places(problems: &[Diagnostic]) -> HashSet<Span> {
    let span = |p: &Diagnostic| match &p.primary.place {
        Place::Span(span) => Some(*span),
        _ => None,
    };
    problems.iter().filter_map(span).collect()
}

/// A repair under way.
pub struct Repair {
    /// Where the problems are.
    pub bad: HashSet<Span>,
    /// Where something required was stood in for.
    pub stand_ins: Vec<Path>,
    /// What was left out.
    pub dropped: Vec<Path>,
}

impl Repair {
    /// The tree without what is wrong; `None` where it is wrong itself.
    pub fn node(&mut self, node: &Node, schema: &Value, path: &Path) -> Option<Node> {
        let repaired = self.inside(node, schema, path);
        if repaired.is_none() {
            self.dropped.push(path.clone());
        }
        repaired
    }

    fn inside(&mut self, node: &Node, schema: &Value, path: &Path) -> Option<Node> {
        if self.bad.contains(&node.span) && matches!(node.kind, NodeKind::Scalar(_)) {
            return None;
        }
        let (outer, schema) = (schema, follow(schema));
        let get = |key: &str| outer.get(key).or_else(|| schema.get(key));
        let kind = match (&node.kind, get("type").and_then(Value::as_str)) {
            (NodeKind::Map(entries), Some("object")) => {
                let mut kept: Vec<Entry> = Vec::new();
                for entry in entries {
                    // What has another name counts as what was meant: less is missing in the rest of the run.
                    let known = get("properties").and_then(Value::as_object);
                    let meant = known
                        .filter(|known| !known.is_empty() && !known.contains_key(&*entry.key))
                        .and_then(|known| super::unused(&entry.key, known, entries));
                    let key = meant.unwrap_or(&entry.key);
                    let Some(inner) = property(outer, schema, key) else { continue };
                    if meant.is_some() && kept.iter().any(|entry| &*entry.key == key) {
                        continue;
                    }
                    let value = self.node(&entry.value, inner, &path.key(key));
                    kept.extend(value.map(|value| Entry { key: key.into(), value, ..entry.clone() }));
                }
                for required in
                    get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
                {
                    if kept.iter().all(|entry| &*entry.key != required)
                        && let Some(inner) = property(outer, schema, required)
                    {
                        self.stand_ins.push(path.key(required));
                        kept.push(entry(required, stand_in(inner, node.span), node.span));
                    }
                }
                NodeKind::Map(kept)
            }
            (NodeKind::List(items), Some("array")) => {
                let inner = get("items").unwrap_or(&Value::Null);
                let kept = items.iter().enumerate().filter_map(|(at, item)| self.node(item, inner, &path.index(at)));
                NodeKind::List(kept.collect())
            }
            (NodeKind::Map(_) | NodeKind::List(_), Some("object" | "array" | "string" | "integer" | "boolean"))
            | (NodeKind::Scalar(_), Some("object" | "array"))
            // Several types are those of a scalar.
            | (NodeKind::Map(_) | NodeKind::List(_), None) => return None,
            (kind, _) => kind.clone(),
        };
        Some(Node { span: node.span, kind })
    }
}

fn property<'a>(outer: &'a Value, schema: &'a Value, key: &str) -> Option<&'a Value> {
    let object = |name: &str| outer.get(name).or_else(|| schema.get(name)).and_then(Value::as_object);
    let known = object("properties").filter(|p: &&Map<String, Value>| !p.is_empty());
    if let Some(known) = known {
        return known.get(key);
    }
    let pattern = object("patternProperties").and_then(|patterns| patterns.values().next());
    pattern.or_else(|| {
        outer
            .get("additionalProperties")
            .or_else(|| schema.get("additionalProperties"))
            .filter(|extra| extra.is_object())
    })
}

fn entry(key: &str, value: Node, span: Span) -> Entry {
    Entry { key: key.into(), key_span: span, key_plain: true, value }
}

/// Some value that fits a schema.
fn stand_in(outer: &Value, span: Span) -> Node {
    let schema = follow(outer);
    let get = |key: &str| outer.get(key).or_else(|| schema.get(key));
    let scalar = |text: &str, plain: bool| NodeKind::Scalar(Scalar { text: text.into(), plain });
    let kind = match get("type").and_then(Value::as_str) {
        Some("object") => {
            let required = get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
            let fields = required
                .filter_map(|name| property(outer, schema, name).map(|inner| entry(name, stand_in(inner, span), span)));
            NodeKind::Map(fields.collect())
        }
        Some("array") => NodeKind::List(get("items").map(|inner| stand_in(inner, span)).into_iter().collect()),
        Some("integer") => scalar(&get("minimum").map_or_else(|| "1".to_owned(), ToString::to_string), true),
        Some("boolean") => scalar("false", true),
        _ => {
            let first = |key: &str| get(key).and_then(|values| values.get(0)).and_then(Value::as_str);
            scalar(first("enum").or_else(|| first("examples")).unwrap_or("stand-in"), false)
        }
    };
    Node { span, kind }
}
