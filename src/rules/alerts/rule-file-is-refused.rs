//! Prometheus refuses a whole rule file, because of one line in it.
//!
//! # What it finds
//! An `expr` that is empty or no PromQL, such as one with a bracket too few, and a `for`, `keep_firing_for`, `interval` or
//! `query_offset` that is no duration of Prometheus (`5m`, `1h30m`). What is filled in later (`{{ … }}`, `$…`) is unknown, not
//! wrong. Read in hand-written rule files and PrometheusRule objects.
//!
//! # Why it matters
//! Prometheus loads a rule file as a whole or not at all. With one faulty line none of its alerts exists: at a reload it keeps
//! the old ones, at the next start it does not come up.
//!
//! # Example
//! ```yaml
//! expr: rate(http_requests_total[5m) > 1
//! for: 5 minutes
//! ```
//!
//! # Fix
//! Mend the line, and have `promtool check rules` read every rule file before it is deployed.
//!
//! # Source
//! Prometheus documentation, recording rules (syntax-checking rules) and configuration (`<duration>`).

use super::expression::Expression;
use super::written::groups;
use crate::document::Node;
use crate::rules::kubernetes::objects::list_at;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "AL101",
    name: "rule-file-is-refused",
    group: Group::Alerts,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

/// So long and so deep may an expression be that the parser is asked about: far more would end the process in it.
const LENGTH: usize = 16 << 10;
const NESTED: usize = 100;

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for group in groups(estate) {
        durations(group, &["interval", "query_offset"], findings);
        for rule in list_at(group, &["rules"]) {
            durations(rule, &["for", "keep_firing_for"], findings);
            let Some((entry, text)) = rule.entry("expr").and_then(|entry| Some((entry, &*entry.value.scalar()?.text)))
            else {
                continue;
            };
            if !estate.written().is_unread(&entry.value) || is_filled_in_later(text) || !is_refused(text) {
                continue;
            }
            let place = if text.trim().is_empty() { entry.key_span } else { entry.value.span };
            findings.push(
                found(Place::Span(place), "an expression is no PromQL")
                    .fix("mend the expression; `promtool check rules` says at which character it ends"),
            );
        }
    }
}

/// Finds what is no duration at some keys.
fn durations(node: &Node, keys: &[&str], findings: &mut Vec<Diagnostic>) {
    for entry in keys.iter().filter_map(|key| node.entry(key)) {
        let Some(text) = entry.value.scalar().map(|scalar| scalar.text.trim()) else { continue };
        if text.is_empty() || matches!(text, "~" | "null") || is_filled_in_later(text) || is_duration(text) {
            continue;
        }
        findings.push(
            found(Place::Span(entry.value.span), &format!("`{}` is no duration of Prometheus", text.escape_debug()))
                .fix(format!("write `{}` as `5m` or `1h30m`", entry.key.escape_debug())),
        );
    }
}

fn found(place: Place, title: &str) -> Diagnostic {
    RULE.finding(place, title)
        .label("Prometheus does not read this")
        .because("a rule file is loaded as a whole or not at all: none of its alerts exists")
}

/// Whether a template makes something of a text before Prometheus sees it.
fn is_filled_in_later(text: &str) -> bool {
    text.contains("{{") || text.contains('$')
}

/// Whether a text is a duration: numbers with units, the larger ones first, or 0.
fn is_duration(text: &str) -> bool {
    let mut rest = text;
    for unit in ["y", "w", "d", "h", "m", "s", "ms"] {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        // Minutes are not milliseconds.
        let behind = rest[digits..].strip_prefix(unit).filter(|behind| unit != "m" || !behind.starts_with('s'));
        if let Some(behind) = behind.filter(|_| digits > 0) {
            rest = behind;
        }
    }
    text == "0" || !text.is_empty() && rest.is_empty()
}

/// Whether Prometheus refuses an expression. Where only one of both readers fails it may be the reader's fault.
fn is_refused(text: &str) -> bool {
    if text.trim().is_empty() {
        return true;
    }
    let Some(deepest) = nested(text) else { return true };
    let signs = text.bytes().filter(|byte| matches!(byte, b'+' | b'-' | b'^' | b'*' | b'/' | b'%')).count();
    let bounded = text.len() <= LENGTH && deepest + signs <= NESTED;
    bounded && !may_be_newer(text) && Expression::read(text).is_none() && parser_refuses(text)
}

/// Whether a text may be of a PromQL that is newer than both readers: names in quotes, and words that came later.
fn may_be_newer(text: &str) -> bool {
    let mut before = ' ';
    let quoted = text.chars().filter(|c| !c.is_whitespace()).any(|c| {
        let after = std::mem::replace(&mut before, c);
        matches!(c, '"' | '\'') && matches!(after, '{' | ',' | '(')
    });
    quoted
        || ["limitk", "limit_ratio", "fill", "smoothed", "anchored", "offset ("].iter().any(|word| text.contains(word))
}

#[cfg(feature = "promql")]
fn parser_refuses(text: &str) -> bool {
    promql_parser::parser::parse(text).is_err()
}

#[cfg(not(feature = "promql"))]
const fn parser_refuses(_text: &str) -> bool {
    false
}

/// How deep brackets stand in each other; none where one lacks its other half, or a text its end.
fn nested(text: &str) -> Option<usize> {
    let (mut open, mut deepest) = (Vec::new(), 0);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '#' => while chars.next().is_some_and(|c| c != '\n') {},
            '"' | '\'' | '`' => loop {
                match chars.next()? {
                    '\\' if c != '`' => {
                        chars.next()?;
                    }
                    end if end == c => break,
                    _ => {}
                }
            },
            '(' => open.push(')'),
            '[' => open.push(']'),
            '{' => open.push('}'),
            ')' | ']' | '}' if open.pop() != Some(c) => return None,
            _ => {}
        }
        deepest = deepest.max(open.len());
    }
    open.is_empty().then_some(deepest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_prometheus() {
        for text in ["0", "5m", "1h30m", "1m500ms", "90s", "1y2w3d", "15ms"] {
            assert!(is_duration(text), "{text}");
        }
        for text in ["", "5", "5 minutes", "5m ", "m", "1m1h", "1.5h", "5min", "-5m", "5m5m"] {
            assert!(!is_duration(text), "{text}");
        }
    }

    #[test]
    fn only_what_no_reader_reads_is_refused() {
        for text in ["up == 0", "rate(x{a=~\"[0-9](\"}[5m]) # ) why\n > 1", "sum by (a) (x)", "1", "x{a='\\''}"] {
            assert!(!is_refused(text), "{text}");
        }
        for text in ["", "rate(foo[5m) > 1", "sum(x", "x)", "x{a=\"b}"] {
            assert!(is_refused(text), "{text}");
        }
        // Unknown: nobody is asked about it.
        for text in ["{\"http.requests\", a=\"b\"} > 1", "limitk by (a) (2, x)", "x + on (a) fill(0) y"] {
            assert!(!is_refused(text), "{text}");
        }
        assert!(!is_refused(&format!("{}x{}", "(".repeat(5000), ")".repeat(5000))));
        assert!(!is_refused(&format!("{}x", "-".repeat(5000))));
    }
}
