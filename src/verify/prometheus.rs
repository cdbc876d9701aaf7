//! Prometheus: every expression is parsed; tests and scrape configurations agree with themselves.

use std::collections::BTreeSet;

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
    parsed(text)
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
        for broken in ["sum(", "rate(up)", "", "up ==", "nosuch(up)"] {
            assert!(parse(broken).is_err(), "{broken}");
        }
        assert!(parse(&format!("{}1{}", "(".repeat(50_000), ")".repeat(50_000))).is_err());
    }
}
