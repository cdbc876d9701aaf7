//! `explain`: a field's meaning, type, default and fields below it, from the same schema that editors read.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::schema::{SCHEMA, follow};
use crate::diagnostics::{nearest, registry};
use crate::document::{Path, Step};

/// A path that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// Where it ends.
    pub message: String,
    /// What could have been meant.
    pub fix: String,
}

/// Explains a field by its path, or a check by its id; a name in a map may be any name or `*`, a place in a list `[]` or a number.
pub fn explain(path: &str) -> Result<String, Unknown> {
    if let Some(check) = registry::find(path) {
        return Ok(format!("{}\n    {}\n\nto do:    {}\n", check.id, check.meaning, check.fix));
    }
    let looks_like_id =
        path.len() == 5 && path[..2].eq_ignore_ascii_case("BP") && path[2..].bytes().all(|b| b.is_ascii_digit());
    if looks_like_id {
        let message = format!("no check is called `{path}`");
        return Err(Unknown {
            message,
            fix: "ids stand in brackets in front of every finding: `error[BP007]`".to_owned(),
        });
    }
    let steps = steps(path)?;
    let mut outer: &Value = &SCHEMA;
    let mut walked: Vec<String> = Vec::new();
    let mut required = false;
    for (at, step) in steps.iter().enumerate() {
        let schema = follow(outer);
        let names = outer.get("required").or_else(|| schema.get("required")).and_then(Value::as_array);
        required = names.is_some_and(|names| names.iter().any(|name| name == step));
        outer = match child(outer, schema, step) {
            Some(next) => next,
            None => return Err(unknown(outer, schema, &walked, step, &steps[at + 1..])),
        };
        walked.push(step.clone());
    }
    Ok(describe(&walked, outer, required))
}

/// The steps of a path as messages print it; a reference such as `needs.postgres.main` is one key where the schema has one.
fn steps(path: &str) -> Result<Vec<String>, Unknown> {
    let path: Path = path.trim_matches('.').replace("[]", "[0]").parse().map_err(|error| Unknown {
        message: format!("`{}` is no path: {error}", path.escape_debug()),
        fix: "write it as messages print it: `services.*.replicas.min`".to_owned(),
    })?;
    let mut steps: Vec<String> = Vec::new();
    for step in path.steps() {
        let name = match step {
            Step::Key(key) => key.clone(),
            Step::Index(_) => "[]".to_owned(),
        };
        let after_needs =
            steps.last().is_some_and(|last| matches!(last.as_str(), "services" | "postgres" | "redis" | "external"))
                && steps.len() >= 2
                && steps[steps.len() - 2] == "needs";
        match steps.last_mut().filter(|_| after_needs) {
            Some(section) => *section = format!("{section}.{name}"),
            None => steps.push(name),
        }
    }
    Ok(steps)
}

fn object<'a>(outer: &'a Value, schema: &'a Value, key: &str) -> Option<&'a Map<String, Value>> {
    outer.get(key).or_else(|| schema.get(key)).and_then(Value::as_object)
}

fn child<'a>(outer: &'a Value, schema: &'a Value, step: &str) -> Option<&'a Value> {
    let get = |key: &str| outer.get(key).or_else(|| schema.get(key));
    if let Some(property) = object(outer, schema, "properties").and_then(|properties| properties.get(step)) {
        return Some(property);
    }
    if get("type") == Some(&Value::from("array")) {
        return get("items");
    }
    if object(outer, schema, "properties").is_some_and(|properties| !properties.is_empty()) {
        return None;
    }
    object(outer, schema, "patternProperties")
        .and_then(|patterns| patterns.values().next())
        .or_else(|| get("additionalProperties").filter(|extra| extra.is_object()))
}

fn unknown(outer: &Value, schema: &Value, walked: &[String], step: &str, rest: &[String]) -> Unknown {
    let place = if walked.is_empty() { "a blueprint".to_owned() } else { format!("`{}`", walked.join(".")) };
    let names: Vec<&str> =
        object(outer, schema, "properties").into_iter().flat_map(|p| p.keys().map(String::as_str)).collect();
    let fix = match nearest(step, names.iter().copied()) {
        Some(near) => {
            let whole: Vec<&str> =
                walked.iter().map(String::as_str).chain([near]).chain(rest.iter().map(String::as_str)).collect();
            format!("did you mean `{}`?", whole.join("."))
        }
        None if names.is_empty() => "it has no fields".to_owned(),
        None => format!("it has: {}", names.join(", ")),
    };
    Unknown { message: format!("{place} has no field `{}`", step.escape_debug()), fix }
}

fn describe(walked: &[String], outer: &Value, required: bool) -> String {
    let schema = follow(outer);
    let get = |key: &str| outer.get(key).or_else(|| schema.get(key));
    let mut out = String::new();
    let title = if walked.is_empty() { "the blueprint".to_owned() } else { walked.join(".") };
    let _ = writeln!(out, "{title}");
    let description = get("description").and_then(Value::as_str).unwrap_or("");
    for line in description.lines() {
        let _ = writeln!(out, "    {line}");
    }
    // The type's own words, where they say more than the field's.
    if let Some(of_type) = schema.get("description").and_then(Value::as_str).filter(|text| *text != description) {
        let _ = writeln!(out, "    {of_type}");
    }
    let _ = writeln!(out, "\ntype:     {}", type_name(outer));
    if required {
        let _ = writeln!(out, "required: yes");
    }
    match outer.get("default").or_else(|| schema.get("default")) {
        Some(default) if !default.is_object() && !default.is_array() => {
            let _ = writeln!(out, "default:  {}", scalar(default));
        }
        Some(default) if default.as_array().is_some_and(|items| !items.is_empty()) => {
            let _ = writeln!(out, "default:  {default}");
        }
        _ => {}
    }
    if let Some(values) = get("x-hagen-values").and_then(Value::as_object) {
        let _ = writeln!(out, "values:");
        let width = values.keys().map(String::len).max().unwrap_or(0);
        for (name, meaning) in values {
            let _ = writeln!(out, "    {name:width$}  {}", meaning.as_str().unwrap_or(""));
        }
    }
    if let Some(examples) = get("examples").and_then(Value::as_array) {
        let examples: Vec<String> = examples.iter().map(scalar).collect();
        let _ = writeln!(out, "examples: {}", examples.join(", "));
    }
    if let Some(files) = super::schema::renders_into(walked) {
        let _ = writeln!(out, "renders:  {files}");
    }
    if object(outer, schema, "properties").is_some_and(|properties| !properties.is_empty()) {
        fields(&mut out, "fields:", outer);
    } else if get("type") == Some(&Value::from("object"))
        && let Some(inner) = child(outer, schema, "*")
    {
        // What a map holds is what one looks for when one asks for the map.
        fields(&mut out, &format!("fields of each, {title}.*:"), inner);
    }
    out
}

fn fields(out: &mut String, title: &str, outer: &Value) {
    let schema = follow(outer);
    let Some(fields) = object(outer, schema, "properties").filter(|properties| !properties.is_empty()) else { return };
    let required = outer.get("required").or_else(|| schema.get("required")).and_then(Value::as_array);
    let required: Vec<&str> = required.into_iter().flatten().filter_map(Value::as_str).collect();
    let _ = writeln!(out, "\n{title}");
    let width = fields.keys().map(String::len).max().unwrap_or(0);
    for (name, field) in fields {
        let meaning =
            field.get("description").or_else(|| follow(field).get("description")).and_then(Value::as_str).unwrap_or("");
        let note = if required.contains(&name.as_str()) { " (required)" } else { "" };
        let _ = writeln!(out, "    {name:width$}  {}{note}", meaning.lines().next().unwrap_or(""));
    }
}

fn type_name(outer: &Value) -> String {
    let schema = follow(outer);
    let get = |key: &str| outer.get(key).or_else(|| schema.get(key));
    if let Some(unit) = get("x-hagen-unit").and_then(Value::as_str) {
        return unit.to_owned();
    }
    if get("x-hagen-reference").is_some() {
        return "reference".to_owned();
    }
    if get("enum").is_some() {
        return "one of the values below".to_owned();
    }
    match get("type") {
        Some(Value::String(name)) if name == "array" => {
            format!("list of {}", get("items").map_or("anything".to_owned(), type_name))
        }
        Some(Value::String(name))
            if name == "object" && object(outer, schema, "properties").is_none_or(Map::is_empty) =>
        {
            let inner = object(outer, schema, "patternProperties")
                .and_then(|p| p.values().next())
                .or_else(|| get("additionalProperties"));
            format!("map of names to {}", inner.map_or("anything".to_owned(), type_name))
        }
        Some(Value::String(name)) => match name.as_str() {
            "object" => "map".to_owned(),
            "integer" => {
                let (least, most) = (get("minimum"), get("maximum"));
                match (least, most) {
                    (Some(least), Some(most)) => format!("whole number from {least} to {most}"),
                    (Some(least), None) => format!("whole number, at least {least}"),
                    _ => "whole number".to_owned(),
                }
            }
            "boolean" => "true or false".to_owned(),
            _ => "text".to_owned(),
        },
        _ => "text, number or boolean, passed on as it is written".to_owned(),
    }
}

fn scalar(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::explain;

    #[test]
    fn a_field_is_explained_with_its_type_and_default() {
        let text = explain("services.*.replicas.min").unwrap_or_default();
        assert!(text.contains("type:     whole number"), "{text}");
        assert!(text.contains("default:  3"), "{text}");
        assert!(explain("services.api.needs.postgres.main.timeout").is_ok_and(|text| text.contains("duration")));
        assert!(explain("services.catalog.needs.\"redis.cache\".timeout").is_ok_and(|text| text.contains("duration")));
        assert!(explain("postgres.main.backup.to[0]").is_ok_and(|text| text.contains("reference")));
        for map in ["postgres", "services", "services.*.needs"] {
            assert!(explain(map).is_ok_and(|text| text.contains("fields of each")), "{map}");
        }
        assert!(explain("services.*.port").is_ok_and(|text| text.contains("required: yes")));
        assert!(explain("BP048").is_ok_and(|text| text.contains("ttl")));
        assert!(explain("BP999").is_err());
        assert!(explain("services.*.replcias").is_err_and(|unknown| unknown.fix.contains("services.*.replicas")));
    }
}
