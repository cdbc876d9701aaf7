//! A backup or an RPO is declared for a Redis that only passes messages on.
//!
//! # What it finds
//! `use: pubsub` together with a `backup`, or with an RPO of its own in `objectives`. An RPO that it merely inherits is not
//! reported.
//!
//! # Why it matters
//! Pub/sub keeps no message: what no subscriber receives at that moment is gone, with or without a failure. A snapshot of such a
//! Redis holds none, and a restore that a runbook counts on brings nothing back.
//!
//! # Example
//! ```yaml
//! redis:
//!   events:
//!     use: pubsub
//!     objectives: {rpo: 1m}
//! ```
//!
//! # Fix
//! Leave backup and RPO out and accept the loss, or use a stream and say `use: queue`.
//!
//! # Source
//! facts.md R-RD-19: Redis documentation, pub/sub (delivery at most once).

use crate::blueprint::raw::Usage;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "RD019",
    name: "pubsub-cannot-be-restored",
    group: Group::Redis,
    level: Level::Error,
    security: false,
    fields: &["redis.*.use", "redis.*.backup", "redis.*.objectives.rpo"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for redis in blueprint.redis.iter().filter(|redis| redis.spec.usage == Usage::Pubsub) {
        let at = path!["redis", redis.name];
        let (place, what) = if redis.spec.backup.is_some() {
            (Place::Key(at.key("backup")), "no message is in this backup")
        } else if redis.spec.objectives.rpo.is_some() {
            (Place::Value(at.key("objectives").key("rpo")), "nothing keeps the messages that this promises")
        } else {
            continue;
        };
        findings.push(
            RULE.finding(place, format!("the messages of `{}` cannot be restored", redis.name))
                .label(what)
                .also(Place::Value(at.key("use")), "messages that nobody keeps")
                .because("pub/sub delivers to whoever listens, and stores nothing (R-RD-19)")
                .fix("leave it out and accept the loss; or keep messages in a stream and write `use: queue`"),
        );
    }
}
