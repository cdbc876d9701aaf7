//! A node of Redis has too little memory for the copy that a snapshot makes.
//!
//! # What it finds
//! On Kubernetes, `memory` above 60 % of `resources.memory`, which is the limit of the container. Where `resources` is not
//! written hagen derives it with that room. Without an append-only file, snapshots and replicas there is no fork, and nothing
//! is reported; nor on hosts, whose memory no blueprint tells.
//!
//! # Why it matters
//! For a snapshot, a rewrite of the append-only file and the first copy to a replica Redis forks; until the child is done every
//! page that changes is there twice, on top of buffers and fragmentation. Above the limit the kernel kills the node, at its
//! busiest, and the failover puts the same load on the replica.
//!
//! # Example
//! ```yaml
//! redis:
//!   sessions:
//!     memory: 2Gi
//!     resources: {cpu: "1", memory: 2560Mi}   # 2Gi is 80 % of it
//! ```
//!
//! # Fix
//! `resources.memory` of `memory / 0.6`, or leave it out.
//!
//! # Source
//! facts.md R-RD-15: Redis administration, memory.

use crate::blueprint::Redis;
use crate::blueprint::raw::AppendFsync;
use crate::blueprint::units::Bytes;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "RD015",
    name: "no-room-for-the-fork",
    group: Group::Redis,
    level: Level::Warning,
    security: false,
    fields: &["redis.*.memory", "redis.*.resources.memory", "redis.*.persistence", "redis.*.replicasPerShard"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for redis in blueprint.redis.iter().filter(|redis| redis.on_kubernetes() && forks(redis)) {
        let Some(resources) = &redis.spec.resources else { continue };
        let (data, limit) = (redis.spec.memory, resources.memory);
        // data > 0.6 × limit, in whole numbers.
        if data.get().saturating_mul(5) <= limit.get().saturating_mul(3) {
            continue;
        }
        let at = path!["redis", redis.name];
        let wanted = Bytes::new((data.mebibytes() * 5).div_ceil(3) << 20);
        let share = data.get().saturating_mul(100) / limit.get().max(1);
        findings.push(
            RULE.finding(
                Place::Value(at.key("resources").key("memory")),
                format!("a snapshot of `{}` may be killed for memory", redis.name),
            )
            .label(format!("{limit} for one node"))
            .also(Place::Value(at.key("memory")), format!("{data} of data: {share}% of it"))
            .because("a fork copies what changes meanwhile: data may take 60% of the limit at most (R-RD-15)")
            .fix(format!("write `{wanted}` or leave it out, or let it hold less: {data} / 0.6 = {wanted}")),
        );
    }
}

/// Whether it ever copies its memory.
fn forks(redis: &Redis) -> bool {
    let persistence = &redis.spec.persistence;
    persistence.append_fsync != AppendFsync::Never
        || !persistence.snapshots.is_empty()
        || redis.spec.replicas_per_shard > 0
        || redis.spec.backup.is_some()
}
