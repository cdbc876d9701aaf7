//! The loss of one zone stops a Redis Cluster: that zone holds half of the primaries or more.
//!
//! # What it finds
//! A zone without which fewer primaries are left than a majority, `⌊shards / 2⌋ + 1`; those that are lost count as well. With
//! two zones that is always so, with three zones it is so for four shards, and on hosts it depends on their zones. Regions of
//! one zone are left out: there the loss of the zone is that of the region.
//!
//! # Why it matters
//! A replica is promoted by the votes of a majority of all primaries. Without it nothing fails over, and the primaries that
//! are left stop taking writes after `nodeTimeout` (F-RD-09): the whole cluster is down although most of its nodes are well.
//!
//! # Example
//! ```yaml
//! regions:
//!   home: {role: primary, zones: [a, b, c]}
//! redis:
//!   sessions:
//!     shards: 4   # a zone has two primaries of four; the two others are no majority
//! ```
//!
//! # Fix
//! Three zones, and 3, 5 or more shards; on hosts, no zone with half of the primaries.
//!
//! # Source
//! facts.md X-RD-5, F-RD-07: Redis Cluster specification, replica election.

use crate::blueprint::Redis;
use crate::blueprint::placement::{ZoneLoss, zone_losses};
use crate::blueprint::raw::Topology;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "RD005",
    name: "zone-holds-the-majority-of-primaries",
    group: Group::Redis,
    level: Level::Error,
    security: false,
    fields: &["redis.*.shards", "redis.*.hosts", "regions.*.zones"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for redis in blueprint.redis.iter().filter(|redis| redis.is_rendered() && redis.spec.topology == Topology::Cluster)
    {
        for region in blueprint.regions.iter().filter(|region| redis.in_region(region)) {
            let zones = &region.spec.zones;
            if zones.len() < 2 {
                continue;
            }
            let losses = zone_losses(&redis.nodes(region), zones);
            let worst = losses.iter().filter(|loss| loss.primaries_left < loss.majority);
            let Some(worst) = worst.min_by_key(|loss| loss.primaries_left) else { continue };
            findings.push(finding(redis, worst, (&region.name, zones.len())));
            // The other regions have the same layout, or are mended with this one.
            break;
        }
    }
}

fn finding(redis: &Redis, worst: &ZoneLoss, (region, zones): (&str, usize)) -> Diagnostic {
    let at = path!["redis", redis.name];
    let (shards, left) = (redis.spec.shards(), worst.primaries_left);
    let place = if redis.on_kubernetes() { Place::Value(at.key("shards")) } else { Place::Key(at.key("hosts")) };
    RULE.finding(place, format!("the loss of zone `{}` stops `{}`", worst.zone, redis.name))
        .label(format!("{} of {shards} primaries are in that zone", worst.primaries_lost))
        .also(Place::Key(path!["regions", region, "zones"]), format!("{zones} zones"))
        .because(format!(
            "a failover needs the votes of {} of {shards} primaries, the lost ones counted; {left} are left (X-RD-5, F-RD-07)",
            worst.majority
        ))
        .fix(fix(redis, zones))
}

fn fix(redis: &Redis, zones: usize) -> String {
    if zones == 2 {
        return "spread it over a third zone: with two, one of them always holds half of the primaries".to_owned();
    }
    if !redis.on_kubernetes() {
        return "move hosts to other zones, until none holds half as many hosts as there are shards".to_owned();
    }
    let zones = u32::try_from(zones).unwrap_or(u32::MAX);
    let survives = |shards: &u32| shards - shards.div_ceil(zones) > shards / 2;
    let next = (redis.spec.shards() + 1..=redis.spec.shards() + 3).find(survives);
    next.map_or_else(
        || "use more zones".to_owned(),
        |shards| format!("write `shards: {shards}`: a zone then holds at most {}", shards.div_ceil(zones)),
    )
}
