//! Two standbys use one replication slot.
//!
//! # What it finds
//! One `primary_slot_name` in two files: postgresql.conf, or `postgresql.parameters` and `postgresql.recovery_conf` of
//! patroni.yml; unless their `primary_conninfo` names different hosts.
//!
//! # Why it matters
//! A slot serves one receiver at a time. The second standby is refused for as long as the first is connected: it is
//! there, and replicates nothing.
//!
//! # Example
//! ```text
//! # on each of two standbys
//! primary_slot_name = 'standby'
//! ```
//!
//! # Fix
//! A slot for each standby; Patroni makes and names them itself (`use_slots`, on by default), so leave
//! `primary_slot_name` out there.
//!
//! # Source
//! facts.md F-PG-03; PostgreSQL, replication slots.

use std::collections::BTreeMap;

use super::configured::{Server, Setting, at, servers, word_after};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "PG025",
    name: "two-standbys-share-a-slot",
    group: Group::Postgres,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let mut first: BTreeMap<(&str, Option<&str>), Setting<'_>> = BTreeMap::new();
    for server in servers(estate) {
        let Some(slot) = slot(server).filter(|slot| !slot.text.is_empty()) else { continue };
        let host = server.setting("primary_conninfo").and_then(|conninfo| host(conninfo.text));
        let Some(other) = first.get(&(slot.text, host)) else {
            first.insert((slot.text, host), slot);
            continue;
        };
        findings.push(
            RULE.finding(slot.place(), format!("two standbys use the slot `{}`", slot.text.escape_debug()))
                .label("the second one")
                .also(other.place(), "the first one")
                .because("a slot serves one receiver at a time: the second standby is refused and replicates nothing (F-PG-03)")
                .fix("give each standby a slot of its own"),
        );
    }
}

/// The slot that a standby reads from. The one of a `standby_cluster` is its leader's alone, whichever member that is.
fn slot(server: Server<'_>) -> Option<Setting<'_>> {
    let name = "primary_slot_name";
    let recovery = || {
        let entry = at(server.tree, &["postgresql", "recovery_conf"])?.entry(name)?;
        Some(Setting { entry, text: entry.value.scalar()?.text.trim() })
    };
    server.setting(name).or_else(|| if server.patroni { recovery() } else { None })
}

fn host(conninfo: &str) -> Option<&str> {
    word_after(conninfo, "host").or_else(|| conninfo.split_whitespace().find_map(|word| word.strip_prefix("host=")))
}
