//! `remote_apply` makes commits slower and no safer.
//!
//! # What it finds
//! `synchronous_commit: remote_apply` in `parameters`, in a synchronous mode.
//!
//! In files: `remote_apply` in a patroni.yml with `synchronous_mode`, or in a postgresql.conf with
//! `synchronous_standby_names`.
//!
//! # Why it matters
//! `on` returns when the standby has the commit on disk, and a failover keeps it. `remote_apply` waits until the standby has
//! replayed it as well: that makes it visible to readers there at once, and adds nothing that a failover could keep. Whoever
//! wrote it for safety pays with the latency of every commit.
//!
//! # Example
//! ```yaml
//! postgres:
//!   main:
//!     parameters: {synchronous_commit: remote_apply}
//! ```
//!
//! # Fix
//! Leave it out, unless clients read their own writes from a synchronous standby; then set it in those sessions.
//!
//! # Source
//! facts.md F-PG-06: PostgreSQL, runtime-config-wal.

use super::configured::{is_synchronous, servers};
use crate::rules::prelude::*;
use crate::rules::settings::{parameter, place};

pub static RULE: Rule = Rule {
    id: "PG010",
    name: "remote-apply-adds-no-durability",
    group: Group::Postgres,
    level: Level::Info,
    security: false,
    fields: &["postgres.*.parameters", "postgres.*.replication"],
    check: Check::Both(check, files),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for cluster in blueprint.postgres.iter().filter(|cluster| cluster.is_rendered()) {
        if parameter(cluster, "synchronous_commit") != Some("remote_apply")
            || !cluster.spec.replication.is_synchronous()
        {
            continue;
        }
        findings.push(
            RULE.finding(
                Place::Value(place(cluster, "synchronous_commit")),
                format!("every commit of `{}` waits until a standby has replayed it", cluster.name),
            )
            .because("with `on` the standby has it on disk already; replaying adds that readers there see it (F-PG-06)")
            .fix("leave it out, unless somebody reads their own writes from a synchronous standby"),
        );
    }
}

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for server in servers(estate) {
        let named = server.setting("synchronous_standby_names").is_some_and(|names| !names.text.is_empty());
        let synchronous = named || server.patroni && is_synchronous(server.tree);
        let commit = server.setting("synchronous_commit").filter(|commit| commit.text == "remote_apply" && synchronous);
        let Some(commit) = commit else { continue };
        findings.push(
            RULE.finding(commit.place(), "every commit waits until a standby has replayed it")
                .because(
                    "with `on` the standby has it on disk already; replaying adds that readers there see it (F-PG-06)",
                )
                .fix("write `on`, unless somebody reads their own writes from a synchronous standby"),
        );
    }
}
