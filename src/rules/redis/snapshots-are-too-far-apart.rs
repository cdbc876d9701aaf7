//! Snapshots of Redis are further apart than its recovery point objective allows.
//!
//! # What it finds
//! Sessions or queued work in several regions, with a backup whose longest time between two snapshots is not below the RPO
//! for the loss of a region. How long a snapshot takes to make and to upload comes on top, so that an equal one is too long as
//! well. Where the objective for damaged data is missed too BK003 says so, and this rule does not repeat it. RPO 0 is not for
//! this rule; a cluster without a backup is for the rules of backups.
//!
//! # Why it matters
//! Each region has a cluster of its own, and nothing copies one to another: when a region is lost, what came after its last
//! snapshot is lost with it.
//!
//! # Example
//! ```yaml
//! redis:
//!   jobs:
//!     use: queue
//!     objectives: {scenarios: {data-corruption: {rpo: 4h}, region-loss: {rpo: 5m}}}
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
    fields: &["redis.*.backup.snapshot", "redis.*.objectives.rpo", "redis.*.use", "objectives.scenarios"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    if blueprint.regions.len() < 2 {
        return;
    }
    for redis in blueprint.redis.iter().filter(|redis| redis.is_rendered()) {
        let (Some(kept), Some(backup)) = (kept(redis), &redis.spec.backup) else { continue };
        let Some(gap) = Schedule::parse(backup.snapshot.as_str()).ok().and_then(|times| times.longest_gap()) else {
            continue;
        };
        let item = item(redis);
        let rpo = |scenario| promised::rpo(blueprint, &item, Some(scenario));
        let damaged = rpo(Scenario::DataCorruption).is_some_and(|rpo| gap >= rpo.value);
        let Some(rpo) = rpo(Scenario::RegionLoss).filter(|rpo| rpo.value.millis() > 0 && gap >= rpo.value) else {
            continue;
        };
        if damaged {
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
                "nothing copies it to another region: what came after the last snapshot is lost with its own, {gap} and the \
                 time that the next one takes (X-PG-2)"
            ))
            .fix(format!(
                "take snapshots less than {} apart, or write an RPO for the loss of a region above {gap}",
                rpo.value
            )),
        );
    }
}
