//! A restore has a target, and nothing says how long one takes.
//!
//! # What it finds
//! A cluster with a backup and a recovery time objective that holds for wrong data, in whose `data` at least one of `size`,
//! `restoreThroughput`, `walPerHour` and `replayThroughput` is missing.
//!
//! # Why it matters
//! A restore copies the data and then replays the WAL since the backup, and the second part is often the longer one. Without
//! these four figures the objective is neither kept nor missed: it is not known. A missing figure is not zero.
//!
//! # Example
//! ```yaml
//! objectives: {rto: 1h}
//! postgres:
//!   main:
//!     data: {size: 500Gi}
//! ```
//!
//! # Fix
//! Write them: the size and the WAL of an hour from the monitoring, the two throughputs from a restore that was tried
//! (`verify` prints both times).
//!
//! # Source
//! facts.md X-PG-3, F-PG-17 (replay is single-threaded).

use crate::blueprint::raw::Scenario;
use crate::rules::prelude::*;
use crate::rules::promised::{Objective, promise};

pub static RULE: Rule = Rule {
    id: "BK016",
    name: "restore-time-unknown",
    group: Group::Backup,
    level: Level::Error,
    security: false,
    fields: &[
        "postgres.*.data.size",
        "postgres.*.data.restoreThroughput",
        "postgres.*.data.walPerHour",
        "postgres.*.data.replayThroughput",
        "objectives.rto",
    ],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for cluster in blueprint.postgres.iter().filter(|cluster| cluster.is_rendered()) {
        let Some(backup) = &cluster.spec.backup else { continue };
        let Some(promise) = promise(blueprint, cluster, Objective::Rto, Scenario::DataCorruption) else { continue };
        let data = cluster.spec.data.as_ref();
        let missing = [
            ("size", data.is_none_or(|data| data.size.is_none())),
            ("restoreThroughput", data.is_none_or(|data| data.restore_throughput.is_none())),
            ("walPerHour", data.is_none_or(|data| data.wal_per_hour.is_none())),
            ("replayThroughput", data.is_none_or(|data| data.replay_throughput.is_none())),
        ];
        let missing: Vec<&str> = missing.into_iter().filter(|(_, missing)| *missing).map(|(name, _)| name).collect();
        if missing.is_empty() {
            continue;
        }
        let at = path!["postgres", cluster.name];
        let place = Place::Key(at.key(if data.is_some() { "data" } else { "backup" }));
        let base = backup.incremental.as_ref().or(backup.differential.as_ref()).unwrap_or(&backup.full);
        findings.push(
            RULE.finding(place, format!("nobody knows how long a restore of `{}` takes", cluster.name))
                .also(Place::Value(promise.at), format!("{} for {}", promise.time, crate::rules::promised::name(promise.scenario)))
                .because(format!(
                    "size / restoreThroughput + the WAL since the last backup (`{base}`) / replayThroughput, and {} of them \
                     {} not written (X-PG-3)",
                    missing.len(),
                    if missing.len() == 1 { "is" } else { "are" }
                ))
                .fix(format!("write `data: {{{}}}`", missing.iter().map(|name| format!("{name}: …")).collect::<Vec<_>>().join(", "))),
        );
    }
}
