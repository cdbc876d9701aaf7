//! A shard of Redis has all of its copies in one zone, or only one copy of what exists nowhere else.
//!
//! # What it finds
//! On hosts, a shard whose primary and replicas all lie in one zone of several: there are more hosts in a zone than shards, so
//! that no layout separates them. On both platforms, `replicasPerShard: 0` for sessions or queued work. On Kubernetes hagen puts
//! the copies of a shard into different zones; a cache without replicas is a decision, and is not reported; nor is a region of
//! one zone, whose loss is that of the region.
//!
//! # Why it matters
//! The slots of that shard are gone with the zone: a third of the keys with three shards, until the zone is back. Nothing can be
//! promoted in its place.
//!
//! # Example
//! ```yaml
//! redis:
//!   sessions:
//!     platform: hosts
//!     hosts:            # four of six in zone a: one shard lies in it whole
//!       r-1: {address: 10.0.1.1, zone: a}
//!       r-2: {address: 10.0.1.2, zone: a}
//!       r-3: {address: 10.0.1.3, zone: a}
//!       r-4: {address: 10.0.1.4, zone: a}
//!       r-5: {address: 10.0.2.1, zone: b}
//!       r-6: {address: 10.0.3.1, zone: c}
//! ```
//!
//! # Fix
//! At most as many hosts in a zone as there are shards, and one replica or more.
//!
//! # Source
//! facts.md X-RD-5 (second half: for each shard some copy is outside of the zone).

use super::contents::kept;
use crate::blueprint::Redis;
use crate::blueprint::placement::{Node, zone_losses};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "RD007",
    name: "shard-lies-in-one-zone",
    group: Group::Redis,
    level: Level::Error,
    security: false,
    fields: &["redis.*.hosts", "redis.*.replicasPerShard", "redis.*.use", "regions.*.zones"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for redis in blueprint.redis.iter().filter(|redis| redis.is_rendered()) {
        if redis.spec.replicas_per_shard == 0 {
            findings.extend(alone(redis));
            continue;
        }
        for region in blueprint.regions.iter().filter(|region| redis.in_region(region)) {
            let (zones, nodes) = (&region.spec.zones, redis.nodes(region));
            if zones.len() < 2 {
                continue;
            }
            for loss in zone_losses(&nodes, zones).into_iter().filter(|loss| !loss.shards_lost.is_empty()) {
                findings.push(together(redis, &nodes, &loss.zone, &loss.shards_lost));
            }
        }
    }
}

/// One copy of what exists nowhere else.
fn alone(redis: &Redis) -> Option<Diagnostic> {
    let kept = kept(redis)?;
    let (at, shards) = (path!["redis", redis.name], redis.spec.shards());
    Some(
        RULE.finding(
            Place::Value(at.key("replicasPerShard")),
            format!("the loss of one node of `{}` takes a shard with it", redis.name),
        )
        .label("one copy of every key")
        .also(Place::Value(at.key("use")), format!("it holds {kept}"))
        .because(format!(
            "with 0 replicas nothing is promoted: 1 of {shards} shards is neither read nor written until its node is back (X-RD-5)"
        ))
        .fix("write `replicasPerShard: 1`, in another zone")
        .edit(at.key("replicasPerShard"), 1),
    )
}

/// All copies of shards in one zone.
fn together(redis: &Redis, nodes: &[Node], zone: &str, shards: &[u32]) -> Diagnostic {
    let at = path!["redis", redis.name, "hosts"];
    let here: Vec<&Node> = nodes.iter().filter(|node| node.shard == shards[0]).collect();
    let names: Vec<&str> = here.iter().map(|node| node.name.as_str()).collect();
    let all = nodes.iter().filter(|node| node.zone == zone).count();
    let mut finding = RULE
        .finding(
            Place::Key(at.clone()),
            format!(
                "the loss of zone `{zone}` takes {} of {} shards of `{}`",
                shards.len(),
                redis.spec.shards(),
                redis.name
            ),
        )
        .label(format!("{all} hosts in `{zone}` for {} shards", redis.spec.shards()));
    for node in here {
        finding = finding.also(Place::Value(at.key(&node.name).key("zone")), format!("a copy of shard {}", node.shard));
    }
    finding
        .because(format!(
            "{} hold every copy of shard {}: nothing is left to be promoted (X-RD-5)",
            names.join(" and "),
            shards[0]
        ))
        .fix(format!("move hosts from `{zone}` to other zones, until it has at most {}", redis.spec.shards()))
}
