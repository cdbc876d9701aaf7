//! Clients of a location stay with a region that is down, because geolocation never fails over.
//!
//! # What it finds
//! A record with `routing: geolocation` and `failover: none`, with more than one region. Under `strategy:
//! backup-and-restore` it stays silent: there the other region does not serve until it is rebuilt. In Route 53's change batches: a
//! geolocation record other than the default that leads to AWS load balancers or addresses itself, where no larger location of
//! its name and type is there, or all of them lead to the same region. A record that leads to another name is not judged:
//! that name may fail over.
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

use super::records::{Balancer, Set, balancer, groups};
use crate::blueprint::raw::{DnsFailover, Routing, Strategy};
use crate::rules::kubernetes::objects::text_at;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "DN005",
    name: "leaf-has-no-way-out",
    group: Group::Dns,
    level: Level::Error,
    security: false,
    fields: &["dns.records.*.failover", "dns.records.*.routing", "regions"],
    check: Check::Both(check, files),
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

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    // Of a name there are at most 100 (F-DN-12): a larger group is none that Route 53 has.
    for group in groups(estate).into_iter().filter(|group| group.len() <= 100) {
        for set in &group {
            let Some(location) = set.node.entry("GeoLocation") else { continue };
            let size = size(*set);
            if set.is_last() || !is_leaf(*set) {
                continue;
            }
            let mut larger = group.iter().filter(|other| may_hold(**other, *set, size)).peekable();
            let title = format!("who is sent to a region stays there when it is down: `{}`", set.name().escape_debug());
            let finding = RULE.finding(Place::Span(location.key_span), title);
            let finding = if larger.peek().is_none() {
                finding.label("no larger location, and no default")
            } else if region(*set).is_some() && larger.all(|other| is_leaf(*other) && region(*other) == region(*set)) {
                finding.label("every larger location leads to the same region")
            } else {
                continue;
            };
            findings.push(
                finding
                    .because("when this record is unhealthy the next larger location answers, and another region is none (F-DN-05, X-DN-4)")
                    .fix("let it lead to a name below with a failover pair of both regions, or the default to the other region"),
            );
        }
    }
}

/// How large a location is.
fn size(set: Set<'_>) -> u8 {
    let has = |key: &str| text_at(set.node, &["GeoLocation", key]);
    match () {
        () if has("SubdivisionCode").is_some() => 0,
        () if has("CountryCode") == Some("*") => 3,
        () if has("CountryCode").is_some() => 1,
        () => 2,
    }
}

/// Whether a location may hold another one: which continent a country is in stands in no file, so every continent may.
fn may_hold(other: Set<'_>, set: Set<'_>, than: u8) -> bool {
    let country = |set: Set<'_>| text_at(set.node, &["GeoLocation", "CountryCode"]).map(str::to_owned);
    match size(other) {
        1 => than == 0 && country(other) == country(set),
        larger => larger > than,
    }
}

/// Whether a record leads to something itself, not to a name that may fail over.
fn is_leaf(set: Set<'_>) -> bool {
    match set.alias() {
        Some(target) => text_at(target, &["DNSName"]).and_then(balancer).is_some(),
        None => matches!(set.kind(), "A" | "AAAA"),
    }
}

/// The region that a record leads to.
fn region(set: Set<'_>) -> Option<String> {
    match text_at(set.alias()?, &["DNSName"]).and_then(balancer)? {
        Balancer::In(region, _) => Some(region),
        Balancer::Nowhere => None,
    }
}
