//! A Redis that serves on with a shard lost, and the alert that would see it is off.
//!
//! # What it finds
//! `requireFullCoverage: false`, the default, while `monitoring.alerts` turns `RedisSlotsNotServed` off. Whether the clients
//! handle `CLUSTERDOWN` stands in their source code, which hagen does not see; a blueprint without `monitoring` has no alert at
//! all, and that is not for this rule to say.
//!
//! In files: `cluster-require-full-coverage no` with `cluster-enabled yes`, beside rules of Prometheus of which none
//! looks at the slots of the cluster (no expression with `cluster_slots`).
//!
//! # Why it matters
//! With partial coverage the cluster's own state stays `ok` while every key of the lost shard fails: a third of all users with
//! three shards. The other alerts of Redis may stay silent as well.
//!
//! # Example
//! ```yaml
//! redis:
//!   sessions: {requireFullCoverage: false, memory: 2Gi}
//! monitoring:
//!   runbooks: https://runbooks.example.org
//!   alerts: {RedisSlotsNotServed: {enabled: false}}
//! ```
//!
//! # Fix
//! Leave the alert on, or write `requireFullCoverage: true`: then the whole cluster stops, visibly.
//!
//! # Source
//! facts.md F-RD-11: redis.conf, `cluster-require-full-coverage`; R-AL-23 (measured: `cluster_state` stays ok).

use super::configured::{is_on, word};
use crate::blueprint::raw::Topology;
use crate::rules::alerts::written::says_nothing_of;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "RD012",
    name: "lost-shard-looks-healthy",
    group: Group::Redis,
    level: Level::Warning,
    security: false,
    fields: &["redis.*.requireFullCoverage", "monitoring.alerts.*.enabled"],
    check: Check::Both(check, files),
};

/// The alert that sees a lost shard.
const ALERT: &str = "RedisSlotsNotServed";

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let alert = blueprint.spec.monitoring.as_ref().and_then(|monitoring| monitoring.alerts.get(ALERT));
    if alert.is_none_or(|alert| alert.enabled != Some(false)) {
        return;
    }
    let partial = blueprint.redis.iter().filter(|redis| {
        redis.is_rendered() && redis.spec.topology == Topology::Cluster && !redis.spec.require_full_coverage
    });
    let names: Vec<&str> = partial.map(|redis| redis.name.as_str()).collect();
    let Some(first) = names.first() else { return };
    let at = path!["monitoring", "alerts", ALERT, "enabled"];
    findings.push(
        RULE.finding(Place::Value(at.clone()), format!("nothing sees the loss of a shard of `{}`", names.join("`, `")))
            .label("the alert that would see it is off")
            .also(Place::Value(path!["redis", first, "requireFullCoverage"]), "it serves on with a shard lost")
            .because("its state stays ok while every key of the lost shard fails (F-RD-11, R-AL-23)")
            .fix("leave the alert on")
            .edit(at, true),
    );
}

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    if !says_nothing_of(estate, &["cluster_slots"]) {
        return;
    }
    for file in estate.of(Kind::Redis).filter(|file| is_on(file, "cluster-enabled")) {
        let Some((entry, _)) = word(file, "cluster-require-full-coverage").filter(|(_, word)| *word == "no") else {
            continue;
        };
        findings.push(
            RULE.finding(Place::Span(entry.value.span), "nothing sees the loss of a shard")
                .label("it serves on with a shard lost")
                .because("its state stays ok while every key of the lost shard fails, and no alert looks at its slots (F-RD-11, R-AL-23)")
                .fix("add an alert on `redis_cluster_slots_ok < 16384`, or write `cluster-require-full-coverage yes`"),
        );
    }
}
