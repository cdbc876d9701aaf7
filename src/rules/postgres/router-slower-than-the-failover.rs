//! The router finds a dead primary later than the next one is there, or gives it up after one bad check.
//!
//! # What it finds
//! `router.interval` so long that two failed checks and a timeout of 1 s do not fit into `ttl − loopWait`, the shortest time
//! in which a new primary can appear.
//!
//! It says nothing where Patroni's labels lead clients (`consensus: {kind: kubernetes}` without an image of a router).
//!
//! # Why it matters
//! hagen takes a member out after as many failed checks as fit into that time, at most three and at least one. With one, a
//! single slow answer ends every session; and when not even one fits, clients are still led to the dead primary while the new
//! one waits.
//!
//! # Example
//! ```yaml
//! postgres:
//!   main:
//!     failover: {ttl: 20s, loopWait: 5s}
//!     router: {interval: 10s}   # 2 × 10 s + 1 s > 15 s
//! ```
//!
//! # Fix
//! `interval: 2s`, the default: three checks and the longest timeout fit into the shortest `ttl`.
//!
//! # Source
//! facts.md §1.2, X-PT-7, F-PT-09: HAProxy configuration manual, `inter` and `fall`.

use crate::blueprint::raw::ConsensusKind;
use crate::blueprint::units::Duration;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "PG039",
    name: "router-slower-than-the-failover",
    group: Group::Postgres,
    level: Level::Warning,
    security: false,
    fields: &["postgres.*.router.interval", "postgres.*.failover.ttl", "postgres.*.failover.loopWait"],
    check: Check::Blueprint(check),
};

/// The shortest timeout of a check.
const TIMEOUT: u64 = 1000;

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for cluster in blueprint.postgres.iter().filter(|cluster| cluster.is_rendered()) {
        let spec = &cluster.spec;
        if spec.consensus.kind == ConsensusKind::Kubernetes && spec.router.image.is_none() {
            continue;
        }
        let (ttl, wait, interval) = (spec.failover.ttl, spec.failover.loop_wait, spec.router.interval);
        let budget = ttl.millis().saturating_sub(wait.millis());
        let needs = 2 * interval.millis() + TIMEOUT;
        if needs <= budget {
            continue;
        }
        let most = budget.saturating_sub(TIMEOUT) / 2;
        let at = path!["postgres", cluster.name];
        let follows = if interval.millis() + TIMEOUT > budget {
            "a dead primary is still in when the next one is there"
        } else {
            "a single failed check has to take a member out"
        };
        findings.push(
            RULE.finding(
                Place::Value(at.key("router").key("interval")),
                format!("the router of `{}` looks too rarely", cluster.name),
            )
            .label(format!("every {interval}"))
            .also(Place::Value(at.key("failover").key("ttl")), format!("ttl {ttl}"))
            .also(Place::Value(at.key("failover").key("loopWait")), format!("loopWait {wait}"))
            .because(format!(
                "2 × {interval} + 1 s = {} > {ttl} − {wait} = {}: {follows} (R-PG-39)",
                Duration::from_millis(needs),
                Duration::from_millis(budget)
            ))
            .fix(if most >= 2000 {
                "write `interval: 2s`".to_owned()
            } else {
                format!("write `interval: {}` or less, or a longer `ttl`", Duration::from_millis(most.max(500)))
            }),
        );
    }
}
