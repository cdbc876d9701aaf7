//! No data may be lost, and nobody is told when the primary goes on without a standby.
//!
//! # What it finds
//! A recovery point objective of 0 for the loss of a primary, zone, node or pod; `replication: synchronous` or `quorum`,
//! which go on alone when no standby is left; and no alert `PostgresSynchronousStandbyMissing`: no `monitoring`, or the alert
//! is left out or only informs.
//!
//! It says nothing where the alert is there, or with `synchronous-strict`.
//!
//! In files: a patroni.yml with `synchronous_mode` and without `synchronous_mode_strict`, beside rules of Prometheus
//! of which none looks at synchronous standbys (no expression with `sync`). What may be lost no file tells: whoever
//! asks for synchronous replication wants nothing to be.
//!
//! # Why it matters
//! Without a standby the primary commits alone. If it dies then, Patroni promotes nobody: a promise of no loss has become an
//! outage that lasts until that very machine is back, and lost data if it never is. The only remedy is to bring a standby
//! back before that, which takes somebody who knows.
//!
//! # Example
//! ```yaml
//! objectives: {rpo: 0s}
//! postgres:
//!   main: {replication: synchronous}   # and no `monitoring`
//! ```
//!
//! # Fix
//! Render alerts (`monitoring`); or `replication: synchronous-strict`, which stops writes instead; or accept it with a waiver.
//!
//! # Source
//! facts.md X-PT-11, measured: both standbys killed, then the primary: no leader until it was back; Patroni,
//! docs/replication_modes.rst.

use super::configured::{at, dcs, is_synchronous, truth};
use crate::blueprint::raw::{Replication, Severity};
use crate::blueprint::units::Duration;
use crate::rules::alerts::written::says_nothing_of;
use crate::rules::prelude::*;
use crate::rules::promised::{FAILOVER, Objective, name, strictest};

pub static RULE: Rule = Rule {
    id: "PG007",
    name: "no-loss-ends-with-the-last-standby",
    group: Group::Postgres,
    level: Level::Warning,
    security: false,
    fields: &["postgres.*.replication", "objectives.rpo", "monitoring.alerts"],
    check: Check::Both(check, files),
};

/// The alert that tells of it.
const ALERT: &str = "PostgresSynchronousStandbyMissing";

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let silenced = match &blueprint.spec.monitoring {
        None => None,
        Some(monitoring) => {
            let at = path!["monitoring", "alerts", ALERT];
            match monitoring.alerts.get(ALERT) {
                Some(own) if own.enabled == Some(false) => Some((at.key("enabled"), "the alert is left out")),
                Some(own) if own.severity == Some(Severity::Info) => Some((at.key("severity"), "it wakes nobody")),
                _ => return,
            }
        }
    };
    for cluster in blueprint.postgres.iter().filter(|cluster| cluster.is_rendered()) {
        let goes_on = matches!(cluster.spec.replication, Replication::Synchronous | Replication::Quorum);
        if !goes_on || cluster.member_count(blueprint.primary()) < 2 {
            continue;
        }
        let promise = strictest(blueprint, cluster, Objective::Rpo, &FAILOVER);
        let Some(promise) = promise.filter(|promise| promise.time == Duration::from_secs(0)) else { continue };
        let mut finding = RULE
            .finding(
                Place::Value(path!["postgres", cluster.name, "replication"]),
                format!("nobody is told when `{}` commits without a standby", cluster.name),
            )
            .also(Place::Value(promise.at), format!("no loss is promised for {}", name(promise.scenario)))
            .because(
                "with no standby left the primary goes on alone, and if it dies then nobody is promoted: an outage until \
                 that machine is back, or lost data (X-PT-11)",
            )
            .fix(if silenced.is_some() {
                format!("let `{ALERT}` page, or write `replication: synchronous-strict`")
            } else {
                "write `monitoring`, so that the alert is rendered; or `replication: synchronous-strict`".to_owned()
            });
        if let Some((at, why)) = &silenced {
            finding = finding.also(Place::Value(at.clone()), *why);
        }
        findings.push(finding);
    }
}

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    if !says_nothing_of(estate, &["sync", "Sync", "SYNC"]) {
        return;
    }
    for tree in estate.of(Kind::Patroni).filter(|tree| is_synchronous(tree)) {
        let strict = at(tree, &["bootstrap", "dcs", "synchronous_mode_strict"]);
        let mode = dcs(tree).and_then(|dcs| dcs.get("synchronous_mode"));
        let Some(mode) = mode.filter(|_| truth(strict) != Some(true)) else { continue };
        let mut finding =
            RULE.finding(Place::Span(mode.span), "nobody is told when the primary commits without a standby");
        if let Some(strict) = strict {
            finding = finding.also(Place::Span(strict.span), "it goes on alone");
        }
        findings.push(
            finding
                .because(
                    "with no standby left the primary goes on alone, and if it dies then nobody is promoted: an outage until \
                     that machine is back, or lost data (X-PT-11)",
                )
                .fix("add an alert on synchronous standbys (`sync_state` of pg_stat_replication), or write `synchronous_mode_strict: true`"),
        );
    }
}
