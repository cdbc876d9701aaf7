//! A lost shard of Redis fires no alert, because the cluster's state stays well.
//!
//! # What it finds
//! An alert on `redis_cluster_state`, with no rule on `redis_cluster_slots_ok`, `redis_cluster_slots_fail` or
//! `redis_cluster_slots_pfail` among the files, and a redis.conf there with `cluster-require-full-coverage no`. Read in
//! hand-written rule files, PrometheusRule objects and redis.conf; a blueprint that turns RedisSlotsNotServed off is AL010's.
//!
//! # Why it matters
//! Without full coverage the cluster goes on with the slots that are left, and says `cluster_state:ok`. The keys of a whole
//! shard can be neither read nor written, and nothing fires.
//!
//! # Example
//! ```yaml
//! expr: redis_cluster_state == 0             # with cluster-require-full-coverage no
//! ```
//!
//! # Fix
//! `min(redis_cluster_slots_ok) < 16384 or absent(redis_cluster_slots_ok)`.
//!
//! # Source
//! facts.md R-AL-23 (measured).

use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "AL023",
    name: "lost-shard-fires-nothing",
    group: Group::Alerts,
    level: Level::Warning,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let partial = estate.of(Kind::Redis).flat_map(|file| file.map().unwrap_or_default()).find(|entry| {
        let value = entry.value.scalar().and_then(|scalar| scalar.text.split_whitespace().next());
        entry.key.eq_ignore_ascii_case("cluster-require-full-coverage") && value == Some("no")
    });
    let Some(partial) = partial else { return };
    let alerts = estate.alerts();
    if alerts.iter().flat_map(|alert| alert.series()).any(|series| series.name.starts_with("redis_cluster_slots_")) {
        return;
    }
    for alert in alerts.iter().filter(|alert| alert.series().any(|series| series.name == "redis_cluster_state")) {
        findings.push(
            RULE.finding(alert.place(), format!("`{}` does not fire when a shard is lost", alert.name))
                .label("stays ok")
                .also(Place::Span(partial.value.span), "the cluster goes on with the slots that are left")
                .because("without full coverage cluster_state is ok while the keys of a whole shard are gone (R-AL-23)")
                .fix("add `min(redis_cluster_slots_ok) < 16384 or absent(redis_cluster_slots_ok)`"),
        );
    }
}
