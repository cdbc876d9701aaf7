//! A region subscribes to changes that are not written to the WAL.
//!
//! # What it finds
//! `crossRegion.mode: logical`, and `wal_level` in `parameters` with another value than `logical`: it wins over what hagen
//! sets.
//!
//! # Why it matters
//! A logical slot cannot be made below `wal_level = logical`. The publication is made, with a warning that nobody reads; the
//! subscription fails, and the other region has nothing.
//!
//! # Example
//! ```yaml
//! postgres:
//!   main:
//!     parameters: {wal_level: replica}
//!     crossRegion: {mode: logical, to: [south], endpoints: {…}}
//! ```
//!
//! # Fix
//! Leave `wal_level` out.
//!
//! # Source
//! facts.md F-PG-07, F-PG-08 (measured); PostgreSQL, logical replication, configuration.

use crate::blueprint::raw::CrossRegionMode;
use crate::rules::prelude::*;
use crate::rules::settings::{parameter, place};

pub static RULE: Rule = Rule {
    id: "PG027",
    name: "logical-copy-without-logical-wal",
    group: Group::Postgres,
    level: Level::Error,
    security: false,
    fields: &["postgres.*.parameters", "postgres.*.crossRegion.mode"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for cluster in blueprint.postgres.iter().filter(|cluster| cluster.is_rendered()) {
        let logical = cluster.spec.cross_region.as_ref().is_some_and(|cross| cross.mode == CrossRegionMode::Logical);
        let Some(level) = parameter(cluster, "wal_level").filter(|level| logical && *level != "logical") else {
            continue;
        };
        let at = place(cluster, "wal_level");
        findings.push(
            RULE.finding(
                Place::Value(at.clone()),
                format!("no region can subscribe to `{}` with `wal_level = {level}`", cluster.name),
            )
            .also(
                Place::Value(path!["postgres", cluster.name, "crossRegion", "mode"]),
                "a subscription needs `logical`",
            )
            .because("creating the logical slot is an error below `logical` (F-PG-08)")
            .fix("leave `wal_level` out: hagen sets it")
            .edit(at, "logical"),
        );
    }
}
