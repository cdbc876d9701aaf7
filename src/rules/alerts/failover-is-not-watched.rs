//! Nothing tells whether the next failover would work.
//!
//! # What it finds
//! An override turns off an alert about what a failover needs: the leader, standbys that follow, the quorum of etcd, slots
//! that keep WAL, the shards and primaries of Redis, the router that knows the primary. Alerts that hagen does not write for
//! a blueprint cannot be turned off (BP090). In files: a configuration of Patroni, of etcd, of a Redis Cluster or of Sentinel, and
//! among the files are alerting rules, none of which looks at a metric that tells of its leader, its members or its quorum.
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

use super::written::says_nothing_of;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "AL010",
    name: "failover-is-not-watched",
    group: Group::Alerts,
    level: Level::Error,
    security: false,
    fields: &["monitoring.alerts.*.enabled"],
    check: Check::Both(check, files),
};

/// The alerts, and what nobody notices without each.
const NEEDED: [(&str, &str); 17] = [
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
    ("RedisSentinelQuorumLost", "that the sentinels could not fail over"),
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

/// What fails over, how its file is known, and the metrics that tell of it.
const MECHANISMS: [(Kind, &str, &str, &[&str]); 4] = [
    (
        Kind::Patroni,
        "Patroni",
        "scope",
        &["patroni_", "pg_replication_is_replica", "pg_stat_replication", "pg_replication_slot"],
    ),
    (Kind::Etcd, "etcd", "initial-cluster", &["etcd_"]),
    (
        Kind::Redis,
        "Redis Cluster",
        "cluster-enabled",
        &["redis_cluster_", "redis_instance_info", "redis_connected_slaves", "redis_master_link"],
    ),
    (Kind::Sentinel, "Sentinel", "sentinel", &["redis_sentinel_"]),
];

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for (kind, name, key, metrics) in MECHANISMS {
        let own = estate.of(kind).find_map(|file| file.entry(key));
        let Some(entry) = own.filter(|entry| kind != Kind::Redis || is_on(entry)) else { continue };
        if !says_nothing_of(estate, metrics) {
            continue;
        }
        findings.push(
            RULE.finding(
                Place::Span(entry.key_span),
                format!("nobody notices when {name} could not fail over any more"),
            )
            .label("no alerting rule among these files looks at it")
            .because("after the first failure everything still serves, with nothing left for the second (R-AL-10)")
            .fix(format!("add alerts on its leader, its members and what lags: on `{}…`", metrics[0])),
        );
    }
}

/// Whether a directive says yes.
fn is_on(entry: &crate::document::node::Entry) -> bool {
    entry.value.scalar().is_some_and(|scalar| scalar.text.split_whitespace().next() == Some("yes"))
}
