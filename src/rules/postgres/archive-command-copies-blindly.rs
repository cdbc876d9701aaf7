//! The archive command is a plain copy: it overwrites, and does not see to it that the copy is whole and on disk.
//!
//! # What it finds
//! An `archive_command` in `parameters` that calls `cp`, `scp`, `rsync`, `mv`, `aws s3 cp` or the like, without an archiver
//! and without anything that keeps it from overwriting (`test ! -f …`, `--ignore-existing`, `--no-clobber`), in a cluster
//! without `backup`. With `backup` such a command is for PG042. A script is not looked into.
//!
//! In files: such an `archive_command` in a patroni.yml or postgresql.conf. Beside a pgbackrest.conf it is for PG042.
//!
//! # Why it matters
//! After a failover two servers can archive a segment of one name; the copy that overwrites destroys the one that a recovery
//! needs. A copy that was cut off counts as archived, and PostgreSQL removes the original.
//!
//! # Example
//! ```yaml
//! postgres:
//!   main:
//!     parameters: {archive_mode: "on", archive_command: "cp %p /archive/%f"}
//! ```
//!
//! # Fix
//! `backup`, from which hagen sets pgBackRest's own command; or another archiver (WAL-G, Barman).
//!
//! # Source
//! facts.md F-PG-14, F-PG-15; PostgreSQL, continuous archiving: a command should refuse to overwrite.

use super::configured::servers;
use crate::rules::prelude::*;
use crate::rules::settings::{Archiver, archiver, parameter, place};

pub static RULE: Rule = Rule {
    id: "PG016",
    name: "archive-command-copies-blindly",
    group: Group::Postgres,
    level: Level::Warning,
    security: false,
    fields: &["postgres.*.parameters", "postgres.*.backup"],
    check: Check::Both(check, files),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for cluster in blueprint.postgres.iter().filter(|cluster| cluster.is_rendered() && cluster.spec.backup.is_none()) {
        let Some(command) = parameter(cluster, "archive_command") else { continue };
        let Archiver::Copy(program) = archiver(command) else { continue };
        findings.push(
            RULE.finding(
                Place::Value(place(cluster, "archive_command")),
                format!("`{program}` may overwrite WAL of `{}` that a recovery needs", cluster.name),
            )
            .because(
                "two servers can archive a segment of one name around a failover, and a copy that was cut off counts as \
                 archived (F-PG-15)",
            )
            .fix("declare `backup` and leave `archive_command` out: pgBackRest checks what it archives"),
        );
    }
}

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    if estate.of(Kind::Pgbackrest).next().is_some() {
        return;
    }
    for command in servers(estate).filter_map(|server| server.setting("archive_command")) {
        let Archiver::Copy(program) = archiver(command.text) else { continue };
        findings.push(
            RULE.finding(command.place(), format!("`{program}` may overwrite WAL that a recovery needs"))
                .because(
                    "two servers can archive a segment of one name around a failover, and a copy that was cut off counts as \
                     archived (F-PG-15)",
                )
                .fix("use an archiver that checks what it writes: pgBackRest, WAL-G or Barman"),
        );
    }
}
