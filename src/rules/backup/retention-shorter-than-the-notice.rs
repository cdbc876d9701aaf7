//! Backups are gone before wrong data is noticed.
//!
//! # What it finds
//! A `retention` of PostgreSQL or Redis that is not above `operations.noticeCorruption`, the longest that wrong or deleted
//! data may go unnoticed. Where that is not written nothing is said.
//!
//! # Why it matters
//! A restore has to go back to before the mistake. Wrong data is found late, by a monthly report or by a customer; when the
//! oldest backup is younger than the mistake, every backup has it.
//!
//! # Example
//! ```yaml
//! operations: {noticeCorruption: 14d}
//! postgres:
//!   main:
//!     backup: {retention: 7d, …}
//! ```
//!
//! # Fix
//! A longer `retention`, with some days to decide and to restore on top.
//!
//! # Source
//! facts.md X-PG-4 (arithmetic).

use crate::blueprint::units::Duration;
use crate::document::Path;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "BK015",
    name: "retention-shorter-than-the-notice",
    group: Group::Backup,
    level: Level::Error,
    security: false,
    fields: &["operations.noticeCorruption", "postgres.*.backup.retention", "redis.*.backup.retention"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let Some(notice) = blueprint.spec.operations.notice_corruption else { return };
    let postgres = blueprint.postgres.iter().filter_map(|cluster| {
        let backup = cluster.spec.backup.as_ref().filter(|_| cluster.is_rendered())?;
        Some((&cluster.name, path!["postgres", cluster.name], backup.retention))
    });
    let redis = blueprint.redis.iter().filter_map(|redis| {
        let backup = redis.spec.backup.as_ref().filter(|_| redis.is_rendered())?;
        Some((&redis.name, path!["redis", redis.name], backup.retention))
    });
    for (name, at, retention) in postgres.chain(redis).filter(|(_, _, retention)| *retention <= notice) {
        findings.push(found(name, &at, retention, notice));
    }
}

fn found(name: &str, at: &Path, retention: Duration, notice: Duration) -> Diagnostic {
    // A week to decide and to restore.
    let enough = notice.days() + 7;
    RULE.finding(
        Place::Value(at.key("backup").key("retention")),
        format!("no backup of `{name}` may be left from before a mistake"),
    )
    .label(format!("kept for {retention}"))
    .also(Place::Value(path!["operations", "noticeCorruption"]), format!("noticed within {notice}"))
    .because(format!(
        "the oldest backup is {retention} old, and a mistake may be {notice} old when it is noticed (X-PG-4)"
    ))
    .fix(format!("write `retention: {enough}d`"))
}
