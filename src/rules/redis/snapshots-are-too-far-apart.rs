//! Snapshots of Redis are further apart than its recovery point objective allows.
//!
//! # What it finds
//! Sessions or queued work with a backup whose longest time between two snapshots is longer than the RPO for damaged data or
//! for the loss of a region, whichever is shorter. How long a snapshot takes to make and to upload is not known and not added:
//! an interval that equals the RPO passes. RPO 0 is for RD010; a cluster without a backup is for the rules of backups.
//!
//! # Why it matters
//! Replicas and the append-only file carry a `FLUSHALL` as faithfully as every other write, and each region has a cluster of
//! its own. What is lost in both cases is what came after the last snapshot.
//!
//! # Example
//! ```yaml
//! redis:
//!   jobs:
//!     use: queue
//!     objectives: {rpo: 5m}
//!     backup: {snapshot: "0 * * * *", to: [backup.store]}   # up to an hour is lost
//! ```
//!
//! # Fix
//! Snapshots as often as the RPO, or an RPO that the snapshots keep; an RPO of minutes needs another store.
//!
//! # Source
//! facts.md X-PG-2: loss of a periodic copy is the interval, the time that it takes, and that of its upload.

use super::contents::{item, kept};
use crate::blueprint::cron::Schedule;
use crate::blueprint::raw::Scenario;
use crate::rules::prelude::*;
use crate::rules::promised;

pub static RULE: Rule = Rule {
    id: "RD020",
    name: "snapshots-are-too-far-apart",
    group: Group::Redis,
    level: Level::Error,
    security: false,
    fields: &["redis.*.backup.snapshot", "redis.*.objectives.rpo", "redis.*.use"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let several = blueprint.regions.len() > 1;
    for redis in blueprint.redis.iter().filter(|redis| redis.is_rendered()) {
        let (Some(kept), Some(backup)) = (kept(redis), &redis.spec.backup) else { continue };
        let Some(gap) = Schedule::parse(backup.snapshot.as_str()).ok().and_then(|times| times.longest_gap()) else {
            continue;
        };
        let item = item(redis);
        let region_loss = several.then_some(Scenario::RegionLoss);
        let scenarios = [Some(Scenario::DataCorruption), region_loss].into_iter().flatten();
        let targets = scenarios.filter_map(|scenario| promised::rpo(blueprint, &item, Some(scenario)));
        let Some(rpo) = targets.min_by_key(|rpo| rpo.value) else { continue };
        if rpo.value.millis() == 0 || gap <= rpo.value {
            continue;
        }
        findings.push(
            RULE.finding(
                Place::Value(item.at.key("backup").key("snapshot")),
                format!("{gap} of {kept} may be lost, and the RPO of `{}` is {}", redis.name, rpo.value),
            )
            .label(format!("up to {gap} from one to the next"))
            .also(Place::Value(rpo.at), format!("{} may be lost", rpo.value))
            .because(format!(
                "replicas repeat a mistake, and nothing copies it to another region: what came after the last snapshot is lost, \
                 {gap} and the time that the next one takes (X-PG-2)"
            ))
            .fix(format!(
                "take a snapshot at least every {}, or write the RPO that this keeps: `objectives: {{rpo: {gap}}}`",
                rpo.value
            )),
        );
    }
}
