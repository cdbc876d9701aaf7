//! Whoever reaches PostgreSQL from another host is let in without a password.
//!
//! # What it finds
//! A line of pg_hba.conf, or of `pg_hba` in a patroni.yml, with the method `trust` for addresses that are not loopback.
//! Lines for the Unix socket (`local`), 127.0.0.0/8, ::1, `localhost` and `samehost` are left alone.
//!
//! # Why it matters
//! `trust` asks nothing: the client says who it is, `postgres` for one, and reads, changes or deletes everything.
//!
//! # Example
//! ```text
//! host all all 0.0.0.0/0 trust
//! ```
//!
//! # Fix
//! `scram-sha-256`, and `hostssl` so that nothing crosses the network in clear text; between members `cert`.
//!
//! # Source
//! Policy; PostgreSQL documentation, auth-trust and auth-pg-hba-conf.

use super::configured::{at, list};
use crate::document::Node;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "PG105",
    name: "anybody-may-log-in",
    group: Group::Postgres,
    level: Level::Error,
    security: true,
    fields: &[],
    check: Check::Files(check),
};

/// Where a patroni.yml writes who may log in.
const PATRONI: [&[&str]; 3] =
    [&["bootstrap", "pg_hba"], &["postgresql", "pg_hba"], &["bootstrap", "dcs", "postgresql", "pg_hba"]];

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for entry in estate.of(Kind::PgHba).flat_map(|tree| tree.map().unwrap_or_default()) {
        let Some(rest) = entry.value.scalar() else { continue };
        if lets_in(&format!("{} {}", entry.key, rest.text)) {
            findings.push(found(&entry.value));
        }
    }
    for tree in estate.of(Kind::Patroni) {
        let lines = PATRONI.iter().filter_map(|path| at(tree, path)).flat_map(list);
        findings.extend(lines.filter(|line| line.scalar().is_some_and(|line| lets_in(&line.text))).map(found));
    }
}

fn found(line: &Node) -> Diagnostic {
    RULE.finding(Place::Span(line.span), "whoever reaches PostgreSQL from elsewhere is let in")
        .label("`trust` asks for no password")
        .because("the client says who it is, and nobody asks for more: it may be `postgres`")
        .fix("write `scram-sha-256` instead of `trust`")
}

/// Whether a line trusts whoever comes from another host.
fn lets_in(line: &str) -> bool {
    let words = words(line);
    let [kind, _, _, address, rest @ ..] = &words[..] else { return false };
    if !kind.starts_with("host") {
        return false;
    }
    // A mask may stand behind the address, as a word of its own.
    let method = match rest {
        [mask, method, ..] if mask.parse::<std::net::IpAddr>().is_ok() => method,
        [method, ..] => method,
        [] => return false,
    };
    let host = address.split('/').next().unwrap_or_default();
    let local = matches!(host, "localhost" | "samehost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    method == "trust" && !local
}

/// The words of a line: what stands in quotes is one.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '#' if !quoted => break,
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            c if c.is_whitespace() && !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}
