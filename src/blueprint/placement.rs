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

/// The nodes of a Redis cluster in a region, in the order of their index.
pub fn place(redis: &Redis, region: &Region) -> Vec<Node> {
    let zones = &region.spec.zones;
    let spec = &redis.spec;
    let wanted = (0..=spec.replicas_per_shard).flat_map(|rank| (0..spec.shards).map(move |shard| (shard, rank)));
    // The zone of rank r of shard s: so many zones behind its primary's. Shards that share a zone for their primary
    // start at different offsets, so that two primaries of one zone do not both fail over into the same other zone.
    let zone_index = |shard: u32, rank: u32| {
        let count = zones.len() as u32;
        let round = shard / count;
        let step = if rank == 0 { 0 } else { 1 + (rank - 1 + round) % count.saturating_sub(1).max(1) };
        ((shard + step) % count) as usize
    };
    if redis.on_kubernetes() {
        return wanted
            .enumerate()
            .map(|(index, (shard, rank))| Node {
                index,
                name: names::redis_node(&redis.name, index),
                zone: zones[zone_index(shard, rank)].clone(),
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
        let wish = &zones[zone_index(shard, rank)];
        let taken: Vec<&str> = nodes.iter().filter(|n| n.shard == shard).map(|n| n.zone.as_str()).collect();
        // The wished zone; else one that the shard is not in yet; else whatever is left.
        let choice = free
            .iter()
            .position(|(_, host)| host.zone == *wish)
            .or_else(|| free.iter().position(|(_, host)| !taken.contains(&host.zone.as_str())))
            .or(if free.is_empty() { None } else { Some(0) });
        let Some(choice) = choice else { break };
        let (name, host) = free.remove(choice);
        let directories = host.directories.as_ref().unwrap_or(&spec.directories);
        nodes.push(Node {
            index,
            name: name.to_string(),
            zone: host.zone.clone(),
            shard,
            rank,
            address: Some(host.address.to_string()),
            ports: host.ports.unwrap_or(spec.ports),
            data: directories.data.to_string(),
            config: directories.config.to_string(),
        });
    }
    nodes
}
