//! What may be lost is promised, and nothing brings wrong or deleted data back; or nothing is promised for a store at all.
//!
//! # What it finds
//! A PostgreSQL cluster under Patroni without `backup` for which a recovery point objective holds; a Redis without `backup`
//! that holds a queue, or sessions with an objective of their own or of their tier. And such a store without any objective
//! while others have one.
//!
//! It says nothing about caches and messages that nobody keeps, about sessions that only the general objective covers (losing
//! them logs people out), and about what a provider runs.
//!
//! # Why it matters
//! Replication carries a wrong `DELETE` to every standby within milliseconds. Only a backup goes back to before it; without
//! one the loss is everything, whatever the objective says.
//!
//! # Example
//! ```yaml
//! objectives: {rpo: 5m}
//! postgres:
//!   main: {image: …, storage: {size: 100Gi}}   # and no `backup`
//! ```
//!
//! # Fix
//! `backup: {full: "0 2 * * *", to: [backup.store]}`, with a destination under `backup`.
//!
//! # Source
//! facts.md R-BK-25, F-PG-13.

use crate::blueprint::raw::{Scenario, Tier, Usage};
use crate::document::Path;
use crate::rules::prelude::*;
use crate::rules::promised::{Objective, Promise, promise};

pub static RULE: Rule = Rule {
    id: "BK025",
    name: "rpo-without-a-mechanism",
    group: Group::Backup,
    level: Level::Error,
    security: false,
    fields: &["postgres.*.backup", "redis.*.backup", "redis.*.use", "objectives.rpo", "objectives.tiers"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let promises = promises(blueprint);
    for cluster in blueprint.postgres.iter().filter(|cluster| cluster.is_rendered()) {
        let at = path!["postgres", cluster.name];
        let promise = promise(blueprint, cluster, Objective::Rpo, Scenario::DataCorruption);
        findings.extend(found(&at, &cluster.name, promise, cluster.spec.backup.is_some(), promises));
    }
    for redis in blueprint.redis.iter().filter(|redis| redis.is_rendered()) {
        let at = path!["redis", redis.name];
        let promise = promise(blueprint, redis, Objective::Rpo, Scenario::DataCorruption);
        let general = |promise: &Promise| {
            let text = promise.at.to_string();
            text == "objectives.rpo" || text.starts_with("objectives.scenarios")
        };
        let kept = match redis.spec.usage {
            Usage::Queue => true,
            Usage::Sessions => promise.as_ref().is_some_and(|promise| !general(promise)),
            Usage::Cache | Usage::Pubsub => false,
        };
        if kept {
            findings.extend(found(&at, &redis.name, promise, redis.spec.backup.is_some(), promises));
        }
    }
}

/// Whether the blueprint promises anything about loss, to whomever.
fn promises(blueprint: &Blueprint) -> bool {
    let tier = |tier: &Tier| tier.rpo.is_some() || tier.scenarios.values().any(|target| target.rpo.is_some());
    let all = &blueprint.spec.objectives;
    all.rpo.is_some()
        || all.scenarios.values().any(|target| target.rpo.is_some())
        || all.tiers.values().any(tier)
        || blueprint.postgres.iter().any(|cluster| tier(&cluster.spec.objectives))
        || blueprint.redis.iter().any(|redis| tier(&redis.spec.objectives))
}

fn found(at: &Path, name: &str, promise: Option<Promise>, backup: bool, promises: bool) -> Option<Diagnostic> {
    let place = Place::Key(at.clone());
    match promise {
        Some(_) if backup => None,
        Some(promise) => Some(
            RULE.finding(place, format!("nothing brings back data of `{name}` that was deleted"))
                .also(Place::Value(promise.at), format!("no more than {} may be lost", promise.time))
                .because("standbys and replicas delete what the primary deletes, and there is no backup (R-BK-25)")
                .fix("write `backup: {…, to: [backup.NAME]}`, with a destination under `backup`"),
        ),
        None if promises => Some(
            RULE.finding(place, format!("nothing says how much of `{name}` may be lost"))
                .because("others have a recovery point objective, and none of them holds for wrong data here (R-BK-25)")
                .fix("write `objectives: {rpo: …}` here, or give it a `tier`"),
        ),
        None => None,
    }
}
