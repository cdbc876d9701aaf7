//! A PostgreSQL parameter has no effect, because Patroni decides it.
//!
//! # What it finds
//! In `parameters`: `listen_addresses`, `port`, `cluster_name`, `hot_standby` and `wal_log_hints` with another value than
//! Patroni gives them; `synchronous_standby_names` in a synchronous mode; and a number below the floor from which on Patroni
//! drops it and takes its own default (`max_connections` 25, `max_wal_senders` 3, `max_replication_slots` 4,
//! `max_worker_processes` 2, `max_locks_per_transaction` 32, `wal_keep_size` 16MB).
//!
//! In patroni.yml: below the member's own `postgresql.parameters` what counts in the dynamic configuration only
//! (`wal_level`, `max_connections`, `max_worker_processes`, `max_locks_per_transaction`, `max_prepared_transactions`,
//! `track_commit_timestamp`, `max_wal_senders`, `max_replication_slots`, `wal_keep_size`, `wal_log_hints`) or what
//! Patroni sets itself (`listen_addresses`, `port`, `cluster_name`, `hot_standby`); one finding for a file. And a
//! number below the floor in `bootstrap.dcs.postgresql.parameters`.
//!
//! # Why it matters
//! Patroni puts these on the command line of the server, which wins over every file. Nothing complains: the file says one
//! thing and the server does another.
//!
//! # Example
//! ```yaml
//! postgres:
//!   main:
//!     parameters: {max_connections: 20}   # the server runs with 100
//! ```
//!
//! # Fix
//! Use the field of the blueprint that stands for it (`ports`, `replication`, `synchronousNodes`), or a number at or above
//! the floor; leave the rest out.
//!
//! # Source
//! facts.md §1.4: Patroni, docs/patroni_configuration.rst and `CMDLINE_OPTIONS` of patroni/postgresql/config.py; F-PT-11.

use super::configured::{DYNAMIC, SHARED, at};
use crate::blueprint::Postgres;
use crate::document::Path;
use crate::document::node::Entry;
use crate::rules::prelude::*;
use crate::rules::settings::{boolean, place, size};

pub static RULE: Rule = Rule {
    id: "PG003",
    name: "parameter-that-patroni-decides",
    group: Group::Postgres,
    level: Level::Error,
    security: false,
    fields: &["postgres.*.parameters", "postgres.*.replication"],
    check: Check::Both(check, files),
};

/// What Patroni drops below the first number, taking the second.
const FLOORS: [(&str, u64, &str); 5] = [
    ("max_connections", 25, "100"),
    ("max_wal_senders", 3, "10"),
    ("max_replication_slots", 4, "10"),
    ("max_worker_processes", 2, "8"),
    ("max_locks_per_transaction", 32, "64"),
];

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for cluster in blueprint.postgres.iter().filter(|cluster| cluster.is_rendered()) {
        for (name, value) in &cluster.spec.parameters {
            let (name, text) = (name.as_str(), value.0.trim());
            let at = place(cluster, name);
            if let Some((instead, fix)) = decided(cluster, name, text) {
                findings.push(
                    found(&at, name, cluster).because(format!("Patroni sets it itself: {instead} (R-PG-03)")).fix(fix),
                );
                continue;
            }
            let floor = FLOORS.into_iter().find(|(parameter, ..)| *parameter == name);
            if let Some((_, least, default)) = floor.filter(|(_, least, _)| text.parse().is_ok_and(|n: u64| n < *least))
            {
                findings.push(below(&at, name, cluster, &least.to_string(), default));
            }
            let kept = size(text, 1 << 20).is_some_and(|size| size.is_ok_and(|bytes| bytes < 16 << 20));
            if name == "wal_keep_size" && kept {
                findings.push(below(&at, name, cluster, "16MB", "128MB"));
            }
        }
    }
}

fn found(at: &Path, name: &str, cluster: &Postgres) -> Diagnostic {
    RULE.finding(Place::Value(at.clone()), format!("`{name}` has no effect on `{}`", cluster.name))
}

fn below(at: &Path, name: &str, cluster: &Postgres, least: &str, default: &str) -> Diagnostic {
    found(at, name, cluster)
        .label(format!("below {least}"))
        .because(format!("Patroni drops a value below {least} and runs the server with its own {default} (R-PG-03)"))
        .fix(format!("write {least} or more, or leave it out"))
}

/// What Patroni does instead of a parameter, and what to write; `None` where it takes the value, or would give the same.
fn decided(cluster: &Postgres, name: &str, text: &str) -> Option<(String, String)> {
    let port = cluster.spec.ports.postgres;
    let out = || "leave it out".to_owned();
    Some(match name {
        "port" if text != port.to_string() => {
            (format!("the member's port, {port}"), format!("write `ports: {{postgres: {text}}}` instead"))
        }
        "listen_addresses" => ("the member's address".to_owned(), out()),
        "cluster_name" if text != cluster.scope() => (format!("the scope, `{}`", cluster.scope()), out()),
        "hot_standby" | "wal_log_hints" if boolean(text) == Some(false) => ("`on`".to_owned(), out()),
        "synchronous_standby_names" if cluster.spec.replication.is_synchronous() => (
            "the standbys that it has chosen".to_owned(),
            "leave it out; `replication` and `synchronousNodes` say what a commit waits for".to_owned(),
        ),
        _ => return None,
    })
}

/// What Patroni puts on the command line itself.
const OWN: [&str; 4] = ["listen_addresses", "port", "cluster_name", "hot_standby"];

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for tree in estate.of(Kind::Patroni) {
        let local = at(tree, &["postgresql", "parameters"]).and_then(crate::document::Node::map).unwrap_or_default();
        let ignored = |entry: &&Entry| DYNAMIC.contains(&&*entry.key) || OWN.contains(&&*entry.key);
        let mut ignored = local.iter().filter(ignored);
        if let Some(first) = ignored.next() {
            let finding = RULE
                .finding(Place::Span(first.key_span), format!("`{}` has no effect here", first.key.escape_debug()))
                .label("Patroni ignores it")
                .because(
                    "Patroni takes it from the dynamic configuration of the cluster, or sets it itself, and puts that on the \
                     command line: what a member's file says does not count (R-PG-03)",
                )
                .fix(
                    "move it to `bootstrap.dcs.postgresql.parameters`; in a cluster that is there already, \
                     `patronictl edit-config`",
                );
            findings.push(ignored.fold(finding, |finding, entry| {
                finding.also(Place::Span(entry.key_span), format!("nor has `{}`", entry.key.escape_debug()))
            }));
        }
        let shared = at(tree, &SHARED).and_then(crate::document::Node::map).unwrap_or_default();
        findings.extend(shared.iter().filter_map(below_floor));
    }
}

/// A number that Patroni drops.
fn below_floor(entry: &Entry) -> Option<Diagnostic> {
    let text = entry.value.scalar()?.text.trim();
    let floor = FLOORS.into_iter().find(|(name, ..)| *name == &*entry.key);
    let (least, default) = match floor {
        Some((_, least, default)) => {
            (text.parse::<u64>().is_ok_and(|n| n < least).then(|| least.to_string())?, default)
        }
        None => {
            let small = size(text, 1 << 20).is_some_and(|size| size.is_ok_and(|bytes| bytes < 16 << 20));
            ((&*entry.key == "wal_keep_size" && small).then(|| "16MB".to_owned())?, "128MB")
        }
    };
    Some(
        RULE.finding(Place::Span(entry.value.span), format!("`{}` has no effect", entry.key.escape_debug()))
            .label(format!("below {least}"))
            .because(format!(
                "Patroni drops a value below {least} and runs the server with its own {default} (R-PG-03)"
            ))
            .fix(format!("write {least} or more, or leave it out")),
    )
}
