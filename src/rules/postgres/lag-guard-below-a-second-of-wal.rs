//! The lag that a candidate may have is used up by less than a second of writing.
//!
//! # What it finds
//! `replication: asynchronous`, two or more members, a declared `data.walPerHour`, and `failover.maximumLag` below what is
//! written in one second at that average rate. Peaks are several times the average.
//!
//! It says nothing in the synchronous modes, where the standby that is promoted has everything, and nothing where the rate of
//! WAL is not declared.
//!
//! # Why it matters
//! A replica further behind than `maximumLag` is no candidate. If every replica is that far behind whenever much is written,
//! nobody is promoted when the primary dies under load: the failover that was to take seconds takes a person.
//!
//! # Example
//! ```yaml
//! postgres:
//!   main:
//!     replication: asynchronous
//!     failover: {maximumLag: 1MiB}
//!     data: {walPerHour: 20GiB}   # 5.7 MiB each second
//! ```
//!
//! # Fix
//! A guard of some seconds of WAL, 16 to 128 MiB as a rule; or a synchronous mode.
//!
//! # Source
//! facts.md X-PT-16, F-PT-05: Patroni, `is_lagging` in patroni/ha.py; zalando/postgres-operator issue 1476.

use crate::blueprint::units::Bytes;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "PG012",
    name: "lag-guard-below-a-second-of-wal",
    group: Group::Postgres,
    level: Level::Warning,
    security: false,
    fields: &["postgres.*.failover.maximumLag", "postgres.*.data.walPerHour", "postgres.*.replication"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for cluster in blueprint.postgres.iter().filter(|cluster| cluster.is_rendered()) {
        let Some(wal) = cluster.spec.data.as_ref().and_then(|data| data.wal_per_hour) else { continue };
        let guard = cluster.spec.failover.maximum_lag;
        let second = wal.get() / 3600;
        let alone = cluster.member_count(blueprint.primary()) < 2;
        if cluster.spec.replication.is_synchronous() || alone || second <= guard.get() {
            continue;
        }
        let at = path!["postgres", cluster.name];
        // Ten seconds, as the next power of two of whole segments.
        let wanted = Bytes::new((second * 10).max(16 << 20).next_power_of_two());
        findings.push(
            RULE.finding(
                Place::Value(at.key("failover").key("maximumLag")),
                format!("under load no replica of `{}` may be a candidate", cluster.name),
            )
            .label(format!("{guard}B may be missing"))
            .also(Place::Value(at.key("data").key("walPerHour")), format!("{wal} an hour"))
            .because(format!(
                "{wal} / 3600 s = {} each second, more than the {guard}B that a candidate may lack: one second of lag is \
                 enough, and nobody is promoted (X-PT-16)",
                kib(second)
            ))
            .fix(format!("write `maximumLag: {wanted}`, ten seconds of WAL, or `replication: synchronous`")),
        );
    }
}

fn kib(bytes: u64) -> String {
    if bytes >= 1 << 20 { format!("{}MiB", bytes >> 20) } else { format!("{}KiB", bytes >> 10) }
}
