//! A backup is declared, and a parameter keeps PostgreSQL from archiving.
//!
//! # What it finds
//! `backup` beside `archive_mode: off`, or beside an `archive_command` that does nothing (empty, `true`, `:`): parameters win
//! over what hagen sets.
//!
//! In files: a pgbackrest.conf, and beside it `archive_mode: off`, an `archive_command` that does nothing, or a
//! patroni.yml that makes a cluster (`bootstrap.dcs`) and has no `archive_mode` at all, which is off by default.
//!
//! # Why it matters
//! pgBackRest needs every segment of WAL from the start of a backup on. Without an archive its backups fail; with a command
//! that only says "done", they seem to work until somebody restores one. There is no recovery to a point in time either way.
//!
//! # Example
//! ```yaml
//! postgres:
//!   main:
//!     parameters: {archive_mode: "off"}
//!     backup: {full: "0 2 * * *", to: [backup.store]}
//! ```
//!
//! # Fix
//! Leave `archive_mode` and `archive_command` out: hagen sets both from `backup`.
//!
//! # Source
//! facts.md F-PG-01: PostgreSQL, runtime-config-wal; pgBackRest user guide.

use super::configured::{SHARED, Server, key, servers};
use crate::rules::prelude::*;
use crate::rules::settings::{Archiver, archiver, boolean, parameter, place};

pub static RULE: Rule = Rule {
    id: "PG014",
    name: "archiving-turned-off",
    group: Group::Postgres,
    level: Level::Error,
    security: false,
    fields: &["postgres.*.parameters", "postgres.*.backup"],
    check: Check::Both(check, files),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let backed_up = |cluster: &&crate::blueprint::Postgres| cluster.is_rendered() && cluster.spec.backup.is_some();
    for cluster in blueprint.postgres.iter().filter(backed_up) {
        let off = parameter(cluster, "archive_mode").filter(|value| boolean(value) == Some(false));
        let nothing = parameter(cluster, "archive_command").filter(|text| archiver(text) == Archiver::Nothing);
        let (name, why) = match (off, nothing) {
            (Some(_), _) => ("archive_mode", "nothing is archived: every backup fails, and none can be rolled forward"),
            (None, Some("")) => {
                ("archive_command", "an empty command archives nothing, and WAL piles up until the disk is full")
            }
            (None, Some(_)) => {
                ("archive_command", "the command reports success and keeps nothing: no backup has its WAL")
            }
            (None, None) => continue,
        };
        findings.push(
            RULE.finding(Place::Value(place(cluster, name)), format!("WAL of `{}` reaches no archive", cluster.name))
                .also(Place::Key(path!["postgres", cluster.name, "backup"]), "these backups need it")
                .because(format!("{why} (F-PG-01)"))
                .fix(format!("leave `{name}` out: hagen sets it from `backup`")),
        );
    }
}

fn files(estate: &Estate, findings: &mut Vec<Diagnostic>) {
    let Some(backups) = estate.of(Kind::Pgbackrest).next() else { return };
    for server in servers(estate) {
        let Some((place, why)) = unarchived(server) else { continue };
        findings.push(
            RULE.finding(place, format!("WAL of `{}` reaches no archive", server.name().escape_debug()))
                .also(key(backups, &[]), "these backups need it")
                .because(format!("{why} (F-PG-01)"))
                .fix("write `archive_mode: on` and `archive_command: pgbackrest --stanza=… archive-push %p`"),
        );
    }
}

/// Where a server says that it archives nothing.
fn unarchived(server: Server<'_>) -> Option<(Place, &'static str)> {
    let none = "nothing is archived: every backup fails, and none can be rolled forward";
    let Some(mode) = server.setting("archive_mode") else {
        // What a postgresql.conf does not say another file may.
        let whole = server.patroni && !server.is_partial();
        return whole.then(|| (key(server.tree, &SHARED), none));
    };
    if boolean(mode.text) == Some(false) {
        return Some((mode.place(), none));
    }
    let command = server.setting("archive_command").filter(|command| archiver(command.text) == Archiver::Nothing)?;
    Some((command.place(), "the command keeps nothing: no backup has its WAL"))
}
