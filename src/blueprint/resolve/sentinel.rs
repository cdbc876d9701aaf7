//! Redis under Sentinel: fields of the other topology, and sentinels that cannot decide.

use super::Resolver;
use crate::blueprint::placement::{majority, wished_zone};
use crate::blueprint::raw;
use crate::diagnostics::{Diagnostic, Place};
use crate::document::Path;
use crate::path;

impl Resolver<'_> {
    pub(super) fn sentinel_as_rendered(&mut self, at: &Path, name: &str, spec: &raw::Redis) {
        if !spec.is_sentinel() {
            if spec.sentinel.is_some() {
                self.problems.push(
                    Diagnostic::error("BP117", Place::Key(at.key("sentinel")), "a Redis Cluster has no sentinels")
                        .rests_on(at.key("topology"))
                        .because("its primaries vote themselves (F-RD-07)")
                        .fix("write `topology: sentinel`, or leave `sentinel` out"),
                );
            }
            return;
        }
        if spec.shards() != 1 {
            self.problems.push(
                Diagnostic::error("BP117", Place::Value(at.key("shards")), "under Sentinel there is one primary")
                    .also(Place::Value(at.key("topology")), "one primary with replicas")
                    .because("Sentinel watches one primary and its copies; keys are not shared among several")
                    .fix("leave `shards` out, or write `topology: cluster`"),
            );
        }
        if let Some(sentinel) = &spec.sentinel
            && sentinel.failover_timeout < spec.node_timeout
        {
            self.problems.push(
                Diagnostic::error(
                    "BP118",
                    Place::Value(at.key("sentinel").key("failoverTimeout")),
                    "a failover would be given up before a primary counts as gone",
                )
                .rests_on(at.key("nodeTimeout"))
                .because(format!("`nodeTimeout` is {} (F-RD-18, F-RD-20)", spec.node_timeout))
                .fix("write `failoverTimeout: 10s` or more"),
            );
        }
        if spec.require_full_coverage {
            self.problems.push(
                Diagnostic::error(
                    "BP117",
                    Place::Value(at.key("requireFullCoverage")),
                    "under Sentinel there are no slots to be covered",
                )
                .also(Place::Value(at.key("topology")), "one primary with replicas")
                .fix("leave `requireFullCoverage` out"),
            );
        }
        if spec.replicas_per_shard == 0 {
            self.problems.push(
                Diagnostic::error("BP118", Place::Value(at.key("replicasPerShard")), "nobody could be promoted")
                    .rests_on(at.key("topology"))
                    .because("Sentinel makes a replica the primary, and there is none (F-RD-18)")
                    .fix("write `replicasPerShard: 2`"),
            );
            return;
        }
        if spec.platform == raw::StorePlatform::Kubernetes
            && spec.sentinel.as_ref().is_some_and(|sentinel| !sentinel.hosts.is_empty())
        {
            let place = at.key("sentinel").key("hosts");
            self.problems.push(
                Diagnostic::error("BP043", Place::Key(place), "`sentinel.hosts` belong to `platform: hosts`")
                    .rests_on(at.key("platform"))
                    .because("on Kubernetes a sentinel runs in the pod of every node")
                    .fix("leave them out, or write `platform: hosts`"),
            );
            return;
        }
        self.sentinels(at, name, spec);
    }

    /// An odd number of sentinels, three or more, and no zone that holds half of them.
    fn sentinels(&mut self, at: &Path, name: &str, spec: &raw::Redis) {
        let own = spec.sentinel.as_ref().map(|sentinel| &sentinel.hosts).filter(|hosts| !hosts.is_empty());
        let inside = spec.platform == raw::StorePlatform::Kubernetes;
        let place = match (&own, inside) {
            (Some(_), _) => at.key("sentinel").key("hosts"),
            (None, true) => at.key("replicasPerShard"),
            (None, false) => at.key("hosts"),
        };
        for (host, facts) in own.into_iter().flatten() {
            self.host_zone(&place.key(host).key("zone"), &facts.zone);
        }
        for region in self.regions.clone() {
            if spec.regions.as_ref().is_some_and(|regions| !regions.contains(&region.name)) {
                continue;
            }
            let there = &region.spec.zones;
            if there.is_empty() {
                continue;
            }
            let zones: Vec<&str> = if inside {
                (0..=spec.replicas_per_shard).map(|rank| there[wished_zone(there.len(), 0, rank)].as_str()).collect()
            } else {
                let hosts = own.unwrap_or(&spec.hosts).values().map(|host| host.zone.as_str());
                hosts.filter(|zone| there.iter().any(|known| known == zone)).collect()
            };
            // How many nodes there are is judged elsewhere (BP062).
            if own.is_none() && zones.len() != 1 + spec.replicas_per_shard as usize {
                continue;
            }
            let count = zones.len();
            if count < 3 || count.is_multiple_of(2) {
                self.problems.push(
                    Diagnostic::error(
                        "BP118",
                        Place::Key(place.clone()),
                        format!("`{name}` has {count} sentinels in {}", region.name),
                    )
                    .rests_on(at.key("topology"))
                    .rests_on(at.key("replicasPerShard"))
                    .because(format!(
                        "a failover needs the votes of {} of them, so that {}; without hosts of their own they run beside the nodes (F-RD-18, R-RD-25)",
                        majority(count),
                        if count < 3 { "none may be lost" } else { "one more of them adds nothing but a further one to be asked" }
                    ))
                    .fix(if inside {
                        "write `replicasPerShard: 2`"
                    } else {
                        "name three in `sentinel.hosts`, in three zones, or write `replicasPerShard: 2`"
                    }),
                );
                continue;
            }
            let most =
                |zone: &&String| (zones.iter().filter(|z| *z == zone).count(), std::cmp::Reverse((*zone).clone()));
            let Some(fullest) = region.spec.zones.iter().max_by_key(most) else { continue };
            let there = zones.iter().filter(|zone| *zone == fullest).count();
            if count - there < majority(count) {
                self.problems.push(
                    Diagnostic::warning(
                        "BP119",
                        Place::Key(place.clone()),
                        format!("without zone `{fullest}` no failover can start"),
                    )
                    .also(Place::Key(path!["regions", &region.name, "zones"]), "the zones")
                    .because(format!(
                        "{there} of {count} sentinels are in it; {} are left, and {} must vote (F-RD-18, R-RD-25)",
                        count - there,
                        majority(count)
                    ))
                    .fix(if inside {
                        "give the region a third zone, or leave it out of `regions`"
                    } else {
                        "spread them over three zones"
                    }),
                );
            }
        }
    }
}
