//! A failover may lose more than the objective allows.
//!
//! # What it finds
//! `replication: asynchronous`, two or more members, and a recovery point objective above 0 for the loss of a primary, zone,
//! node or pod that is shorter than `ttl + maximumLag / rate of WAL`. Where `data.walPerHour` is not declared only `ttl` is
//! compared, the part that is certain. An objective of 0 is for PG006.
//!
//! # Why it matters
//! The standby that is promoted may lack `maximumLag` bytes, compared with what the primary published last, and the primary
//! may have gone on writing until its key ran out.
//!
//! # Example
//! ```yaml
//! objectives: {rpo: 30s}
//! postgres:
//!   main:
//!     replication: asynchronous
//!     failover: {ttl: 30s, maximumLag: 64MiB}
//!     data: {walPerHour: 1GiB}   # 64 MiB are 225 s of writing
//! ```
//!
//! # Fix
//! A smaller `maximumLag` (not below some seconds of WAL, see PG012) or `ttl`; `replication: synchronous`; or an objective
//! that holds.
//!
//! # Source
//! facts.md X-PT-10: Patroni, docs/replication_modes.rst.

use crate::blueprint::raw::Replication;
use crate::blueprint::units::{Bytes, Duration};
use crate::rules::prelude::*;
use crate::rules::promised::{FAILOVER, Objective, name, strictest};

pub static RULE: Rule = Rule {
    id: "PG013",
    name: "asynchronous-loss-exceeds-rpo",
    group: Group::Postgres,
    level: Level::Error,
    security: false,
    fields: &[
        "postgres.*.failover.ttl",
        "postgres.*.failover.maximumLag",
        "postgres.*.data.walPerHour",
        "postgres.*.replication",
        "objectives.rpo",
    ],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for cluster in blueprint.postgres.iter().filter(|cluster| cluster.is_rendered()) {
        if cluster.spec.replication != Replication::Asynchronous || cluster.member_count(blueprint.primary()) < 2 {
            continue;
        }
        let promise = strictest(blueprint, cluster, Objective::Rpo, &FAILOVER);
        let Some(promise) = promise.filter(|promise| promise.time > Duration::from_secs(0)) else { continue };
        let (ttl, guard) = (cluster.spec.failover.ttl, cluster.spec.failover.maximum_lag);
        let rate = cluster.spec.data.as_ref().and_then(|data| data.wal_per_hour).filter(|wal| wal.get() > 0);
        let behind = rate.map_or(0, |wal| {
            u64::try_from(u128::from(guard.get()) * 3_600_000 / u128::from(wal.get())).unwrap_or(u64::MAX / 4)
        });
        let loss = Duration::from_millis(ttl.millis() + behind);
        if loss <= promise.time {
            continue;
        }
        let at = path!["postgres", cluster.name];
        let field = if ttl > promise.time { "ttl" } else { "maximumLag" };
        let sum = match rate {
            Some(wal) => format!(
                "ttl {ttl} + maximumLag {guard}B / {wal} an hour = {ttl} + {} = {}",
                whole(behind),
                whole(loss.millis())
            ),
            None => format!("ttl {ttl} alone, before any lag"),
        };
        let fits = rate.and_then(|wal| {
            let left = promise.time.millis().checked_sub(ttl.millis())?;
            let bytes = u128::from(wal.get()) * u128::from(left) / 3_600_000;
            u64::try_from(bytes).ok().map(|bytes| bytes >> 20).filter(|mebibytes| *mebibytes > 0)
        });
        let mut finding = RULE
            .finding(
                Place::Value(at.key("failover").key(field)),
                format!("a failover of `{}` may lose {}", cluster.name, whole(loss.millis())),
            )
            .also(Place::Value(promise.at), format!("{} for {}", promise.time, name(promise.scenario)))
            .because(format!("{sum} > {} (X-PT-10)", promise.time))
            .fix(match fits {
                Some(fits) => format!("write `maximumLag: {}`, or `replication: synchronous`", Bytes::new(fits << 20)),
                None => "write `replication: synchronous`, or an objective that holds".to_owned(),
            });
        if let (Some(wal), "maximumLag") = (rate, field) {
            finding = finding.also(Place::Value(at.key("data").key("walPerHour")), format!("{wal} an hour"));
        }
        findings.push(finding);
    }
}

/// In whole seconds.
fn whole(millis: u64) -> Duration {
    Duration::from_secs(millis.div_ceil(1000))
}
