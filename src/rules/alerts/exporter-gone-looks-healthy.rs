//! When an exporter is gone, its alerts are silent, and silence looks like health.
//!
//! # What it finds
//! Alerts on the metrics of a known exporter, when no rule among the files notices that it is gone: none has `absent()`,
//! `absent_over_time()` or `vector()` over one of its metrics, and none compares `up` (with AL001's `absent()`, best) for all jobs
//! or for one whose name has a word of the exporter's in it. The first such alert of each exporter is pointed at. Read in
//! hand-written rule files and PrometheusRule objects. Known are the exporters of PostgreSQL, Patroni, PgBouncer, Redis,
//! etcd, nodes, kube-state-metrics, HAProxy, blackbox and pgBackRest.
//!
//! # Why it matters
//! An expression over series that do not exist is empty, and an alert that is empty does not fire. The exporter falls first when
//! what it watches falls, or when its password is changed.
//!
//! # Example
//! ```yaml
//! expr: pg_replication_lag_seconds > 30      # and nothing on pg_up, absent(…) or up
//! ```
//!
//! # Fix
//! An alert beside it: `absent(pg_up)`, or `up{job="postgres"} == 0 or absent(up{job="postgres"})`.
//!
//! # Source
//! facts.md R-AL-21 (measured).

use super::expression::Expression;
use super::written::Alert;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "AL021",
    name: "exporter-gone-looks-healthy",
    group: Group::Alerts,
    level: Level::Warning,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

/// An exporter.
struct Exporter {
    /// What it is called.
    name: &'static str,
    /// What its metrics begin with.
    prefix: &'static str,
    /// A metric that is there whenever it is.
    always: &'static str,
    /// What its job may be called.
    words: &'static [&'static str],
}

const fn exporter(
    name: &'static str,
    prefix: &'static str,
    always: &'static str,
    words: &'static [&'static str],
) -> Exporter {
    Exporter { name, prefix, always, words }
}

const EXPORTERS: [Exporter; 10] = [
    exporter("postgres_exporter", "pg_", "pg_up", &["postgres", "pg"]),
    exporter("Patroni", "patroni_", "patroni_postgres_running", &["patroni"]),
    exporter("pgbouncer_exporter", "pgbouncer_", "pgbouncer_up", &["bouncer"]),
    exporter("redis_exporter", "redis_", "redis_up", &["redis"]),
    exporter("etcd", "etcd_", "etcd_server_has_leader", &["etcd"]),
    exporter("node_exporter", "node_", "node_boot_time_seconds", &["node"]),
    exporter("kube-state-metrics", "kube_", "kube_node_info", &["kube-state", "ksm"]),
    exporter("HAProxy", "haproxy_", "haproxy_process_uptime_seconds", &["haproxy"]),
    exporter("blackbox_exporter", "probe_", "probe_success", &["blackbox", "probe"]),
    exporter("pgbackrest_exporter", "pgbackrest_", "pgbackrest_exporter_status", &["backrest"]),
];

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let alerts = estate.alerts();
    for exporter in &EXPORTERS {
        let of_it = |alert: &&Alert<'_>| alert.series().any(|series| series.name.starts_with(exporter.prefix));
        let Some(first) = alerts.iter().find(of_it) else { continue };
        if alerts.iter().any(|alert| notices(alert, exporter)) {
            continue;
        }
        findings.push(
            RULE.finding(first.place(), format!("nothing fires when {} is gone", exporter.name))
                .label("empty then, and silent")
                .because("an alert over series that do not exist does not fire (R-AL-21)")
                .fix(format!("add an alert on `absent({})`, or on `up` of its job", exporter.always)),
        );
    }
}

/// Whether an alert notices that an exporter is gone.
fn notices(alert: &Alert<'_>, exporter: &Exporter) -> bool {
    let own = |expression: &Expression<'_>| expression.series().any(|series| series.name.starts_with(exporter.prefix));
    let absent = alert.expression.all().any(|part| match part {
        Expression::Call("absent" | "absent_over_time", inside) => inside.iter().any(own),
        _ => false,
    });
    let none = alert.expression.calls(&["vector"]) && own(&alert.expression);
    let up = alert.series().filter(|series| series.name == "up").any(|series| {
        series.of("job").is_none_or(|job| {
            let job = job.to_ascii_lowercase();
            job == ".+" || job == ".*" || exporter.words.iter().any(|word| job.contains(word))
        })
    });
    absent || none || up
}
