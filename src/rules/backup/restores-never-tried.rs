//! Backups are made, and nothing ever restores one.
//!
//! # What it finds
//! A backup of PostgreSQL without `verify`, where `operations.drills` names no drill of a restore either (one whose name
//! holds `restore`).
//!
//! # Why it matters
//! A backup that was never restored is a hope: a missing key, a gap in the WAL or a tool of another version is found on the
//! day on which it counts. And nobody knows how long a restore takes.
//!
//! # Example
//! ```yaml
//! postgres:
//!   main:
//!     backup: {full: "0 2 * * *", to: [backup.store]}   # and no `verify`
//! ```
//!
//! # Fix
//! `verify: "0 4 1 * *"`: hagen's job restores the newest backup of every destination, reads every row and says how long it
//! took.
//!
//! # Source
//! facts.md R-BK-13, X-PG-3.

use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "BK013",
    name: "restores-never-tried",
    group: Group::Backup,
    level: Level::Warning,
    security: false,
    fields: &["postgres.*.backup.verify", "operations.drills"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    if blueprint.spec.operations.drills.keys().any(|drill| drill.as_str().contains("restore")) {
        return;
    }
    for cluster in blueprint.postgres.iter().filter(|cluster| cluster.is_rendered()) {
        let untried = cluster.spec.backup.as_ref().is_some_and(|backup| backup.verify.is_none());
        if !untried {
            continue;
        }
        findings.push(
            RULE.finding(
                Place::Key(path!["postgres", cluster.name, "backup"]),
                format!("no backup of `{}` is ever restored", cluster.name),
            )
            .because("neither `verify` nor a drill restores one, so that nobody knows whether it works and how long it takes (R-BK-13)")
            .fix("write `verify: \"0 4 1 * *\"`: once a month"),
        );
    }
}
