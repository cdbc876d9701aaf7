//! The node timeout of Redis is so short that healthy nodes fail over, or so long that the RTO has passed before one does.
//!
//! # What it finds
//! `nodeTimeout` below one second (below 500 ms it is refused, BP111), or `2 × nodeTimeout + 2 s` above the RTO for the loss of
//! a node, a zone or a primary; under Sentinel `nodeTimeout + 7 s`. Without an RTO, and without replicas, only the first is looked at.
//!
//! In redis.conf: `cluster-node-timeout` below 1000, in milliseconds, with `cluster-enabled yes`.
//!
//! # Why it matters
//! A node that does not answer within the timeout counts as failed. Below a second a pause for a fork or a full network is
//! enough, and each needless failover loses what was not replicated. On the other side, nothing happens before the timeout has
//! passed: it is the largest part of a failover.
//!
//! # Example
//! ```yaml
//! objectives: {rto: 30s}
//! redis:
//!   sessions:
//!     nodeTimeout: 15s   # 2 × 15 s + 2 s = 32 s
//! ```
//!
//! # Fix
//! 2 to 5 seconds.
//!
//! # Source
//! facts.md X-RD-2, X-RD-7; measured: 6.8 to 9.5 s with 5 s, 2.9 to 4.6 s with 2 s.

use super::configured::{is_on, word};
use super::contents::item;
use crate::blueprint::Redis;
use crate::blueprint::raw::Scenario;
use crate::blueprint::units::Duration;
use crate::rules::prelude::*;
use crate::rules::promised;

pub static RULE: Rule = Rule {
    id: "RD011",
    name: "node-timeout-misses-its-purpose",
    group: Group::Redis,
    level: Level::Warning,
    security: false,
    fields: &["redis.*.nodeTimeout", "redis.*.objectives.rto", "objectives.rto"],
    check: Check::Both(check, files),
};

/// The shortest timeout that a busy node outlives.
const LEAST: Duration = Duration::from_secs(1);

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for redis in blueprint.redis.iter().filter(|redis| redis.is_rendered()) {
        if redis.spec.node_timeout < LEAST {
            findings.push(short(redis));
        } else if redis.spec.replicas_per_shard > 0 {
            findings.extend(long(blueprint, redis));
        }
    }
}

fn short(redis: &Redis) -> Diagnostic {
    let at = path!["redis", redis.name, "nodeTimeout"];
    let timeout = redis.spec.node_timeout;
    RULE.finding(Place::Value(at), format!("healthy nodes of `{}` may fail over", redis.name))
        .label(format!("{timeout} without an answer is failure"))
        .because("a fork, a slow command or a full network take as long, and a failover loses what was not replicated (F-RD-03, X-RD-4)")
        .fix("write `nodeTimeout: 2s` or more: a failover then takes 6 s at most")
}

fn long(blueprint: &Blueprint, redis: &Redis) -> Option<Diagnostic> {
    let item = item(redis);
    let scenarios = [Scenario::NodeLoss, Scenario::PrimaryLoss, Scenario::ZoneLoss];
    let targets = scenarios.into_iter().filter_map(|scenario| promised::rto(blueprint, &item, Some(scenario)));
    let rto = targets.min_by_key(|rto| rto.value)?;
    let timeout = redis.spec.node_timeout;
    // Under Sentinel: until every sentinel names the new primary.
    let sentinel = redis.spec.is_sentinel();
    let twice = Duration::from_millis(timeout.millis().saturating_mul(2).saturating_add(2000));
    let takes = if sentinel { redis.failover_bound() } else { twice };
    if takes <= rto.value {
        return None;
    }
    let left = |own: u64| rto.value.millis().saturating_sub(own);
    let (most, least) = if sentinel { (left(7000), "8s") } else { (left(2000) / 2, "4s") };
    let fix = if most < LEAST.millis() {
        format!("allow it more time: with the shortest sensible timeout of 1s a failover takes up to {least}")
    } else {
        format!("write `nodeTimeout: {}` or less", Duration::from_millis(most / 100 * 100))
    };
    let at = item.at.key("nodeTimeout");
    Some(
        RULE.finding(
            Place::Value(at),
            format!("a failover of `{}` may take {takes}, its RTO is {}", redis.name, rto.value),
        )
        .label(format!("{timeout} until a node counts as failed"))
        .also(Place::Value(rto.at), format!("{} at most", rto.value))
        .because(if sentinel {
            format!("{timeout} + 7s = {takes} from the loss of the primary until every sentinel names another (X-RD-7)")
        } else {
            format!("2 × {timeout} + 2s = {takes} from the loss of a primary to its successor (X-RD-2)")
        })
        .fix(fix),
    )
}

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for file in estate.of(Kind::Redis).filter(|file| is_on(file, "cluster-enabled")) {
        let Some((entry, text)) = word(file, "cluster-node-timeout") else { continue };
        let Some(millis) = text.parse::<u64>().ok().filter(|millis| *millis < LEAST.millis()) else { continue };
        findings.push(
            RULE.finding(Place::Span(entry.value.span), "healthy nodes may fail over")
                .label(format!("{millis} ms without an answer is failure"))
                .because("a fork, a slow command or a full network take as long, and a failover loses what was not replicated (F-RD-03, X-RD-4)")
                .fix("write `cluster-node-timeout 2000` or more: a failover then takes 6 s at most"),
        );
    }
}
