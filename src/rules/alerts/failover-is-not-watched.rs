//! Nothing tells whether the next failover would work.
//!
//! # What it finds
//! An override turns off an alert about what a failover needs: the leader, standbys that follow, the quorum of etcd, slots
//! that keep WAL, the shards and primaries of Redis, the router that knows the primary. Alerts that hagen does not write for
//! a blueprint cannot be turned off (BP090).
//!
//! # Why it matters
//! After the first failure everything still serves, with nothing left for the second. Only these alerts tell.
//!
//! # Example
//! ```yaml
//! monitoring:
//!   alerts:
//!     PostgresStandbysMissing: {enabled: false}
//! ```
//!
//! # Fix
//! Leave the override out; `for` and `severity` make an alert quieter without silencing it.
//!
//! # Source
//! facts.md R-AL-10, R-AL-20, R-AL-23.

use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "AL010",
    name: "failover-is-not-watched",
    group: Group::Alerts,
    level: Level::Error,
    security: false,
    fields: &["monitoring.alerts.*.enabled"],
    check: Check::Blueprint(check),
};

/// The alerts, and what nobody notices without each.
const NEEDED: [(&str, &str); 16] = [
    ("EtcdMemberMissing", "that etcd has no member to lose any more"),
    ("EtcdQuorumLost", "that etcd has lost its quorum"),
    ("HaproxyPrimaryMissing", "that the router knows no primary"),
    ("PatroniMemberMissing", "that a member is gone"),
    ("PostgresLeaderMissing", "that there is no leader"),
    ("PostgresSlotInactive", "that a slot keeps WAL for nobody"),
    ("PostgresSlotNearlyLost", "that a standby loses its WAL"),
    ("PostgresStandbyBehind", "that no standby may take over"),
    ("PostgresStandbysMissing", "that standbys are missing"),
    ("PostgresSynchronousStandbyMissing", "that no synchronous standby is there"),
    ("PostgresWriterCount", "that two regions write"),
    ("RedisClusterDown", "that the cluster refuses commands"),
    ("RedisPrimaryCount", "that a primary is missing"),
    ("RedisReplicaMissing", "that a shard has no replica any more"),
    ("RedisSlotsNotServed", "that a shard is lost"),
    ("StandbyRegionCutOff", "that the standby region gets nothing any more"),
];

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let Some(monitoring) = &blueprint.spec.monitoring else { return };
    for (name, _) in monitoring.alerts.iter().filter(|(_, own)| own.enabled == Some(false)) {
        let Some((_, what)) = NEEDED.iter().find(|(known, _)| known == name) else { continue };
        findings.push(
            RULE.finding(
                Place::Value(path!["monitoring", "alerts", name, "enabled"]),
                format!("nobody notices {what}"),
            )
            .label("turned off")
            .because("what a failover needs is missed at the failover, unless an alert tells before (R-AL-10)")
            .fix("leave `enabled` out, and write a longer `for` where it is too loud"),
        );
    }
}
