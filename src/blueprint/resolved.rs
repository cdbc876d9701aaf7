//! `validate --resolved`: the blueprint with all defaults, each value with where it comes from.

use serde_json::Value;

use super::{Blueprint, Derived};
use crate::document::quote::yaml_string;
use crate::document::{Document, Path, Step};

/// The blueprint for programs: its values with all defaults, and where each leaf comes from, by path.
pub fn json(blueprint: &Blueprint, document: &Document) -> Value {
    let value = values(blueprint);
    let mut origins = serde_json::Map::new();
    leaves(&value, &Path::root(), &mut |path| {
        let name = path.to_string();
        let origin = match blueprint.derived.get(&name) {
            Some(derived) => serde_json::json!({"derived": derived.because}),
            None => match written(document, path) {
                Some((file, line)) => serde_json::json!({"file": file, "line": line}),
                None => serde_json::json!("default"),
            },
        };
        origins.insert(name, origin);
    });
    serde_json::json!({"blueprint": value, "environment": blueprint.environment, "origins": origins})
}

/// Calls `see` with the path of every value that is no map.
fn leaves(value: &Value, path: &Path, see: &mut dyn FnMut(&Path)) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            map.iter().for_each(|(key, value)| leaves(value, &path.key(key), see));
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            items.iter().enumerate().for_each(|(index, item)| leaves(item, &path.index(index), see));
        }
        _ => see(path),
    }
}

/// The file and line in which a value is written, if it is.
pub fn written<'a>(document: &'a Document, path: &Path) -> Option<(&'a str, usize)> {
    let found = document.root.locate(path);
    let span = found.whole.then_some(found.node.span)?;
    let source = document.sources.get(span.file as usize)?;
    Some((&source.name, source.position(span.start).line))
}

fn values(blueprint: &Blueprint) -> Value {
    let mut value = serde_json::to_value(&blueprint.spec).unwrap_or_default();
    for (path, derived) in &blueprint.derived {
        insert(&mut value, path, derived);
    }
    value
}

/// The blueprint as YAML; behind each value that is not written stands its origin.
pub fn print(blueprint: &Blueprint, document: &Document) -> String {
    let value = values(blueprint);
    let mut printer = Printer { out: String::new(), document, blueprint };
    printer.map(&value, &Path::root(), 0);
    printer.out
}

/// Puts a derived value where it belongs in the tree.
fn insert(value: &mut Value, path: &str, derived: &Derived) {
    let mut at = value;
    // The paths are hagen's own, so that each can be read; a name in one may hold a dot.
    let Ok(path) = path.parse::<Path>() else { return };
    for step in path.steps() {
        let next = match (at, step) {
            (Value::Object(map), Step::Key(key)) => {
                Some(map.entry(key.clone()).or_insert_with(|| Value::Object(serde_json::Map::new())))
            }
            (Value::Array(items), Step::Index(index)) => items.get_mut(*index),
            _ => None,
        };
        let Some(next) = next else { return };
        at = next;
    }
    // A count is a number where it is written, too; everything else has a unit or is a text.
    *at = derived.value.parse::<u64>().map_or_else(|_| Value::String(derived.value.clone()), Value::from);
}

struct Printer<'a> {
    out: String,
    document: &'a Document,
    blueprint: &'a Blueprint,
}

impl Printer<'_> {
    fn map(&mut self, value: &Value, path: &Path, indent: usize) {
        let Value::Object(map) = value else { return };
        for (key, value) in map {
            let here = path.key(key);
            self.out.push_str(&" ".repeat(indent));
            self.out.push_str(&yaml_string(key));
            self.out.push(':');
            match value {
                Value::Object(inner) if !inner.is_empty() => {
                    self.out.push('\n');
                    self.map(value, &here, indent + 2);
                }
                Value::Array(items) if items.iter().any(Value::is_object) => {
                    self.out.push('\n');
                    for (index, item) in items.iter().enumerate() {
                        self.out.push_str(&" ".repeat(indent));
                        self.out.push_str("  -\n");
                        self.map(item, &here.index(index), indent + 4);
                    }
                }
                Value::Array(items) => {
                    let items: Vec<String> = items.iter().map(flow).collect();
                    self.out.push_str(&format!(" [{}]", items.join(", ")));
                    self.origin(&here);
                }
                other => {
                    self.out.push(' ');
                    self.out.push_str(&flow(other));
                    self.origin(&here);
                }
            }
        }
    }

    fn origin(&mut self, path: &Path) {
        if let Some(derived) = self.blueprint.derived.get(&path.to_string()) {
            self.out.push_str(&format!("  # derived: {}", derived.because));
        } else {
            match written(self.document, path) {
                None => self.out.push_str("  # default"),
                // Only what does not come from the base needs its file named.
                Some((file, line)) if self.document.sources.first().is_some_and(|base| base.name != file) => {
                    self.out.push_str(&format!("  # {}:{line}", file.escape_debug()));
                }
                Some(_) => {}
            }
        }
        self.out.push('\n');
    }
}

fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => yaml_string(text),
        Value::Object(_) => "{}".to_owned(),
        other => other.to_string(),
    }
}
