//! An availability objective that nothing alerts on.
//!
//! # What it finds
//! A service on Kubernetes has an availability objective, and nobody counts its requests: `metrics.requests` is not written
//! and there is no mesh. (With a mesh that does not see them BP133 says so.) Or an override turns off one of
//! the alerts on the burn rate of the error budget. Without `monitoring` nothing is said: it may be elsewhere.
//!
//! # Why it matters
//! The objective is then a number in a file. A slow leak of errors fires nothing, and whether the month was kept is not known.
//!
//! # Example
//! ```yaml
//! objectives: {availability: 99.9%}
//! services:
//!   api: {port: 8080}   # no `metrics: {requests: …}`, no mesh
//! ```
//!
//! # Fix
//! `metrics: {requests: http_requests_total, code: status}`, the counter that the service exposes.
//!
//! # Source
//! facts.md F-PR-06: the SRE workbook, Alerting on SLOs.

use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "AL008",
    name: "objective-without-burn-rate-alerts",
    group: Group::Alerts,
    level: Level::Error,
    security: false,
    fields: &["services.*.metrics.requests", "edge.mesh", "objectives.availability", "monitoring.alerts.*.enabled"],
    check: Check::Blueprint(check),
};

/// The alerts of which none may be missing: two pages, and the ticket for the slowest leak.
const BURNS: [&str; 3] = ["ErrorBudgetBurn14x", "ErrorBudgetBurn6x", "ErrorBudgetBurn1x"];

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let Some(monitoring) = &blueprint.spec.monitoring else { return };
    for (name, own) in monitoring.alerts.iter().filter(|(name, _)| BURNS.contains(&name.as_str())) {
        if own.enabled != Some(false) {
            continue;
        }
        let at = path!["monitoring", "alerts", name, "enabled"];
        findings.push(
            RULE.finding(Place::Value(at), format!("without `{name}` no objective is watched at that rate"))
                .because("each of the burn rates sees another leak: the fast one an outage, the slow one the last of the budget (F-PR-06)")
                .fix("leave `enabled` out"),
        );
    }
    if blueprint.spec.edge.mesh.is_some() {
        return;
    }
    for service in blueprint.services.iter().filter(|service| service.on_kubernetes()) {
        let Some(availability) = service.targets.availability else { continue };
        if service.spec.metrics.requests.is_some() {
            continue;
        }
        let at = path!["services", service.name];
        findings.push(
            RULE.finding(
                Place::Key(at),
                format!("nothing alerts on the objective of {availability} of `{}`", service.name),
            )
            .label("nobody counts its requests")
            .because(
                "the burn rate is errors by requests; there is no counter of them, and no mesh that has one (F-PR-06)",
            )
            .fix("write `metrics: {requests: COUNTER, code: LABEL}` as the service exposes them"),
        );
    }
}
