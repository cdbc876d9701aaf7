//! There is no recovery time or recovery point objective.
//!
//! # What it finds
//! A service or a data store that no RTO applies to: neither its own, nor its tier's, nor the system's. And, where no data
//! store at all has an RPO, that one is missing; where only some have one, TG014 says which has none.
//!
//! # Why it matters
//! Thresholds of alerts, tolerations and every verdict are computed from the objectives. Without a number there is nothing
//! to hold a design against, and "as soon as possible" is what an outage will take.
//!
//! # Example
//! ```yaml
//! objectives: {availability: 99.9%}   # neither rto nor rpo
//! ```
//!
//! # Fix
//! `objectives: {rto: 30m, rpo: 5m}`: what an outage may last, and how much of the last writes it may cost.
//!
//! # Source
//! facts.md R-TG-04.

use crate::blueprint::Targets;
use crate::blueprint::raw::Usage;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "TG004",
    name: "nothing-to-recover-to",
    group: Group::Targets,
    level: Level::Error,
    security: false,
    fields: &["objectives.rto", "objectives.rpo", "objectives.tiers", "services.*.objectives"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let mut without: Vec<String> = Vec::new();
    let mut ask = |section: &str, name: &str, targets: &Targets| {
        if targets.rto.is_none() {
            without.push(format!("{section}.{name}"));
        }
    };
    blueprint.services.iter().for_each(|item| ask("services", &item.name, &item.targets));
    blueprint.postgres.iter().for_each(|item| ask("postgres", &item.name, &item.targets));
    blueprint.redis.iter().for_each(|item| ask("redis", &item.name, &item.targets));
    if let Some(first) = without.first() {
        let more = if without.len() > 1 { format!(" and {} more", without.len() - 1) } else { String::new() };
        findings.push(
            RULE.finding(
                Place::Key(path!["objectives"]),
                format!("no recovery time objective applies to {first}{more}"),
            )
            .label("`rto` is missing")
            .because("without it nothing can be held against how long an outage lasts (R-TG-04)")
            .fix("write `rto: 30m`, or what an outage may last"),
        );
    }
    let kept = blueprint.redis.iter().filter(|redis| !matches!(redis.spec.usage, Usage::Cache | Usage::Pubsub));
    let mut stores =
        blueprint.postgres.iter().map(|item| &item.targets).chain(kept.map(|item| &item.targets)).peekable();
    if stores.peek().is_some() && stores.all(|targets| targets.rpo.is_none()) {
        findings.push(
            RULE.finding(Place::Key(path!["objectives"]), "no data store has a recovery point objective")
                .label("`rpo` is missing")
                .because("without it nothing can be held against how many of the last writes are lost (R-TG-04)")
                .fix("write `rpo: 5m`, or what may be lost"),
        );
    }
}
