//! An example of what a schema wants, on one line: for messages.

use serde_json::Value;

use crate::blueprint::schema::follow;

/// The most that stands inside of another.
const DEPTH: usize = 2;

/// A value that fits a schema, in YAML's flow form; `None` where nothing can be shown.
pub fn of(outer: &Value, depth: usize) -> Option<String> {
    let schema = follow(outer);
    let get = |key: &str| outer.get(key).or_else(|| schema.get(key));
    let first = |key: &str| get(key).and_then(|values| values.get(0)).and_then(Value::as_str).map(quoted);
    match get("type").and_then(Value::as_str) {
        Some("object") if depth >= DEPTH => None,
        Some("object") => {
            let properties = get("properties").and_then(Value::as_object).filter(|properties| !properties.is_empty());
            let Some(properties) = properties else {
                let inner = get("patternProperties").and_then(Value::as_object).and_then(|p| p.values().next());
                let inner = inner.or_else(|| get("additionalProperties").filter(|extra| extra.is_object()))?;
                return Some(format!("{{NAME: {}}}", of(inner, depth + 1).unwrap_or_else(|| "…".to_owned())));
            };
            let required: Vec<&str> =
                get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
            let shown = properties.iter().filter(|(name, _)| required.is_empty() || required.contains(&name.as_str()));
            let fields: Vec<String> =
                shown.filter_map(|(name, field)| Some(format!("{name}: {}", of(field, depth + 1)?))).take(3).collect();
            (!fields.is_empty()).then(|| format!("{{{}}}", fields.join(", ")))
        }
        Some("array") => Some(format!("[{}]", get("items").and_then(|items| of(items, depth + 1))?)),
        Some("integer") if get("maximum").and_then(Value::as_u64) == Some(65_535) => Some("8080".to_owned()),
        Some("integer") => {
            let number = get("default").or_else(|| get("minimum")).and_then(Value::as_u64);
            Some(number.map_or_else(|| "1".to_owned(), |number| number.max(1).to_string()))
        }
        Some("boolean") => Some("true".to_owned()),
        _ => first("examples").or_else(|| first("enum")).or_else(|| get("const").and_then(Value::as_str).map(quoted)),
    }
}

/// A text as it has to be written in a flow map.
fn quoted(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:@".contains(c));
    let with_unit =
        text.starts_with(|c: char| c.is_ascii_digit()) && text.ends_with(|c: char| c.is_ascii_alphabetic() || c == '%');
    if plain || with_unit { text.to_owned() } else { format!("\"{text}\"") }
}
