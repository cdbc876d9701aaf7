//! `explain`: a field's meaning, type, default and fields below it, from the same schema that editors read; what an id means.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::schema::{SCHEMA, follow};
use super::validate::example::flow;
use crate::diagnostics::{facts, nearest, registry};
use crate::document::{Path, Step};

/// A path that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// Where it ends.
    pub message: String,
    /// What could have been meant.
    pub fix: String,
}

/// Explains a field by its path, or a check, fact, formula or rule by its id; a name in a map may be any name or `*`, a place in
/// a list `[]` or a number.
pub fn explain(path: &str) -> Result<String, Unknown> {
    if let Some(check) = registry::find(path) {
        return Ok(format!("{}\n    {}\n\nto do:    {}\n", check.id, check.meaning, check.fix));
    }
    if facts::is_id(path) {
        return facts::find(path).map(|fact| fact.describe()).ok_or_else(|| Unknown {
            message: format!("no fact, formula or rule is called `{path}`"),
            fix: "docs/facts.md lists them".to_owned(),
        });
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
    let (mut required, mut of_patch, mut above) = (false, None, "");
    for (at, step) in steps.iter().enumerate() {
        if follow(outer).get("x-hagen-patch").is_some() {
            // What stands in an environment is what stands there in the base.
            of_patch = Some(walked.join("."));
            outer = &SCHEMA;
            walked.clear();
        }
        let schema = follow(outer);
        above = description(outer);
        let names = outer.get("required").or_else(|| schema.get("required")).and_then(Value::as_array);
        required = names.is_some_and(|names| names.iter().any(|name| name == step));
        outer = match child(outer, schema, step) {
            Some(next) => next,
            None => return Err(unknown(outer, schema, &walked, step, &steps[at + 1..])),
        };
        walked.push(step.clone());
    }
    let text = describe(&walked, outer, required, above);
    Ok(match of_patch {
        Some(patch) => format!("in `{patch}`, what differs from the base:\n\n{text}"),
        None => text,
    })
}

/// The words of a field, or those of its type.
fn description(outer: &Value) -> &str {
    let of = |of: &'static str| outer.get(of).or_else(|| follow(outer).get(of));
    of("description").and_then(Value::as_str).unwrap_or("")
}

/// The steps of a path as messages print it; a reference such as `needs.postgres.main` is one key where the schema has one.
fn steps(path: &str) -> Result<Vec<String>, Unknown> {
    let path: Path =
        path.trim_matches('.').replace("[*]", ".*").replace("[]", "[0]").parse().map_err(|error| Unknown {
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
    let values = outer.get("enum").or_else(|| schema.get("enum")).and_then(Value::as_array);
    if let Some(values) = values {
        let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
        let message = if values.contains(&step) {
            format!("`{step}` is a value of {place}, and no field")
        } else {
            format!("{place} has no field `{}`", step.escape_debug())
        };
        let fix =
            format!("it is one of: {}; `hagen explain {}` says what each means", values.join(", "), walked.join("."));
        return Unknown { message, fix };
    }
    let elsewhere = || {
        let mut all = Vec::new();
        same_name(&SCHEMA, step, &mut Vec::new(), &mut all);
        all.sort_by_key(|path| (path.matches('.').count(), path.clone()));
        all
    };
    let fix = match nearest(step, names.iter().copied()) {
        Some(near) => {
            let whole: Vec<&str> =
                walked.iter().map(String::as_str).chain([near]).chain(rest.iter().map(String::as_str)).collect();
            format!("did you mean `{}`?", whole.join("."))
        }
        None if walked.is_empty() && rest.is_empty() && !elsewhere().is_empty() => {
            let all: Vec<String> = elsewhere().iter().take(5).map(|path| format!("`{path}`")).collect();
            format!("did you mean {}?", all.join(" or "))
        }
        None if names.is_empty() => "it has no fields".to_owned(),
        None => format!("it has: {}", names.join(", ")),
    };
    Unknown { message: format!("{place} has no field `{}`", step.escape_debug()), fix }
}

/// Every path that ends in a name.
fn same_name(outer: &Value, name: &str, at: &mut Vec<String>, all: &mut Vec<String>) {
    let schema = follow(outer);
    for (field, inner) in object(outer, schema, "properties").into_iter().flatten() {
        at.push(field.clone());
        if field == name {
            all.push(at.join("."));
        }
        same_name(inner, name, at, all);
        at.pop();
    }
    let is_map = object(outer, schema, "properties").is_none_or(Map::is_empty);
    if let Some(inner) = child(outer, schema, "*").filter(|_| is_map) {
        at.push("*".to_owned());
        same_name(inner, name, at, all);
        at.pop();
    }
}

fn describe(walked: &[String], outer: &Value, required: bool, above: &str) -> String {
    let schema = follow(outer);
    let get = |key: &str| outer.get(key).or_else(|| schema.get(key));
    let mut out = String::new();
    let title = if walked.is_empty() { "the blueprint".to_owned() } else { walked.join(".") };
    let _ = writeln!(out, "{title}");
    let mut words = get("description").and_then(Value::as_str).unwrap_or("").to_owned();
    if words.is_empty() && !above.is_empty() {
        // What stands in a map has often no words but those of the map.
        words = format!("One of: {above}");
    }
    for line in words.lines() {
        let _ = writeln!(out, "{}", format!("    {line}").trim_end());
    }
    // The type's own words, where they say something else.
    if let Some(of_type) = schema.get("description").and_then(Value::as_str).filter(|text| says_more(text, &words)) {
        for line in of_type.lines() {
            let _ = writeln!(out, "    {line}");
        }
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
            let _ = writeln!(out, "default:  {}", flow(default));
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
        let written = |value: &Value| if value.is_object() || value.is_array() { flow(value) } else { scalar(value) };
        let examples: Vec<String> = examples.iter().map(written).collect();
        let _ = writeln!(out, "examples: {}", examples.join(", "));
    } else if let Some(item) = get("items").and_then(|items| follow(items).get("examples")?.get(0)) {
        let _ = writeln!(out, "examples: {}", flow(&Value::from(vec![item.clone()])));
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
    } else if get("type") == Some(&Value::from("array"))
        && let Some(inner) = get("items")
    {
        fields(&mut out, &format!("fields of each, {title}[]:"), inner);
    }
    out
}

/// Whether a text has more to say than one that was said: most of its longer words are not in that.
fn says_more(text: &str, said: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 3);
        // Singular and plural are one word.
        words.map(|word| word.to_lowercase().trim_end_matches('s').to_owned()).collect()
    };
    let said = words(said);
    let all = words(text);
    let new = all.iter().filter(|word| !said.contains(word)).count();
    said.is_empty() || 2 * new > all.len()
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
        let list = explain("policy.waive").unwrap_or_default();
        for part in [
            "policy.waive[]",
            "until ",
            "The last day",
            "examples: [{rule: PG032, ",
            "`# hagen: waive K8012 reason=",
            "all below it",
        ] {
            assert!(list.contains(part), "{part}: {list}");
        }
        assert!(explain("services.*.port").is_ok_and(|text| text.contains("required: yes")));
        assert!(explain("services[*].replicas").is_ok_and(|text| text.contains("fields:")));
        assert!(explain("services.*.env.*").is_ok_and(|text| text.contains("Environment variables")));
        let patched = explain("environments.staging.objectives").unwrap_or_default();
        assert!(patched.contains("environments.staging") && patched.contains("availability"), "{patched}");
        let stops = explain("services.*.shutdown").unwrap_or_default();
        assert!(stops.contains("How it stops.") && !stops.contains("How a service stops"), "{stops}");
        assert!(explain("f-pt-02").is_ok_and(|text| text.contains("source:")));
        assert!(explain("R-PG-32").is_ok_and(|text| text.starts_with("R-PG-32\n")));
        assert!(explain("F-PT-99").is_err());
        for (asked, meant) in [
            ("rto", "`objectives.rto`"),
            ("replicas", "`services.*.replicas`"),
            ("strategy.active-active", "active-passive"),
        ] {
            assert!(explain(asked).is_err_and(|unknown| unknown.fix.contains(meant)), "{asked}");
        }
        assert!(explain("BP048").is_ok_and(|text| text.contains("ttl")));
        assert!(explain("BP999").is_err());
        assert!(explain("services.*.replcias").is_err_and(|unknown| unknown.fix.contains("services.*.replicas")));
    }
}
