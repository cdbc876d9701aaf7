//! An alert about a single instance wakes somebody, although the others carry on.
//!
//! # What it finds
//! An override in `monitoring.alerts` that makes one of the alerts `critical` that tell of one pod, node, member or replica
//! of several: `PodNotReady`, `NodeNotReady`, `TargetDown`, `RedisNodeDown` and their like.
//!
//! # Why it matters
//! Replicas are there so that one may fail at night. Pages for what heals by itself are ignored first, and with them the one
//! that tells of an outage. What users notice has alerts of its own: `ServiceDown`, `ErrorBudgetBurn14x`,
//! `PostgresLeaderMissing`, `RedisSlotsNotServed`.
//!
//! # Example
//! ```yaml
//! monitoring:
//!   alerts:
//!     PodNotReady: {severity: critical}
//! ```
//!
//! # Fix
//! Leave `severity` out: these are warnings. Page on the alerts about the whole.
//!
//! # Source
//! facts.md R-AL-02: the SRE workbook, Alerting on SLOs.

use crate::blueprint::raw::Severity;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "AL002",
    name: "page-for-one-instance",
    group: Group::Alerts,
    level: Level::Warning,
    security: false,
    fields: &["monitoring.alerts.*.severity"],
    check: Check::Blueprint(check),
};

/// Alerts about one of several, and what each is about.
const OF_ONE: [(&str, &str); 11] = [
    ("EtcdMemberMissing", "an etcd member"),
    ("NodeNotReady", "a node"),
    ("PatroniMemberMissing", "a PostgreSQL member"),
    ("PgbouncerMissing", "a pool"),
    ("PodNotReady", "a pod"),
    ("PostgresServerDown", "a PostgreSQL member"),
    ("RedisNodeDown", "a Redis node"),
    ("RedisReplicaLinkDown", "a Redis replica"),
    ("RedisReplicaMissing", "a Redis replica"),
    ("ServiceReplicasMissing", "a pod"),
    ("TargetDown", "a target"),
];

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let Some(monitoring) = &blueprint.spec.monitoring else { return };
    for (name, own) in &monitoring.alerts {
        let Some((_, what)) = OF_ONE.iter().find(|(known, _)| known == name) else { continue };
        if own.severity != Some(Severity::Critical) || own.enabled == Some(false) {
            continue;
        }
        let at = path!["monitoring", "alerts", name, "severity"];
        findings.push(
            RULE.finding(Place::Value(at.clone()), format!("`{name}` wakes somebody for {what} of several"))
                .label("pages")
                .because(format!(
                    "{what} may fail without anybody noticing; what users notice pages by itself (R-AL-02)"
                ))
                .fix("leave `severity` out, or write `warning`")
                .edit(at, "warning"),
        );
    }
}
