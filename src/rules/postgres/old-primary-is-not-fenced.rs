//! Nothing keeps clients from a primary that Patroni has lost hold of.
//!
//! # What it finds
//! A patroni.yml without a watchdog (none, or `mode: off`), and a haproxy.cfg that checks the port of its PostgreSQL
//! without asking Patroni (no `option httpchk`).
//!
//! # Why it matters
//! When Patroni hangs, its key runs out and another member is promoted, while the old primary still accepts
//! connections: a check of the port finds both alive, and both are written to. Either the watchdog resets the machine
//! first, or the router must ask Patroni who leads.
//!
//! # Example
//! ```text
//! listen postgres
//!     bind *:5000
//!     server pg-1 10.0.1.11:5432 check
//! ```
//!
//! # Fix
//! `option httpchk OPTIONS /primary` and `check port 8008`; or a watchdog with `mode: required`.
//!
//! # Source
//! facts.md F-PT-07, X-PT-4: Patroni, docs/watchdog.rst.

use std::collections::BTreeMap;

use super::configured::{Section, key, option, sections, text, text_at};
use crate::document::Node;
use crate::document::node::Entry;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "PG020",
    name: "old-primary-is-not-fenced",
    group: Group::Postgres,
    level: Level::Warning,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let unfenced = estate.of(Kind::Patroni).filter(|tree| !is_watched(tree));
    let ports: BTreeMap<&str, &Node> = unfenced.map(|tree| (port(tree), tree)).collect();
    for section in sections(estate).into_iter().filter(|section| section.asks().is_none()) {
        let Some((server, tree)) = checked(section, &ports) else { continue };
        findings.push(
            RULE.finding(
                Place::Span(server.key_span),
                format!("`{}` leads clients to a primary that Patroni gave up", section.name().escape_debug()),
            )
            .label("asks the port, not Patroni")
            .also(key(tree, &["watchdog", "mode"]), "and no watchdog resets the machine")
            .because(
                "PostgreSQL answers on its port also when another member was promoted: two are written to (X-PT-4)",
            )
            .fix("ask Patroni: `option httpchk OPTIONS /primary`, and `check port 8008` at the servers"),
        );
    }
}

/// Whether a watchdog resets the machine of a member that hangs.
fn is_watched(tree: &Node) -> bool {
    let mode = text_at(tree, &["watchdog", "mode"]);
    tree.get("watchdog").is_some() && mode.is_none_or(|mode| !matches!(mode, "off" | "false"))
}

/// The port of PostgreSQL itself.
fn port(tree: &Node) -> &str {
    let address = option(tree, "connect_address").or_else(|| option(tree, "listen"));
    let written = address.and_then(Node::scalar).and_then(|address| address.text.rsplit_once(':'));
    written.map_or("5432", |(_, port)| port)
}

/// A server of PostgreSQL that is checked, with its member.
fn checked<'a>(section: Section<'a>, ports: &BTreeMap<&str, &'a Node>) -> Option<(&'a Entry, &'a Node)> {
    section.own("server").find_map(|server| {
        let (_, port) = text(server).split_whitespace().nth(1)?.rsplit_once(':')?;
        let tree = ports.get(port)?;
        section.says(server, "check").then_some((server, *tree))
    })
}
