//! An alert about errors counts them, instead of asking what share of the requests fails.
//!
//! # What it finds
//! An alert that compares `rate()`, `irate()` or `increase()` of requests that failed with a number above 0, without dividing by
//! all requests. Failed requests are series whose metric's name has `request` or `response` in it and that a matcher picks by
//! status, or whose name says `error` or `fail` as well. Comparisons with 0 are right for jobs and archivers, and are left
//! alone; so is a number that `and` joins to a share with a threshold (the least traffic that counts), and the status 429
//! alone, which says that the client asked too often. Read in hand-written rule files and PrometheusRule objects.
//!
//! # Why it matters
//! The same number is nothing of much and everything of little. 0.05 errors a second are 0.006 % of 1000 requests a second,
//! and it fires; at night, with 0.03 requests a second, every one may fail, and it stays silent.
//!
//! # Example
//! ```yaml
//! expr: rate(http_requests_total{status=~"5.."}[5m]) > 0.05
//! ```
//!
//! # Fix
//! `sum(rate(http_requests_total{status=~"5.."}[5m])) / sum(rate(http_requests_total[5m])) > 0.05`; better the burn rate of an
//! objective (AL008).
//!
//! # Source
//! facts.md R-AL-03 (tried with promtool).

use super::expression::{Expression, Series};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "AL003",
    name: "error-rate-that-is-no-share",
    group: Group::Alerts,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for alert in estate.alerts() {
        let Some((series, number)) = counted(&alert.expression) else { continue };
        findings.push(
            RULE.finding(alert.place(), format!("`{}` counts errors, not their share", alert.name))
                .label(format!("{number} of however many requests"))
                .because("it fires at a tiny share of much traffic, and stays silent when all of little traffic fails (R-AL-03)")
                .fix(format!(
                    "divide by all requests: `sum(rate({0}{{…}}[5m])) / sum(rate({0}[5m])) > 0.05`",
                    series.name.escape_debug()
                )),
        );
    }
}

/// The failed requests that are compared with a number, and the number. Nothing that a share is joined to by `and` counts: the
/// number is then the least that is worth looking at.
fn counted<'a, 'b>(expression: &'b Expression<'a>) -> Option<(&'b Series<'a>, f64)> {
    let mut open = vec![expression];
    while let Some(next) = open.pop() {
        if matches!(next, Expression::Binary("and", left, right) if bounds_a_share(left) || bounds_a_share(right)) {
            continue;
        }
        let found = next.compared().and_then(|(part, op, number)| {
            let above = matches!(op, ">" | ">=") && number > 0.0;
            let counts = above && !part.has("/") && part.calls(&["rate", "irate", "increase"]);
            let failed = part.series().find(|series| is_failed_request(series));
            failed.filter(|_| counts).map(|series| (series, number))
        });
        if found.is_some() {
            return found;
        }
        open.extend(next.parts().rev());
    }
    None
}

/// Whether somewhere in it one series divided by another is compared with something.
fn bounds_a_share(expression: &Expression<'_>) -> bool {
    let divides = |part: &Expression<'_>| {
        let Expression::Binary("/", left, right) = part else { return false };
        left.series().next().is_some() && right.series().next().is_some()
    };
    expression.all().any(|part| match part {
        Expression::Binary(">" | ">=" | "<" | "<=", left, right) => left.all().any(divides) || right.all().any(divides),
        _ => false,
    })
}

/// Whether series are those of requests that failed.
fn is_failed_request(series: &Series<'_>) -> bool {
    let names = |words: &[&str]| words.iter().any(|word| series.name.contains(word));
    if ["status", "code", "status_code", "response_code"].iter().any(|label| series.of(label) == Some("429")) {
        return false;
    }
    let status = series.matchers.iter().any(|(label, op, value)| {
        let by_status =
            matches!(*label, "status" | "code" | "status_code" | "response_code" | "grpc_code" | "grpc_status");
        let picks = matches!(*op, "=" | "=~");
        let failed = value.starts_with(['4', '5']);
        let well = value.starts_with('2') || matches!(*value, "OK" | "0");
        by_status && (picks && failed || !picks && well)
    });
    names(&["request", "response"]) && (status || names(&["error", "fail"]))
        || names(&["http_errors", "http_server_errors", "grpc_errors"])
}
