//! A rehearsal is planned less than once a quarter, or none is planned at all.
//!
//! # What it finds
//! A drill in `operations.drills` with more than a quarter (92 days) between two rehearsals; and no drill at all where there
//! are several regions, since giving one up is what people have to be able to do.
//!
//! It says nothing about no drills in a single region: restores there are tried by `verify` (BK013).
//!
//! # Why it matters
//! People change, and so does what they would have to do. What was rehearsed a year ago takes as long as what never was.
//!
//! # Example
//! ```yaml
//! operations:
//!   drills: {region-failover: yearly}
//! ```
//!
//! # Fix
//! `quarterly` or more often; hagen's alert DrillOverdue then tells when one was missed.
//!
//! # Source
//! facts.md R-BK-14 (policy).

use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "BK014",
    name: "drills-too-rare",
    group: Group::Backup,
    level: Level::Warning,
    security: false,
    fields: &["operations.drills", "regions"],
    check: Check::Blueprint(check),
};

/// The days of the longest quarter.
const QUARTER: u64 = 92;

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let drills = &blueprint.spec.operations.drills;
    for (name, interval) in drills.iter().filter(|(_, interval)| interval.days() > QUARTER) {
        let at = path!["operations", "drills", name];
        findings.push(
            RULE.finding(Place::Value(at), format!("`{name}` is rehearsed too rarely"))
                .because(format!(
                    "up to {} days between two rehearsals > {QUARTER}, a quarter (R-BK-14)",
                    interval.days()
                ))
                .fix("write `quarterly`, or more often"),
        );
    }
    let regions = blueprint.regions.len();
    if drills.is_empty() && regions > 1 {
        findings.push(
            RULE.finding(Place::Key(path!["regions"]), "nobody rehearses the failover between regions")
                .label(format!("{regions} regions, no drill"))
                .because("`operations.drills` is empty: what people do in that hour was never done before (R-BK-14)")
                .fix("write `operations: {drills: {region-failover: quarterly}}`"),
        );
    }
}
