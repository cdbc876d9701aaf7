//! An alert about replication lag fires when nothing is written.
//!
//! # What it finds
//! An alert on a lag that is now minus the last transaction that was replayed: `pg_replication_lag`, `pg_replication_lag_seconds`,
//! `pg_replication_last_replay_seconds`, or `time()` minus a metric whose name has `last_replay` or `last_xact_replay` in it. Not
//! where the same expression compares positions or slots (`…lsn…`, `…wal…`, `…slot…`), looks whether anything is written
//! (`pg_stat_database_xact_commit` and its like), or takes a heartbeat. Read in hand-written rule files and PrometheusRule objects.
//!
//! # Why it matters
//! On an idle primary there is nothing to replay, and this number grows with the clock: pages at night, for nothing.
//! postgres_exporter measured `pg_replication_lag_seconds` so up to 0.13; later releases show 0 as soon as all that was
//! received is replayed, and then a standby that is cut off is not seen (AL020). Which release it is stands in no rule file:
//! where another rule among the files compares positions, nothing is said of it.
//!
//! # Example
//! ```yaml
//! expr: pg_replication_lag_seconds > 30
//! ```
//!
//! # Fix
//! Compare positions on the primary (`pg_replication_slots_pg_wal_lsn_diff`), or write a heartbeat row every second and
//! measure its age on the standby.
//!
//! # Source
//! facts.md R-AL-06; postgres_exporter, pull request 895.

use super::written::Alert;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "AL006",
    name: "lag-grows-when-nothing-is-written",
    group: Group::Alerts,
    level: Level::Warning,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

/// An age in some releases of the exporter, and none in others.
const RECENT: &str = "pg_replication_lag_seconds";

const AGES: [&str; 3] = ["pg_replication_lag", RECENT, "pg_replication_last_replay_seconds"];

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let alerts = estate.alerts();
    let positions = alerts.iter().any(is_saved);
    for alert in alerts {
        let Some(age) = age(alert) else { continue };
        if is_saved(alert) || positions && age == RECENT {
            continue;
        }
        findings.push(
            RULE.finding(alert.place(), format!("`{}` may fire because nothing is written", alert.name))
                .label(format!("`{}`: now minus the last replay", age.escape_debug()))
                .because("on an idle primary nothing is replayed and this grows with the clock; postgres_exporter from 0.14 on shows 0 instead, also when the standby is cut off (R-AL-06)")
                .fix("compare positions, such as `pg_replication_slots_pg_wal_lsn_diff` on the primary, or measure the age of a heartbeat row"),
        );
    }
}

/// Whether an alert compares positions, looks whether anything is written, or takes a heartbeat.
fn is_saved(alert: &Alert<'_>) -> bool {
    let words = ["lsn", "wal", "slot", "heartbeat", "xact_commit", "tup_inserted"];
    alert.series().any(|series| words.iter().any(|word| series.name.contains(word)))
}

/// The metric of an alert that is the age of the last replay.
fn age<'e>(alert: &'e Alert<'_>) -> Option<&'e str> {
    let since = alert.expression.calls(&["time"]) && alert.expression.has("-");
    let is_age = |name: &str| {
        AGES.contains(&name) || since && ["last_replay", "last_xact_replay"].iter().any(|part| name.contains(part))
    };
    alert.series().map(|series| series.name).find(|name| is_age(name))
}
