//! The pools of a PgBouncer may open more connections than its server takes.
//!
//! # What it finds
//! In files: a pgbouncer.ini whose databases on one host, each with one full pool (`pool_size` or `default_pool_size`, and the
//! reserve), come to more than `max_connections` less what is kept for superusers, of every server among the files. A pool stands for
//! one user; each further user has pools of its own, so that this is the least that full pools come to. `max_db_connections`,
//! `max_user_connections` and `max_client_conn` are limits. In a blueprint the budget is BP190's.
//!
//! # Why it matters
//! It works until the day of the load, or of the failover, when all clients connect anew: then PostgreSQL answers "sorry, too
//! many clients already", and those who came to repair it compete for the places that are left.
//!
//! # Example
//! ```ini
//! [databases]
//! orders = host=10.0.0.5
//! billing = host=10.0.0.5
//! [pgbouncer]
//! default_pool_size = 60    # 2 × 60 = 120, and the server takes 100 − 3
//! ```
//!
//! # Fix
//! Smaller pools, `max_db_connections`, or a larger `max_connections`.
//!
//! # Source
//! facts.md R-PG-32, X-PG-6; PgBouncer, config (`default_pool_size`, `max_db_connections`); PostgreSQL, runtime-config-connection.

use std::collections::BTreeMap;

use super::configured::{Setting, servers, text, text_at};
use crate::document::Node;
use crate::document::node::Entry;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "PG032",
    name: "pools-ask-for-more-than-the-server-has",
    group: Group::Postgres,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

/// What PgBouncer takes where nothing is written.
const POOL: u64 = 20;
/// What PostgreSQL takes, and keeps for superusers, where nothing is written.
const CONNECTIONS: u64 = 100;
const SUPERUSER: u64 = 3;

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let Some(room) = most_room(estate) else { return };
    for tree in estate.of(Kind::Pgbouncer) {
        let Some(databases) = tree.get("databases").and_then(Node::map) else { continue };
        let mut hosts: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
        for entry in databases {
            if let Some(host) = option(entry, "host").filter(|host| !host.contains(',')) {
                hosts.entry(host).or_default().push(entry);
            }
        }
        for (host, entries) in hosts {
            findings.extend(exceeded(tree, host, &entries, &room));
        }
    }
}

/// What a server takes from clients, and how that comes.
struct Room<'a> {
    connections: u64,
    reserved: u64,
    setting: Option<Setting<'a>>,
}

impl Room<'_> {
    const fn left(&self) -> u64 {
        self.connections.saturating_sub(self.reserved)
    }
}

/// The most that any server among the files takes; none where one does not say.
fn most_room(estate: &Estate) -> Option<Room<'_>> {
    let rooms = servers(estate).map(|server| {
        let number = |name: &str, default: u64| match server.setting(name) {
            Some(setting) => setting.text.parse().ok(),
            None => (!server.is_partial()).then_some(default),
        };
        let reserved = number("superuser_reserved_connections", SUPERUSER)? + number("reserved_connections", 0)?;
        let setting = server.setting("max_connections");
        Some(Room { connections: number("max_connections", CONNECTIONS)?, reserved, setting })
    });
    let rooms: Option<Vec<Room<'_>>> = rooms.collect();
    rooms?.into_iter().max_by_key(Room::left)
}

fn exceeded(tree: &Node, host: &str, entries: &[&Entry], room: &Room<'_>) -> Option<Diagnostic> {
    let own = |name: &str| text_at(tree, &["pgbouncer", name]).map(str::trim);
    // Zero is no limit.
    let limit = |text: Option<&str>| text.and_then(|text| text.parse().ok()).filter(|limit| *limit > 0);
    let number = |text: Option<&str>, default: u64| text.map_or(Some(default), |text| text.parse().ok());
    let default = number(own("default_pool_size"), POOL)?;
    let reserve = number(own("reserve_pool_size"), 0)?;
    let mut pools = Vec::new();
    for entry in entries {
        let size = number(option(entry, "pool_size"), default)?;
        let more = number(option(entry, "reserve_pool_size").or_else(|| option(entry, "reserve_pool")), reserve)?;
        let most = limit(option(entry, "max_db_connections").or_else(|| own("max_db_connections")));
        pools.push(size.saturating_add(more).min(most.unwrap_or(u64::MAX)));
    }
    let sum = pools.iter().fold(0u64, |sum, pool| sum.saturating_add(*pool));
    let limits = ["max_user_connections", "max_client_conn"].map(|name| limit(own(name)));
    let sum = limits.into_iter().flatten().fold(sum, u64::min);
    if sum <= room.left() {
        return None;
    }
    let size = tree.get("pgbouncer").and_then(|section| section.entry("default_pool_size"));
    let place = match (entries, size) {
        ([_, _, ..], Some(size)) => size.value.span,
        ([entry, ..], _) if option(entry, "pool_size").is_some() => entry.value.span,
        ([entry, ..], None) => entry.key_span,
        (_, Some(size)) => size.value.span,
        ([], None) => return None,
    };
    let shown: Vec<String> = pools.iter().map(u64::to_string).collect();
    let mut found = RULE
        .finding(Place::Span(place), format!("pools may open {sum} connections to `{}`", host.escape_debug()))
        .label(format!("{} databases, a pool each: {}", pools.len(), shown.join(" + ")))
        .because(format!(
            "{sum} > {} − {} = {}, what the server takes from clients (X-PG-6)",
            room.connections,
            room.reserved,
            room.left()
        ))
        .fix("smaller pools, `max_db_connections`, or a larger `max_connections`");
    if let Some(setting) = &room.setting {
        found = found.also(setting.place(), "what the server takes");
    }
    Some(found)
}

/// A value in the connection string of a database: `host=10.0.0.5 pool_size=20`.
fn option<'a>(entry: &'a Entry, name: &str) -> Option<&'a str> {
    let pair = |word: &'a str| word.split_once('=').filter(|(key, _)| *key == name);
    text(entry).split_whitespace().find_map(pair).map(|(_, value)| value.trim_matches('\''))
}
