//! An alert about a single instance wakes somebody, although the others carry on.
//!
//! # What it finds
//! An override in `monitoring.alerts` that makes one of the alerts `critical` that tell of one pod, node, member or replica
//! of several: `PodNotReady`, `NodeNotReady`, `TargetDown`, `RedisNodeDown` and their like. In hand-written rule files and
//! PrometheusRule objects: an alert with `severity: critical` or `page` that compares `up`, or one of an exporter such as
//! `redis_up` or `pg_up`, with 0 for each instance: without an aggregation over them and without a matcher of one `instance`.
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

use super::expression::Expression;
use super::written::Alert;
use crate::blueprint::raw::Severity;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "AL002",
    name: "page-for-one-instance",
    group: Group::Alerts,
    level: Level::Warning,
    security: false,
    fields: &["monitoring.alerts.*.severity"],
    check: Check::Both(check, files),
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

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for alert in estate.alerts() {
        let Some(severity) = alert.pages() else { continue };
        let Some(up) = each_instance(alert) else { continue };
        findings.push(
            RULE.finding(
                Place::Span(severity.span),
                format!("`{}` wakes somebody for one instance of several", alert.name),
            )
            .label("pages")
            .also(alert.place(), format!("one alert for each `{}` that is 0", up.escape_debug()))
            .because("one of several may fail without anybody noticing; what users notice pages by itself (R-AL-02)")
            .fix("write `severity: warning`, and page on how many are left or on the burn rate of an objective"),
        );
    }
}

/// The `up` that an alert compares with 0, instance by instance.
fn each_instance<'e>(alert: &'e Alert<'_>) -> Option<&'e str> {
    alert.expression.comparisons().find_map(|(part, op, number)| match part {
        Expression::Series(series)
            if (series.name == "up" || series.name.ends_with("_up")) && series.of("instance").is_none() =>
        {
            let down = op == "==" && number == 0.0 || op == "!=" && number == 1.0 || op == "<" && number == 1.0;
            down.then_some(series.name)
        }
        _ => None,
    })
}
