//! Sessions to a primary that was demoted stay open.
//!
//! # What it finds
//! A section of haproxy.cfg that asks Patroni for the primary (`option httpchk`, `/primary`, `/master`, `/leader` or
//! `/read-write`; or `/`, the default, where the servers' checks have a `port` and the mode is not `http`) with a server that lacks `on-marked-down shutdown-sessions`, on its line and in `default-server`.
//!
//! # Why it matters
//! HAProxy leads new connections to the new primary and keeps the old ones where they are. Pools hold theirs for
//! hours: writes fail as read-only, or hang on a dead host until TCP gives up.
//!
//! # Example
//! ```text
//! listen primary
//!     option httpchk OPTIONS /primary
//!     server pg-1 10.0.1.11:5432 check port 8008
//! ```
//!
//! # Fix
//! `default-server on-marked-down shutdown-sessions`.
//!
//! # Source
//! facts.md F-PT-09; HAProxy configuration manual, `on-marked-down`.

use super::configured::sections;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "PG040",
    name: "sessions-to-the-old-primary-stay",
    group: Group::Postgres,
    level: Level::Warning,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for section in sections(estate) {
        let Some(asks) = section.asks_for_primary() else { continue };
        let stays = |server: &&crate::document::node::Entry| !section.says(server, "shutdown-sessions");
        let Some(server) = section.own("server").find(stays) else { continue };
        findings.push(
            RULE.finding(
                Place::Span(server.value.span),
                format!("sessions of `{}` stay with a primary that was demoted", section.name().escape_debug()),
            )
            .label("no `on-marked-down shutdown-sessions`")
            .also(Place::Span(asks.value.span), "leads to the primary")
            .because(
                "only new connections go to the next primary; those that are open wait until TCP gives up (F-PT-09)",
            )
            .fix("add `default-server on-marked-down shutdown-sessions`"),
        );
    }
}
