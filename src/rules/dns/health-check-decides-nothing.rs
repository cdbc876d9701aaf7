//! A health check of Route 53 is switched off, or says the opposite.
//!
//! # What it finds
//! In the configuration of a health check `Disabled: true`; or `Inverted: true`, unless it is a gate: a check that a calculated
//! one among the files has as its child, by its caller reference, or whose caller reference, host or path has the word `gate` in
//! it. hagen renders neither, but for its gates.
//!
//! # Why it matters
//! A check that is disabled counts as healthy: its records are answered whatever happens. One that is inverted takes out
//! what works, and lets in what does not.
//!
//! # Example
//! ```json
//! {"CallerReference": "api-1", "HealthCheckConfig": {"Type": "HTTPS", "FullyQualifiedDomainName": "api.example.com",
//!  "Disabled": true}}
//! ```
//!
//! # Fix
//! `"Disabled": false`, `"Inverted": false`.
//!
//! # Source
//! facts.md F-DN-03: Route 53, health checks.

use std::collections::BTreeSet;

use crate::document::Node;
use crate::rules::kubernetes::objects::{at, list_at, text_at};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "DN019",
    name: "health-check-decides-nothing",
    group: Group::Dns,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let children: BTreeSet<&str> = estate
        .of(Kind::Route53HealthCheck)
        .flat_map(|check| list_at(check, &["HealthCheckConfig", "ChildHealthChecks"]))
        .filter_map(|child| child.scalar().map(|scalar| scalar.text.trim_matches('@')))
        .collect();
    for check in estate.of(Kind::Route53HealthCheck) {
        let on = |key: &str| {
            let path = ["HealthCheckConfig", key];
            at(check, &path).filter(|_| text_at(check, &path) == Some("true"))
        };
        if let Some(node) = on("Disabled") {
            findings.push(
                RULE.finding(Place::Span(node.span), format!("the health check `{}` is switched off", name(check)))
                    .label("counts as healthy")
                    .because("a disabled check is healthy, whatever happens to what it watches (F-DN-03)")
                    .fix("write `\"Disabled\": false`"),
            );
        }
        if let Some(node) = on("Inverted").filter(|_| !is_gate(check, &children)) {
            findings.push(
                RULE.finding(Place::Span(node.span), format!("the health check `{}` says the opposite", name(check)))
                    .label("healthy while what it watches is not")
                    .because(
                        "inverted it takes out what works and lets in what does not (F-DN-03); only a gate is meant so",
                    )
                    .fix("write `\"Inverted\": false`; a gate's caller reference has `gate` in it"),
            );
        }
    }
}

/// What a check is called in messages.
fn name(check: &Node) -> String {
    let host = text_at(check, &["HealthCheckConfig", "FullyQualifiedDomainName"]);
    let name = host.or_else(|| text_at(check, &["CallerReference"])).unwrap_or("without name");
    name.escape_debug().to_string()
}

/// Whether people open and close something by it.
fn is_gate(check: &Node, children: &BTreeSet<&str>) -> bool {
    let reference = text_at(check, &["CallerReference"]);
    let config = |key: &str| text_at(check, &["HealthCheckConfig", key]);
    reference.is_some_and(|reference| children.contains(reference))
        || [reference, config("FullyQualifiedDomainName"), config("ResourcePath")]
            .into_iter()
            .flatten()
            .any(|text| text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word.eq_ignore_ascii_case("gate")))
}
