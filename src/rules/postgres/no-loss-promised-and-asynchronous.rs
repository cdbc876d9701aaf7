//! No data may be lost when the primary is, and no standby has to have it.
//!
//! # What it finds
//! A recovery point objective of 0 for the loss of a primary, zone, node or pod, with `replication: asynchronous`. A cluster
//! that has a single member is K8024's: no way of replication keeps what nobody else has.
//!
//! # Why it matters
//! An asynchronous standby is promoted with what it has. Up to `maximumLag` of WAL, and what was written in the last `ttl`,
//! is gone, and applications were told that it was committed.
//!
//! # Example
//! ```yaml
//! objectives: {rpo: 0s}
//! postgres:
//!   main: {replication: asynchronous}
//! ```
//!
//! # Fix
//! `replication: synchronous` (the default), `quorum` or `synchronous-strict`; or say how much may be lost.
//!
//! # Source
//! facts.md X-PT-10: Patroni, docs/replication_modes.rst.

use crate::blueprint::raw::Replication;
use crate::blueprint::units::Duration;
use crate::rules::prelude::*;
use crate::rules::promised::{FAILOVER, Objective, name, strictest};

pub static RULE: Rule = Rule {
    id: "PG006",
    name: "no-loss-promised-and-asynchronous",
    group: Group::Postgres,
    level: Level::Error,
    security: false,
    fields: &["postgres.*.replication", "postgres.*.members", "postgres.*.hosts", "objectives.rpo"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for cluster in blueprint.postgres.iter().filter(|cluster| cluster.is_rendered()) {
        let alone = cluster.member_count(blueprint.primary()) == 1;
        if alone || cluster.spec.replication != Replication::Asynchronous {
            continue;
        }
        let promise = strictest(blueprint, cluster, Objective::Rpo, &FAILOVER);
        let Some(promise) = promise.filter(|promise| promise.time == Duration::from_secs(0)) else { continue };
        let lag = cluster.spec.failover.maximum_lag;
        let place = path!["postgres", cluster.name, "replication"];
        findings.push(
            RULE.finding(
                Place::Value(place.clone()),
                format!("`{}` may lose commits in a failover, and none may be lost", cluster.name),
            )
            .label("a commit waits for no standby")
            .also(Place::Value(promise.at), format!("the objective for {}", name(promise.scenario)))
            .because(format!(
                "a standby may be promoted that lacks {lag}B of WAL (`maximumLag`) and what was written in the last {} \
                 (`ttl`) (X-PT-10)",
                cluster.spec.failover.ttl
            ))
            .fix("write `replication: synchronous`, or an objective above 0 for that loss")
            .edit(place, "synchronous"),
        );
    }
}
