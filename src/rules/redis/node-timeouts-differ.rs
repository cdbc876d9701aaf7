//! Nodes of one Redis Cluster wait for different times.
//!
//! # What it finds
//! `cluster-node-timeout` with different values in redis.conf of nodes that belong together: their paths differ in
//! numbers only (`redis-1.conf`, `redis-2.conf`; `node-1/redis.conf`, `node-2/redis.conf`). A node without it has the
//! default, 15000.
//!
//! # Why it matters
//! A node has failed when most primaries say so. Those with a longer timeout say so later, and the failover waits for
//! them: it takes as long as the slowest of the majority, not as long as the file that was looked at says.
//!
//! # Example
//! ```text
//! # redis-1.conf, redis-2.conf
//! cluster-node-timeout 5000
//! # redis-3.conf
//! cluster-node-timeout 15000
//! ```
//!
//! # Fix
//! One value, from one source.
//!
//! # Source
//! facts.md X-RD-2, F-RD-04.

use std::collections::BTreeMap;

use super::configured::{is_on, word};
use crate::document::Node;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "RD024",
    name: "node-timeouts-differ",
    group: Group::Redis,
    level: Level::Warning,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

/// What Redis takes where nothing is written.
const DEFAULT: &str = "15000";

/// A node's timeout, and where it is written.
struct Timeout<'a> {
    text: &'a str,
    at: Place,
}

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let mut clusters: BTreeMap<String, Vec<Timeout<'_>>> = BTreeMap::new();
    for file in estate.of(Kind::Redis).filter(|file| is_on(file, "cluster-enabled")) {
        let name = estate.sources.get(file.span.file as usize).map_or("", |source| source.name.as_str());
        let unnumbered = name.chars().filter(|c| !c.is_ascii_digit()).collect();
        clusters.entry(unnumbered).or_default().push(timeout(file));
    }
    for nodes in clusters.values() {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for node in nodes {
            *counts.entry(node.text).or_default() += 1;
        }
        let most = counts.values().copied().max().unwrap_or_default();
        let Some(first) = nodes.iter().find(|node| counts.get(node.text) == Some(&most)) else { continue };
        for other in nodes.iter().filter(|node| node.text != first.text) {
            findings.push(
                RULE.finding(other.at.clone(), "nodes of one cluster disagree when a node has failed")
                    .label(format!("after {} ms", other.text.escape_debug()))
                    .also(first.at.clone(), format!("after {} ms, says another node", first.text.escape_debug()))
                    .because("most primaries must agree that a node has failed: the failover waits for the slower ones (F-RD-04)")
                    .fix(format!("write `cluster-node-timeout {}` on all nodes", first.text.escape_debug())),
            );
        }
    }
}

fn timeout(file: &Node) -> Timeout<'_> {
    let enabled = word(file, "cluster-enabled").map(|(entry, _)| entry.key_span);
    match word(file, "cluster-node-timeout") {
        Some((entry, text)) => Timeout { text, at: Place::Span(entry.value.span) },
        None => Timeout { text: DEFAULT, at: Place::Span(enabled.unwrap_or(file.span)) },
    }
}
