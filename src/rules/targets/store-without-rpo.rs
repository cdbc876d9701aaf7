//! A data store has no recovery point objective, although others have one.
//!
//! # What it finds
//! PostgreSQL, or a Redis with sessions or queued work, that no RPO applies to, beside a store that has one. What is only a
//! cache or a channel of messages keeps nothing. Where no store has an RPO, TG004 says so once.
//!
//! # Why it matters
//! "The RPO is 5 minutes" is read as that of the system. What sits in the store that nobody counted is lost all the same.
//!
//! # Example
//! ```yaml
//! postgres: {main: {objectives: {rpo: 5m}}}
//! redis: {jobs: {use: queue}}   # what may be lost of it?
//! ```
//!
//! # Fix
//! `objectives: {rpo: …}` on the store, or one for all of them.
//!
//! # Source
//! facts.md R-TG-14, X-GEN.

use crate::blueprint::raw::Usage;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "TG014",
    name: "store-without-rpo",
    group: Group::Targets,
    level: Level::Warning,
    security: false,
    fields: &["postgres.*.objectives.rpo", "redis.*.objectives.rpo", "redis.*.use", "objectives.rpo"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let kept = blueprint.redis.iter().filter(|redis| !matches!(redis.spec.usage, Usage::Cache | Usage::Pubsub));
    let postgres = blueprint.postgres.iter().map(|item| ("postgres", &item.name, item.targets.rpo));
    let stores: Vec<_> = postgres.chain(kept.map(|item| ("redis", &item.name, item.targets.rpo))).collect();
    let Some((section, name, rpo)) = stores.iter().find(|(.., rpo)| rpo.is_some()) else { return };
    let Some(rpo) = rpo else { return };
    let with = path![section, name];
    for (section, name, _) in stores.iter().filter(|(.., rpo)| rpo.is_none()) {
        findings.push(
            RULE.finding(Place::Key(path![section, name]), format!("no RPO applies to {section}.{name}"))
                .label("what may be lost of it is not said")
                .also(Place::Key(with.clone()), format!("for this one it is {rpo}"))
                .because("the RPO of the system is that of the store that loses most (X-GEN), and this one has none")
                .fix("write `objectives: {rpo: …}` here, or one for all"),
        );
    }
}
