//! A failover is promised faster than Patroni can be told to make it.
//!
//! # What it finds
//! A recovery time objective for the loss of the primary below 20 s, the shortest `ttl` that Patroni takes, plus one interval
//! of the router, which leads nobody to a new primary before its second good check.
//!
//! # Why it matters
//! The leader key lives for up to `ttl` after the primary is lost, and nobody may take over before it has run out. A drill may
//! look faster, because a key is part-way through its life when the primary dies; the promise is for the other days.
//!
//! # Example
//! ```yaml
//! postgres:
//!   main: {objectives: {scenarios: {primary-loss: {rto: 15s}}}}
//! ```
//!
//! # Fix
//! An objective of 30 s or more; with the shortest times (`ttl` 20 s, router every 2 s) a failover takes 17 to 29 s.
//!
//! # Source
//! facts.md F-PT-01, X-PT-1, X-PT-7, §1.2 (inverse; measured 15.9 to 20.0 s with `ttl` 20 s).

use crate::blueprint::raw::Scenario;
use crate::blueprint::units::Duration;
use crate::rules::prelude::*;
use crate::rules::promised::{Objective, promise};

pub static RULE: Rule = Rule {
    id: "PG035",
    name: "rto-below-the-floor-of-patroni",
    group: Group::Postgres,
    level: Level::Error,
    security: false,
    fields: &["postgres.*.objectives.scenarios", "objectives.rto", "postgres.*.router.interval"],
    check: Check::Blueprint(check),
};

const FLOOR: u64 = 20_000;

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for cluster in blueprint.postgres.iter().filter(|cluster| cluster.is_rendered()) {
        let spec = &cluster.spec;
        // Without a router the Services follow the label that the new primary writes.
        let router = if cluster.has_router() { spec.router.interval.millis() } else { 0 };
        let floor = Duration::from_millis(FLOOR + router);
        let Some(promise) = promise(blueprint, cluster, Objective::Rto, Scenario::PrimaryLoss) else { continue };
        if cluster.member_count(blueprint.primary()) < 2 || promise.time >= floor {
            continue;
        }
        let router = Duration::from_millis(router);
        findings.push(
            RULE.finding(
                Place::Value(promise.at),
                format!("no failover of `{}` is sure to end within {}", cluster.name, promise.time),
            )
            .also(Place::Key(path!["postgres", cluster.name]), "Patroni runs it")
            .because(format!(
                "the leader key lives up to 20 s, the shortest `ttl` that Patroni takes, + {router} until the router has seen \
                 two good checks = {floor} (F-PT-01, X-PT-7)"
            ))
            .fix("write 30 s or more, under `scenarios: {primary-loss: {rto: 30s}}` where the rest is to stay"),
        );
    }
}
