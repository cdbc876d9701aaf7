//! Patroni's times contradict each other.
//!
//! # What it finds
//! A patroni.yml with `loop_wait + 2 × retry_timeout` above `ttl` in `bootstrap.dcs` (10, 10 and 30 where one of them
//! is not written). A blueprint with such times is refused (BP048).
//!
//! # Why it matters
//! The leader has to renew its key before it runs out, also when the store answers at the second try only. From 3.2.0
//! on Patroni changes your numbers and says so in its log only; before, the leader may lose its key while it still
//! tries, and fails over for nothing.
//!
//! # Example
//! ```yaml
//! bootstrap:
//!   dcs: {ttl: 20, loop_wait: 10, retry_timeout: 10}   # 10 + 2 × 10 > 20
//! ```
//!
//! # Fix
//! A `ttl` of at least the sum, or a shorter `loop_wait` or `retry_timeout`.
//!
//! # Source
//! facts.md F-PT-02: Patroni, docs/dynamic_configuration.rst and releases 3.2.0.

use super::configured::{dcs, key, text_at};
use crate::document::Node;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "PG001",
    name: "patroni-times-do-not-add-up",
    group: Group::Postgres,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

/// The times, and what they are where nothing is written.
const TIMES: [(&str, u64); 3] = [("ttl", 30), ("loop_wait", 10), ("retry_timeout", 10)];

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for dcs in estate.of(Kind::Patroni).filter_map(dcs) {
        let [Some(ttl), Some(wait), Some(retry)] = TIMES.map(|(name, default)| seconds(dcs, name, default)) else {
            continue;
        };
        let needs = retry.saturating_mul(2).saturating_add(wait);
        if needs <= ttl {
            continue;
        }
        // The first one that is written.
        let written = TIMES.iter().filter_map(|(name, _)| dcs.entry(name));
        let mut written = written.map(|entry| (Place::Span(entry.value.span), &*entry.key));
        let place = written.next().map_or_else(|| key(dcs, &[]), |(place, _)| place);
        let finding = RULE
            .finding(place, "the leader may lose its key while it still tries to renew it")
            .because(format!("{wait} s + 2 × {retry} s = {needs} s > {ttl} s (F-PT-02)"))
            .fix(format!("write `ttl: {needs}`, or a shorter `loop_wait` or `retry_timeout`"));
        findings.push(written.fold(finding, |finding, (place, name)| finding.also(place, name)));
    }
}

fn seconds(dcs: &Node, name: &str, default: u64) -> Option<u64> {
    text_at(dcs, &[name]).map_or(Some(default), |text| text.parse().ok())
}
