//! The declared layout as people and scripts read it: roles.md, roles.json, and the tables inside the scripts.

use serde::Serialize;

use super::settings::role;
use crate::blueprint::placement::{Node, Sentinel, ZoneLoss, majority, zone_losses};
use crate::blueprint::{Blueprint, Redis, Region};

/// The layout of one cluster in one region.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Layout {
    /// The cluster's name.
    pub(super) cluster: String,
    /// The region.
    pub(super) region: String,
    /// The shards, in order of their slots.
    pub(super) shards: Vec<Shard>,
    /// The nodes, in order of their index.
    pub(super) nodes: Vec<Place>,
    /// The sentinels; none in a cluster.
    pub(super) sentinels: Vec<Watcher>,
    /// What the loss of each zone leaves.
    pub(super) losses: Vec<Loss>,
    /// Whether the loss of any one zone heals by itself.
    pub(super) survives: bool,
    /// Why not, for people.
    pub(super) weakness: Option<String>,
    /// How many zones there are.
    pub(super) zones: usize,
}

/// One shard.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Shard {
    /// Its number, from 0.
    pub(super) shard: u32,
    /// Its first slot.
    pub(super) first: u32,
    /// Its last slot.
    pub(super) last: u32,
    /// Its declared primary.
    pub(super) primary: String,
    /// Its declared replicas.
    pub(super) replicas: Vec<String>,
}

/// One node.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Place {
    /// Its name.
    pub(super) name: String,
    /// Where the others reach it.
    pub(super) host: String,
    /// The port for clients.
    pub(super) port: u16,
    /// The port of the bus.
    pub(super) bus: u16,
    /// Its zone.
    pub(super) zone: String,
    /// Its shard.
    pub(super) shard: u32,
    /// The first slot of its shard.
    pub(super) first: u32,
    /// The last slot of its shard.
    pub(super) last: u32,
    /// `primary` or `replica`, as declared.
    pub(super) role: &'static str,
    /// All of that as one line of a table: `name host port bus shard rank first last zone`.
    pub(super) row: String,
}

/// One sentinel.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Watcher {
    /// Its name.
    pub(super) name: String,
    /// Where others reach it.
    pub(super) host: String,
    /// Its port.
    pub(super) port: u16,
    /// Its zone.
    pub(super) zone: String,
    /// All of that as one line of a table.
    row: String,
}

/// What the loss of a zone leaves.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Loss {
    zone: String,
    nodes_lost: usize,
    primaries_lost: usize,
    primaries_left: usize,
    majority: usize,
    shards_lost: Vec<u32>,
    survives: bool,
    next_stops: Vec<String>,
    verdict: String,
}

/// The layout of a cluster in a region.
pub(super) fn layout(blueprint: &Blueprint, redis: &Redis, region: &Region) -> Layout {
    let nodes = redis.nodes(region);
    let shards = redis.spec.shards();
    let losses = zone_losses(&nodes, &region.spec.zones);
    let names = |shard: u32, primary: bool| {
        nodes.iter().filter(move |n| n.shard == shard && n.is_primary() == primary).map(|n| n.name.clone())
    };
    let shard = |number: u32| {
        let (first, last) = nodes.iter().find(|n| n.shard == number).map_or((0, 0), |n| n.slots(shards));
        let primary = names(number, true).next().unwrap_or_default();
        Shard { shard: number, first, last, primary, replicas: names(number, false).collect() }
    };
    let sentinels = redis.sentinels(region);
    if redis.spec.is_sentinel() {
        let losses: Vec<Loss> = region.spec.zones.iter().map(|zone| watched_loss(zone, &nodes, &sentinels)).collect();
        let bad: Vec<&str> = losses.iter().filter(|loss| !loss.survives).map(|loss| loss.zone.as_str()).collect();
        return Layout {
            cluster: redis.name.clone(),
            region: region.name.clone(),
            shards: vec![shard(0)],
            nodes: nodes.iter().map(|node| place(blueprint, redis, node)).collect(),
            survives: bad.is_empty(),
            weakness: (!bad.is_empty()).then(|| {
                format!("The loss of {} is NOT survived: spread nodes and sentinels over three zones.", bad.join(", "))
            }),
            losses,
            zones: region.spec.zones.len(),
            sentinels: sentinels.iter().map(|sentinel| watcher(blueprint, redis, sentinel)).collect(),
        };
    }
    Layout {
        cluster: redis.name.clone(),
        region: region.name.clone(),
        shards: (0..shards).map(shard).collect(),
        nodes: nodes.iter().map(|node| place(blueprint, redis, node)).collect(),
        survives: losses.iter().all(ZoneLoss::survives),
        weakness: weakness(&losses, region.spec.zones.len(), shards),
        losses: losses.into_iter().map(|l| loss(l, &nodes)).collect(),
        zones: region.spec.zones.len(),
        sentinels: Vec::new(),
    }
}

fn watcher(blueprint: &Blueprint, redis: &Redis, sentinel: &Sentinel) -> Watcher {
    let host = host(blueprint, redis, &sentinel.name, &sentinel.address);
    Watcher {
        row: format!("{} {host} {} {}", sentinel.name, sentinel.port, sentinel.zone),
        name: sentinel.name.clone(),
        host,
        port: sentinel.port,
        zone: sentinel.zone.clone(),
    }
}

/// What the loss of a zone leaves under Sentinel: a copy elsewhere, and the votes of a majority of all sentinels (F-RD-18).
fn watched_loss(zone: &str, nodes: &[Node], sentinels: &[Sentinel]) -> Loss {
    let nodes_lost = nodes.iter().filter(|n| n.zone == zone).count();
    let left = sentinels.iter().filter(|s| s.zone != zone).count();
    let majority = majority(sentinels.len());
    let primaries_lost = usize::from(nodes.iter().any(|n| n.zone == zone && n.is_primary()));
    let copies = nodes.len() - nodes_lost;
    // Any of the nodes may be the primary by then.
    let survives = copies > 0 && left >= majority;
    let verdict = match (copies, left >= majority) {
        (0, _) => "is LOST: no copy elsewhere".to_owned(),
        (_, true) if primaries_lost == 0 => "goes on with a copy less".to_owned(),
        (_, true) => "heals by itself".to_owned(),
        (_, false) if primaries_lost == 0 => format!("goes on, and no failover can start: {left} of {majority} votes"),
        (_, false) => format!("STOPS: {left} of {majority} votes"),
    };
    Loss {
        zone: zone.to_owned(),
        nodes_lost,
        primaries_lost,
        primaries_left: left,
        majority,
        shards_lost: if copies == 0 { vec![0] } else { Vec::new() },
        survives,
        next_stops: Vec::new(),
        verdict,
    }
}

/// Where others reach what has this name: at its address, or at the name of the pod that it is in.
pub(super) fn host(blueprint: &Blueprint, redis: &Redis, name: &str, address: &Option<String>) -> String {
    address.clone().unwrap_or_else(|| redis.pod_host(blueprint, name))
}

fn place(blueprint: &Blueprint, redis: &Redis, node: &Node) -> Place {
    let host = host(blueprint, redis, &node.name, &node.address);
    let (first, last) = node.slots(redis.spec.shards());
    let (port, bus) = (node.ports.redis, node.bus_port());
    let row = format!("{} {host} {port} {bus} {} {} {first} {last} {}", node.name, node.shard, node.rank, node.zone);
    Place {
        name: node.name.clone(),
        host,
        port,
        bus,
        zone: node.zone.clone(),
        shard: node.shard,
        first,
        last,
        role: role(node),
        row,
    }
}

fn loss(loss: ZoneLoss, nodes: &[Node]) -> Loss {
    let survives = loss.survives();
    let verdict = if survives {
        "heals by itself".to_owned()
    } else if loss.shards_lost.is_empty() {
        format!("STOPS: {} of {} votes", loss.primaries_left, loss.majority)
    } else {
        format!("LOSES shards {}", join(loss.shards_lost.iter()))
    };
    Loss {
        nodes_lost: nodes.iter().filter(|n| n.zone == loss.zone).count(),
        zone: loss.zone,
        primaries_lost: loss.primaries_lost,
        primaries_left: loss.primaries_left,
        majority: loss.majority,
        shards_lost: loss.shards_lost,
        survives,
        next_stops: loss.next_stops,
        verdict,
    }
}

/// Why some zone's loss is not survived, in one sentence.
fn weakness(losses: &[ZoneLoss], zones: usize, shards: u32) -> Option<String> {
    let bad: Vec<&ZoneLoss> = losses.iter().filter(|loss| !loss.survives()).collect();
    if bad.is_empty() {
        return None;
    }
    let which = join(bad.iter().map(|loss| &loss.zone));
    let why = match zones {
        1 => "there is only one zone".to_owned(),
        2 => "of two zones one always holds half of the primaries or more, and no placement changes that: a third zone does".to_owned(),
        _ if bad.iter().any(|loss| !loss.shards_lost.is_empty()) => {
            "the hosts are spread so unevenly that some shard lies in one zone alone".to_owned()
        }
        _ => format!(
            "{shards} primaries in {zones} zones leave no majority when the fullest zone goes: {} do, or a further zone",
            if shards == 4 { "3, 5 or 6" } else { "more primaries, evenly spread," }
        ),
    };
    Some(format!("The loss of {which} is NOT survived: {why}."))
}

fn join<T: ToString>(items: impl Iterator<Item = T>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}
