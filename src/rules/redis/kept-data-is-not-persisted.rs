//! Sessions or queued work live in the memory of Redis only.
//!
//! # What it finds
//! `persistence: {appendFsync: never, snapshots: []}` for `use: sessions` or `queue`. A cache fills itself again, and pub/sub
//! has nothing to keep: neither is reported. What a provider runs is left out.
//!
//! # Why it matters
//! A node that is restarted comes back empty, faster than a failover takes. As the primary that it still is it has its replica
//! copy that: both copies are gone. Measured: every earlier write was lost, in three of three trials.
//!
//! # Example
//! ```yaml
//! redis:
//!   sessions:
//!     use: sessions
//!     persistence: {appendFsync: never, snapshots: []}
//! ```
//!
//! # Fix
//! `appendFsync: everysec`: about one second is lost when all copies restart.
//!
//! # Source
//! facts.md R-RD-23 (measured), F-RD-13: redis.conf, `appendfsync`.

use super::contents::kept;
use crate::blueprint::raw::AppendFsync;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "RD023",
    name: "kept-data-is-not-persisted",
    group: Group::Redis,
    level: Level::Error,
    security: false,
    fields: &["redis.*.persistence.appendFsync", "redis.*.persistence.snapshots", "redis.*.use"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for redis in blueprint.redis.iter().filter(|redis| redis.is_rendered()) {
        let Some(kept) = kept(redis) else { continue };
        let persistence = &redis.spec.persistence;
        if persistence.append_fsync != AppendFsync::Never || !persistence.snapshots.is_empty() {
            continue;
        }
        let at = path!["redis", redis.name];
        let here = at.key("persistence");
        findings.push(
            RULE.finding(
                Place::Value(here.key("appendFsync")),
                format!("a restart of one node of `{}` empties its replicas, too", redis.name),
            )
            .label("no append-only file")
            .also(Place::Key(here.key("snapshots")), "and no snapshot")
            .also(Place::Value(at.key("use")), format!("it holds {kept}"))
            .because("a primary that comes back empty before the failover has its replica copy that (measured)")
            .fix("write `appendFsync: everysec`")
            .edit(here.key("appendFsync"), "everysec"),
        );
    }
}
