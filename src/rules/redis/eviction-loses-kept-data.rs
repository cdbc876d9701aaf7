//! Redis may evict keys that nobody keeps elsewhere.
//!
//! # What it finds
//! A Redis that holds sessions or a queue (`use`), with an eviction policy that may take any key (`allkeys-lru`,
//! `allkeys-lfu`).
//!
//! In redis.conf: `appendonly yes` with an `allkeys-*` policy. What the keys are no file tells; that they shall
//! outlive a restart it does.
//!
//! # Why it matters
//! When memory is full, the policy decides what goes. `allkeys-*` takes live sessions and unfinished work as well as stale
//! copies; users are logged out and work is lost without any failure, and no recovery point objective counts it.
//!
//! # Example
//! ```yaml
//! redis:
//!   sessions:
//!     use: sessions
//!     eviction: allkeys-lru
//! ```
//!
//! # Fix
//! `noeviction`, so that writes fail loudly and an alert can fire; or `volatile-ttl` where every key has an expiry and the
//! oldest may go. Size `memory` for the peak either way.
//!
//! # Source
//! facts.md F-RD-16: Redis documentation, key eviction.

use super::configured::{is_on, word};
use crate::blueprint::raw::{Eviction, Usage};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "RD008",
    name: "eviction-loses-kept-data",
    group: Group::Redis,
    level: Level::Error,
    security: false,
    fields: &["redis.*.eviction", "redis.*.use"],
    check: Check::Both(check, files),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for redis in &blueprint.redis {
        let policy = match redis.eviction {
            Eviction::AllkeysLru => "allkeys-lru",
            Eviction::AllkeysLfu => "allkeys-lfu",
            _ => continue,
        };
        let kept = match redis.spec.usage {
            Usage::Sessions => "sessions",
            Usage::Queue => "queued work",
            Usage::Cache | Usage::Pubsub => continue,
        };
        let at = path!["redis", redis.name];
        findings.push(
            RULE.finding(Place::Value(at.key("eviction")), format!("`{}` may evict {kept}", redis.name))
                .label(format!("`{policy}` takes any key"))
                .also(Place::Value(at.key("use")), format!("it holds {kept}"))
                .because(
                    "when memory is full, keys go that exist nowhere else, and nothing reports a failure (F-RD-16)",
                )
                .fix("write `eviction: noeviction`, and size `memory` for the peak")
                .edit(at.key("eviction"), "noeviction"),
        );
    }
}

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for file in estate.of(Kind::Redis).filter(|file| is_on(file, "appendonly")) {
        let Some((entry, policy)) = word(file, "maxmemory-policy") else { continue };
        let Some((kept, _)) = word(file, "appendonly").filter(|_| policy.starts_with("allkeys-")) else { continue };
        findings.push(
            RULE.finding(Place::Span(entry.value.span), "Redis may evict what it is to keep")
                .label(format!("`{}` takes any key", policy.escape_debug()))
                .also(Place::Span(kept.key_span), "its keys shall outlive a restart")
                .because("when memory is full, keys go that exist nowhere else, and nothing reports a failure (F-RD-16)")
                .fix("write `maxmemory-policy noeviction` and size `maxmemory` for the peak; for a mere cache, `appendonly no`"),
        );
    }
}
