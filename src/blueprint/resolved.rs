//! `validate --resolved`: the blueprint with all defaults, each value with where it comes from.

use serde_json::Value;

use super::{Blueprint, Derived};
use crate::document::{Document, Path};
use crate::render::quote::yaml_string;

/// The blueprint as YAML; behind each value that is not written stands its origin.
pub fn print(blueprint: &Blueprint, document: &Document) -> String {
    let Ok(mut value) = serde_json::to_value(&blueprint.spec) else { return String::new() };
    for (path, derived) in &blueprint.derived {
        insert(&mut value, path, derived);
    }
    let mut printer = Printer { out: String::new(), document, blueprint };
    printer.map(&value, &Path::root(), 0);
    printer.out
}

/// Puts a derived value where it belongs in the tree.
fn insert(value: &mut Value, path: &str, derived: &Derived) {
    let mut at = value;
    for step in path.split('.') {
        let Value::Object(map) = at else { return };
        at = map.entry(step.to_owned()).or_insert_with(|| Value::Object(serde_json::Map::new()));
    }
    *at = Value::String(derived.value.clone());
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
        } else if !self.document.root.locate(path).whole {
            self.out.push_str("  # default");
        } else {
            let span = self.document.root.locate(path).node.span;
            // Only what does not come from the base needs its file named.
            if span.file > 0
                && let Some(source) = self.document.sources.get(span.file as usize)
            {
                self.out.push_str(&format!("  # {}:{}", source.name.escape_debug(), source.position(span.start).line));
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
