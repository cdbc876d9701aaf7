//! Clients of a location stay with a region that is down, because geolocation never fails over.
//!
//! # What it finds
//! A record with `routing: geolocation` and `failover: none`, with more than one region. Under `strategy:
//! backup-and-restore` it stays silent: there the other region does not serve until it is rebuilt.
//!
//! # Why it matters
//! Route 53 answers with the next larger location only: from a country to its continent to the default. A neighbouring
//! region is no ancestor, and the clients of a lost one have nowhere to go, although the other region is well.
//!
//! # Example
//! ```yaml
//! dns:
//!   records:
//!     api: {routing: geolocation, failover: none}
//! ```
//!
//! # Fix
//! `failover: automatic`, or `gated` where people must first promote a database. Where the law keeps clients in their region,
//! waive this with that reason.
//!
//! # Source
//! facts.md F-DN-05, X-DN-4: Route 53 documentation, geolocation routing.

use crate::blueprint::raw::{DnsFailover, Routing, Strategy};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "DN005",
    name: "leaf-has-no-way-out",
    group: Group::Dns,
    level: Level::Error,
    security: false,
    fields: &["dns.records.*.failover", "dns.records.*.routing", "regions"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let Some(dns) = &blueprint.spec.dns else { return };
    if blueprint.regions.len() < 2 || blueprint.spec.strategy == Strategy::BackupAndRestore {
        return;
    }
    for (label, record) in &dns.records {
        if record.routing != Routing::Geolocation || record.failover != Some(DnsFailover::None) {
            continue;
        }
        let at = path!["dns", "records", label];
        findings.push(
            RULE.finding(
                Place::Value(at.key("failover")),
                format!("who is sent to a region stays there when it is down: `{label}`"),
            )
            .label("clients are never sent to another region")
            .also(Place::Value(at.key("routing")), "by where they are")
            .also(Place::Key(path!["regions"]), format!("{} regions", blueprint.regions.len()))
            .because("another region is no larger location, so Route 53 does not fall back to it (F-DN-05, X-DN-4)")
            .fix("write `failover: automatic`, or `gated` where people must first promote a database"),
        );
    }
}
