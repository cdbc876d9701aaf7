//! A backup is declared, and a parameter keeps PostgreSQL from archiving.
//!
//! # What it finds
//! `backup` beside `archive_mode: off`, or beside an `archive_command` that does nothing (empty, `true`, `:`): parameters win
//! over what hagen sets.
//!
//! In files: a pgbackrest.conf, and beside it `archive_mode: off`, an `archive_command` that does nothing, or a
//! patroni.yml that makes a cluster (`bootstrap.dcs`) and has no `archive_mode` at all, which is off by default. With or
//! without a pgbackrest.conf: `archive_mode: on` with an empty `archive_command` or none, and no `archive_library`, unless the
//! file includes others or another postgresql.conf below its directory sets one of them.
//!
//! # Why it matters
//! pgBackRest needs every segment of WAL from the start of a backup on. Without an archive its backups fail; with a command
//! that only says "done", they seem to work until somebody restores one. There is no recovery to a point in time either way.
//! With no command at all PostgreSQL keeps every segment until the disk is full, and stops.
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

use super::configured::{SHARED, Server, Setting, key, option, servers};
use crate::document::Node;
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

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let waits: Vec<Setting<'_>> = servers(estate)
        .filter_map(|server| waits_for_a_command(server).filter(|_| !set_elsewhere(server, estate)))
        .collect();
    for setting in &waits {
        findings.push(
            RULE.finding(setting.place(), "WAL is kept for an archive that nothing takes it to")
                .label("no `archive_command` and no `archive_library`")
                .because(
                    "PostgreSQL keeps every segment until it is archived, and stops when the disk is full (F-PG-01)",
                )
                .fix("write `archive_command: pgbackrest --stanza=… archive-push %p`, or `archive_mode: off`"),
        );
    }
    let Some(backups) = estate.of(Kind::Pgbackrest).next() else { return };
    for server in servers(estate) {
        let Some((place, why)) =
            unarchived(server).filter(|(place, _)| !waits.iter().any(|said| said.place() == *place))
        else {
            continue;
        };
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

/// Where a server is told to archive, and by what it is not told: its empty command, or the mode.
fn waits_for_a_command(server: Server<'_>) -> Option<Setting<'_>> {
    let mode = server.setting("archive_mode")?;
    let on = boolean(mode.text) == Some(true) || mode.text.eq_ignore_ascii_case("always");
    let library = server.setting("archive_library").is_some_and(|library| !is_empty(library));
    let command = server.setting("archive_command");
    (on && !library && command.is_none_or(is_empty)).then_some(command.unwrap_or(mode))
}

/// Whether nothing stands behind a parameter, with quotes or without.
fn is_empty(setting: Setting<'_>) -> bool {
    setting.text.trim_matches(['\'', '"', ' ']).is_empty()
}

/// Whether what a file does not say may stand in another: it includes others or is a member's part only, or others of
/// PostgreSQL below its directory say it.
fn set_elsewhere(server: Server<'_>, estate: &Estate) -> bool {
    let file = |tree: &Node| estate.sources.get(tree.span.file as usize).map_or("", |source| &*source.name);
    let own = file(server.tree);
    let directory = own.rfind('/').map_or("", |end| &own[..=end]);
    let says = |tree: &Node| {
        let other = Server { tree, patroni: false };
        ["archive_command", "archive_library"]
            .iter()
            .any(|name| other.setting(name).is_some_and(|setting| !is_empty(setting)))
    };
    let mut others = estate.of(Kind::Postgres).filter(|tree| file(tree) != own && file(tree).starts_with(directory));
    server.is_partial() || option(server.tree, "custom_conf").is_some() || others.any(says)
}
