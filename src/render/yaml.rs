//! Composite values as YAML, for templates: maps and lists in block form with every scalar quoted as it needs to be.

use serde_json::Value;

use super::quote::yaml_string;

/// A value as YAML in block form, to stand behind a `key:` or `- ` whose content is indented by `indent` blanks.
/// Maps and lists that hold something begin on a new line; everything else stands on the same line after a blank.
pub fn block(value: &Value, indent: usize) -> String {
    let mut out = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                out.push('\n');
                out.push_str(&" ".repeat(indent));
                entry(&mut out, key, value, indent);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                out.push('\n');
                out.push_str(&" ".repeat(indent));
                list_item(&mut out, item, indent);
            }
        }
        other => {
            out.push(' ');
            out.push_str(&scalar(other));
        }
    }
    out
}

/// A whole document: a map or list at the margin, with a line break at its end.
pub fn document(value: &Value) -> String {
    let mut text = block(value, 0);
    text = text.strip_prefix(['\n', ' ']).map(str::to_owned).unwrap_or(text);
    text.push('\n');
    text
}

fn entry(out: &mut String, key: &str, value: &Value, indent: usize) {
    out.push_str(&yaml_string(key));
    out.push(':');
    match value {
        Value::String(text) if is_literal(text) => {
            out.push(' ');
            out.push_str(&literal(text, indent + 2));
        }
        value => out.push_str(&block(value, indent + 2)),
    }
}

fn list_item(out: &mut String, item: &Value, indent: usize) {
    out.push('-');
    match item {
        Value::Object(map) if !map.is_empty() => {
            for (at, (key, value)) in map.iter().enumerate() {
                if at == 0 {
                    out.push(' ');
                } else {
                    out.push('\n');
                    out.push_str(&" ".repeat(indent + 2));
                }
                entry(out, key, value, indent + 2);
            }
        }
        Value::String(text) if is_literal(text) => {
            out.push(' ');
            out.push_str(&literal(text, indent + 2));
        }
        item => out.push_str(&block(item, indent + 2)),
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => yaml_string(text),
        Value::Object(_) => "{}".to_owned(),
        Value::Array(_) => "[]".to_owned(),
        other => other.to_string(),
    }
}

/// Whether a text of several lines may stand as a literal block: no line with blanks at its end, no control character,
/// no blank or tab at the start of the first line, at most one line break at its end.
fn is_literal(text: &str) -> bool {
    let body = text.strip_suffix('\n').unwrap_or(text);
    body.contains('\n')
        && !body.ends_with('\n')
        && !body.starts_with([' ', '\t', '\n'])
        && body
            .split('\n')
            .all(|line| !line.ends_with([' ', '\t']) && !line.chars().any(|c| c.is_control() && c != '\t'))
        && !text.chars().any(|c| matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'))
}

/// A text as a literal block (`|`) whose lines are indented by `indent` blanks, or as a quoted scalar where that cannot hold it.
pub fn literal(text: &str, indent: usize) -> String {
    if !is_literal(text) {
        return yaml_string(text);
    }
    let mut out = String::from(if text.ends_with('\n') { "|" } else { "|-" });
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        out.push('\n');
        if !line.is_empty() {
            out.push_str(&" ".repeat(indent));
            out.push_str(line);
        }
    }
    out
}
