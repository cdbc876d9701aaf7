//! A rule rests on a metric that its exporter does not have.
//!
//! # What it finds
//! A metric that begins as those of etcd, kube-state-metrics, Patroni or pgbouncer_exporter do, that none of the releases has
//! that were looked at, and that no recording rule among the files makes. Those of etcd and kube-state-metrics are taken from
//! their sources, for counters appear only after what they count. Not judged are exporters to which anybody can add metrics
//! (postgres_exporter, node_exporter, redis_exporter), HAProxy, whose metrics two exporters name differently, one's own
//! programs, `kube_customresource_…`, what kube-state-metrics says of itself, and what etcd itself calls debugging. Read in hand-written rule files and PrometheusRule objects; for what hagen renders a test holds every
//! metric against the catalogue in `tests/metrics`.
//!
//! # Why it matters
//! The expression is empty for ever: an alert that cannot fire, and looks like one that need not.
//!
//! # Example
//! ```yaml
//! expr: kube_hpa_status_current_replicas == kube_hpa_spec_max_replicas     # gone since kube-state-metrics 2
//! ```
//!
//! # Fix
//! The metric's name of today, as the exporter's `/metrics` shows it.
//!
//! # Source
//! facts.md R-AL-19 (measured).

use std::collections::{BTreeMap, BTreeSet};

use super::written::rules;
use crate::diagnostics::nearest;
use crate::rules::kubernetes::objects::text_at;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "AL019",
    name: "metric-that-no-exporter-has",
    group: Group::Alerts,
    level: Level::Warning,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

/// The metrics of the exporters below, sorted.
const METRICS: &str = include_str!("metrics.txt");

/// What the metrics of an exporter begin with that nobody adds others to.
const CLOSED: [(&str, &str); 4] =
    [("etcd_", "etcd"), ("kube_", "kube-state-metrics"), ("patroni_", "Patroni"), ("pgbouncer_", "pgbouncer_exporter")];

/// What is of others, or may be called anything.
const OPEN: [&str; 5] = [
    "kube_customresource_",
    "kube_verticalpodautoscaler_",
    "kube_state_metrics_",
    "kube_apiserver_",
    "etcd_debugging_",
];

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let known: BTreeSet<&str> = METRICS.lines().collect();
    let recorded: BTreeSet<&str> = rules(estate).filter_map(|rule| text_at(rule, &["record"])).collect();
    // Looking for the nearest name takes long; many rules may ask for the same.
    let mut fixes: BTreeMap<String, String> = BTreeMap::new();
    let written = estate.written();
    let alerts = written.alerts.iter().map(|alert| (alert.at, &alert.expression));
    for (node, expression) in alerts.chain(written.others.iter().map(|(at, expression)| (*at, expression))) {
        let missing: BTreeSet<&str> = expression
            .series()
            .map(|series| series.name)
            .filter(|name| exporter(name).is_some() && !known.contains(name) && !recorded.contains(name))
            .collect();
        for name in missing {
            let exporter = exporter(name).unwrap_or_default();
            let fix = fixes.entry(name.to_owned()).or_insert_with(|| instead(name, &known)).clone();
            findings.push(
                RULE.finding(Place::Span(node.span), format!("{exporter} has no metric `{name}`"))
                    .label("empty for ever")
                    .because("no release that was looked at has it, and no recording rule makes it (R-AL-19)")
                    .fix(fix),
            );
        }
    }
}

/// The nearest name of the same exporter, as a fix.
fn instead(name: &str, known: &BTreeSet<&str>) -> String {
    let start = CLOSED.iter().map(|(start, _)| *start).find(|start| name.starts_with(start)).unwrap_or_default();
    let of_exporter = known.iter().copied().filter(|other| other.starts_with(start));
    nearest(name, of_exporter).map_or_else(
        || "look for its name of today in what the exporter shows below /metrics".to_owned(),
        |near| format!("is `{near}` meant?"),
    )
}

/// The exporter whose metrics begin as a name does.
fn exporter(name: &str) -> Option<&'static str> {
    // What recording rules make has colons, by convention.
    if name.contains(':') || OPEN.iter().any(|start| name.starts_with(start)) {
        return None;
    }
    CLOSED.iter().find(|(start, _)| name.starts_with(start)).map(|(_, exporter)| *exporter)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::{CLOSED, METRICS};

    #[test]
    fn the_list_is_that_of_the_catalogue() {
        let mut all = BTreeSet::new();
        for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/metrics")).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            for line in text.lines().skip(1) {
                let fields: Vec<&str> = line.split('\t').collect();
                let [name, kind, _, seen, ..] = fields[..] else { panic!("{line}") };
                if seen == "unchecked" || !CLOSED.iter().any(|(start, _)| name.starts_with(start)) {
                    continue;
                }
                let parts: &[&str] = match kind {
                    "histogram" => &["_bucket", "_sum", "_count"],
                    "summary" => &["", "_sum", "_count"],
                    _ => &[""],
                };
                all.extend(parts.iter().map(|part| format!("{name}{part}")));
            }
        }
        let listed: Vec<&str> = METRICS.lines().collect();
        assert_eq!(listed, all.iter().map(String::as_str).collect::<Vec<_>>());
    }
}
