//! The loss of a region has a target, and what the other region has is no standby.
//!
//! # What it finds
//! `crossRegion.mode: logical`, a recovery time or point objective that holds for the loss of a region, and a `strategy` in
//! which the other region takes over. With `backup-and-restore` the region is rebuilt from backups, and nothing is said.
//!
//! # Why it matters
//! A subscriber cannot be promoted. It has no schema change that came after it was made and no state of sequences: the first
//! insert after a "failover" is a duplicate key. Whatever takes over has to be repaired by hand first, in the outage.
//!
//! # Example
//! ```yaml
//! objectives: {rto: 30m}
//! strategy: active-passive
//! postgres:
//!   main: {crossRegion: {mode: logical, to: [south], endpoints: {…}}}
//! ```
//!
//! # Fix
//! `mode: streaming-standby`, which carries everything and is promoted with one command. A subscription may be added outside
//! of hagen where only some tables are wanted.
//!
//! # Source
//! facts.md F-PG-07, F-PG-08 (measured); PostgreSQL, logical replication, restrictions.

use crate::blueprint::raw::{CrossRegionMode, Scenario, Strategy};
use crate::rules::prelude::*;
use crate::rules::promised::{Objective, promise};

pub static RULE: Rule = Rule {
    id: "PG028",
    name: "subscriber-taken-for-a-standby",
    group: Group::Postgres,
    level: Level::Error,
    security: false,
    fields: &["postgres.*.crossRegion.mode", "strategy", "objectives.scenarios"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    if blueprint.spec.strategy == Strategy::BackupAndRestore {
        return;
    }
    for cluster in blueprint.postgres.iter().filter(|cluster| cluster.is_rendered()) {
        let logical = cluster.spec.cross_region.as_ref().is_some_and(|cross| cross.mode == CrossRegionMode::Logical);
        if !logical {
            continue;
        }
        let of = |objective| promise(blueprint, cluster, objective, Scenario::RegionLoss);
        let Some(promise) = of(Objective::Rto).or_else(|| of(Objective::Rpo)) else { continue };
        let at = path!["postgres", cluster.name, "crossRegion", "mode"];
        findings.push(
            RULE.finding(
                Place::Value(at.clone()),
                format!("no region can take over `{}` when `{}` is lost", cluster.name, blueprint.primary().name),
            )
            .label("a subscriber, which cannot be promoted")
            .also(Place::Value(promise.at), "what the loss of a region may cost")
            .also(Place::Value(path!["strategy"]), "another region is to take over")
            .because("a subscriber has neither later schema changes nor sequences: its first insert is a duplicate key (F-PG-08)")
            .fix("write `mode: streaming-standby`")
            .edit(at, "streaming-standby"),
        );
    }
}
