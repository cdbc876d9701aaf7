//! The tree against the schema: every problem of a file in one run, each at its key or value.
//!
//! A walker of our own rather than a general validator, because the messages are the point: it knows units, YAML's
//! surprises and the nearest name, and it costs no start-up time. An independent validator checks the same schema in the tests.

pub(super) mod example;
mod forms;
mod meant;
mod repair;
mod scalar;

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::schema::{SCHEMA, follow};
use crate::diagnostics::{Diagnostic, Place};
use crate::document::node::{Entry, Node, NodeKind};
use crate::document::{Path, Span};

/// A tree that fits the schema, made of one that does not.
#[derive(Debug)]
pub struct Repaired {
    /// The tree without what was wrong; `None` where nothing is left.
    pub root: Option<Node>,
    /// Where something required was stood in for.
    pub stand_ins: Vec<Path>,
    /// What was left out.
    pub dropped: Vec<Path>,
}

/// Every problem of a tree, and the tree without them.
pub fn validate(root: &Node) -> (Vec<Diagnostic>, Repaired) {
    let mut walker = Walker { problems: Vec::new(), patterns: HashMap::new() };
    walker.node(root, &SCHEMA, &Path::root(), None);
    let mut repaired = Repaired { root: None, stand_ins: Vec::new(), dropped: Vec::new() };
    if !walker.problems.is_empty() {
        let bad = repair::places(&walker.problems);
        let mut repair = repair::Repair { bad, stand_ins: Vec::new(), dropped: Vec::new() };
        repaired.root = repair.node(root, &SCHEMA, &Path::root());
        repaired.stand_ins = repair.stand_ins;
        repaired.dropped = repair.dropped;
    }
    (walker.problems, repaired)
}

pub(super) struct Walker {
    pub(super) problems: Vec<Diagnostic>,
    patterns: HashMap<String, Option<regex_lite::Regex>>,
}

/// What stands at a property: a `$ref` with its own description beside it.
struct Field<'a> {
    outer: &'a Value,
    schema: &'a Value,
}

impl<'a> Field<'a> {
    fn new(outer: &'a Value) -> Self {
        Self { outer, schema: follow(outer) }
    }

    fn get(&self, key: &str) -> Option<&'a Value> {
        self.outer.get(key).or_else(|| self.schema.get(key))
    }
}

impl Walker {
    pub(super) fn matches(&mut self, pattern: &str, text: &str) -> bool {
        let compiled = self.patterns.entry(pattern.to_owned()).or_insert_with(|| regex_lite::Regex::new(pattern).ok());
        compiled.as_ref().is_none_or(|regex| regex.is_match(text))
    }

    fn node(&mut self, node: &Node, schema: &Value, path: &Path, key: Option<Span>) {
        let field = Field::new(schema);
        if field.get("x-hagen-patch").is_some() {
            self.patch(node, path);
            return;
        }
        if node.is_null() && field.get("type").is_some() {
            self.problems.push(
                Diagnostic::error("BP003", Place::Span(key.unwrap_or(node.span)), format!("`{path}` has no value"))
                    .because("`null` deletes, and only in overlays and environments")
                    .fix("write a value, or leave the key out"),
            );
            return;
        }
        match field.get("type").and_then(Value::as_str) {
            Some("object") => self.object(node, &field, path),
            Some("array") => self.list(node, &field, path),
            _ => self.scalar(node, field.outer, field.schema, path),
        }
    }

    pub(super) fn wrong_kind(&mut self, node: &Node, wanted: &str, outer: &Value, path: &Path) {
        let got = match node.scalar() {
            Some(scalar) if !scalar.text.is_empty() && scalar.text.len() <= 40 => {
                format!("{} (`{}`)", node.describe(), scalar.text.escape_debug())
            }
            _ => node.describe().to_owned(),
        };
        let problem =
            Diagnostic::error("BP006", Place::Span(node.span), format!("`{path}` wants {wanted} and got {got}"));
        let name = match path.steps().last() {
            Some(crate::document::Step::Key(key)) => format!("{key}: "),
            _ => String::new(),
        };
        let fix = match (meant::instead(node, outer, path), example::of(outer)) {
            (Some(instead), _) => instead,
            (None, Some(example)) => format!("write something like `{name}{example}`"),
            (None, None) => format!("write {wanted}"),
        };
        self.problems.push(problem.fix(fix));
    }

    fn object(&mut self, node: &Node, field: &Field<'_>, path: &Path) {
        let NodeKind::Map(entries) = &node.kind else {
            self.wrong_kind(node, "a map", field.outer, path);
            return;
        };
        let empty = Map::new();
        let object = |name: &str| field.get(name).and_then(Value::as_object).unwrap_or(&empty);
        let properties = object("properties");
        let patterns = object("patternProperties");
        let extra = field.get("additionalProperties").filter(|extra| extra.is_object());
        let names = field.get("propertyNames");
        for entry in entries {
            let here = path.key(&entry.key);
            let schema = properties.get(&*entry.key).or_else(|| {
                let matching = patterns.iter().find(|(pattern, _)| self.matches(pattern, &entry.key));
                matching.map(|(_, schema)| schema)
            });
            if properties.is_empty() {
                self.surprise_key(entry, &here);
                self.long_key(entry, path);
            }
            match schema.or(extra) {
                Some(schema) => {
                    if let Some(names) = names {
                        self.key_name(entry, names, path);
                    }
                    self.node(&entry.value, schema, &here, Some(entry.key_span));
                }
                None if path.steps().last() == Some(&crate::document::Step::Key("needs".to_owned()))
                    && let Some(whole) = meant::reference(&entry.key, &entry.value) =>
                {
                    let title = format!("`{}` is half of a reference", entry.key);
                    self.problems.push(
                        Diagnostic::error("BP009", Place::Span(entry.key_span), title)
                            .because("what a service needs is named by its path in the blueprint")
                            .fix(format!("write `{whole}`")),
                    );
                }
                None if !patterns.is_empty() => {
                    let pattern = patterns.keys().next().map_or("", String::as_str);
                    self.bad_key(entry, path, pattern);
                    // Its content is checked all the same, so that all problems are seen at once.
                    if let Some(schema) = patterns.values().next() {
                        self.node(&entry.value, schema, &here, Some(entry.key_span));
                    }
                }
                None => {
                    let meant = unused(&entry.key, properties, entries);
                    self.unknown(entry, properties, path);
                    // Its content is checked as that of the field which was meant.
                    if let Some(schema) = meant.and_then(|name| properties.get(name)) {
                        self.node(&entry.value, schema, &here, Some(entry.key_span));
                    }
                }
            }
        }
        self.required(node, field, entries, path);
    }

    fn required(&mut self, node: &Node, field: &Field<'_>, entries: &[Entry], path: &Path) {
        for required in field.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
        {
            let properties = field.get("properties").and_then(Value::as_object);
            let stands = |entry: &Entry| {
                let unknown = |known: &&Map<String, Value>| !known.contains_key(&*entry.key);
                let meant = properties.filter(unknown).and_then(|known| unused(&entry.key, known, entries));
                &*entry.key == required || meant == Some(required)
            };
            if entries.iter().any(stands) {
                continue;
            }
            let schema = field.get("properties").and_then(|p| p.get(required)).unwrap_or(&Value::Null);
            let about = Field::new(schema);
            let what = about.get("description").and_then(Value::as_str).map(first_sentence);
            let example = example::of(schema).unwrap_or_else(|| "…".to_owned());
            let mut problem =
                Diagnostic::error("BP008", Place::Key(path.clone()), format!("`{required}` is missing in {path}"))
                    .fix(format!("write `{required}: {example}`"));
            if path.steps().is_empty() {
                problem.primary.place = Place::Span(Span { end: node.span.start, ..node.span });
            }
            problem.why = what.map(str::to_owned);
            problem.rests_on.push(path.key(required));
            self.problems.push(problem);
        }
        let least = field.get("minProperties").and_then(Value::as_u64).unwrap_or(0);
        if (entries.len() as u64) < least {
            self.problems.push(
                Diagnostic::error("BP008", Place::Key(path.clone()), format!("`{path}` is empty"))
                    .fix(at_least_one(field.outer, path)),
            );
        }
    }

    fn unknown(&mut self, entry: &Entry, properties: &Map<String, Value>, path: &Path) {
        let near = meant::meant(&entry.key, properties.keys().map(String::as_str));
        let known: Vec<&str> = properties.keys().map(String::as_str).collect();
        let fix = near.map_or_else(
            || format!("what may stand here: {}", known.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        let place = if path.steps().is_empty() { "a blueprint".to_owned() } else { format!("`{path}`") };
        self.problems.push(
            Diagnostic::error(
                "BP007",
                Place::Span(entry.key_span),
                format!("{place} has no field `{}`", entry.key.escape_debug()),
            )
            .because("an unknown field would be ignored, and what it promises with it")
            .fix(fix),
        );
    }

    fn key_name(&mut self, entry: &Entry, names: &Value, path: &Path) {
        if let Some(values) = names.get("enum").and_then(Value::as_array) {
            let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
            if !values.contains(&&*entry.key) {
                let fix = meant::meant(&entry.key, values.iter().copied()).map_or_else(
                    || format!("use one of: {}", values.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                let title = format!("`{}` cannot stand in {path}", entry.key.escape_debug());
                self.problems.push(Diagnostic::error("BP007", Place::Span(entry.key_span), title).fix(fix));
            }
        }
        if let Some(pattern) = names.get("pattern").and_then(Value::as_str)
            && !self.matches(pattern, &entry.key)
        {
            self.bad_key(entry, path, pattern);
        }
    }

    /// The forms of keys bound their parts; nothing that a key names has room for more than this in all.
    fn long_key(&mut self, entry: &Entry, path: &Path) {
        const MOST: usize = 253;
        let length = entry.key.chars().count();
        if length > MOST {
            let start: String = entry.key.chars().take(40).collect();
            let title = format!("`{}…` cannot be a key of {path}", start.escape_debug());
            self.problems.push(
                Diagnostic::error("BP009", Place::Span(entry.key_span), title)
                    .because(format!("it has {length} characters"))
                    .fix(format!("use at most {MOST} characters")),
            );
        }
    }

    fn bad_key(&mut self, entry: &Entry, path: &Path, pattern: &str) {
        let (what, fix) = forms::form(pattern);
        let title = format!("`{}` cannot be a key of {path}", entry.key.escape_debug());
        self.problems.push(Diagnostic::error("BP009", Place::Span(entry.key_span), title).because(what).fix(fix));
    }

    fn list(&mut self, node: &Node, field: &Field<'_>, path: &Path) {
        let NodeKind::List(items) = &node.kind else {
            self.wrong_kind(node, "a list", field.outer, path);
            return;
        };
        if let Some(schema) = field.get("items") {
            for (index, item) in items.iter().enumerate() {
                self.node(item, schema, &path.index(index), None);
            }
        }
        if (items.len() as u64) < field.get("minItems").and_then(Value::as_u64).unwrap_or(0) {
            self.problems.push(
                Diagnostic::error("BP008", Place::Key(path.clone()), format!("`{path}` is empty"))
                    .fix(at_least_one(field.outer, path)),
            );
        }
    }

    /// A patch of an environment: its fields are checked where they land, so only its shape is checked here.
    fn patch(&mut self, node: &Node, path: &Path) {
        if node.map().is_none() {
            self.problems.push(
                Diagnostic::error(
                    "BP006",
                    Place::Span(node.span),
                    format!("`{path}` wants a map and got {}", node.describe()),
                )
                .fix("write the fields that differ: `objectives: {rto: 1h}`"),
            );
            return;
        }
        // Which environment is chosen does not matter here: `--resolved` prints the patches of all of them. The path is the
        // one where the value lands, so that it is said once.
        self.secrets(node, &Path::root());
    }

    /// Looks for credentials and placeholders in a tree that is not checked otherwise.
    fn secrets(&mut self, node: &Node, path: &Path) {
        match &node.kind {
            NodeKind::Map(entries) => {
                entries.iter().for_each(|entry| self.secrets(&entry.value, &path.key(&entry.key)))
            }
            NodeKind::List(items) => {
                items.iter().enumerate().for_each(|(index, item)| self.secrets(item, &path.index(index)));
            }
            NodeKind::Scalar(scalar) => {
                self.unwritable(node, scalar, path);
            }
        }
    }
}

/// What to write where a list or a map is empty.
fn at_least_one(outer: &Value, path: &Path) -> String {
    match (path.steps().last(), example::of(outer)) {
        (Some(crate::document::Step::Key(name)), Some(example)) => {
            format!("write at least one, such as `{name}: {example}`")
        }
        _ => "write at least one".to_owned(),
    }
}

/// The field that an unknown key stands for, where that field is not written as well.
///
/// In a map of many more keys than there are fields nothing was meant by any of them, and looking would take long.
pub(super) fn unused<'a>(key: &str, properties: &'a Map<String, Value>, entries: &[Entry]) -> Option<&'a str> {
    if entries.len() > 4 * properties.len() {
        return None;
    }
    let meant = meant::meant(key, properties.keys().map(String::as_str))?;
    entries.iter().all(|entry| &*entry.key != meant).then_some(meant)
}

pub(super) fn first_sentence(text: &str) -> &str {
    text.split_once(". ").map_or(text, |(first, _)| first).trim_end_matches('.')
}
