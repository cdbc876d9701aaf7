//! A backup is declared for a Redis on Memorystore, and nothing takes it.
//!
//! # What it finds
//! `platform: memorystore` with a `backup`. hagen renders no job for what a provider runs, and Memorystore's own snapshots
//! serve the provider's recovery only.
//!
//! # Why it matters
//! The declared destination stays empty. Nobody notices before the day on which the data has to come from there.
//!
//! # Example
//! ```yaml
//! redis:
//!   relay:
//!     platform: memorystore
//!     use: queue
//!     backup: {snapshot: "0 * * * *", to: [backup.store]}
//! ```
//!
//! # Fix
//! Schedule an export (`gcloud redis instances export`) to a bucket outside of the project, and leave `backup` out here.
//!
//! # Source
//! facts.md F-MS-08: Memorystore documentation, high availability and general best practices.

use crate::blueprint::raw::StorePlatform;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "RD021",
    name: "managed-snapshot-is-no-backup",
    group: Group::Redis,
    level: Level::Warning,
    security: false,
    fields: &["redis.*.platform", "redis.*.backup"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for redis in blueprint.redis.iter().filter(|redis| redis.spec.platform == StorePlatform::Memorystore) {
        if redis.spec.backup.is_none() {
            continue;
        }
        let at = path!["redis", redis.name];
        findings.push(
            RULE.finding(Place::Key(at.key("backup")), format!("nothing takes this backup of `{}`", redis.name))
                .label("no job is rendered for it")
                .also(Place::Value(at.key("platform")), "the provider runs it")
                .because("Memorystore's own snapshots serve the provider's recovery only, and cannot be restored by its users (F-MS-08)")
                .fix("export it to a bucket by a job of your own, and leave `backup` out here"),
        );
    }
}
