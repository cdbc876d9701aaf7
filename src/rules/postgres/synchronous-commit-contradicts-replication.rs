//! `synchronous_commit` says something else about commits than `replication` does.
//!
//! # What it finds
//! In `parameters`: `synchronous_commit: remote_apply` or `remote_write` with `replication: asynchronous`, where it does
//! nothing; and `off` or `local` in a synchronous mode, where an objective of no loss rests on the mode.
//!
//! It says nothing about `on`, or about `local` and `off` where some loss is allowed: sessions may raise it for themselves.
//!
//! In files: `synchronous_commit` as `remote_apply` or `remote_write` in a postgresql.conf without
//! `synchronous_standby_names` (and without `include`), or in a patroni.yml without `synchronous_mode`, where no
//! Patroni among the files has one; and `off` or `local` in a patroni.yml with `synchronous_mode`.
//!
//! # Why it matters
//! With an empty `synchronous_standby_names` every level above `on` is inert: the parameter reads like a guarantee and is
//! none. The other way round, `off` and `local` return before any standby has the commit: Patroni still counts the standby as
//! synchronous, promotes it, and the last transactions are gone.
//!
//! # Example
//! ```yaml
//! postgres:
//!   main:
//!     replication: asynchronous
//!     parameters: {synchronous_commit: remote_apply}
//! ```
//!
//! # Fix
//! `replication: synchronous` and no `synchronous_commit`; single sessions may lower it for writes that may be lost.
//!
//! # Source
//! facts.md F-PG-04, F-PG-05, X-PT-14: PostgreSQL, runtime-config-wal; Patroni, docs/replication_modes.rst.

use super::configured::{is_synchronous, key, servers};
use crate::blueprint::units::Duration;
use crate::rules::prelude::*;
use crate::rules::promised::{FAILOVER, Objective, name, strictest};
use crate::rules::settings::{boolean, parameter, place};

pub static RULE: Rule = Rule {
    id: "PG009",
    name: "synchronous-commit-contradicts-replication",
    group: Group::Postgres,
    level: Level::Error,
    security: false,
    fields: &["postgres.*.parameters", "postgres.*.replication", "objectives.rpo"],
    check: Check::Both(check, files),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for cluster in blueprint.postgres.iter().filter(|cluster| cluster.is_rendered()) {
        let Some(value) = parameter(cluster, "synchronous_commit") else { continue };
        let at = Place::Value(place(cluster, "synchronous_commit"));
        let replication = Place::Value(path!["postgres", cluster.name, "replication"]);
        if !cluster.spec.replication.is_synchronous() && matches!(value, "remote_apply" | "remote_write") {
            findings.push(
                RULE.finding(at, format!("`{value}` waits for no standby of `{}`", cluster.name))
                    .also(replication, "Patroni names no synchronous standby")
                    .because(
                        "where `synchronous_standby_names` is empty only `on` and `off` mean anything; a commit is done as \
                         soon as the primary has it (F-PG-04)",
                    )
                    .fix("write `replication: synchronous`, and leave `synchronous_commit` out"),
            );
            continue;
        }
        if !cluster.spec.replication.is_synchronous() || !(value == "local" || boolean(value) == Some(false)) {
            continue;
        }
        let promise = strictest(blueprint, cluster, Objective::Rpo, &FAILOVER);
        let Some(promise) = promise.filter(|promise| promise.time == Duration::from_secs(0)) else { continue };
        findings.push(
            RULE.finding(at, format!("commits of `{}` return before a standby has them", cluster.name))
                .label("returns before the standby answers")
                .also(Place::Value(promise.at), format!("no loss is promised for {}", name(promise.scenario)))
                .also(replication, "this waits only for sessions that let it")
                .because("what `off` and `local` commit is outside of what synchronous replication keeps (X-PT-14)")
                .fix("leave `synchronous_commit` out, and lower it in the sessions whose writes may be lost"),
        );
    }
}

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for server in servers(estate).filter(|server| server.patroni && is_synchronous(server.tree)) {
        let returns = |commit: &str| commit.eq_ignore_ascii_case("local") || boolean(commit) == Some(false);
        let Some(commit) = server.setting("synchronous_commit").filter(|commit| returns(commit.text)) else { continue };
        findings.push(
            RULE.finding(
                commit.place(),
                format!("commits of `{}` return before a standby has them", server.name().escape_debug()),
            )
            .label("returns before the standby answers")
            .also(
                key(server.tree, &["bootstrap", "dcs", "synchronous_mode"]),
                "this waits only for sessions that let it",
            )
            .because("what `off` and `local` commit is outside of what synchronous replication keeps (X-PT-14)")
            .fix("leave `synchronous_commit` out, and lower it in the sessions whose writes may be lost"),
        );
    }
    if estate.of(Kind::Patroni).any(is_synchronous) {
        return;
    }
    for server in servers(estate).filter(|server| !server.is_partial()) {
        let commit = server.setting("synchronous_commit");
        let Some(commit) = commit.filter(|commit| matches!(commit.text, "remote_apply" | "remote_write")) else {
            continue;
        };
        if server.setting("synchronous_standby_names").is_some_and(|names| !names.text.is_empty()) {
            continue;
        }
        let fix = if server.patroni {
            "write `synchronous_mode: true` in `bootstrap.dcs`, and leave `synchronous_commit` out"
        } else {
            "name the standbys in `synchronous_standby_names`, or let Patroni do it with `synchronous_mode`"
        };
        findings.push(
            RULE.finding(commit.place(), format!("`{}` waits for no standby", commit.text))
                .label("no standby is named synchronous")
                .because(
                    "where `synchronous_standby_names` is empty only `on` and `off` mean anything; a commit is done as soon as \
                     the primary has it (F-PG-04)",
                )
                .fix(fix),
        );
    }
}
