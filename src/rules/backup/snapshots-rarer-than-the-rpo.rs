//! Snapshots of Redis are taken too rarely for what may be lost.
//!
//! # What it finds
//! A Redis of sessions or a queue, whose longest time between two snapshots is not below the recovery point objective that
//! rests on them: that for wrong data, and that for the loss of a region. The time that a snapshot takes comes on top, so
//! that an equal one is too long as well.
//!
//! It says nothing about caches and messages that nobody keeps. Where there are several regions and only the objective for the
//! loss of one is missed, RD020 says so. For PostgreSQL the archive decides (PG015).
//!
//! # Why it matters
//! A snapshot holds what was there when it began. A loss just before the next one is complete costs the whole interval and
//! the time of the snapshot.
//!
//! # Example
//! ```yaml
//! redis:
//!   jobs:
//!     use: queue
//!     backup: {snapshot: "0 * * * *", …}   # an hour
//!     objectives: {rpo: 30m}
//! ```
//!
//! # Fix
//! Snapshots at half of the objective; or an objective of its own that says what a restore may cost.
//!
//! # Source
//! facts.md X-PG-2 (arithmetic), F-RD-13.

use crate::blueprint::cron::Schedule;
use crate::blueprint::raw::{Scenario, Usage};
use crate::blueprint::units::Duration;
use crate::rules::prelude::*;
use crate::rules::promised::{Objective, name, strictest};

pub static RULE: Rule = Rule {
    id: "BK003",
    name: "snapshots-rarer-than-the-rpo",
    group: Group::Backup,
    level: Level::Error,
    security: false,
    fields: &["redis.*.backup.snapshot", "redis.*.use", "redis.*.objectives.rpo", "objectives.rpo"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for redis in blueprint.redis.iter().filter(|redis| redis.is_rendered()) {
        let Some(backup) = &redis.spec.backup else { continue };
        if !matches!(redis.spec.usage, Usage::Sessions | Usage::Queue) {
            continue;
        }
        let gap = Schedule::parse(backup.snapshot.as_str()).ok().and_then(|schedule| schedule.longest_gap());
        let scenarios = [Scenario::DataCorruption, Scenario::RegionLoss];
        let promise = strictest(blueprint, redis, Objective::Rpo, &scenarios);
        let (Some(gap), Some(promise)) = (gap, promise) else { continue };
        let elsewhere = promise.scenario == Scenario::RegionLoss && promise.time > Duration::from_secs(0);
        let damaged = strictest(blueprint, redis, Objective::Rpo, &scenarios[..1]);
        let region_only = damaged.is_none_or(|damaged| gap < damaged.time);
        if gap < promise.time || elsewhere && region_only && blueprint.regions.len() > 1 {
            continue;
        }
        let fix = often(promise.time).map_or_else(
            || "no snapshot is so frequent: write what a restore may cost under `objectives` of this Redis".to_owned(),
            |cron| format!("write `snapshot: {cron:?}`, or an objective of this Redis above {gap}"),
        );
        findings.push(
            RULE.finding(
                Place::Value(path!["redis", redis.name, "backup", "snapshot"]),
                format!("a restore of `{}` loses more than {}", redis.name, promise.time),
            )
            .label(format!("up to {gap} apart"))
            .also(Place::Value(promise.at), format!("{} for {}", promise.time, name(promise.scenario)))
            .because(format!("{gap} between two snapshots + the time of one > {} (X-PG-2)", promise.time))
            .fix(fix),
        );
    }
}

/// A cron time that comes at least twice within a time; `None` below two minutes.
fn often(time: Duration) -> Option<String> {
    let half = time.millis() / 120_000;
    let minutes = [30, 20, 15, 12, 10, 6, 5, 4, 3, 2].into_iter().find(|minutes| *minutes <= half);
    let hours = [12, 8, 6, 4, 3, 2].into_iter().find(|hours| hours * 60 <= half);
    match (hours, minutes) {
        (Some(hours), _) => Some(format!("0 */{hours} * * *")),
        (None, _) if half >= 60 => Some("0 * * * *".to_owned()),
        (None, Some(minutes)) => Some(format!("*/{minutes} * * * *")),
        (None, None) => (half >= 1).then(|| "* * * * *".to_owned()),
    }
}
