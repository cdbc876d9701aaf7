//! A standby that is down may fill the disk of its primary.
//!
//! # What it finds
//! `max_slot_wal_keep_size` in `parameters` as -1 (no limit), or at or above the size of the volume.
//!
//! Where it is not written hagen sets a fifth of the volume. On hosts the size of the disk is not known.
//!
//! In files: a patroni.yml that makes a cluster (`bootstrap.dcs`) without `use_slots: false`, and a postgresql.conf
//! with `max_replication_slots` or, where another file names a `primary_slot_name`, with `max_wal_senders`; in which
//! `max_slot_wal_keep_size` is -1 or, which is the same, not written at all (in a file that includes no other). How
//! large the disk is no file tells.
//!
//! # Why it matters
//! Patroni keeps a replication slot for every member, and the other regions have theirs. A slot keeps all WAL that its reader
//! has not got. When a standby or a region is gone, that grows until the volume is full, and the primary stops: the loss of a
//! copy has become the loss of the original.
//!
//! # Example
//! ```yaml
//! postgres:
//!   main:
//!     storage: {size: 100Gi}
//!     parameters: {max_slot_wal_keep_size: -1}
//! ```
//!
//! # Fix
//! Leave it out, or write the WAL of the time that repairing a standby takes, well below the size of the volume.
//!
//! # Source
//! facts.md F-PG-03, X-PG-5: PostgreSQL, runtime-config-replication.

use super::configured::{SHARED, Server, Setting, key, option, servers, truth};
use crate::blueprint::units::Bytes;
use crate::rules::prelude::*;
use crate::rules::settings::{Unlimited, parameter, place, size};

pub static RULE: Rule = Rule {
    id: "PG026",
    name: "slots-may-fill-the-disk",
    group: Group::Postgres,
    level: Level::Warning,
    security: false,
    fields: &["postgres.*.parameters", "postgres.*.storage.size", "postgres.*.data.walPerHour"],
    check: Check::Both(check, files),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for cluster in blueprint.postgres.iter().filter(|cluster| cluster.is_rendered()) {
        let Some(text) = parameter(cluster, "max_slot_wal_keep_size") else { continue };
        let volume = cluster.spec.storage.as_ref().filter(|_| cluster.on_kubernetes()).map(|storage| storage.size);
        let limit = match size(text, 1 << 20) {
            Some(Err(Unlimited)) => "without limit".to_owned(),
            Some(Ok(kept)) if volume.is_some_and(|volume| kept >= volume.get()) => {
                format!("up to {}", Bytes::new(kept))
            }
            _ => continue,
        };
        let wal = cluster.spec.data.as_ref().and_then(|data| data.wal_per_hour).filter(|wal| wal.get() > 0);
        let data = cluster.spec.data.as_ref().and_then(|data| data.size);
        let why = match (volume, wal) {
            (Some(volume), Some(wal)) => {
                let used = data.map_or(String::new(), |data| format!(" − {data} of data"));
                let free = volume.get().saturating_sub(data.map_or(0, Bytes::get));
                let hours = free / wal.get();
                format!(
                    "a slot that nobody reads keeps WAL {limit}: ({volume}{used}) / {wal} an hour = full in {hours} h (X-PG-5)"
                )
            }
            _ => format!("a slot that nobody reads keeps WAL {limit}, until the disk is full (F-PG-03)"),
        };
        let mut finding = RULE
            .finding(
                Place::Value(place(cluster, "max_slot_wal_keep_size")),
                format!("a standby that is down may fill the disk of `{}`", cluster.name),
            )
            .because(why)
            .fix(match volume {
                Some(volume) => {
                    format!("leave it out: hagen then sets a fifth of the volume, {}MB", volume.mebibytes() / 5)
                }
                None => "leave it out: hagen then sets a limit".to_owned(),
            });
        if volume.is_some() {
            finding = finding.also(Place::Value(path!["postgres", cluster.name, "storage", "size"]), "the volume");
        }
        findings.push(finding);
    }
}

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let read =
        servers(estate).find_map(|server| server.setting("primary_slot_name").filter(|slot| !slot.text.is_empty()));
    for server in servers(estate) {
        let limit = server.setting("max_slot_wal_keep_size");
        let place = match limit {
            Some(limit) if size(limit.text, 1 << 20) == Some(Err(Unlimited)) => Some(limit.place()),
            Some(_) => None,
            None => keeps_slots(server, read),
        };
        let Some(place) = place else { continue };
        let mut finding = RULE
            .finding(place, format!("a standby that is down may fill the disk of `{}`", server.name().escape_debug()))
            .label(if limit.is_some() { "no limit" } else { "no `max_slot_wal_keep_size`, which is without limit by default" })
            .because("a slot that nobody reads keeps all WAL until the disk is full, and the primary stops (F-PG-03)")
            .fix("write `max_slot_wal_keep_size`: the WAL of the time that repairing a standby takes, well below what is free");
        if let Some(slot) = read.filter(|_| !server.patroni) {
            finding = finding.also(slot.place(), "a slot is used");
        }
        findings.push(finding);
    }
}

/// Where a server that says nothing of a limit shows that it has slots.
fn keeps_slots(server: Server<'_>, read: Option<Setting<'_>>) -> Option<Place> {
    if server.is_partial() {
        return None;
    }
    let slots = server.setting("max_replication_slots");
    if server.patroni {
        let used = truth(option(server.tree, "use_slots")) != Some(false);
        return used.then(|| slots.map_or_else(|| key(server.tree, &SHARED), Setting::place));
    }
    let senders = || server.setting("max_wal_senders").filter(|_| read.is_some());
    let written = slots.or_else(senders).filter(|setting| setting.text != "0");
    written.filter(|_| server.setting("primary_conninfo").is_none()).map(Setting::place)
}
