//! An RPO of zero covers Redis, whose replication is asynchronous.
//!
//! # What it finds
//! Sessions or queued work in a Redis whose RPO is `0s`, its own, its tier's or the global one, in general or in the scenario of
//! a lost pod, node, primary, zone or region, of a split network or of damaged data. A cache may lose any key, and messages of
//! pub/sub are kept nowhere: neither is reported. ElastiCache is left out: some of its clusters replicate synchronously.
//!
//! # Why it matters
//! A primary acknowledges a write before any replica has it. What it acknowledged last is lost when it dies: measured, one of
//! 258,912 writes under load. `WAIT` makes it less, and does not exclude it.
//!
//! # Example
//! ```yaml
//! objectives: {rto: 5m, rpo: 0s}
//! redis:
//!   sessions: {use: sessions, memory: 4Gi}   # no objectives of its own
//! ```
//!
//! # Fix
//! Give the cluster an RPO of its own, and keep what must not be lost in PostgreSQL.
//!
//! # Source
//! facts.md F-RD-14: Redis Cluster specification, write safety; F-MS-08 for Memorystore.

use super::contents::{item, kept};
use crate::blueprint::raw::{Scenario, StorePlatform};
use crate::rules::prelude::*;
use crate::rules::promised;

pub static RULE: Rule = Rule {
    id: "RD010",
    name: "no-loss-promised-for-redis",
    group: Group::Redis,
    level: Level::Warning,
    security: false,
    fields: &["objectives.rpo", "redis.*.objectives.rpo", "redis.*.use"],
    check: Check::Blueprint(check),
};

/// When a Redis loses something.
const WHEN: [Option<Scenario>; 8] = [
    None,
    Some(Scenario::PodLoss),
    Some(Scenario::NodeLoss),
    Some(Scenario::PrimaryLoss),
    Some(Scenario::ZoneLoss),
    Some(Scenario::RegionLoss),
    Some(Scenario::NetworkPartition),
    Some(Scenario::DataCorruption),
];

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for redis in blueprint.redis.iter().filter(|redis| redis.spec.platform != StorePlatform::Elasticache) {
        let Some(kept) = kept(redis) else { continue };
        let item = item(redis);
        let promised = WHEN.into_iter().filter_map(|scenario| promised::rpo(blueprint, &item, scenario));
        let mut places: Vec<_> = promised.filter(|rpo| rpo.value.millis() == 0).map(|rpo| rpo.at).collect();
        places.sort();
        places.dedup();
        if places.is_empty() {
            continue;
        }
        // Its own promise is mended where it stands; an inherited one by a target of its own.
        let own = places.iter().position(|place| place.starts_with(&item.at)).map(|at| places.remove(at));
        let title = format!("Redis `{}` cannot promise to lose nothing", redis.name);
        let mut finding = match own {
            Some(own) => RULE
                .finding(Place::Value(own), title)
                .label("no loss at all")
                .also(Place::Value(item.at.key("use")), format!("it holds {kept}")),
            None => RULE
                .finding(Place::Key(item.at.clone()), title)
                .label(format!("it holds {kept}, and has no RPO of its own"))
                .rests_on(item.at.key("objectives")),
        };
        for other in places {
            finding = finding.also(Place::Value(other), "no loss at all");
        }
        findings.push(
            finding
                .because("a primary acknowledges a write before a replica has it: what it took last is lost with it (F-RD-14)")
                .fix(format!(
                    "write what may be lost, as `redis.{}.objectives: {{rpo: 1m}}`, and keep what may not in PostgreSQL",
                    redis.name
                )),
        );
    }
}
