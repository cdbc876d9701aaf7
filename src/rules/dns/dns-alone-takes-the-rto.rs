//! Route 53 alone needs longer than the RTO to send clients to another region.
//!
//! # What it finds
//! A record that fails over, where `failures × interval + 6 s` (a check's longest wait) and 60 s (what resolvers keep of an alias)
//! add up to more than the RTO for the loss of a region: of the services behind the host, else the global one. What people and
//! databases add is not counted, nor resolvers that keep answers longer than they may. Without an RTO it stays silent.
//!
//! # Why it matters
//! Nothing that happens in the other region shortens this: the RTO cannot be met, however fast everything else is.
//!
//! # Example
//! ```yaml
//! objectives:
//!   scenarios: {region-loss: {rto: 3m}}
//! dns:
//!   records:
//!     api: {health: {interval: 30s, failures: 5}}   # 150 s + 6 s + 60 s
//! ```
//!
//! # Fix
//! `interval: 10s` and `failures: 3`: 96 seconds. Less than 76 seconds is not to be had from Route 53.
//!
//! # Source
//! facts.md X-DN-1, X-DN-2, F-DN-02, F-DN-08: Route 53 documentation, how health checks decide, alias records.

use std::collections::BTreeMap;

use crate::blueprint::dns::{Record, records};
use crate::blueprint::raw::{DnsFailover, Scenario};
use crate::blueprint::units::Duration;
use crate::rules::prelude::*;
use crate::rules::promised::{self, Item, Written};

pub static RULE: Rule = Rule {
    id: "DN009",
    name: "dns-alone-takes-the-rto",
    group: Group::Dns,
    level: Level::Warning,
    security: false,
    fields: &[
        "dns.records.*.health.interval",
        "dns.records.*.health.failures",
        "objectives.scenarios",
        "objectives.rto",
    ],
    check: Check::Blueprint(check),
};

/// Four seconds for the connection, two for the answer (F-DN-02).
const ANSWER: u64 = 6;
/// What resolvers keep of an alias to a load balancer (F-DN-08).
const TTL: u64 = 60;
/// Detection and TTL with three failures, 10 s apart.
const USUAL: u64 = 3 * 10 + ANSWER + TTL;

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let records = records(&blueprint.spec, &blueprint.regions);
    if records.iter().all(|record| record.failover == DnsFailover::None) {
        return;
    }
    let strictest = strictest(blueprint);
    let all = promised::rto(blueprint, &Item::system(), Some(Scenario::RegionLoss));
    for record in records.iter().filter(|record| record.failover != DnsFailover::None) {
        let rto = strictest.get(record.host.as_str()).or(all.as_ref());
        findings.extend(rto.and_then(|rto| finding(record, rto)));
    }
}

/// The shortest RTO for the loss of a region among the public services of each host.
fn strictest(blueprint: &Blueprint) -> BTreeMap<&str, Written> {
    let mut by_host: BTreeMap<&str, Written> = BTreeMap::new();
    for service in blueprint.services.iter().filter(|service| service.is_public()) {
        let Some(host) = service.host.as_deref() else { continue };
        let Some(rto) = promised::rto(blueprint, &service.into(), Some(Scenario::RegionLoss)) else { continue };
        if by_host.get(host).is_none_or(|known| rto.value < known.value) {
            by_host.insert(host, rto);
        }
    }
    by_host
}

fn finding(record: &Record<'_>, rto: &Written) -> Option<Diagnostic> {
    let health = &record.spec.health;
    let detection = u64::from(health.failures) * health.interval.secs() + ANSWER;
    let takes = Duration::from_secs(detection + TTL);
    if takes <= rto.value {
        return None;
    }
    let at = path!["dns", "records", record.label, "health"];
    let fix = if rto.value.secs() >= USUAL {
        format!("write `interval: 10s, failures: 3`: 3 × 10s + {ANSWER}s + {TTL}s = {USUAL}s")
    } else {
        format!("even `interval: 10s, failures: 1` takes {}s: allow more for the loss of a region", 10 + ANSWER + TTL)
    };
    Some(
        RULE.finding(
            Place::Value(at.key("interval")),
            format!("DNS alone takes {takes} to leave a lost region, and the RTO is {}", rto.value),
        )
        .label(format!("{} × {}", health.failures, health.interval))
        .also(Place::Value(at.key("failures")), format!("{} in a row", health.failures))
        .also(Place::Value(rto.at.clone()), format!("{} at most", rto.value))
        .because(format!(
            "{} × {} + {ANSWER}s for the last answer + {TTL}s TTL of an alias = {takes} (X-DN-1, X-DN-2)",
            health.failures, health.interval
        ))
        .fix(fix),
    )
}
