//! After a failover the primaries gather in few zones, and nobody is told to give them back.
//!
//! # What it finds
//! A Redis Cluster that survives the loss of any one zone, but where a second loss would stop it as long as the replicas that
//! were promoted keep their role, while no alert would tell: there is no `monitoring`, or `RedisPrimariesInOneZone` is turned
//! off. With three zones that is every layout: two zones are left, and one of them then holds half of the primaries. Regions
//! of one zone are left out.
//!
//! # Why it matters
//! Redis gives no role back by itself. Once the lost zone has returned everything looks well: all nodes are up, all slots are
//! served. The next loss, weeks later, meets a zone that holds the majority of the primaries, and the cluster stops although
//! most of its nodes are well.
//!
//! # Example
//! ```yaml
//! redis:
//!   sessions: {shards: 3, replicasPerShard: 1, memory: 2Gi}
//! monitoring:
//!   runbooks: https://runbooks.example.org
//!   alerts: {RedisPrimariesInOneZone: {enabled: false}}
//! ```
//!
//! # Fix
//! Keep the alert, and run the rendered `failback.sh` when it fires: a `CLUSTER FAILOVER` on each declared primary.
//!
//! # Source
//! facts.md X-RD-6, and section 3 (no automatic failback, `CLUSTER FAILOVER`).

use crate::blueprint::placement::zone_losses;
use crate::blueprint::raw::Topology;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "RD006",
    name: "primaries-gather-unseen",
    group: Group::Redis,
    level: Level::Warning,
    security: false,
    fields: &["redis.*.shards", "regions.*.zones", "monitoring.alerts.*.enabled"],
    check: Check::Blueprint(check),
};

/// The alert that tells.
const ALERT: &str = "RedisPrimariesInOneZone";

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let monitoring = blueprint.spec.monitoring.as_ref();
    let off = monitoring.is_some_and(|m| m.alerts.get(ALERT).is_some_and(|alert| alert.enabled == Some(false)));
    if monitoring.is_some() && !off {
        return;
    }
    for redis in blueprint.redis.iter().filter(|redis| redis.is_rendered() && redis.spec.topology == Topology::Cluster)
    {
        for region in blueprint.regions.iter().filter(|region| redis.in_region(region)) {
            let zones = &region.spec.zones;
            let losses = zone_losses(&redis.nodes(region), zones);
            if zones.len() < 2 || losses.iter().any(|loss| !loss.survives()) {
                continue;
            }
            let Some(first) = losses.iter().find(|loss| !loss.next_stops.is_empty()) else { continue };
            let (lost, next) = (&first.zone, &first.next_stops[0]);
            let at = path!["redis", redis.name];
            let title =
                format!("after the loss of zone `{lost}` that of `{next}` stops `{}`, and nobody is told", redis.name);
            let mut finding =
                RULE.finding(Place::Key(at.clone()), title).label("its roles are not given back by themselves");
            finding = if off {
                let alert = path!["monitoring", "alerts", ALERT, "enabled"];
                finding
                    .also(Place::Value(alert), "the alert that would tell is off")
                    .fix(format!("leave `{ALERT}` on, and give the roles back with `failback.sh` when it fires"))
            } else {
                finding
                    .rests_on(path!["monitoring"])
                    .fix(format!("write `monitoring`: its alert `{ALERT}` says when to run `failback.sh`"))
            };
            findings.push(
                finding
                    .also(Place::Key(path!["regions", region.name, "zones"]), format!("{} zones", zones.len()))
                    .because(format!(
                        "the replicas of what `{lost}` held are promoted elsewhere, and `{next}` may come to hold half of the {} \
                         primaries or more: without it {} votes are not to be had (X-RD-6)",
                        redis.spec.shards(), first.majority
                    )),
            );
            break;
        }
    }
}
