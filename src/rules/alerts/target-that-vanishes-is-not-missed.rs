//! A target that is gone altogether is not missed.
//!
//! # What it finds
//! An alert that compares `up` with 0 or 1, and no rule among the files that looks whether there is such a series at all:
//! `absent()`, `absent_over_time()` or `count()` of `up`, for the same `job` or for all. Read in hand-written rule files and
//! PrometheusRule objects; `vector(0)` in the expression itself counts as well.
//!
//! # Why it matters
//! `up` is 0 for a target that does not answer. When the target is removed, because its pods, its Service or a label are gone,
//! there is no `up` any more, and a comparison of nothing is nothing: silence, in the worst case.
//!
//! # Example
//! ```yaml
//! - alert: ServiceDown
//!   expr: up{job="api"} == 0
//! ```
//!
//! # Fix
//! `up{job="api"} == 0 or absent(up{job="api"})`, or `count(up{job="api"} == 1) < 3 or absent(up{job="api"})` with the
//! number of instances that must be there.
//!
//! # Source
//! facts.md F-PR-03, F-PR-04 (tried with promtool).

use super::expression::{Expression, Series};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "AL001",
    name: "target-that-vanishes-is-not-missed",
    group: Group::Alerts,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

/// What notices that there are too few series, or none.
const COUNTS: [&str; 4] = ["absent", "absent_over_time", "count", "vector"];

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let alerts = estate.alerts();
    let counted: Vec<Option<&str>> = alerts.iter().flat_map(|alert| counted(&alert.expression)).collect();
    for alert in alerts {
        let Some(up) = compared(&alert.expression) else { continue };
        let job = up.of("job");
        if alert.expression.calls(&COUNTS) || counted.iter().any(|of| of.is_none() || *of == job) {
            continue;
        }
        let selector = job.map_or_else(|| "up".to_owned(), |job| format!("up{{job=\"{}\"}}", job.escape_debug()));
        findings.push(
            RULE.finding(alert.place(), format!("`{}` is silent when the target is gone", alert.name))
                .label("nothing to compare then")
                .because("a target that is removed has no `up`, and a comparison of nothing returns nothing (F-PR-03, F-PR-04)")
                .fix(format!("add `or absent({selector})`, or count: `count({selector} == 1) < N or absent({selector})`")),
        );
    }
}

/// The `up` that an expression compares with 0 or 1.
fn compared<'e, 'a>(expression: &'e Expression<'a>) -> Option<&'e Series<'a>> {
    let mut states = expression.comparisons().filter(|(_, _, number)| *number == 0.0 || *number == 1.0);
    states.find_map(|(part, _, _)| part.series().next().filter(|series| series.name == "up"))
}

/// The jobs whose `up` an expression misses when it is not there; `None` for all.
fn counted<'a>(expression: &Expression<'a>) -> Vec<Option<&'a str>> {
    let mut jobs = Vec::new();
    for part in expression.all() {
        if let Expression::Call(name, inside) | Expression::Aggregation(name, _, inside) = part
            && COUNTS.contains(name)
        {
            let up = inside.iter().flat_map(Expression::series).filter(|series| series.name == "up");
            jobs.extend(up.map(|series| {
                series.matchers.iter().find(|(label, _, _)| *label == "job").map(|(_, _, value)| *value)
            }));
        }
    }
    jobs
}
