//! The alarm about a region is lost with it.
//!
//! # What it finds
//! Several regions, and no Prometheus outside reads one of them (`monitoring.prometheus.endpoints`), nor does a dead-man's
//! switch tell outside that it is silent. Or the Prometheus above the regions sends to Alertmanagers of one region only:
//! those whose names hold its name as a part (`alertmanager.us-east-1.example.com`). Names that tell no region are not
//! judged.
//!
//! # Why it matters
//! Each region's Prometheus looks at its own region. When the region is lost, so is everything that could have paged.
//!
//! # Example
//! ```yaml
//! monitoring:
//!   prometheus: {endpoints: {us-east-1: "prometheus.us-east-1.example.com:9090", eu-west-1: "…"}}
//!   exporters: {alertmanagers: ["alertmanager.us-east-1.example.com:9093"]}
//! ```
//!
//! # Fix
//! Name every region in `endpoints`, and an Alertmanager in each of two regions.
//!
//! # Source
//! facts.md R-AL-13.

use crate::blueprint::raw::Monitoring;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "AL013",
    name: "alarm-dies-with-its-region",
    group: Group::Alerts,
    level: Level::Warning,
    security: false,
    fields: &["monitoring.prometheus.endpoints", "monitoring.exporters.alertmanagers", "operations.deadMan"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let Some(monitoring) = blueprint.spec.monitoring.as_ref().filter(|_| blueprint.regions.len() > 1) else { return };
    let endpoints = &monitoring.prometheus.endpoints;
    if blueprint.spec.operations.dead_man.is_none() {
        let unread = blueprint.regions.iter().map(|region| region.name.as_str());
        let unread: Vec<&str> = unread.filter(|name| !endpoints.contains_key(*name)).collect();
        if let Some(first) = unread.first() {
            findings.push(
                RULE.finding(
                    Place::Key(path!["monitoring", "prometheus", "endpoints"]),
                    format!("nobody outside of {} notices its loss", unread.join(" and ")),
                )
                .also(Place::Key(path!["regions", first]), "its Prometheus is lost with it")
                .because("a region that is lost can page nobody; another place has to look at it (R-AL-13)")
                .fix(
                    "name each region's Prometheus in `monitoring.prometheus.endpoints`, or write `operations.deadMan`",
                ),
            );
        }
    }
    if !endpoints.is_empty() {
        findings.extend(told_in_one_region(blueprint, monitoring));
    }
}

/// All Alertmanagers bear the name of one region.
fn told_in_one_region(blueprint: &Blueprint, monitoring: &Monitoring) -> Option<Diagnostic> {
    let all = &monitoring.exporters.alertmanagers;
    let first = all.first()?;
    let within = |address: &str, region: &str| {
        address.split(':').next().is_some_and(|host| host.split('.').any(|part| part == region))
    };
    let region = blueprint.regions.iter().find(|region| within(first, &region.name))?;
    if !all.iter().all(|address| within(address, &region.name)) {
        return None;
    }
    Some(
        RULE.finding(
            Place::Value(path!["monitoring", "exporters", "alertmanagers"].index(0)),
            format!("when {} is lost, the Prometheus above the regions can tell nobody", region.name),
        )
        .label("all are in one region")
        .also(Place::Key(path!["regions", region.name]), "lost with it")
        .because("it sees the loss, and what it would send it to is lost as well (R-AL-13)")
        .fix("name an Alertmanager in another region, too"),
    )
}
