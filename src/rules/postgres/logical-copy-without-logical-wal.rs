//! A region subscribes to changes that are not written to the WAL.
//!
//! # What it finds
//! `crossRegion.mode: logical`, and `wal_level` in `parameters` with another value than `logical`: it wins over what hagen
//! sets.
//!
//! In patroni.yml: a slot of `type: logical` in `bootstrap.dcs.slots`, and in the dynamic configuration a `wal_level`
//! other than `logical`, or none, which is `replica`.
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

use super::configured::{SHARED, Server, dcs, key, text_at};
use crate::blueprint::raw::CrossRegionMode;
use crate::document::Node;
use crate::rules::prelude::*;
use crate::rules::settings::{parameter, place};

pub static RULE: Rule = Rule {
    id: "PG027",
    name: "logical-copy-without-logical-wal",
    group: Group::Postgres,
    level: Level::Error,
    security: false,
    fields: &["postgres.*.parameters", "postgres.*.crossRegion.mode"],
    check: Check::Both(check, files),
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

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for tree in estate.of(Kind::Patroni) {
        let slots = dcs(tree).and_then(|dcs| dcs.get("slots")).and_then(Node::map).unwrap_or_default();
        let logical = slots.iter().find(|slot| text_at(&slot.value, &["type"]) == Some("logical"));
        let level = Server { tree, patroni: true }.setting("wal_level");
        let Some(slot) = logical.filter(|_| level.is_none_or(|level| level.text != "logical")) else { continue };
        let (place, text) = level.map_or_else(|| (key(tree, &SHARED), "replica"), |level| (level.place(), level.text));
        findings.push(
            RULE.finding(place, format!("no slot `{}` can be made", slot.key.escape_debug()))
                .label(format!("`wal_level` is `{}`", text.escape_debug()))
                .also(Place::Span(slot.key_span), "a logical slot")
                .because("creating a logical slot is an error below `wal_level = logical` (F-PG-08)")
                .fix("write `wal_level: logical` in `bootstrap.dcs.postgresql.parameters`"),
        );
    }
}
