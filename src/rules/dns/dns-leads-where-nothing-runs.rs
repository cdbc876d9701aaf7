//! DNS leads to a region whose services are kept at zero.
//!
//! # What it finds
//! A region with `warm: 0%` that a record answers first, or that takes over by itself (`failover: automatic`) although the
//! strategy is `active-active` or `active-passive`. A gated failover is not reported: people start the services before they open
//! the gate. Nor are `pilot-light` and `backup-and-restore`, which say that nothing runs there; nor a host without a public
//! service of this blueprint.
//!
//! # Why it matters
//! A target group without targets is unhealthy. Route 53 then never fails over: with both regions unhealthy it answers with the
//! primary, so that the second region takes no load at all until people have started everything.
//!
//! # Example
//! ```yaml
//! strategy: active-passive
//! regions:
//!   eu-west-1: {role: secondary, zones: [eu-west-1a], warm: 0%}
//! dns:
//!   records:
//!     api: {routing: failover, failover: automatic}
//! ```
//!
//! # Fix
//! Keep a share warm (two pods of each service is the least), or `failover: gated`, or the strategy that is meant.
//!
//! # Source
//! facts.md F-DN-07, F-DN-04: Route 53 documentation, alias records and target groups, all-unhealthy answers.

use std::collections::BTreeSet;

use crate::blueprint::Region;
use crate::blueprint::dns::{Record, records};
use crate::blueprint::raw::{DnsFailover, Strategy};
use crate::blueprint::units::Percent;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "DN012",
    name: "dns-leads-where-nothing-runs",
    group: Group::Dns,
    level: Level::Warning,
    security: false,
    fields: &["regions.*.warm", "dns.records.*.failover", "strategy"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let empty: Vec<&Region> = blueprint.regions.iter().filter(|region| region.warm() == Percent::whole(0)).collect();
    if empty.is_empty() {
        return;
    }
    let public = blueprint.services.iter().filter(|service| service.on_kubernetes() && service.is_public());
    let hosts: BTreeSet<&str> = public.filter_map(|service| service.host.as_deref()).collect();
    let runs = matches!(blueprint.spec.strategy, Strategy::ActiveActive | Strategy::ActivePassive);
    let records = records(&blueprint.spec, &blueprint.regions);
    for record in records.iter().filter(|record| hosts.contains(record.host.as_str())) {
        for region in &empty {
            let first = record.answers.iter().any(|answer| answer.order[0].name == region.name);
            let second = record.answers.iter().any(|answer| answer.order.iter().any(|next| next.name == region.name));
            if first || (second && runs && record.failover == DnsFailover::Automatic) {
                findings.push(finding(record, region, first));
            }
        }
    }
}

fn finding(record: &Record<'_>, region: &Region, first: bool) -> Diagnostic {
    let at = path!["dns", "records", record.label];
    let (what, why, fix) = if first {
        (
            "is answered first for some clients",
            "its target group is empty and therefore unhealthy: its clients are served from elsewhere every day, or not at all where \
             the record does not fail over (F-DN-07)",
            "keep some of it warm, such as `warm: 30%`; or write the strategy that is meant: `active-passive` sends nobody there first",
        )
    } else {
        (
            "takes over by itself",
            "its target group is empty and therefore unhealthy: with both regions unhealthy Route 53 goes on answering with the one \
             that is down (F-DN-07, F-DN-04)",
            "keep some of it warm, such as `warm: 30%`; or let people open the way: `failover: gated`",
        )
    };
    RULE.finding(
        Place::Value(path!["regions", region.name, "warm"]),
        format!("`{}` leads to {}, where nothing runs", record.host, region.name),
    )
    .label("every service is kept at zero")
    .also(Place::Value(at.key("failover")), format!("{} {what}", region.name))
    .because(why)
    .fix(fix)
}
