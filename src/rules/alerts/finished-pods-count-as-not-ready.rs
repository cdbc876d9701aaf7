//! An alert about pods that are not ready fires for pods that are done.
//!
//! # What it finds
//! An alert on `kube_pod_status_ready` with `condition="false"`, or with `condition="true"` compared with 0, without
//! `kube_pod_status_phase` in the same expression. Read in hand-written rule files and PrometheusRule objects.
//!
//! # Why it matters
//! The pod of a Job that has ended well is not ready, for as long as it is kept. Every backup and migration fires the alert, and
//! nobody looks at it when a service fails.
//!
//! # Example
//! ```yaml
//! expr: kube_pod_status_ready{condition="false"} == 1
//! ```
//!
//! # Fix
//! `… and on (namespace, pod) kube_pod_status_phase{phase="Running"} == 1`.
//!
//! # Source
//! facts.md R-AL-07 (tried with promtool).

use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "AL007",
    name: "finished-pods-count-as-not-ready",
    group: Group::Alerts,
    level: Level::Warning,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for alert in estate.alerts() {
        let unready =
            alert.series().any(|series| series.name == "kube_pod_status_ready" && series.is("condition", "false"));
        let none = alert.expression.comparisons().any(|(part, op, number)| {
            let ready =
                part.series().any(|series| series.name == "kube_pod_status_ready" && series.is("condition", "true"));
            // Sums over several pods are about a service, not about a pod.
            ready && op == "==" && number == 0.0 && !part.calls(&["sum", "count", "avg"])
        });
        if !(unready || none) || alert.series().any(|series| series.name == "kube_pod_status_phase") {
            continue;
        }
        findings.push(
            RULE.finding(alert.place(), format!("`{}` fires for every pod that is done", alert.name))
                .label("also of Jobs that ended well")
                .because("a pod that has ended is not ready, for as long as it is kept (R-AL-07)")
                .fix("add `and on (namespace, pod) kube_pod_status_phase{phase=\"Running\"} == 1`"),
        );
    }
}
