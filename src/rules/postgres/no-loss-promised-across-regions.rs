//! The loss of a region may cost nothing, and the copy elsewhere is asynchronous.
//!
//! # What it finds
//! `crossRegion`, and a recovery point objective of 0 that holds for the loss of a region: of its own, or because the general
//! one is 0 and none is written for `region-loss`.
//!
//! # Why it matters
//! A commit waits for standbys of its own region only: Patroni ignores synchronous modes in a standby cluster. What the other
//! region lags behind at the time of the loss is gone.
//!
//! # Example
//! ```yaml
//! objectives: {rpo: 0s}
//! postgres:
//!   main: {replication: synchronous, crossRegion: {to: [south], endpoints: {…}}}
//! ```
//!
//! # Fix
//! `scenarios: {region-loss: {rpo: 1m}}`: a lag that an alert keeps. No loss at all needs one cluster stretched over three
//! zones that do not fail together.
//!
//! # Source
//! facts.md F-PT-17: Patroni, docs/releases.rst 3.2.0 and docs/ha_multi_dc.rst.

use crate::blueprint::raw::Scenario;
use crate::blueprint::units::Duration;
use crate::rules::prelude::*;
use crate::rules::promised::{Objective, promise};

pub static RULE: Rule = Rule {
    id: "PG038",
    name: "no-loss-promised-across-regions",
    group: Group::Postgres,
    level: Level::Warning,
    security: false,
    fields: &["postgres.*.crossRegion", "objectives.rpo", "objectives.scenarios"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for cluster in
        blueprint.postgres.iter().filter(|cluster| cluster.is_rendered() && cluster.spec.cross_region.is_some())
    {
        let promise = promise(blueprint, cluster, Objective::Rpo, Scenario::RegionLoss);
        let Some(promise) = promise.filter(|promise| promise.time == Duration::from_secs(0)) else { continue };
        findings.push(
            RULE.finding(
                Place::Value(path!["postgres", cluster.name, "crossRegion", "to"].index(0)),
                format!("what `{}` has not sent yet is lost with `{}`", cluster.name, blueprint.primary().name),
            )
            .label("asynchronous, always")
            .also(Place::Value(promise.at), "no loss is promised for that")
            .because("no commit waits for another region: synchronous modes end at a standby cluster (F-PT-17)")
            .fix("write `scenarios: {region-loss: {rpo: 1m}}`, or as much as may be lost"),
        );
    }
}
