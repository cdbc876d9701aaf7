//! A recovery waits for people, and nobody says for whom or for how long.
//!
//! # What it finds
//! A region's loss that people answer, because a PostgreSQL standby is promoted by them or a DNS record is gated, with an
//! RTO for it: `operations.decision.regionFailover` is missing, nobody stands in `operations.escalation`, or the first one
//! there has no `respondWithin`. And an RTO that is declared for `data-corruption`, with backups to restore and without
//! `operations.decision.restore`. A general RTO does not ask for that one.
//!
//! # Why it matters
//! A manual step without a duration is unbounded, and with it the recovery. A step without an owner waits until somebody
//! feels responsible.
//!
//! # Example
//! ```yaml
//! objectives: {rto: 30m}
//! postgres: {main: {crossRegion: {mode: streaming-standby}}}   # promoted by whom, after how long?
//! operations: {}
//! ```
//!
//! # Fix
//! `operations: {decision: {regionFailover: 5m}, contacts: {on-call: {respondWithin: 5m}}, escalation: [on-call]}`, with
//! figures from drills.
//!
//! # Source
//! facts.md X-HU-1, X-HU-2.

use crate::blueprint::dns::failover;
use crate::blueprint::names::record_host;
use crate::blueprint::raw::{CrossRegionMode, DnsFailover, Scenario};
use crate::document::Path;
use crate::rules::prelude::*;
use crate::rules::promised::{self, Item, Written};

pub static RULE: Rule = Rule {
    id: "RB001",
    name: "manual-step-without-duration",
    group: Group::Runbooks,
    level: Level::Error,
    security: false,
    fields: &[
        "operations.decision",
        "operations.escalation",
        "operations.contacts.*.respondWithin",
        "postgres.*.crossRegion",
        "dns.records.*.failover",
        "objectives.scenarios",
    ],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let operations = &blueprint.spec.operations;
    let manual = promoted(blueprint).or_else(|| gated(blueprint));
    if let Some((at, what)) = &manual {
        let missing = |title: &str, place: Path, fix: &str| {
            RULE.finding(Place::Value(at.clone()), title)
                .label(*what)
                .also(Place::Key(place), "not written")
                .because(
                    "a manual step without owner or duration is unbounded, and so is the recovery (X-HU-1, X-HU-2)",
                )
                .fix(fix)
        };
        if operations.decision.region_failover.is_none() {
            findings.push(missing(
                "nobody says how long people take to give up a region",
                path!["operations", "decision", "regionFailover"],
                "write `operations.decision.regionFailover`, as long as it took in a drill",
            ));
        }
        let first = operations.escalation.first();
        let respond = first.map(|name| operations.contacts.get(name).and_then(|contact| contact.respond_within));
        match (first, respond) {
            (None, _) => findings.push(missing(
                "nobody is named who gives up a region",
                path!["operations", "escalation"],
                "name contacts with `respondWithin`, and their order in `operations.escalation`",
            )),
            (Some(name), Some(None)) => findings.push(missing(
                &format!("nobody says how soon `{name}` answers"),
                path!["operations", "contacts", name, "respondWithin"],
                "write `respondWithin`",
            )),
            _ => {}
        }
    }
    if operations.decision.restore.is_none() {
        findings.extend(restored(blueprint));
    }
}

/// A standby that people promote, with an objective for it.
fn promoted(blueprint: &Blueprint) -> Option<(Path, &'static str)> {
    let standby = blueprint.postgres.iter().filter(|cluster| {
        let cross = cluster.spec.cross_region.as_ref();
        cluster.is_rendered() && cross.is_some_and(|cross| cross.mode == CrossRegionMode::StreamingStandby)
    });
    let mut with = standby.filter(|c| promised::rto(blueprint, &(*c).into(), Some(Scenario::RegionLoss)).is_some());
    Some((path!["postgres", with.next()?.name, "crossRegion", "mode"], "people promote it"))
}

/// A record that people open, with an objective for it.
fn gated(blueprint: &Blueprint) -> Option<(Path, &'static str)> {
    promised::rto(blueprint, &Item::system(), Some(Scenario::RegionLoss))?;
    let dns = blueprint.spec.dns.as_ref()?;
    let mut gated = dns.records.iter().filter(|(label, record)| {
        failover(&blueprint.spec, record, &record_host(label, dns.zone.as_str())) == DnsFailover::Gated
    });
    Some((path!["dns", "records", gated.next()?.0, "gate"], "people open it"))
}

/// An objective for wrong data that nobody says the decision for.
fn restored(blueprint: &Blueprint) -> Option<Diagnostic> {
    let postgres = blueprint.postgres.iter().filter(|cluster| cluster.spec.backup.is_some()).map(Item::from);
    let redis = blueprint.redis.iter().filter(|redis| redis.spec.backup.is_some()).map(Item::from);
    let declared = postgres.chain(redis).find_map(|item| {
        let (rto, at) = promised::rto(blueprint, &item, Some(Scenario::DataCorruption)).map(Written::pair)?;
        at.steps()
            .iter()
            .any(|step| *step == crate::document::Step::Key("data-corruption".to_owned()))
            .then_some((rto, at))
    });
    let (rto, at) = declared?;
    Some(
        RULE.finding(Place::Value(at), "nobody says how long people take to decide on a restore")
            .label(format!("{rto} are promised"))
            .also(Place::Key(path!["operations", "decision", "restore"]), "not written")
            .because("a restore gives up what was written since; who decides that, and how soon, is part of the time (X-HU-2)")
            .fix("write `operations.decision.restore`, as long as it took in a drill"),
    )
}
