//! When two values that are written differently are one: quantities, durations, what is empty.

use serde_json::Value;

/// Whether a value says nothing. `false` and `0` do: without `automountServiceAccountToken: false` there is a token.
pub fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.values().all(is_empty),
    }
}

/// Whether two values that are neither maps nor lists are one at a path.
pub fn same(keys: &[&str], a: &Value, b: &Value) -> bool {
    if a == b {
        return true;
    }
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        _ if is_quantity(keys) => {
            match (text(a).as_deref().and_then(quantity), text(b).as_deref().and_then(quantity)) {
                (Some(a), Some(b)) => a == b,
                _ => false,
            }
        }
        (Value::String(a), Value::String(b)) if is_duration(keys) => {
            matches!((duration(a), duration(b)), (Some(a), Some(b)) if a == b)
        }
        _ => false,
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Whether quantities stand at a path: `resources.requests.cpu`.
fn is_quantity(keys: &[&str]) -> bool {
    const MAPS: [&str; 8] =
        ["requests", "limits", "capacity", "hard", "default", "defaultRequest", "maxAllowed", "minAllowed"];
    const FIELDS: [&str; 6] = ["sizeLimit", "averageValue", "value", "divisor", "targetAverageValue", "quantity"];
    let above = keys.len().checked_sub(2).and_then(|at| keys.get(at));
    let last = keys.last();
    above.is_some_and(|above| MAPS.contains(above))
        || last.is_some_and(|last| FIELDS.contains(last)) && !keys.contains(&"env") && !keys.contains(&"data")
}

/// Whether a duration may stand at a path: not in what is handed on as a text.
fn is_duration(keys: &[&str]) -> bool {
    keys.first() == Some(&"spec") && !keys.iter().any(|key| matches!(*key, "env" | "labels" | "annotations" | "args"))
}

/// A quantity in billionths: `0.1` is `100m`, `1Gi` is `1024Mi`.
fn quantity(text: &str) -> Option<i128> {
    const NANO: i128 = 1_000_000_000;
    let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-'))).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let scale: i128 = match unit {
        "n" => 1,
        "u" => 1_000,
        "m" => 1_000_000,
        "" => NANO,
        "k" => NANO * 1_000,
        "M" => NANO * 1_000_000,
        "G" => NANO * 1_000_000_000,
        "T" => NANO * 1_000_000_000_000,
        "P" => NANO * 1_000_000_000_000_000,
        "Ki" => NANO << 10,
        "Mi" => NANO << 20,
        "Gi" => NANO << 30,
        "Ti" => NANO << 40,
        "Pi" => NANO << 50,
        _ => {
            let exponent: u32 = unit.strip_prefix(['e', 'E'])?.parse().ok().filter(|exponent| *exponent <= 15)?;
            NANO * 10i128.pow(exponent)
        }
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let negative = whole.starts_with('-');
    let whole: i128 = match whole.trim_start_matches(['+', '-']) {
        "" if !fraction.is_empty() => 0,
        whole => whole.parse().ok()?,
    };
    let mut sum = whole.checked_mul(scale)?;
    if !fraction.is_empty() {
        let places = u32::try_from(fraction.len()).ok().filter(|places| *places <= 12)?;
        sum = sum.checked_add(fraction.parse::<i128>().ok()?.checked_mul(scale)? / 10i128.pow(places))?;
    }
    Some(if negative { -sum } else { sum })
}

/// A duration as Go and Prometheus write it, in milliseconds: `60s` is `1m0s` is `1m`.
fn duration(text: &str) -> Option<u64> {
    let (mut rest, mut sum) = (text, 0u64);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|end| *end > 0)?;
        let number: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit = match &rest[..end] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            _ => return None,
        };
        sum = sum.checked_add(number.checked_mul(unit)?)?;
        rest = &rest[end..];
    }
    (!text.is_empty()).then_some(sum)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn quantities_and_durations_are_compared_by_what_they_are() {
        let requests = ["spec", "resources", "requests", "cpu"];
        for (a, b) in [
            (json!("0.1"), json!("100m")),
            (json!("1Gi"), json!("1024Mi")),
            (json!(2), json!("2")),
            (json!("1e3"), json!("1k")),
        ] {
            assert!(same(&requests, &a, &b), "{a} {b}");
        }
        for (a, b) in [(json!("0.1"), json!("110m")), (json!("1G"), json!("1Gi")), (json!("x"), json!("y"))] {
            assert!(!same(&requests, &a, &b), "{a} {b}");
        }
        assert!(same(&["spec", "timeout"], &json!("60s"), &json!("1m0s")));
        assert!(!same(&["spec", "timeout"], &json!("60s"), &json!("61s")));
        assert!(!same(&["data", "timeout"], &json!("60s"), &json!("1m")));
        assert!(!same(&["spec", "env", "value"], &json!("0.1"), &json!("100m")));
        assert!(!same(&["spec", "replicas"], &json!("3"), &json!(3)));
    }
}
