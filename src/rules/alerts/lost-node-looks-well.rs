//! A node that is lost does not fire the alert about nodes that are not ready.
//!
//! # What it finds
//! An alert on `kube_node_status_condition` of `Ready` with `status="false"`, and none among the files that asks for
//! `status="true"` or `status="unknown"`. Read in hand-written rule files and PrometheusRule objects.
//!
//! # Why it matters
//! Kubernetes sets the condition of a node that does not answer any more to `Unknown`. Power cut, network cut, kernel hung: the
//! worst losses are the ones that this misses. `false` is what a kubelet says that still runs.
//!
//! # Example
//! ```yaml
//! expr: kube_node_status_condition{condition="Ready",status="false"} == 1
//! ```
//!
//! # Fix
//! `kube_node_status_condition{condition="Ready",status="true"} == 0`.
//!
//! # Source
//! facts.md R-AL-22 (measured).

use super::expression::Series;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "AL022",
    name: "lost-node-looks-well",
    group: Group::Alerts,
    level: Level::Warning,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let alerts = estate.alerts();
    if alerts.iter().flat_map(|alert| alert.series()).any(|series| is_ready(series) && !is_false(series)) {
        return;
    }
    for alert in alerts.iter().filter(|alert| alert.series().any(is_ready)) {
        findings.push(
            RULE.finding(alert.place(), format!("`{}` does not fire for a node that is lost", alert.name))
                .label("`false` only")
                .because("the condition of a node that does not answer any more is `unknown` (R-AL-22)")
                .fix("write `kube_node_status_condition{condition=\"Ready\",status=\"true\"} == 0`"),
        );
    }
}

fn is_ready(series: &Series<'_>) -> bool {
    series.name == "kube_node_status_condition" && series.is("condition", "Ready")
}

fn is_false(series: &Series<'_>) -> bool {
    series.is("status", "false")
}
