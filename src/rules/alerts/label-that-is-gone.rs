//! The text of an alert names a label that its expression has aggregated away.
//!
//! # What it finds
//! `$labels.NAME` (or `.Labels.NAME`) in a label or annotation of an alert whose expression, beneath its comparisons with
//! numbers, is an aggregation that does not keep `NAME`. Which labels a metric has is
//! not in rule files: without an aggregation nothing is said. Read in hand-written rule files and PrometheusRule objects.
//!
//! # Why it matters
//! It is empty: "High error rate on " at night. Alertmanager cannot group or route by it either.
//!
//! # Example
//! ```yaml
//! expr: sum by (job) (rate(http_requests_total{status=~"5.."}[5m])) > 1
//! annotations: {summary: "Errors on {{ $labels.service }}"}
//! ```
//!
//! # Fix
//! Keep the label (`sum by (job, service)`), or leave it out of the text.
//!
//! # Source
//! facts.md R-AL-17.

use super::expression::{Expression, Kept};
use super::written::Alert;
use crate::document::Node;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "AL017",
    name: "label-that-is-gone",
    group: Group::Alerts,
    level: Level::Warning,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for alert in estate.alerts() {
        let Some((name, kept)) = aggregation(&alert.expression) else { continue };
        for text in texts(alert) {
            let Some(gone) = used(text).into_iter().find(|label| !keeps(kept, label)) else { continue };
            findings.push(
                RULE.finding(
                    Place::Span(text.span),
                    format!("`{}` names the label `{gone}`, which is gone", alert.name),
                )
                .label("empty in every message")
                .also(alert.place(), format!("`{name}` does not keep it"))
                .because("an aggregation has the labels that it names, and no others (R-AL-17)")
                .fix(match kept {
                    Kept::By(labels) if !labels.is_empty() => {
                        format!("write `{name} by ({}, {gone})`, or leave the label out of the text", labels.join(", "))
                    }
                    Kept::Without(_) => format!("leave `{gone}` out of `without`, or out of the text"),
                    _ => format!("write `{name} by ({gone})`, or leave the label out of the text"),
                }),
            );
        }
    }
}

/// The aggregation whose labels an expression has: what its comparisons with numbers are about.
fn aggregation<'e, 'a>(expression: &'e Expression<'a>) -> Option<(&'a str, &'e Kept<'a>)> {
    match expression {
        // These return the series themselves, with all their labels.
        Expression::Aggregation("topk" | "bottomk" | "count_values", _, _) => None,
        Expression::Aggregation(name, kept, _) => Some((*name, kept)),
        Expression::Binary(">" | "<" | ">=" | "<=" | "==" | "!=", left, right) => match (&**left, &**right) {
            (left, Expression::Number(_)) => aggregation(left),
            (Expression::Number(_), right) => aggregation(right),
            _ => None,
        },
        _ => None,
    }
}

fn keeps(kept: &Kept<'_>, label: &str) -> bool {
    match kept {
        Kept::None => false,
        Kept::By(labels) => labels.contains(&label),
        Kept::Without(labels) => !labels.contains(&label),
    }
}

/// The texts of an alert that are filled in.
fn texts<'a>(alert: &Alert<'a>) -> impl Iterator<Item = &'a Node> {
    let maps = ["labels", "annotations"].into_iter().filter_map(move |key| alert.node.get(key)?.map());
    maps.flatten().map(|entry| &entry.value)
}

/// The labels that a text asks for.
fn used(text: &Node) -> Vec<&str> {
    let text = text.scalar().map_or("", |scalar| &*scalar.text);
    let mut labels = Vec::new();
    for part in text.split("{{").skip(1).filter_map(|part| part.split("}}").next()) {
        for mark in ["$labels.", ".Labels."] {
            let names = part.split(mark).skip(1);
            labels.extend(names.filter_map(|rest| {
                rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().filter(|name| !name.is_empty())
            }));
        }
    }
    labels
}
