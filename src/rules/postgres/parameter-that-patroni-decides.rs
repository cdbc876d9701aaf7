//! A PostgreSQL parameter has no effect, because Patroni decides it.
//!
//! # What it finds
//! In `parameters`: `listen_addresses`, `port`, `cluster_name`, `hot_standby` and `wal_log_hints` with another value than
//! Patroni gives them; `synchronous_standby_names` in a synchronous mode; and a number below the floor from which on Patroni
//! drops it and takes its own default (`max_connections` 25, `max_wal_senders` 3, `max_replication_slots` 4,
//! `max_worker_processes` 2, `max_locks_per_transaction` 32, `wal_keep_size` 16MB).
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

use crate::blueprint::Postgres;
use crate::document::Path;
use crate::rules::prelude::*;
use crate::rules::settings::{boolean, place, size};

pub static RULE: Rule = Rule {
    id: "PG003",
    name: "parameter-that-patroni-decides",
    group: Group::Postgres,
    level: Level::Error,
    security: false,
    fields: &["postgres.*.parameters", "postgres.*.replication"],
    check: Check::Blueprint(check),
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
                    found(&at, name, cluster).because(format!("Patroni sets it itself: {instead} (§1.4)")).fix(fix),
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
        .because(format!("Patroni drops a value below {least} and runs the server with its own {default} (§1.4)"))
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
