//! Prometheus: every expression is parsed; tests and scrape configurations agree with themselves.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};

use super::Fault;
use super::tree::{Node, Value};

/// The longest expression that is given to the parser.
const LENGTH: usize = 64 << 10;
/// How deep brackets may stand in each other: far more would end the process in the parser.
const DEPTH: usize = 200;

/// Checks the groups of a rule file or of a PrometheusRule.
pub fn rules(node: &Node<'_>, faults: &mut Vec<Fault>) {
    let mut groups = BTreeSet::new();
    for group in node.list("groups") {
        let name = group.text_at(&["name"]).unwrap_or_default();
        if !groups.insert(name.to_owned()) {
            faults.push(Fault::at(group.line, format!("two groups are called `{name}`")));
        }
        for rule in group.list("rules") {
            if let Some(expr) = rule.get("expr") {
                expression(expr, faults);
            }
            for part in ["labels", "annotations"] {
                for (key, value) in rule.get(part).map_or(&[][..], Node::entries) {
                    template(&key.text, value, faults);
                }
            }
        }
    }
}

/// Checks promtool's unit tests.
pub fn tests(node: &Node<'_>, faults: &mut Vec<Fault>) {
    for test in node.list("tests") {
        for case in test.list("promql_expr_test") {
            case.get("expr").into_iter().for_each(|expr| expression(expr, faults));
        }
        for series in test.list("input_series") {
            if let Some(node) = series.get("series") {
                expression(node, faults);
            }
        }
        if test.list("alert_rule_test").is_empty() && test.list("promql_expr_test").is_empty() {
            faults.push(Fault::at(test.line, "a test that tests nothing"));
        }
    }
}

/// Checks a scrape configuration.
pub fn config(node: &Node<'_>, faults: &mut Vec<Fault>) {
    let mut jobs = BTreeSet::new();
    for job in node.list("scrape_configs") {
        let name = job.text_at(&["job_name"]).unwrap_or_default();
        if !jobs.insert(name.to_owned()) {
            faults.push(Fault::at(job.line, format!("two scrape jobs are called `{name}`")));
        }
    }
}

/// Checks an expression.
fn expression(node: &Node<'_>, faults: &mut Vec<Fault>) {
    if matches!(node.value, Value::Int(_) | Value::Float(_)) {
        return;
    }
    let text = node.text().unwrap_or_default();
    if let Err(why) = parse(text) {
        let shown: String = text.chars().take(120).collect();
        faults.push(Fault::at(node.line, format!("no PromQL: {why}, in `{shown}`")));
    }
}

/// Whether an expression is PromQL; otherwise why not.
pub fn parse(text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("nothing stands there".to_owned());
    }
    let shape = shape(text);
    if KNOWN.with_borrow(|known| known.contains(&shape)) {
        return Ok(());
    }
    if text.len() > LENGTH {
        return Err(format!("it is longer than {LENGTH} bytes"));
    }
    let (mut depth, mut deepest) = (0usize, 0usize);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            // Signs and operators nest as brackets do.
            b'-' | b'+' => deepest += usize::from(depth > DEPTH),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    if deepest > DEPTH {
        return Err(format!("brackets stand more than {DEPTH} deep in each other"));
    }
    parsed(text)?;
    KNOWN.with_borrow_mut(|known| {
        // Rules of a thousand services have a few dozen shapes; whatever has more is read each time.
        if known.len() < SHAPES {
            known.insert(shape);
        }
    });
    Ok(())
}

/// How many shapes are remembered.
const SHAPES: usize = 4096;

thread_local! {
    /// The shapes of expressions that were read and are right.
    static KNOWN: RefCell<HashSet<String>> = RefCell::new(HashSet::new());
}

/// An expression without the names in the texts that labels are compared with: two that differ in nothing else are both right
/// or both wrong. An empty text is told from one that is not: a selector of those alone is refused.
fn shape(text: &str) -> String {
    let mut shape = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\'', '`', '#']) {
        let inner = &rest[at + 1..];
        let end = inner.find('"').filter(|end| rest.as_bytes()[at] == b'"' && !inner[..*end].contains(['\\', '\n']));
        // Other quotes, comments and texts with an escape: from here on nothing is taken out.
        let Some(end) = end else { break };
        shape.push_str(&rest[..=at]);
        names_out(&inner[..end], &mut shape);
        shape.push('"');
        rest = &inner[end + 1..];
    }
    shape.push_str(rest);
    shape
}

/// A text with `x` for each run of letters and digits; a regular expression keeps its signs, and one with a class, a
/// repetition or a flag is kept whole but for what stands outside of its brackets.
fn names_out(text: &str, shape: &mut String) {
    if text.contains(['{', '?']) {
        shape.push_str(text);
        return;
    }
    let (mut class, mut run) = (false, false);
    for c in text.chars() {
        let plain = !class && (c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if !plain {
            shape.push(c);
        } else if !run {
            shape.push('x');
        }
        run = plain;
        class = if class { c != ']' } else { c == '[' };
    }
}

#[cfg(feature = "promql")]
fn parsed(text: &str) -> Result<(), String> {
    promql_parser::parser::parse(text).map(|_| ())
}

#[cfg(not(feature = "promql"))]
fn parsed(_: &str) -> Result<(), String> {
    Ok(())
}

/// Checks that the template in a label or annotation is closed.
fn template(key: &str, node: &Node<'_>, faults: &mut Vec<Fault>) {
    let text = node.text().unwrap_or_default();
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        match rest[at..].find("}}") {
            Some(end) => rest = &rest[at + end + 2..],
            None => {
                faults.push(Fault::at(node.line, format!("the template in `{key}` is not closed")));
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn what_prometheus_refuses_is_refused() {
        assert!(parse("sum(rate(http_requests_total{code=~\"5..\"}[5m])) / 2 > 0.01").is_ok());
        assert!(parse("sum({a=\"x\"})").is_ok() && parse("sum({a=\"\"})").is_err(), "the shape keeps what is empty");
        for (right, wrong) in [("x", "("), ("a[0-9]", "a[9-0]"), ("a{2,3}", "a{3,2}"), ("a+", "+a"), ("(?i)a", "(?z)a")]
        {
            let of = |text: &str| parse(&format!("up{{a=~\"{text}\"}}"));
            assert!(of(right).is_ok() && of(wrong).is_err(), "the shape keeps regular expressions: {right} {wrong}");
        }
        for broken in ["sum(", "rate(up)", "", "up ==", "nosuch(up)"] {
            assert!(parse(broken).is_err(), "{broken}");
        }
        assert!(parse(&format!("{}1{}", "(".repeat(50_000), ")".repeat(50_000))).is_err());
    }
}
