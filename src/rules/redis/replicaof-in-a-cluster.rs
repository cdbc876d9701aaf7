//! A node of a Redis Cluster is told by its file whom to follow.
//!
//! # What it finds
//! `replicaof` (or `slaveof`) beside `cluster-enabled yes` in one redis.conf.
//!
//! # Why it matters
//! Redis refuses to start: "replicaof directive not allowed in cluster mode". In a cluster the nodes agree among
//! themselves who replicates whom.
//!
//! # Example
//! ```text
//! cluster-enabled yes
//! replicaof 10.0.1.21 6379
//! ```
//!
//! # Fix
//! Leave it out, and add the replica with `redis-cli --cluster add-node … --cluster-slave`, or `CLUSTER REPLICATE`.
//!
//! # Source
//! facts.md F-RD-12 (measured with 7.0.15).

use super::configured::{directive, is_on};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "RD001",
    name: "replicaof-in-a-cluster",
    group: Group::Redis,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for file in estate.of(Kind::Redis).filter(|file| is_on(file, "cluster-enabled")) {
        let follows = ["replicaof", "slaveof"].into_iter().filter_map(|name| directive(file, name));
        for (entry, _) in follows.filter(|(_, words)| !words.eq_ignore_ascii_case("no one")) {
            let mut finding =
                RULE.finding(Place::Span(entry.key_span), "Redis does not start").label("not allowed in cluster mode");
            if let Some((enabled, _)) = directive(file, "cluster-enabled") {
                finding = finding.also(Place::Span(enabled.key_span), "this is cluster mode");
            }
            findings.push(
                finding
                    .because("in a cluster the nodes agree who replicates whom; the directive is fatal there (F-RD-12)")
                    .fix("leave it out, and make the replica with `redis-cli --cluster add-node … --cluster-slave`"),
            );
        }
    }
}
