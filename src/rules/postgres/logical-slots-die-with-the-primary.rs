//! The slots of logical subscribers are lost at the first failover.
//!
//! # What it finds
//! A patroni.yml with `wal_level: logical` in the dynamic configuration, and no slot of `type: logical` in
//! `bootstrap.dcs.slots`.
//!
//! # Why it matters
//! A logical slot lives on the primary. Patroni takes one along to the next primary only when it is declared; any
//! other is gone after a failover, with what the subscriber had not read: all tables must be copied again.
//!
//! # Example
//! ```yaml
//! bootstrap:
//!   dcs:
//!     postgresql: {parameters: {wal_level: logical}}
//! ```
//!
//! # Fix
//! `slots: {NAME: {type: logical, database: …, plugin: pgoutput}}`, with the name that the subscription uses; or
//! `wal_level: replica` where nobody subscribes.
//!
//! # Source
//! facts.md F-PT-13: Patroni, docs/dynamic_configuration.rst.

use super::configured::{Server, dcs, text_at};
use crate::document::Node;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "PG029",
    name: "logical-slots-die-with-the-primary",
    group: Group::Postgres,
    level: Level::Warning,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for tree in estate.of(Kind::Patroni) {
        let level = Server { tree, patroni: true }.setting("wal_level").filter(|level| level.text == "logical");
        let (Some(level), Some(dcs)) = (level, dcs(tree)) else { continue };
        let slots = dcs.get("slots").and_then(Node::map).unwrap_or_default();
        if slots.iter().any(|slot| text_at(&slot.value, &["type"]) == Some("logical")) {
            continue;
        }
        findings.push(
            RULE.finding(level.place(), "no slot of a logical subscriber outlives the primary")
                .label("for logical subscribers")
                .because("Patroni takes only the slots along that `slots` names; any other is gone after a failover (F-PT-13)")
                .fix("write the slot in `bootstrap.dcs.slots`, with `type: logical`, its database and its plugin"),
        );
    }
}
