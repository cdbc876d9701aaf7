//! A record is chosen by failover, location, latency or weight, and counts as healthy for ever.
//!
//! # What it finds
//! A record set with `Failover`, `GeoLocation`, `Weight`, `Region` (latency) or `MultiValueAnswer` and values of its own (no
//! alias) without `HealthCheckId`. What is answered when nothing else is left may go without: a `SECONDARY`, and the default
//! location; and so may a weight of 0. By latency and among several values it is a warning. hagen renders aliases only.
//!
//! # Why it matters
//! A record without a health check is always healthy. It is answered when what it leads to is gone, and nothing fails over.
//!
//! # Example
//! ```json
//! {"Name": "api.example.com", "Type": "A", "SetIdentifier": "primary", "Failover": "PRIMARY", "TTL": 60,
//!  "ResourceRecords": [{"Value": "192.0.2.10"}]}
//! ```
//!
//! # Fix
//! A health check of the endpoint, and its id as `HealthCheckId`.
//!
//! # Source
//! facts.md F-DN-04: Route 53 documentation, DNS failover.

use super::records::sets;
use crate::rules::kubernetes::objects::text_at;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "DN007",
    name: "chosen-without-a-health-check",
    group: Group::Dns,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for (_, set) in sets(estate) {
        let Some(policy) = set.policy() else { continue };
        let level = match &*policy.key {
            "Failover" | "GeoLocation" | "Weight" => RULE.level,
            "Region" => Level::Warning,
            "MultiValueAnswer" if text_at(set.node, &["MultiValueAnswer"]) == Some("true") => Level::Warning,
            _ => continue,
        };
        let Some(values) = set.node.entry("ResourceRecords").filter(|_| set.alias().is_none()) else { continue };
        if set.is_judged() || set.is_last() || set.is_unused() {
            continue;
        }
        let mut finding = RULE
            .finding(
                Place::Span(policy.key_span),
                format!("a record of `{}` counts as healthy for ever", set.name().escape_debug()),
            )
            .label("chosen by this, and by no health check")
            .also(Place::Span(values.key_span), "answered whether it is there or not")
            .because("a record without health check is always healthy (F-DN-04)")
            .fix("create a health check of what it leads to, and write its id as `HealthCheckId`");
        finding.level = level;
        findings.push(finding);
    }
}
