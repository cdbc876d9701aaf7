//! Whoever can delete one backup can delete them all.
//!
//! # What it finds
//! A PostgreSQL cluster, or a Redis that holds a queue, none of whose destinations is `immutable`, and all of whose
//! destinations are of one kind: one provider, and as a rule one account.
//!
//! It says nothing where destinations of two kinds are used: two accounts have to be broken into then.
//!
//! # Why it matters
//! A stolen key, ransomware, or a slip in a lifecycle rule reaches everything that the key reaches. A lock that even the
//! account cannot lift is the only copy that is there afterwards.
//!
//! # Example
//! ```yaml
//! backup:
//!   store: {kind: s3, bucket: backups, region: eu-west-1}   # and no `immutable`
//! ```
//!
//! # Fix
//! Object Lock or an immutability policy on one destination, and `immutable: 30d` in the blueprint; no longer than
//! `retention`, so that the tool can still remove what has run out.
//!
//! # Source
//! facts.md R-BK-07, F-MS-13.

use crate::blueprint::raw::{Reference, Usage};
use crate::document::Path;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "BK007",
    name: "no-copy-that-cannot-be-deleted",
    group: Group::Backup,
    level: Level::Warning,
    security: true,
    fields: &["backup.*.immutable", "backup.*.kind", "postgres.*.backup.to", "redis.*.backup.to"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for cluster in blueprint.postgres.iter().filter(|cluster| cluster.is_rendered()) {
        if let Some(backup) = &cluster.spec.backup {
            let at = path!["postgres", cluster.name, "backup", "to"];
            findings.extend(found(blueprint, &cluster.name, &at, &backup.to, backup.retention));
        }
    }
    for redis in blueprint.redis.iter().filter(|redis| redis.is_rendered() && redis.spec.usage == Usage::Queue) {
        if let Some(backup) = &redis.spec.backup {
            let at = path!["redis", redis.name, "backup", "to"];
            findings.extend(found(blueprint, &redis.name, &at, &backup.to, backup.retention));
        }
    }
}

fn found(
    blueprint: &Blueprint,
    name: &str,
    at: &Path,
    to: &[Reference],
    retention: crate::blueprint::units::Duration,
) -> Option<Diagnostic> {
    let stores: Vec<_> = to
        .iter()
        .filter_map(|reference| {
            let store = reference.parts().1;
            Some((store, blueprint.spec.backup.get(store)?))
        })
        .collect();
    let (first, destination) = *stores.first()?;
    let another = stores.iter().any(|(_, other)| other.kind != destination.kind);
    if another || stores.iter().any(|(_, store)| store.immutable.is_some()) {
        return None;
    }
    let mut finding = RULE
        .finding(Place::Value(at.index(0)), format!("every backup of `{name}` can be deleted with one key"))
        .because("none of the destinations is immutable, and no two are of different providers (R-BK-07)")
        .fix(format!("lock the objects of one destination, and write `immutable: {retention}` in `backup.{first}`"));
    for (store, _) in &stores {
        finding = finding.also(Place::Key(path!["backup", store]), "can be deleted");
    }
    Some(finding)
}
