//! YAML as values of JSON, the way conftest makes them: with `sigs.k8s.io/yaml`, which Kubernetes reads with, too. It decides the
//! type of a text without quotes by YAML 1.1: `0755` is 493, and `yes` is true.

use serde_json::{Map, Number, Value};

use crate::document::node::Scalar;
use crate::document::{Node, NodeKind};

/// A document as a value.
pub fn json(node: &Node) -> Value {
    match &node.kind {
        NodeKind::Scalar(scalar) => of_scalar(scalar),
        NodeKind::List(items) => items.iter().map(json).collect(),
        NodeKind::Map(entries) => {
            let mut map = Map::new();
            for entry in entries {
                map.insert(key(&entry.key, entry.key_plain), json(&entry.value));
            }
            Value::Object(map)
        }
    }
}

fn of_scalar(scalar: &Scalar) -> Value {
    if scalar.plain { plain(&scalar.text) } else { Value::from(&*scalar.text) }
}

/// A key: a number or a truth value becomes its text.
fn key(text: &str, is_plain: bool) -> String {
    match plain(text) {
        Value::Bool(value) if is_plain => value.to_string(),
        Value::Number(number) if is_plain => number.to_string(),
        _ => text.to_owned(),
    }
}

/// The value of a text without quotes.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "y" | "Y" => return Value::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "n" | "N" => {
            return Value::Bool(false);
        }
        _ => {}
    }
    number(text).map_or_else(|| Value::from(text), Value::Number)
}

/// A text that begins as a number does, and is one. What is no number of JSON (`.inf`, `.nan`) stays a text.
fn number(text: &str) -> Option<Number> {
    if !text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) {
        return None;
    }
    let text = text.replace('_', "");
    let whole = whole(&text);
    whole.or_else(|| is_decimal(&text).then(|| text.parse().ok()).flatten().and_then(Number::from_f64))
}

/// A whole number of 64 bits: decimal, or with `0x`, `0b`, `0o` or just `0` in front.
fn whole(text: &str) -> Option<Number> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', _, ..] => (8, digits.get(1..)?),
        _ => (10, digits),
    };
    // Here a second sign would pass.
    if !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let value = i128::from(u64::from_str_radix(digits, radix).ok()?);
    if text.starts_with('-') {
        i64::try_from(-value).ok().map(Number::from)
    } else {
        u64::try_from(value).ok().map(Number::from)
    }
}

/// Digits with a point or an exponent; not what Rust reads beyond that, such as `inf`.
fn is_decimal(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn plain_texts_have_the_types_of_yaml_1_1() {
        for (text, value) in [
            ("0755", json!(493)),
            ("010", json!(8)),
            ("-010", json!(-8)),
            ("08", json!(8.0)),
            ("0x1F", json!(31)),
            ("0o17", json!(15)),
            ("0b11", json!(3)),
            ("1_000", json!(1000)),
            ("+7", json!(7)),
            ("0", json!(0)),
            ("18446744073709551615", json!(u64::MAX)),
            ("-9223372036854775808", json!(i64::MIN)),
            ("99999999999999999999", json!(1e20)),
            ("1e3", json!(1000.0)),
            (".5", json!(0.5)),
            ("yes", json!(true)),
            ("off", json!(false)),
            ("y", json!(true)),
            ("~", json!(null)),
        ] {
            assert_eq!(plain(text), value, "{text}");
        }
        for text in [
            "yEs",
            "0xg",
            "0x",
            "0b2",
            "-",
            "+",
            ".",
            "..",
            "1e",
            "e1",
            "inf",
            "-inf",
            ".inf",
            ".nan",
            "1-2",
            "+-1",
            "0-1",
            "é",
            "2027-01-15",
            "1.2.3",
            "_1",
        ] {
            assert_eq!(plain(text), Value::from(text));
        }
    }

    #[test]
    fn keys_are_texts() {
        for (text, is_plain, name) in [
            ("on", true, "true"),
            ("on", false, "on"),
            ("0x10", true, "16"),
            ("010", false, "010"),
            ("~", true, "~"),
            ("a", true, "a"),
        ] {
            assert_eq!(key(text, is_plain), name);
        }
    }
}
