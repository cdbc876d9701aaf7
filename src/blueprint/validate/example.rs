//! An example of what a schema wants, on one line: for messages. What is shown may be pasted: the test below does so.

use serde_json::{Map, Value};

use crate::blueprint::schema::follow;

/// The most that stands inside of another.
const DEPTH: usize = 3;

/// A value that fits a schema, in YAML's flow form; `None` where nothing can be shown.
pub fn of(outer: &Value) -> Option<String> {
    value(outer, 0).map(|value| flow(&value))
}

/// A value that fits a schema: the example beside a field, its default, the example of its type, or one that is made of its parts.
fn value(outer: &Value, depth: usize) -> Option<Value> {
    let schema = follow(outer);
    let get = |key: &str| outer.get(key).or_else(|| schema.get(key));
    let first = |of: &Value, key: &str| of.get(key).and_then(|values| values.get(0)).cloned();
    // An empty list or map is a default that shows nothing.
    let telling = |value: &&Value| match value {
        Value::Array(items) => !items.is_empty(),
        Value::Object(_) => false,
        _ => true,
    };
    if let Some(known) = first(outer, "examples")
        .or_else(|| outer.get("default").filter(telling).cloned())
        .or_else(|| first(schema, "examples"))
        .or_else(|| first(schema, "enum"))
        .or_else(|| get("const").cloned())
    {
        return Some(known);
    }
    match get("type").and_then(Value::as_str) {
        Some("object") if depth >= DEPTH => None,
        Some("object") => {
            let properties = get("properties").and_then(Value::as_object).filter(|properties| !properties.is_empty());
            let Some(properties) = properties else {
                let inner = get("patternProperties").and_then(Value::as_object).and_then(|p| p.values().next());
                let inner = inner.or_else(|| get("additionalProperties").filter(|extra| extra.is_object()))?;
                return Some(Value::Object(Map::from_iter([("NAME".to_owned(), value(inner, depth + 1)?)])));
            };
            let required: Vec<&str> =
                get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
            // All that is required, or the first of what may be left out.
            let most = if required.is_empty() { 1 } else { required.len() };
            let shown = properties.iter().filter(|(name, _)| required.is_empty() || required.contains(&name.as_str()));
            let fields = shown.filter_map(|(name, field)| Some((name.clone(), value(field, depth + 1)?))).take(most);
            let fields: Map<String, Value> = fields.collect();
            (!fields.is_empty()).then_some(Value::Object(fields))
        }
        Some("array") => Some(Value::Array(vec![get("items").and_then(|items| value(items, depth + 1))?])),
        Some("integer") if get("maximum").and_then(Value::as_u64) == Some(65_535) => Some(8080.into()),
        Some("integer") => Some(get("minimum").and_then(Value::as_u64).unwrap_or(1).max(1).into()),
        Some("boolean") => Some(true.into()),
        _ => None,
    }
}

/// A value as it is written in one line of YAML.
pub fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| format!("{}: {}", quoted(name), flow(value));
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// A text as it has to be written in a flow map.
pub fn quoted(text: &str) -> String {
    let word = matches!(
        text.to_ascii_lowercase().as_str(),
        "yes" | "no" | "on" | "off" | "y" | "n" | "true" | "false" | "null"
    );
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./@".contains(c));
    let image = text.contains("@sha256:") && !text.contains(": ");
    let with_unit =
        text.starts_with(|c: char| c.is_ascii_digit()) && text.ends_with(|c: char| c.is_ascii_alphabetic() || c == '%');
    if (plain && !word) || image || with_unit { text.to_owned() } else { format!("\"{text}\"") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rayon::prelude::*;
    use serde_json::Value;

    use super::{of, value};
    use crate::blueprint::load::{Input, parse};
    use crate::blueprint::schema::{SCHEMA, follow};

    /// Where a suggestion is pasted: the first of them in which the field makes sense. They have the names that suggestions use.
    fn bases() -> [String; 6] {
        let one_service = include_str!("../../../examples/one-service/blueprint.yaml");
        [
            include_str!("../../../blueprints/minimal.yaml").to_owned(),
            one_service.to_owned(),
            one_service.replace("\nedge:\n", "\nedge:\n  ingress: nginx\n"),
            include_str!("../../../blueprints/agentic-platform.yaml").replace("s3-primary", "store"),
            include_str!("../../../blueprints/loopback-hosts.yaml")
                .replace("rack-", "zone-")
                .replace("backup.disk", "backup.store")
                .replace("\n  disk:", "\n  store:")
                .replace("127.0.0.", "10.9.0."),
            include_str!("../../../tests/conformance/blueprints/redis-sentinel-tls.yaml")
                .replace("rack-", "zone-")
                .replace("127.0.0.", "10.9.0."),
        ]
    }

    /// One host suggests the form of many; how many there must be depends on other fields.
    const COUNTED: [(&str, &str); 2] = [("redis.*.hosts", "BP062"), ("redis.*.sentinel.hosts", "BP118")];

    fn get<'a>(outer: &'a Value, key: &str) -> Option<&'a Value> {
        outer.get(key).or_else(|| follow(outer).get(key))
    }

    /// What each entry of a map, or each item of a list, has to be.
    fn inner(outer: &Value) -> Option<&Value> {
        let pattern = get(outer, "patternProperties").and_then(Value::as_object).and_then(|p| p.values().next());
        pattern
            .or_else(|| get(outer, "additionalProperties").filter(|extra| extra.is_object()))
            .or_else(|| get(outer, "items"))
    }

    fn child<'a>(outer: &'a Value, step: &str) -> Option<&'a Value> {
        get(outer, "properties").and_then(|properties| properties.get(step)).or_else(|| inner(outer))
    }

    /// Every path of the language; `*` is any name or place.
    fn paths(outer: &Value, at: &[String], all: &mut Vec<Vec<String>>) {
        if get(outer, "x-hagen-patch").is_some() {
            return;
        }
        let properties = get(outer, "properties").and_then(Value::as_object);
        let names = properties.into_iter().flat_map(|p| p.keys().map(String::as_str));
        let star = inner(outer).is_some().then_some("*");
        for step in names.chain(star) {
            let here = [at, &[step.to_owned()]].concat();
            all.push(here.clone());
            paths(child(outer, step).unwrap(), &here, all);
        }
    }

    /// Puts a suggestion where its path leads; what is missing above it is made of the suggestions for that.
    fn put(document: &mut Value, outer: &Value, steps: &[String], suggestion: &Value) -> Option<()> {
        let Some((step, rest)) = steps.split_first() else {
            *document = suggestion.clone();
            return Some(());
        };
        let schema = child(outer, step)?;
        let inside = match document {
            Value::Array(items) => items.get_mut(0)?,
            Value::Object(fields) => {
                let name = if step == "*" { fields.keys().next()?.clone() } else { step.clone() };
                fields.entry(name).or_insert(value(schema, 0)?)
            }
            _ => return None,
        };
        put(inside, schema, rest, suggestion)
    }

    fn findings(document: &Value) -> BTreeSet<String> {
        let input = Input { name: "pasted".to_owned(), text: document.to_string(), directory: None };
        let loaded = parse(vec![input]).load(0, None);
        loaded.problems.iter().map(|problem| format!("{} {}", problem.id, problem.title)).collect()
    }

    #[test]
    fn what_a_message_suggests_is_accepted_when_it_is_pasted() {
        let bases: Vec<(Value, BTreeSet<String>)> = bases()
            .iter()
            .map(|text| {
                let mut base: Value = serde_yaml::from_str(text).unwrap();
                base.as_object_mut().unwrap().remove("environments");
                let known = findings(&base);
                (base, known)
            })
            .collect();
        let mut all = Vec::new();
        paths(&SCHEMA, &[], &mut all);
        assert!(all.len() > 300, "{}", all.len());
        let refused = |path: &Vec<String>| {
            let schema = path.iter().try_fold(&*SCHEMA, |at, step| child(at, step)).unwrap();
            let suggestion: Value = serde_yaml::from_str(&of(schema)?).unwrap();
            let mut said = Vec::new();
            for (base, known) in &bases {
                let mut document = base.clone();
                if put(&mut document, &SCHEMA, path, &suggestion).is_none() {
                    continue;
                }
                let new: Vec<String> = findings(&document).difference(known).cloned().collect();
                let counted =
                    |finding: &String| COUNTED.iter().any(|(of, id)| *of == path.join(".") && finding.starts_with(id));
                if new.iter().all(counted) {
                    return None;
                }
                said.push(new.join("; "));
            }
            Some(format!("{}: {suggestion}\n    {}", path.join("."), said.join("\n    ")))
        };
        let refused: Vec<String> = all.par_iter().filter_map(refused).collect();
        assert!(refused.is_empty(), "{} of {}\n{}", refused.len(), all.len(), refused.join("\n"));
    }

    #[test]
    fn nothing_that_is_asked_for_is_without_a_suggestion() {
        let mut all = Vec::new();
        paths(&SCHEMA, &[], &mut all);
        let silent = |path: &&Vec<String>| {
            let schema = path.iter().try_fold(&*SCHEMA, |at, step| child(at, step)).unwrap();
            of(schema).is_none_or(|text| text.contains('…') || text.contains("NAME"))
        };
        let silent: Vec<String> = all.iter().filter(silent).map(|path| path.join(".")).collect();
        assert!(silent.is_empty(), "{} {silent:#?}", silent.len());
    }
}
