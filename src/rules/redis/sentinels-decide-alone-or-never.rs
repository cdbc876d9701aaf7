//! One sentinel alone can start a failover, or all of them together cannot.
//!
//! # What it finds
//! `sentinel monitor` of one master in two or more files (or in one that knows others, `known-sentinel`), with a
//! quorum of 1, or with one above the number of sentinels. In which zones they run no file tells.
//!
//! # Why it matters
//! With a quorum of 1 a sentinel that is merely cut off declares a healthy master dead, and asks the others to vote
//! for a failover. With a quorum that is never reached nobody does, ever.
//!
//! # Example
//! ```text
//! # on each of three hosts
//! sentinel monitor sessions 10.0.1.21 6379 1
//! ```
//!
//! # Fix
//! Three sentinels in three zones, and a quorum of 2.
//!
//! # Source
//! facts.md F-RD-18: Redis documentation, Sentinel.

use std::collections::{BTreeMap, BTreeSet};

use super::configured::words;
use crate::document::node::Entry;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "RD025",
    name: "sentinels-decide-alone-or-never",
    group: Group::Redis,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

/// What the sentinels say about a master.
#[derive(Default)]
struct Master<'a> {
    monitors: Vec<(&'a Entry, usize)>,
    /// How many others a file knows, at the most.
    known: usize,
}

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for (name, master) in masters(estate) {
        let files: BTreeSet<u32> = master.monitors.iter().map(|(entry, _)| entry.key_span.file).collect();
        let sentinels = files.len().max(master.known + 1);
        if sentinels < 2 {
            continue;
        }
        for (entry, quorum) in master.monitors {
            let (title, why) = if quorum == 1 {
                ("a single sentinel can declare it dead", "one that is cut off starts a failover of a healthy master")
            } else if quorum > sentinels {
                ("no failover can ever start", "the quorum is above the number of sentinels")
            } else {
                continue;
            };
            findings.push(
                RULE.finding(Place::Span(entry.value.span), format!("`{}`: {title}", name.escape_debug()))
                    .label(format!("quorum {quorum}, {sentinels} sentinels"))
                    .because(format!("{why} (F-RD-18)"))
                    .fix("run three sentinels in three zones, with a quorum of 2"),
            );
        }
    }
}

fn masters(estate: &Estate) -> BTreeMap<&str, Master<'_>> {
    let mut masters: BTreeMap<&str, Master<'_>> = BTreeMap::new();
    for file in estate.of(Kind::Sentinel) {
        let mut known: BTreeMap<&str, usize> = BTreeMap::new();
        for entry in file.map().unwrap_or_default().iter().filter(|entry| entry.key.eq_ignore_ascii_case("sentinel")) {
            let mut said = words(entry).split_whitespace();
            let (Some(what), Some(name)) = (said.next(), said.next()) else { continue };
            match what {
                "monitor" => {
                    let Some(quorum) = said.nth(2).and_then(|quorum| quorum.parse().ok()) else { continue };
                    masters.entry(name).or_default().monitors.push((entry, quorum));
                }
                "known-sentinel" => *known.entry(name).or_default() += 1,
                _ => {}
            }
        }
        for (name, count) in known {
            let master = masters.entry(name).or_default();
            master.known = master.known.max(count);
        }
    }
    masters
}
