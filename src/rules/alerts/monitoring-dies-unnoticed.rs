//! Nothing outside notices when monitoring itself is gone.
//!
//! # What it finds
//! `monitoring` without `operations.deadMan`: an alert that always fires is rendered, and nobody outside misses it.
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

use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "AL012",
    name: "monitoring-dies-unnoticed",
    group: Group::Alerts,
    level: Level::Error,
    security: false,
    fields: &["operations.deadMan", "monitoring"],
    check: Check::Blueprint(check),
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
