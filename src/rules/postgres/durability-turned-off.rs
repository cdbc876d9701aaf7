//! A parameter lets a crash, or a bad disk, destroy data without a word.
//!
//! # What it finds
//! In `parameters`: `fsync: off` or `full_page_writes: off`; `zero_damaged_pages: on` or `ignore_checksum_failure: on`.
//!
//! In files: the same in a patroni.yml or postgresql.conf.
//!
//! # Why it matters
//! Without `fsync` or full pages a member whose power fails comes back with data that is broken and looks whole; it may then
//! be the one that others are cloned from. The other two are for the last rescue of a broken database: left on, they turn
//! damage that would stop a query into rows that are silently gone, also from the backups.
//!
//! # Example
//! ```yaml
//! postgres:
//!   main:
//!     parameters: {fsync: "off"}
//! ```
//!
//! # Fix
//! Leave them out. For speed use `synchronous_commit: off` in the sessions whose last moments may be lost: it breaks nothing.
//!
//! # Source
//! PostgreSQL, runtime-config-wal (`fsync`, `full_page_writes`) and runtime-config-developer.

use super::configured::servers;
use crate::rules::prelude::*;
use crate::rules::settings::{boolean, parameter, place};

pub static RULE: Rule = Rule {
    id: "PG101",
    name: "durability-turned-off",
    group: Group::Postgres,
    level: Level::Error,
    security: false,
    fields: &["postgres.*.parameters"],
    check: Check::Both(check, files),
};

const DANGEROUS: [(&str, bool, &str); 4] = [
    ("fsync", false, "commits may not be on disk when they are confirmed: a power failure leaves a broken database"),
    ("full_page_writes", false, "a page that was half written at a crash cannot be repaired from the WAL"),
    ("zero_damaged_pages", true, "a damaged page is replaced by an empty one, and its rows are gone without an error"),
    ("ignore_checksum_failure", true, "damage that the checksums find is passed on, into the backups too"),
];

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for cluster in blueprint.postgres.iter().filter(|cluster| cluster.is_rendered()) {
        for (name, value, why) in DANGEROUS {
            if parameter(cluster, name).and_then(boolean) != Some(value) {
                continue;
            }
            findings.push(
                RULE.finding(
                    Place::Value(place(cluster, name)),
                    format!("`{name}` lets data of `{}` be destroyed", cluster.name),
                )
                .because(why)
                .fix("leave it out"),
            );
        }
    }
}

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for server in servers(estate) {
        for (name, value, why) in DANGEROUS {
            let Some(setting) = server.setting(name).filter(|setting| boolean(setting.text) == Some(value)) else {
                continue;
            };
            findings.push(
                RULE.finding(
                    setting.place(),
                    format!("`{name}` lets data of `{}` be destroyed", server.name().escape_debug()),
                )
                .because(why)
                .fix("leave it out"),
            );
        }
    }
}
