//! Until people have answered and decided, the recovery time objective is over.
//!
//! # What it finds
//! Where people are on the way of a recovery, `page + respondWithin + decision ≥ RTO` (X-HU-3 leaves nothing for the work):
//! for the loss of a region, where a standby must be promoted by people or a record is gated; and for wrong data, which has
//! to be restored from a backup. The first contact of the escalation counts; the page takes two intervals, two minutes of
//! hold, 10 s of grouping and 30 s of delivery, and for wrong data, which no alert sees, nothing. Where one of the times
//! is not written, nothing is said (RB001).
//!
//! # Why it matters
//! No configuration can make up for it: the objective is lost before the first command is typed.
//!
//! # Example
//! ```yaml
//! objectives: {rto: 15m}
//! operations:
//!   decision: {restore: 10m}
//!   contacts: {on-call: {respondWithin: 5m}}
//! ```
//!
//! # Fix
//! A longer RTO for that scenario (`objectives.scenarios`), people who answer sooner, or a recovery without them.
//!
//! # Source
//! facts.md X-HU-1, X-HU-3, X-PR-1.

use crate::blueprint::dns::failover;
use crate::blueprint::names::record_host;
use crate::blueprint::raw::{CrossRegionMode, DnsFailover, Scenario, Severity};
use crate::blueprint::units::Duration;
use crate::document::Path;
use crate::render::alerts::time::page_latency;
use crate::rules::prelude::*;
use crate::rules::promised::{self, Item, Written};

pub static RULE: Rule = Rule {
    id: "AL014",
    name: "people-take-the-whole-objective",
    group: Group::Alerts,
    level: Level::Error,
    security: false,
    fields: &[
        "operations.decision",
        "operations.contacts.*.respondWithin",
        "operations.escalation",
        "objectives.rto",
        "objectives.scenarios",
    ],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let operations = &blueprint.spec.operations;
    let Some(first) = operations.escalation.first() else { return };
    let respond = operations.contacts.get(first).and_then(|contact| contact.respond_within);
    let Some(respond) = respond.map(|time| (time, path!["operations", "contacts", first, "respondWithin"])) else {
        return;
    };
    let decision = path!["operations", "decision"];
    if let Some(decide) = operations.decision.region_failover
        && let Some(rto) = tightest(region_loss(blueprint))
        && let Some(monitoring) = &blueprint.spec.monitoring
    {
        let page = page_latency(monitoring.interval, Duration::from_secs(120), Severity::Critical);
        findings.extend(judge("the loss of a region", page, &respond, (decide, decision.key("regionFailover")), rto));
    }
    if let Some(decide) = operations.decision.restore
        && let Some(rto) = tightest(corruption(blueprint))
    {
        let none = Duration::from_secs(0);
        findings.extend(judge("wrong data", none, &respond, (decide, decision.key("restore")), rto));
    }
}

type Timed = (Duration, Path);

fn tightest(all: impl Iterator<Item = Timed>) -> Option<Timed> {
    all.min_by_key(|(rto, _)| *rto)
}

/// The objectives of what people bring back when a region is lost.
fn region_loss(blueprint: &Blueprint) -> impl Iterator<Item = Timed> {
    let scenario = Some(Scenario::RegionLoss);
    let promoted = blueprint.postgres.iter().filter(|cluster| {
        let cross = cluster.spec.cross_region.as_ref();
        cluster.is_rendered() && cross.is_some_and(|cross| cross.mode == CrossRegionMode::StreamingStandby)
    });
    let gated = blueprint.spec.dns.iter().any(|dns| {
        dns.records.iter().any(|(label, record)| {
            failover(&blueprint.spec, record, &record_host(label, dns.zone.as_str())) == DnsFailover::Gated
        })
    });
    let system = gated.then(|| promised::rto(blueprint, &Item::system(), scenario).map(Written::pair)).flatten();
    promoted
        .filter_map(move |cluster| promised::rto(blueprint, &cluster.into(), scenario).map(Written::pair))
        .chain(system)
}

/// The objectives of what is restored from backups.
fn corruption(blueprint: &Blueprint) -> impl Iterator<Item = Timed> {
    let scenario = Some(Scenario::DataCorruption);
    let postgres = blueprint.postgres.iter().filter(|cluster| cluster.spec.backup.is_some());
    let redis = blueprint.redis.iter().filter(|redis| redis.spec.backup.is_some());
    let postgres =
        postgres.filter_map(move |cluster| promised::rto(blueprint, &cluster.into(), scenario).map(Written::pair));
    postgres.chain(redis.filter_map(move |redis| promised::rto(blueprint, &redis.into(), scenario).map(Written::pair)))
}

fn judge(what: &str, page: Duration, respond: &Timed, decide: Timed, rto: Timed) -> Option<Diagnostic> {
    let sum = Duration::from_millis(page.millis() + respond.0.millis() + decide.0.millis());
    if sum < rto.0 {
        return None;
    }
    let paged = if page.millis() > 0 { format!("{page} until the page + ") } else { String::new() };
    Some(
        RULE.finding(Place::Value(decide.1), format!("after {what} people take all of the RTO of {}", rto.0))
            .label(format!("{} to decide", decide.0))
            .also(Place::Value(respond.1.clone()), format!("{} to answer", respond.0))
            .also(Place::Value(rto.1), format!("the objective: {}", rto.0))
            .because(format!(
                "{paged}{} to answer + {} to decide = {sum} ≥ {}: nothing is left for the work itself (X-HU-3)",
                respond.0, decide.0, rto.0
            ))
            .fix(format!("declare an RTO above {sum} for it in `objectives.scenarios`, with the time of the work; or decide sooner")),
    )
}
