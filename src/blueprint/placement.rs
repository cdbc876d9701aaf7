//! Which Redis node is primary or replica of which shard, and in which zone.
//!
//! The loss of one zone must leave a majority of the primaries and a copy of every shard (X-RD-5). Primaries go
//! round the zones; the replicas of shard `s` go to the zones behind its primary's, so that each zone's failover
//! load falls on the others evenly.

use super::raw;
use super::{Redis, Region, names};

/// All hash slots of a Redis Cluster (F-RD-10).
pub const SLOTS: u32 = 16_384;

/// A Redis node with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its index, from 0; primaries come first.
    pub index: usize,
    /// Its name: that of the host, or of its StatefulSet.
    pub name: String,
    /// Its zone.
    pub zone: String,
    /// The shard that it belongs to, from 0.
    pub shard: u32,
    /// The place in its shard: 0 is the primary.
    pub rank: u32,
    /// Its address, on hosts.
    pub address: Option<String>,
    /// Its ports.
    pub ports: raw::RedisPorts,
    /// Its data directory, on hosts.
    pub data: String,
    /// The directory of its configuration, on hosts.
    pub config: String,
}

impl Node {
    /// Whether it is the primary of its shard.
    pub fn is_primary(&self) -> bool {
        self.rank == 0
    }

    /// The first and the last slot of its shard, when there are so many shards.
    pub fn slots(&self, shards: u32) -> (u32, u32) {
        (self.shard * SLOTS / shards, (self.shard + 1) * SLOTS / shards - 1)
    }

    /// The port of the cluster's bus.
    pub fn bus_port(&self) -> u16 {
        self.ports.bus.unwrap_or(self.ports.redis.saturating_add(10_000))
    }
}

/// What the loss of one zone leaves of a Redis cluster (X-RD-5), and what the layout is afterwards (X-RD-6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneLoss {
    /// The zone that is lost.
    pub zone: String,
    /// How many primaries go with it.
    pub primaries_lost: usize,
    /// How many primaries are left to vote.
    pub primaries_left: usize,
    /// How many votes a failover needs: those of lost primaries count (F-RD-07).
    pub majority: usize,
    /// The shards that have no copy in any other zone.
    pub shards_lost: Vec<u32>,
    /// The zones whose loss would stop the cluster once the replicas have taken over, until the declared roles are back.
    pub next_stops: Vec<String>,
}

impl ZoneLoss {
    /// Whether the cluster heals by itself with nothing lost.
    pub fn survives(&self) -> bool {
        self.primaries_left >= self.majority && self.shards_lost.is_empty()
    }
}

/// How many of so many voters are more than half of them.
pub const fn majority(voters: usize) -> usize {
    voters / 2 + 1
}

/// What the loss of each zone leaves; `nodes` are those of one cluster in one region.
pub fn zone_losses(nodes: &[Node], zones: &[String]) -> Vec<ZoneLoss> {
    let primaries: Vec<&Node> = nodes.iter().filter(|n| n.is_primary()).collect();
    let majority = majority(primaries.len());
    let lose = |zone: &String| {
        let primaries_lost = primaries.iter().filter(|p| p.zone == *zone).count();
        let shard_of = |p: &&Node| p.shard;
        let survivor = |shard: u32| nodes.iter().find(|n| n.shard == shard && n.zone != *zone);
        let shards_lost: Vec<u32> = primaries.iter().map(shard_of).filter(|shard| survivor(*shard).is_none()).collect();
        // A primary elsewhere goes on; of a lost one any replica may be elected: the offset decides, and then chance (F-RD-05).
        // So a zone counts all primaries that it can come to hold.
        let heirs = |p: &Node| -> Vec<&Node> {
            let here = |n: &&Node| n.shard == p.shard && n.zone != *zone && (p.zone == *zone || n.is_primary());
            nodes.iter().filter(here).collect()
        };
        let after: Vec<Vec<&Node>> = primaries.iter().map(|p| heirs(p)).filter(|heirs| !heirs.is_empty()).collect();
        let left_by = |next: &String| after.iter().filter(|heirs| heirs.iter().all(|n| n.zone != *next)).count();
        let next_stops = zones.iter().filter(|next| *next != zone && left_by(next) < majority).cloned().collect();
        let primaries_left = primaries.len() - primaries_lost;
        ZoneLoss { zone: zone.clone(), primaries_lost, primaries_left, majority, shards_lost, next_stops }
    };
    zones.iter().map(lose).collect()
}

/// A sentinel with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentinel {
    /// Its name: that of its host, or of the node beside it.
    pub name: String,
    /// Its zone.
    pub zone: String,
    /// Where others reach it, on hosts.
    pub address: Option<String>,
    /// Its port.
    pub port: u16,
    /// The directory of its state, on hosts.
    pub data: String,
    /// The directory of its configuration, on hosts.
    pub config: String,
}

/// The sentinels of a store in a region: on hosts of their own where those are named, else beside every node; on Kubernetes
/// always so, for a sentinel must remember who the primary is, and its node has a volume and is bound to a zone.
pub fn sentinels(redis: &Redis, region: &Region) -> Vec<Sentinel> {
    let spec = &redis.spec;
    if !spec.is_sentinel() {
        return Vec::new();
    }
    let own = spec.sentinel.as_ref().map(|sentinel| &sentinel.hosts).filter(|hosts| !hosts.is_empty());
    let Some(hosts) = own else {
        let beside = |node: Node| Sentinel {
            name: node.name,
            zone: node.zone,
            address: node.address,
            port: node.ports.sentinel,
            data: node.data,
            config: node.config,
        };
        return place(redis, region).into_iter().map(beside).collect();
    };
    let of_host = |(name, host): (&raw::Name, &raw::RedisHost)| {
        let directories = host.directories.as_ref().unwrap_or(&spec.directories);
        Sentinel {
            name: name.to_string(),
            zone: host.zone.clone(),
            address: Some(host.address.canonical()),
            port: host.ports.unwrap_or(spec.ports).sentinel,
            data: directories.data.to_string(),
            config: directories.config.to_string(),
        }
    };
    hosts.iter().filter(|(_, host)| region.spec.zones.contains(&host.zone)).map(of_host).collect()
}

/// The nodes of a Redis cluster in a region, in the order of their index.
pub fn place(redis: &Redis, region: &Region) -> Vec<Node> {
    let zones = &region.spec.zones;
    let spec = &redis.spec;
    let wanted = (0..=spec.replicas_per_shard).flat_map(|rank| (0..spec.shards()).map(move |shard| (shard, rank)));
    if redis.on_kubernetes() {
        return wanted
            .enumerate()
            .map(|(index, (shard, rank))| Node {
                index,
                name: names::redis_node(&redis.name, index),
                zone: zones[wished_zone(zones.len(), shard, rank)].clone(),
                shard,
                rank,
                address: None,
                ports: spec.ports,
                data: "/data".to_owned(),
                config: "/etc/redis".to_owned(),
            })
            .collect();
    }
    let mut free: Vec<(&raw::Name, &raw::RedisHost)> =
        spec.hosts.iter().filter(|(_, host)| zones.contains(&host.zone)).collect();
    let mut nodes: Vec<Node> = Vec::new();
    for (index, (shard, rank)) in wanted.enumerate() {
        let wish = &zones[wished_zone(zones.len(), shard, rank)];
        let Some(choice) = choose(&free, &nodes, wish, (shard, rank)) else { break };
        let (name, host) = free.remove(choice);
        let directories = host.directories.as_ref().unwrap_or(&spec.directories);
        nodes.push(Node {
            index,
            name: name.to_string(),
            zone: host.zone.clone(),
            shard,
            rank,
            address: Some(host.address.canonical()),
            ports: host.ports.unwrap_or(spec.ports),
            data: directories.data.to_string(),
            config: directories.config.to_string(),
        });
    }
    separate(&mut nodes);
    nodes
}

/// The zone of rank `rank` of shard `shard`: so many zones behind its primary's, its primary's own only when all others
/// have one. Shards that share a zone for their primary start at different offsets, so that two primaries of one zone do
/// not both fail over into the same other zone.
pub(super) fn wished_zone(zones: usize, shard: u32, rank: u32) -> usize {
    let count = u32::try_from(zones).unwrap_or(u32::MAX).max(1);
    let others = count - 1;
    let turn = rank.saturating_sub(1) % count;
    let step = if rank == 0 || turn == others { 0 } else { 1 + (turn + shard / count) % others };
    ((shard + step) % count) as usize
}

/// Which of the free hosts a node gets: one in the wished zone; else a primary goes where the fewest primaries are, a
/// replica where its shard is not yet.
fn choose(
    free: &[(&raw::Name, &raw::RedisHost)],
    nodes: &[Node],
    wish: &str,
    (shard, rank): (u32, u32),
) -> Option<usize> {
    if let Some(wished) = free.iter().position(|(_, host)| host.zone == *wish) {
        return Some(wished);
    }
    let there = |zone: &str| nodes.iter().filter(|n| n.zone == zone && (rank == 0 || n.shard == shard)).count();
    (0..free.len()).min_by_key(|at| (there(&free[*at].1.zone), *at))
}

/// Swaps replicas until no exchange takes two nodes of one shard out of one zone. With one replica for each shard that
/// always succeeds where it is possible at all: where no zone holds more hosts than there are shards.
fn separate(nodes: &mut [Node]) {
    let together = |nodes: &[Node], shard: u32| {
        let of: Vec<&Node> = nodes.iter().filter(|n| n.shard == shard).collect();
        let pairs = of.iter().enumerate().flat_map(|(at, a)| of[at + 1..].iter().filter(move |b| a.zone == b.zone));
        // A replica beside its primary is worse than two replicas together: the zone takes them at once.
        pairs.count() + of.iter().filter(|n| n.rank > 0 && of.iter().any(|p| p.rank == 0 && p.zone == n.zone)).count()
    };
    loop {
        let bad: Vec<usize> = (0..nodes.len())
            .filter(|at| {
                let node = &nodes[*at];
                node.rank > 0
                    && nodes.iter().any(|n| n.index != node.index && n.shard == node.shard && n.zone == node.zone)
            })
            .collect();
        let mut improved = false;
        for one in bad {
            for other in 0..nodes.len() {
                let (a, b) = (nodes[one].shard, nodes[other].shard);
                if nodes[other].rank == 0 || a == b || nodes[one].zone == nodes[other].zone {
                    continue;
                }
                let before = together(nodes, a) + together(nodes, b);
                exchange(nodes, one, other);
                if together(nodes, a) + together(nodes, b) < before {
                    improved = true;
                    break;
                }
                exchange(nodes, one, other);
            }
        }
        if !improved {
            return;
        }
    }
}

/// Lets two nodes take each other's place in the layout: index, shard and rank stay where they are, the machines change.
fn exchange(nodes: &mut [Node], one: usize, other: usize) {
    nodes.swap(one, other);
    let place = |node: &Node| (node.index, node.shard, node.rank);
    let (first, second) = (place(&nodes[one]), place(&nodes[other]));
    (nodes[one].index, nodes[one].shard, nodes[one].rank) = second;
    (nodes[other].index, nodes[other].shard, nodes[other].rank) = first;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blueprint::{Blueprint, resolve};

    fn blueprint(shards: u32, replicas: u32, zones: &[&str], hosts: &[&str]) -> Blueprint {
        let platform = if hosts.is_empty() { "kubernetes" } else { "hosts" };
        let image = format!("r.example.com/redis:7.2@sha256:{}", "0".repeat(64));
        let hosts: Vec<String> = hosts
            .iter()
            .enumerate()
            .map(|(at, zone)| format!("r-{at:03}: {{address: 10.0.0.{at}, zone: {zone}}}"))
            .collect();
        let text = format!(
            "apiVersion: hagen.dev/v1\nkind: Blueprint\nmetadata: {{name: t}}\nobjectives: {{rto: 5m}}\n\
             regions: {{r: {{role: primary, zones: [{}]}}}}\n\
             redis: {{c: {{platform: {platform}, shards: {shards}, replicasPerShard: {replicas}, memory: 1Gi, \
             image: \"{image}\", hosts: {{{}}}}}}}\n",
            zones.join(", "),
            hosts.join(", ")
        );
        let spec: raw::Blueprint = serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
        let (blueprint, problems) = resolve::resolve(spec, None);
        blueprint.unwrap_or_else(|| panic!("{problems:#?}"))
    }

    fn layout(blueprint: &Blueprint) -> (Vec<Node>, Vec<ZoneLoss>) {
        let region = blueprint.primary();
        let nodes = blueprint.redis[0].nodes(region);
        let losses = zone_losses(&nodes, &region.spec.zones);
        (nodes, losses)
    }

    #[test]
    fn three_zones_survive_the_loss_of_each() {
        for shards in 3..=9 {
            for replicas in 1..=2 {
                let (nodes, losses) = layout(&blueprint(shards, replicas, &["a", "b", "c"], &[]));
                assert_eq!(nodes.len(), (shards * (1 + replicas)) as usize);
                for loss in &losses {
                    assert!(loss.shards_lost.is_empty(), "{shards}+{replicas}: {loss:?}");
                    // Four primaries in three zones: one zone holds two, and two of four are no majority. No placement helps.
                    assert_eq!(
                        loss.survives(),
                        shards != 4 || loss.primaries_lost < 2,
                        "{shards}+{replicas}: {loss:?}"
                    );
                }
                for shard in 0..shards {
                    let mut zones: Vec<&str> =
                        nodes.iter().filter(|n| n.shard == shard).map(|n| n.zone.as_str()).collect();
                    zones.sort_unstable();
                    zones.dedup();
                    assert_eq!(zones.len(), 1 + replicas as usize, "{shards}+{replicas}: shard {shard}");
                }
            }
        }
        let (_, losses) = layout(&blueprint(4, 1, &["a", "b", "c", "d"], &[]));
        assert!(losses.iter().all(ZoneLoss::survives), "{losses:?}");
    }

    #[test]
    fn the_failover_load_of_a_zone_is_shared() {
        let (nodes, _) = layout(&blueprint(6, 1, &["a", "b", "c"], &[]));
        let into = |from: &str, to: &str| {
            let there = |n: &&Node| n.zone == from && n.is_primary();
            let replica = |p: &Node| nodes.iter().any(|n| n.shard == p.shard && n.rank == 1 && n.zone == to);
            nodes.iter().filter(there).filter(|p| replica(p)).count()
        };
        assert_eq!((into("a", "b"), into("a", "c"), into("b", "a"), into("b", "c")), (1, 1, 1, 1));
    }

    #[test]
    fn two_zones_cannot_survive_the_loss_of_the_larger_half() {
        for shards in 3..=9 {
            let (_, losses) = layout(&blueprint(shards, 1, &["a", "b"], &[]));
            assert!(losses.iter().any(|loss| !loss.survives()), "{shards}");
            assert!(losses.iter().all(|loss| loss.shards_lost.is_empty()), "{shards}");
        }
        let (_, losses) = layout(&blueprint(3, 1, &["a"], &[]));
        assert_eq!(losses[0].shards_lost, [0, 1, 2]);
    }

    #[test]
    fn a_second_loss_stops_three_primaries_until_failback() {
        let (_, losses) = layout(&blueprint(3, 1, &["a", "b", "c"], &[]));
        assert_eq!(losses[0].next_stops, ["b"]);
    }

    #[test]
    fn hosts_in_any_order_and_number_are_separated_where_it_is_possible() {
        let zones = ["a", "b", "c"];
        for hosts in [
            &["a", "b", "c", "a", "b", "c"][..],
            &["a", "a", "b", "b", "c", "c"],
            &["a", "a", "a", "b", "b", "c"],
            &["b", "b", "b", "c", "c", "a"],
            &["c", "c", "a", "a", "a", "b"],
            &["a", "a", "a", "b", "b", "b"],
        ] {
            let (nodes, losses) = layout(&blueprint(3, 1, &zones, hosts));
            assert!(losses.iter().all(|loss| loss.shards_lost.is_empty()), "{hosts:?}: {nodes:#?}");
            let mut names: Vec<&str> = nodes.iter().map(|n| n.name.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), 6);
            assert!(nodes.iter().enumerate().all(|(at, n)| n.index == at && n.rank == (at / 3) as u32));
        }
        let (_, losses) = layout(&blueprint(3, 1, &zones, &["a", "a", "a", "a", "b", "c"]));
        assert!(losses.iter().any(|loss| !loss.shards_lost.is_empty()));
        for hosts in [&["a", "b", "c", "a", "b", "c", "a", "b", "c"], &["a", "a", "a", "b", "b", "b", "c", "c", "c"]] {
            let (_, losses) = layout(&blueprint(3, 2, &zones, hosts));
            assert!(losses.iter().all(ZoneLoss::survives));
        }
    }
}
