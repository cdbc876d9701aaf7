//! When every region of a record is unhealthy Route 53 answers as if all were well, and no alert tells.
//!
//! # What it finds
//! A record that fails over, where `PublicEndpointDown` is not rendered: there is no `monitoring`, no
//! `monitoring.exporters.blackbox`, or the alert is turned off.
//!
//! # Why it matters
//! Route 53 fails open: with all regions unhealthy it answers with the primary. Its answers look as on a good day, and its
//! health checks alarm nobody by themselves.
//!
//! # Example
//! ```yaml
//! dns:
//!   records:
//!     api: {routing: failover, failover: automatic}
//! monitoring:
//!   runbooks: https://runbooks.example.org   # and no blackbox exporter
//! ```
//!
//! # Fix
//! `monitoring: {exporters: {blackbox: HOST:PORT}}`: the public name is then asked as clients ask it.
//!
//! # Source
//! facts.md F-DN-04: Route 53 documentation, when all records are unhealthy.

use crate::blueprint::dns::records;
use crate::blueprint::raw::DnsFailover;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "DN017",
    name: "all-regions-down-unseen",
    group: Group::Dns,
    level: Level::Warning,
    security: false,
    fields: &["dns.records.*.failover", "monitoring.exporters.blackbox", "monitoring.alerts.*.enabled"],
    check: Check::Blueprint(check),
};

/// The alert that asks the public name.
const ALERT: &str = "PublicEndpointDown";

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let monitoring = blueprint.spec.monitoring.as_ref();
    let off = monitoring.is_some_and(|m| m.alerts.get(ALERT).is_some_and(|alert| alert.enabled == Some(false)));
    if monitoring.is_some_and(|m| m.exporters.blackbox.is_some()) && !off {
        return;
    }
    for record in records(&blueprint.spec, &blueprint.regions) {
        if record.failover == DnsFailover::None {
            continue;
        }
        let mut finding = RULE
            .finding(
                Place::Key(path!["dns", "records", record.label]),
                format!("nobody is told when every region of `{}` is down", record.host),
            )
            .label("with all regions unhealthy it answers as if all were well");
        let fix = if off {
            finding = finding.also(
                Place::Value(path!["monitoring", "alerts", ALERT, "enabled"]),
                "the alert that would tell is off",
            );
            format!("leave `{ALERT}` on")
        } else {
            format!("write `monitoring.exporters.blackbox`, which brings the alert `{ALERT}`")
        };
        findings.push(
            finding
                .rests_on(path!["monitoring"])
                .because("Route 53 treats all as healthy when none is, and its checks alarm nobody (F-DN-04)")
                .fix(fix),
        );
    }
}
