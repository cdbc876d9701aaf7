//! Nothing outside notices when monitoring itself is gone.
//!
//! # What it finds
//! `monitoring` without `operations.deadMan`: an alert that always fires is rendered, and nobody outside misses it. In files: a
//! configuration of Alertmanager and alerting rules, of which none always fires (`vector(1)`).
//!
//! # Why it matters
//! A Prometheus that is down, full or cut off fires nothing, which looks like health. Only something outside that hears
//! from it every minute, and alarms when it does not, tells the difference.
//!
//! # Example
//! ```yaml
//! monitoring: {runbooks: "https://runbooks.example.org"}
//! operations: {}
//! ```
//!
//! # Fix
//! `operations: {deadMan: {urlFile: FILE}}`: a file with the address of a heartbeat service that runs elsewhere.
//!
//! # Source
//! facts.md R-AL-12 (practice of Prometheus).

use super::written::says_nothing_of;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "AL012",
    name: "monitoring-dies-unnoticed",
    group: Group::Alerts,
    level: Level::Error,
    security: false,
    fields: &["operations.deadMan", "monitoring"],
    check: Check::Both(check, files),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    if blueprint.spec.monitoring.is_none() || blueprint.spec.operations.dead_man.is_some() {
        return;
    }
    findings.push(
        RULE.finding(Place::Key(path!["monitoring"]), "nothing outside notices when monitoring is gone")
            .rests_on(path!["operations", "deadMan"])
            .because("a Prometheus that is down fires nothing, and silence looks like health (R-AL-12)")
            .fix(
                "write `operations: {deadMan: {urlFile: FILE}}`, a file that holds the address of a heartbeat service",
            ),
    );
}

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    if !says_nothing_of(estate, &["vector(1)", "vector( 1 )"]) {
        return;
    }
    let Some(route) = estate.of(Kind::Alertmanager).find_map(|file| file.entry("route")) else { return };
    findings.push(
        RULE.finding(Place::Span(route.key_span), "nothing outside notices when monitoring is gone")
            .label("no alert always fires")
            .because("a Prometheus that is down fires nothing, and silence looks like health (R-AL-12)")
            .fix("add an alert with `expr: vector(1)`, and route it to a heartbeat service that runs elsewhere"),
    );
}
