//! A standby that is cut off looks as if it were in step.
//!
//! # What it finds
//! Alerts about replication lag that rest only on `pg_replication_lag_seconds`, `pg_replication_lag` or `pg_stat_replication_*`,
//! where no rule among the files looks at the WAL that is kept for a slot (`pg_replication_slot…`), at Patroni's positions
//! (`patroni_xlog_…`), or at how many standbys there are (`count()` of `pg_stat_replication_*`, `absent()` of it, or
//! `pg_stat_wal_receiver…`). Read in hand-written rule files and PrometheusRule objects; a blueprint that turns such alerts off
//! is AL010's.
//!
//! # Why it matters
//! Measured with 84 MB missing: the standby has replayed all that it has received, and shows a lag of 0; the primary has no row
//! for it any more, so there is nothing to compare. The copy gets older by the hour, unseen, until it is needed.
//!
//! # Example
//! ```yaml
//! expr: pg_replication_lag_seconds > 30      # and no other alert
//! ```
//!
//! # Fix
//! On the primary `pg_replication_slots_pg_wal_lsn_diff > …`, and `count(pg_stat_replication_pg_wal_lsn_diff) < N or absent(…)`.
//!
//! # Source
//! facts.md R-AL-20 (measured).

use super::expression::Expression;
use super::written::Alert;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "AL020",
    name: "standby-cut-off-looks-in-step",
    group: Group::Alerts,
    level: Level::Warning,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let alerts = estate.alerts();
    if alerts.iter().any(sees_it) {
        return;
    }
    for alert in alerts {
        let Some(lag) = alert.series().map(|series| series.name).find(|name| is_lag(name)) else { continue };
        findings.push(
            RULE.finding(alert.place(), format!("`{}` does not see a standby that is cut off", alert.name))
                .label(format!("`{}` is then 0, or there is none", lag.escape_debug()))
                .because("measured with 84 MB missing: all that was received is replayed, and the primary has no row for the standby (R-AL-20)")
                .fix("add alerts on `pg_replication_slots_pg_wal_lsn_diff` and on how many standbys the primary counts"),
        );
    }
}

fn is_lag(name: &str) -> bool {
    matches!(name, "pg_replication_lag_seconds" | "pg_replication_lag") || name.starts_with("pg_stat_replication_")
}

/// Whether an alert notices a standby that is not connected.
fn sees_it(alert: &Alert<'_>) -> bool {
    let positions = ["pg_replication_slot", "patroni_xlog_", "pg_stat_wal_receiver"];
    let by_position = alert.series().any(|series| positions.iter().any(|start| series.name.starts_with(start)));
    let counts = alert.expression.all().any(|part| match part {
        Expression::Call("absent" | "absent_over_time", inside) | Expression::Aggregation("count", _, inside) => {
            let mut series = inside.iter().flat_map(Expression::series);
            series.any(|series| series.name.starts_with("pg_stat_replication"))
        }
        _ => false,
    });
    by_position || counts
}
