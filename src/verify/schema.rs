//! Strict schemas: what may stand in a file, as data. A small walker for the part of JSON Schema that the files in
//! `schemas/` use; each definition is compiled when it is first needed, because a run needs few of them.
//!
//! Left out on purpose: rules in CEL, and formats beyond the range of whole numbers; the real servers judge those in
//! `tests/conformance`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use regex_lite::Regex;
use serde_json::{Map, Value as Json};

use super::Fault;
use super::tree::{Node, Step, Value, path_text};
use crate::diagnostics::nearest;

/// The types that a value may have, as bits.
mod types {
    pub const NULL: u8 = 1;
    pub const BOOL: u8 = 2;
    pub const INT: u8 = 4;
    pub const FLOAT: u8 = 8;
    pub const TEXT: u8 = 16;
    pub const LIST: u8 = 32;
    pub const MAP: u8 = 64;
}

/// A file of schemas.
pub struct Schemas {
    kinds: BTreeMap<String, String>,
    definitions: BTreeMap<String, (Json, OnceLock<Schema>)>,
}

/// A schema, ready to be walked.
#[derive(Default)]
struct Schema {
    reference: Option<String>,
    types: u8,
    properties: Option<BTreeMap<String, Schema>>,
    additional: Additional,
    required: Vec<String>,
    items: Option<Box<Schema>>,
    choices: Vec<Json>,
    pattern: Option<(String, OnceLock<Option<Regex>>)>,
    range: (Option<f64>, Option<f64>),
    length: (Option<u64>, Option<u64>),
    all: Vec<Schema>,
    any: Vec<Schema>,
    one: Vec<Schema>,
    not: Option<Box<Schema>>,
}

/// What else may stand in a map.
#[derive(Default)]
enum Additional {
    #[default]
    Any,
    None,
    Of(Box<Schema>),
}

impl Schemas {
    /// The schemas of a file. A file that is no JSON holds none; the tests see to it that ours are.
    pub fn parse(text: &str) -> Self {
        let mut file: Json = serde_json::from_str(text).unwrap_or_default();
        let mut part = |name: &str| match file.get_mut(name).map(Json::take) {
            Some(Json::Object(map)) => map,
            _ => Map::new(),
        };
        let kinds = part("kinds").into_iter().filter_map(|(kind, target)| {
            let name = target.as_str()?.strip_prefix("#/$defs/")?.to_owned();
            Some((kind, name))
        });
        let kinds = kinds.collect();
        let definitions = part("$defs").into_iter().map(|(name, schema)| (name, (schema, OnceLock::new()))).collect();
        Self { kinds, definitions }
    }

    /// The names of the kinds.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        self.kinds.keys().map(String::as_str)
    }

    /// Holds a value against the schema of a kind; `false` when there is none.
    pub fn check(&self, kind: &str, node: &Node<'_>, faults: &mut Vec<Fault>) -> bool {
        let Some(name) = self.kinds.get(kind) else {
            return false;
        };
        let reference = Schema { reference: Some(name.clone()), ..Schema::default() };
        Walk { schemas: self, faults }.value(&reference, node, &mut Vec::new());
        true
    }

    /// Writes the defaults of a kind into a value where nothing is written, as the API server does for custom resources.
    pub fn fill(&self, kind: &str, value: &mut Json) {
        if let Some((schema, _)) = self.kinds.get(kind).and_then(|name| self.definitions.get(name)) {
            self.fill_in(schema, value);
        }
    }

    /// The schema that another one refers to.
    fn referred(&self, schema: &Json) -> Option<&Json> {
        let name = schema.get("$ref")?.as_str()?.strip_prefix("#/$defs/")?;
        self.definitions.get(name).map(|(schema, _)| schema)
    }

    fn fill_in(&self, schema: &Json, value: &mut Json) {
        if let Some(schema) = self.referred(schema) {
            self.fill_in(schema, value);
        }
        match value {
            Json::Object(map) => {
                for (name, schema) in schema.get("properties").and_then(Json::as_object).into_iter().flatten() {
                    let default = schema.get("default").or_else(|| self.referred(schema)?.get("default"));
                    match (map.get_mut(name), default) {
                        (Some(value), _) => self.fill_in(schema, value),
                        (None, Some(default)) => {
                            let mut default = default.clone();
                            self.fill_in(schema, &mut default);
                            map.insert(name.clone(), default);
                        }
                        (None, None) => {}
                    }
                }
                if let Some(schema) = schema.get("additionalProperties").filter(|schema| schema.is_object()) {
                    map.values_mut().for_each(|value| self.fill_in(schema, value));
                }
            }
            Json::Array(items) => {
                if let Some(schema) = schema.get("items") {
                    items.iter_mut().for_each(|item| self.fill_in(schema, item));
                }
            }
            _ => {}
        }
    }

    fn definition(&self, name: &str) -> Option<&Schema> {
        let (json, compiled) = self.definitions.get(name)?;
        Some(compiled.get_or_init(|| compile(json)))
    }
}

fn compile(json: &Json) -> Schema {
    let Json::Object(map) = json else {
        return Schema::default();
    };
    let list = |key: &str| match map.get(key) {
        Some(Json::Array(items)) => items.iter().map(compile).collect(),
        _ => Vec::new(),
    };
    let one = |key: &str| map.get(key).filter(|value| value.is_object()).map(|value| Box::new(compile(value)));
    let number = |key: &str| map.get(key).and_then(Json::as_f64);
    let count = |keys: [&str; 3]| keys.iter().find_map(|key| map.get(*key).and_then(Json::as_u64));
    let whole = match map.get("format").and_then(Json::as_str) {
        Some("int32") => (Some(f64::from(i32::MIN)), Some(f64::from(i32::MAX))),
        _ => (None, None),
    };
    Schema {
        reference: map.get("$ref").and_then(Json::as_str).and_then(|r| r.strip_prefix("#/$defs/")).map(str::to_owned),
        types: map.get("type").map_or(0, type_bits),
        properties: map
            .get("properties")
            .and_then(Json::as_object)
            .map(|properties| properties.iter().map(|(name, schema)| (name.clone(), compile(schema))).collect()),
        additional: match map.get("additionalProperties") {
            _ if map.get("x-kubernetes-preserve-unknown-fields") == Some(&Json::Bool(true)) => Additional::Any,
            Some(Json::Bool(false)) => Additional::None,
            Some(schema @ Json::Object(_)) => Additional::Of(Box::new(compile(schema))),
            _ => Additional::Any,
        },
        required: match map.get("required") {
            Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        },
        items: one("items"),
        choices: match (map.get("enum"), map.get("const")) {
            (Some(Json::Array(choices)), _) => choices.clone(),
            (_, Some(only)) => vec![only.clone()],
            _ => Vec::new(),
        },
        pattern: map.get("pattern").and_then(Json::as_str).map(|pattern| (pattern.to_owned(), OnceLock::new())),
        range: (number("minimum").or(whole.0), number("maximum").or(whole.1)),
        length: (count(["minLength", "minItems", "minProperties"]), count(["maxLength", "maxItems", "maxProperties"])),
        all: list("allOf"),
        any: list("anyOf"),
        one: list("oneOf"),
        not: one("not"),
    }
}

fn type_bits(json: &Json) -> u8 {
    match json {
        Json::Array(items) => items.iter().map(type_bits).fold(0, |all, bits| all | bits),
        Json::String(name) => match name.as_str() {
            "null" => types::NULL,
            "boolean" => types::BOOL,
            "integer" => types::INT,
            "number" => types::INT | types::FLOAT,
            "string" => types::TEXT,
            "array" => types::LIST,
            "object" => types::MAP,
            _ => 0,
        },
        _ => 0,
    }
}

fn type_names(bits: u8) -> String {
    let names = [
        (types::MAP, "a map"),
        (types::LIST, "a list"),
        (types::TEXT, "a text"),
        (types::FLOAT, "a number"),
        (types::INT, "a whole number"),
        (types::BOOL, "true or false"),
        (types::NULL, "nothing"),
    ];
    let known: Vec<&str> = names.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| *name).collect();
    known.join(" or ")
}

/// One walk through a value.
struct Walk<'s, 'f> {
    schemas: &'s Schemas,
    faults: &'f mut Vec<Fault>,
}

impl Walk<'_, '_> {
    fn fault(&mut self, node: &Node<'_>, path: &[Step<'_>], message: &str) {
        self.faults.push(Fault::at(node.line, format!("{}: {message}", path_text(path))));
    }

    fn value<'a>(&mut self, schema: &Schema, node: &Node<'a>, path: &mut Vec<Step<'a>>) {
        if let Some(name) = &schema.reference {
            match self.schemas.definition(name) {
                Some(target) => self.value(target, node, path),
                None => self.fault(node, path, &format!("the schema refers to `{name}`, which is not there")),
            }
        }
        let bits = match node.value {
            Value::Null => types::NULL,
            Value::Bool(_) => types::BOOL,
            Value::Int(_) => types::INT,
            Value::Float(_) => types::FLOAT,
            Value::Text(_) => types::TEXT,
            Value::List(_) => types::LIST,
            Value::Map(_) => types::MAP,
        };
        if schema.types != 0 && schema.types & bits == 0 {
            let message = format!("here stands {}, where {} belongs", node.kind(), type_names(schema.types));
            return self.fault(node, path, &message);
        }
        match &node.value {
            Value::Map(_) => self.map(schema, node, path),
            Value::List(items) => {
                self.length(schema, node, path, items.len() as u64);
                if let Some(of) = &schema.items {
                    for (at, item) in items.iter().enumerate() {
                        path.push(Step::Item(at));
                        self.value(of, item, path);
                        path.pop();
                    }
                }
            }
            Value::Text(text) => self.text(schema, node, path, text),
            Value::Int(number) => self.number(schema, node, path, *number as f64),
            Value::Float(number) => self.number(schema, node, path, *number),
            Value::Null | Value::Bool(_) => {}
        }
        if !schema.choices.is_empty() && !schema.choices.iter().any(|choice| equals(choice, node)) {
            let known: Vec<String> = schema.choices.iter().map(ToString::to_string).collect();
            self.fault(node, path, &format!("only these are known: {}", known.join(", ")));
        }
        self.conditions(schema, node, path);
    }

    fn map<'a>(&mut self, schema: &Schema, node: &Node<'a>, path: &mut Vec<Step<'a>>) {
        let entries = node.entries();
        self.length(schema, node, path, entries.len() as u64);
        for (key, value) in entries {
            path.push(Step::Key(key.text.clone()));
            match schema.properties.as_ref().and_then(|p| p.get(key.text.as_ref())) {
                Some(of) => self.value(of, value, path),
                None => match &schema.additional {
                    Additional::Any => {}
                    Additional::Of(of) => self.value(of, value, path),
                    Additional::None => {
                        let known = schema.properties.iter().flat_map(BTreeMap::keys).map(String::as_str);
                        let near = nearest(&key.text, known);
                        let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                        self.faults
                            .push(Fault::at(key.line, format!("{}: there is no such field{hint}", path_text(path))));
                    }
                },
            }
            path.pop();
        }
        for name in &schema.required {
            if node.get(name).is_none() {
                self.fault(node, path, &format!("`{name}` is missing"));
            }
        }
    }

    fn text(&mut self, schema: &Schema, node: &Node<'_>, path: &[Step<'_>], text: &str) {
        self.length(schema, node, path, text.chars().count() as u64);
        let Some((pattern, compiled)) = &schema.pattern else {
            return;
        };
        if let Some(regex) = compiled.get_or_init(|| Regex::new(pattern).ok())
            && !regex.is_match(text)
        {
            self.fault(node, path, &format!("{text:?} has not the form {pattern}"));
        }
    }

    fn number(&mut self, schema: &Schema, node: &Node<'_>, path: &[Step<'_>], number: f64) {
        if schema.range.0.is_some_and(|least| number < least) {
            self.fault(node, path, &format!("{number} is less than {}", schema.range.0.unwrap_or_default()));
        }
        if schema.range.1.is_some_and(|most| number > most) {
            self.fault(node, path, &format!("{number} is more than {}", schema.range.1.unwrap_or_default()));
        }
    }

    fn length(&mut self, schema: &Schema, node: &Node<'_>, path: &[Step<'_>], length: u64) {
        if schema.length.0.is_some_and(|least| length < least) {
            self.fault(
                node,
                path,
                &format!("its length is {length}, at least {} is needed", schema.length.0.unwrap_or(0)),
            );
        }
        if schema.length.1.is_some_and(|most| length > most) {
            self.fault(
                node,
                path,
                &format!("its length is {length}, at most {} is allowed", schema.length.1.unwrap_or(0)),
            );
        }
    }

    fn conditions<'a>(&mut self, schema: &Schema, node: &Node<'a>, path: &mut Vec<Step<'a>>) {
        for part in &schema.all {
            self.value(part, node, path);
        }
        let schemas = self.schemas;
        let holds = |part: &Schema, path: &mut Vec<Step<'a>>| {
            let mut faults = Vec::new();
            Walk { schemas, faults: &mut faults }.value(part, node, path);
            faults.is_empty()
        };
        if !schema.any.is_empty() && !schema.any.iter().any(|part| holds(part, path)) {
            self.fault(node, path, "none of the forms that are allowed here fits");
        }
        if !schema.one.is_empty() {
            let fitting = schema.one.iter().filter(|part| holds(part, path)).count();
            if fitting != 1 {
                self.fault(
                    node,
                    path,
                    &format!("exactly one of {} forms has to fit, and {fitting} do", schema.one.len()),
                );
            }
        }
        if schema.not.as_ref().is_some_and(|part| holds(part, path)) {
            self.fault(node, path, "this combination is not allowed");
        }
    }
}

fn equals(choice: &Json, node: &Node<'_>) -> bool {
    match (&node.value, choice) {
        (Value::Null, Json::Null) => true,
        (Value::Bool(a), Json::Bool(b)) => a == b,
        (Value::Int(a), Json::Number(b)) => b.as_i64() == Some(*a),
        (Value::Float(a), Json::Number(b)) => b.as_f64() == Some(*a),
        (Value::Text(a), Json::String(b)) => a == b,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::yaml;

    fn complaints(kind: &str, text: &str) -> Vec<String> {
        let schemas = Schemas::parse(crate::verify::KUBERNETES);
        let documents = yaml::read(text).unwrap_or_default();
        let mut faults = Vec::new();
        assert!(schemas.check(kind, &documents[0], &mut faults));
        faults.into_iter().map(|fault| format!("{}: {}", fault.line, fault.message)).collect()
    }

    const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: api
spec:
  replicas: 3
  selector:
    matchLabels: {app: api}
  template:
    metadata:
      labels: {app: api}
    spec:
      containers:
        - name: api
          image: a/b:1
          resources:
            limits:
              memory: '512Mi'
";

    #[test]
    fn a_slip_in_a_manifest_is_named_with_line_and_path() {
        assert_eq!(complaints("apps/v1/Deployment", DEPLOYMENT), [""; 0]);
        for (from, to, expected) in [
            ("  replicas: 3", "  replica: 3", "6: spec.replica: there is no such field; did you mean `replicas`?"),
            ("  replicas: 3", "  replicas: '3'", "6: spec.replicas: here stands a text, where a whole number belongs"),
            ("  replicas: 3", "  replicas: 3000000000", "6: spec.replicas: 3000000000 is more than 2147483647"),
            (
                "  replicas: 3",
                "  replicas: null",
                "6: spec.replicas: here stands nothing, where a whole number belongs",
            ),
            (
                "512Mi",
                "512MB",
                "18: spec.template.spec.containers[0].resources.limits.memory: \"512MB\" has not the form",
            ),
            ("          image: a/b:1\n", "", ""),
            (
                "        - name: api",
                "        - nam: api",
                "14: spec.template.spec.containers[0].nam: there is no such field",
            ),
        ] {
            let found = complaints("apps/v1/Deployment", &DEPLOYMENT.replace(from, to));
            assert!(
                found.iter().any(|f| f.starts_with(expected)) || (expected.is_empty() && found.is_empty()),
                "{found:?}"
            );
        }
    }

    #[test]
    fn every_pattern_of_the_schemas_is_understood() {
        for text in [crate::verify::KUBERNETES, crate::verify::FILES] {
            let json: Json = serde_json::from_str(text).unwrap_or_default();
            assert!(json.get("$defs").is_some());
            patterns(&json);
        }
    }

    fn patterns(json: &Json) {
        match json {
            Json::Object(map) => {
                if let Some(Json::String(pattern)) = map.get("pattern") {
                    assert!(Regex::new(pattern).is_ok(), "{pattern}");
                }
                map.values().for_each(patterns);
            }
            Json::Array(items) => items.iter().for_each(patterns),
            _ => {}
        }
    }
}
