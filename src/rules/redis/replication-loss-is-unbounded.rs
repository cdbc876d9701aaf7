//! A failover of Redis may lose more than its recovery point objective, though `minReplicasToWrite` would bound it.
//!
//! # What it finds
//! Sessions or queued work with an RPO below `11 × nodeTimeout`, two replicas per shard or more, and no `minReplicasToWrite`.
//! With one replica it stays silent: there the setting stops writes after every failover (BP061). With a longer RPO it stays
//! silent as well: hagen then renders a `cluster-replica-validity-factor` that follows the RPO. RPO 0 is for RD010.
//!
//! # Why it matters
//! Replication is asynchronous. A primary whose replicas have lost their link goes on acknowledging writes, and a replica may
//! still be promoted while its data is up to `11 × nodeTimeout + 10 s` old: everything behind is lost.
//!
//! # Example
//! ```yaml
//! redis:
//!   jobs:
//!     use: queue
//!     nodeTimeout: 5s
//!     replicasPerShard: 2
//!     objectives: {rpo: 30s}   # data may be 65 s old when a replica takes over
//! ```
//!
//! # Fix
//! `minReplicasToWrite: 1`: a write is refused unless one replica answered within the last 10 s.
//!
//! # Source
//! facts.md X-RD-4, F-RD-08, F-RD-15: redis.conf (`min-replicas-to-write`, `cluster-replica-validity-factor`).

use super::contents::{item, kept};
use crate::blueprint::units::Duration;
use crate::rules::prelude::*;
use crate::rules::promised;

pub static RULE: Rule = Rule {
    id: "RD009",
    name: "replication-loss-is-unbounded",
    group: Group::Redis,
    level: Level::Warning,
    security: false,
    fields: &[
        "redis.*.minReplicasToWrite",
        "redis.*.replicasPerShard",
        "redis.*.nodeTimeout",
        "redis.*.objectives.rpo",
    ],
    check: Check::Blueprint(check),
};

/// How far a replica may be behind to count for `min-replicas-to-write` (`min-replicas-max-lag`).
const LAG: Duration = Duration::from_secs(10);

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for redis in blueprint.redis.iter().filter(|redis| redis.is_rendered() && kept(redis).is_some()) {
        if redis.spec.replicas_per_shard < 2 || redis.spec.min_replicas_to_write > 0 {
            continue;
        }
        let Some(rpo) = promised::rpo(blueprint, &item(redis), None) else { continue };
        let timeout = redis.spec.node_timeout;
        let followed = timeout.millis().saturating_mul(11);
        if rpo.value.millis() == 0 || rpo.value.millis() >= followed {
            continue;
        }
        let oldest = Duration::from_millis(followed.saturating_add(LAG.millis()));
        let at = path!["redis", redis.name, "minReplicasToWrite"];
        let fix = if rpo.value < LAG {
            format!("write `minReplicasToWrite: 1`, which bounds the loss to {LAG}, and an RPO of {LAG} or more")
        } else {
            format!("write `minReplicasToWrite: 1`: the loss is then at most {LAG}")
        };
        findings.push(
            RULE.finding(
                Place::Value(at.clone()),
                format!("a failover of `{}` may lose more than {}", redis.name, rpo.value),
            )
            .label("a primary without any replica goes on taking writes")
            .also(Place::Value(rpo.at), format!("{} may be lost", rpo.value))
            .because(format!(
                "a replica may take over with data that is {timeout} × (10 + 1) + 10s = {oldest} old (F-RD-08, X-RD-4)"
            ))
            .fix(fix)
            .edit(at, 1),
        );
    }
}
