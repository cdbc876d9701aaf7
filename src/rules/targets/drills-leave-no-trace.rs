//! Drills are declared, and nothing hears whether they were held.
//!
//! # What it finds
//! `operations.drills` with `monitoring` and without a Pushgateway (`monitoring.exporters.pushgateway`) that the end of a
//! drill could be pushed to. Without `monitoring` nothing is said: the evidence may be elsewhere.
//!
//! # Why it matters
//! A rehearsal that is only planned proves nothing, and it is the first thing that a full calendar drops. With its date
//! pushed, `DrillOverdue` asks for it.
//!
//! # Example
//! ```yaml
//! operations:
//!   drills: {region-failover: quarterly}
//! monitoring:
//!   exporters: {}
//! ```
//!
//! # Fix
//! `monitoring: {exporters: {pushgateway: pushgateway.monitoring:9091}}`.
//!
//! # Source
//! facts.md R-TG-06, R-BK-14.

use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "TG006",
    name: "drills-leave-no-trace",
    group: Group::Targets,
    level: Level::Warning,
    security: false,
    fields: &["operations.drills", "monitoring.exporters.pushgateway"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let drills = &blueprint.spec.operations.drills;
    let Some(monitoring) = &blueprint.spec.monitoring else { return };
    if drills.is_empty() || monitoring.exporters.pushgateway.is_some() {
        return;
    }
    let names: Vec<&str> = drills.keys().map(|name| name.as_str()).collect();
    findings.push(
        RULE.finding(
            Place::Value(path!["operations", "drills", names[0]]),
            "nothing hears whether the drills were held",
        )
        .label(names.join(", "))
        .also(Place::Key(path!["monitoring", "exporters", "pushgateway"]), "no Pushgateway is named")
        .because(
            "without the date of the last one nobody is told when it is overdue, and no claim can rest on it (R-TG-06)",
        )
        .fix("name `monitoring.exporters.pushgateway: HOST:PORT`"),
    );
}
