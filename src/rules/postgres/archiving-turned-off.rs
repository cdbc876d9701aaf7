//! A backup is declared, and a parameter keeps PostgreSQL from archiving.
//!
//! # What it finds
//! `backup` beside `archive_mode: off`, or beside an `archive_command` that does nothing (empty, `true`, `:`): parameters win
//! over what hagen sets.
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

use crate::rules::prelude::*;
use crate::rules::settings::{Archiver, archiver, boolean, parameter, place};

pub static RULE: Rule = Rule {
    id: "PG014",
    name: "archiving-turned-off",
    group: Group::Postgres,
    level: Level::Error,
    security: false,
    fields: &["postgres.*.parameters", "postgres.*.backup"],
    check: Check::Blueprint(check),
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
