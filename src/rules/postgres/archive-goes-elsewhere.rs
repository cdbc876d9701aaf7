//! WAL is archived elsewhere than the backups look for it.
//!
//! # What it finds
//! `backup` beside an `archive_command` in `parameters` that names another stanza than the cluster's (its name), another
//! archiver (WAL-G, Barman) or a plain copy. A script is not looked into, and one that does nothing is for PG014.
//!
//! In files: a pgbackrest.conf, and beside it an `archive_command` with another stanza than its sections name, another
//! archiver or a plain copy.
//!
//! # Why it matters
//! pgBackRest restores a backup with the WAL of its own stanza and repository. Backups wait for segments that never come and
//! fail; those that exist cannot be rolled forward.
//!
//! # Example
//! ```yaml
//! postgres:
//!   main:
//!     parameters: {archive_command: "pgbackrest --stanza=old archive-push %p"}
//!     backup: {full: "0 2 * * *", to: [backup.store]}
//! ```
//!
//! # Fix
//! Leave `archive_command` out: hagen writes it with the stanza and configuration of the backups.
//!
//! # Source
//! facts.md R-PG-42: pgBackRest user guide, `archive-push` and stanzas.

use std::collections::BTreeMap;

use super::configured::servers;
use crate::blueprint::names::stanza;
use crate::document::Span;
use crate::rules::prelude::*;
use crate::rules::settings::{Archiver, archiver, parameter, place};

pub static RULE: Rule = Rule {
    id: "PG042",
    name: "archive-goes-elsewhere",
    group: Group::Postgres,
    level: Level::Error,
    security: false,
    fields: &["postgres.*.parameters", "postgres.*.backup"],
    check: Check::Both(check, files),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for cluster in blueprint.postgres.iter().filter(|cluster| cluster.is_rendered() && cluster.spec.backup.is_some()) {
        let Some(command) = parameter(cluster, "archive_command") else { continue };
        let own = stanza(&cluster.name);
        let what = match archiver(command) {
            Archiver::Pgbackrest(Some(named)) if named != own => format!("stanza `{}`", named.escape_debug()),
            Archiver::Other(program) | Archiver::Copy(program) => format!("`{}`", program.escape_debug()),
            _ => continue,
        };
        findings.push(
            RULE.finding(
                Place::Value(place(cluster, "archive_command")),
                format!("WAL of `{}` goes to {what}, its backups to another place", cluster.name),
            )
            .also(Place::Key(path!["postgres", cluster.name, "backup"]), format!("pgBackRest, stanza `{own}`"))
            .because("a backup is whole only with its WAL, which pgBackRest looks for in its own stanza (R-PG-42)")
            .fix("leave `archive_command` out: hagen writes the one that fits"),
        );
    }
}

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let sections = estate.of(Kind::Pgbackrest).flat_map(|file| file.map().unwrap_or_default());
    let stanzas = sections.filter(|section| &*section.key != "global" && !section.key.starts_with("global:"));
    let stanzas: BTreeMap<&str, Span> = stanzas.map(|section| (&*section.key, section.key_span)).collect();
    let Some((own, at)) = stanzas.first_key_value() else { return };
    for command in servers(estate).filter_map(|server| server.setting("archive_command")) {
        let what = match archiver(command.text) {
            Archiver::Pgbackrest(Some(named)) if !stanzas.contains_key(named) => {
                format!("stanza `{}`", named.escape_debug())
            }
            Archiver::Other(program) | Archiver::Copy(program) => format!("`{}`", program.escape_debug()),
            _ => continue,
        };
        findings.push(
            RULE.finding(command.place(), format!("WAL goes to {what}, the backups to another place"))
                .also(Place::Span(*at), format!("pgBackRest, stanza `{}`", own.escape_debug()))
                .because("a backup is whole only with its WAL, which pgBackRest looks for in its own stanza (R-PG-42)")
                .fix(format!("write `pgbackrest --stanza={} archive-push %p`", own.escape_debug())),
        );
    }
}
