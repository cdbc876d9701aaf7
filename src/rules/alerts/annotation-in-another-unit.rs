//! The text of an alert shows its value in another unit than the expression has.
//!
//! # What it finds
//! An annotation that prints `$value` with `humanizePercentage`, while the expression is `rate()`, `irate()` or `increase()`
//! without any division: events a second, or a number of them. And one that prints `$value` with `humanizeDuration`, while the
//! metric is one of bytes. Read in hand-written rule files and PrometheusRule objects.
//!
//! # Why it matters
//! Five errors a second are shown as 500 %. Whoever is woken by it looks for the wrong thing, or believes nothing of it any
//! more.
//!
//! # Example
//! ```yaml
//! expr: rate(http_requests_total{status=~"5.."}[5m]) > 0.05
//! annotations:
//!   description: "Error rate: {{ $value | humanizePercentage }}"
//! ```
//!
//! # Fix
//! Make the expression a share (AL003), or print `{{ $value | humanize }}` with its unit: `errors/s`.
//!
//! # Source
//! facts.md R-AL-04.

use super::written::Alert;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "AL004",
    name: "annotation-in-another-unit",
    group: Group::Alerts,
    level: Level::Warning,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for alert in estate.alerts() {
        for annotation in alert.node.get("annotations").and_then(|node| node.map()).unwrap_or_default() {
            let Some(text) = annotation.value.scalar().map(|scalar| &*scalar.text) else { continue };
            let Some((shown, is)) = fault(alert, text) else { continue };
            findings.push(
                RULE.finding(
                    Place::Span(annotation.value.span),
                    format!("`{}` shows its value as {shown}, and it is {is}", alert.name),
                )
                .label(format!("as {shown}"))
                .also(alert.place(), is)
                .because("the value that people read is another than what was measured (R-AL-04)")
                .fix("print it with `humanize` and its unit, or let the expression be what the text says"),
            );
        }
    }
}

/// What an annotation shows the value of an alert as, and what it is.
fn fault(alert: &Alert<'_>, text: &str) -> Option<(&'static str, &'static str)> {
    let inside: Vec<&str> = text.split("{{").skip(1).filter_map(|part| part.split("}}").next()).collect();
    let is_value = |part: &str| part.contains("$value") || part.contains(".Value");
    let shown = |with: &str| inside.iter().any(|part| is_value(part) && part.contains(with));
    let expression = &alert.expression;
    let counts = expression.calls(&["rate", "irate", "increase", "delta", "deriv"]);
    // Shares of time are shares: seconds for each second.
    let of_time = expression.series().any(|series| series.name.contains("_seconds"));
    let recorded = expression.series().any(|series| series.name.contains(':'));
    match () {
        () if shown("humanizePercentage") && counts && !expression.has("/") && !of_time && !recorded => Some((
            "a percentage",
            if expression.calls(&["increase"]) { "a number of events" } else { "events a second" },
        )),
        () if shown("humanizeDuration") && !expression.has("/") && !counts => {
            let bytes = expression.series().next().is_some_and(|series| series.name.ends_with("_bytes"));
            bytes.then_some(("a duration", "bytes"))
        }
        () => None,
    }
}
