//! What two things on one machine would take from each other: ports here, directories and units of systemd in files of their
//! own. A machine is its address.

use std::collections::{BTreeMap, BTreeSet};

use super::Resolver;
use super::refused::Listener;
use super::{directories, units};
use crate::blueprint::{Postgres, Redis, Region, names, raw};
use crate::document::Path;
use crate::path;

/// A port on a machine.
struct Port {
    key: (String, u16),
    by: Listener,
    store: Path,
}

/// Two of these at one place are said already, at the addresses of their hosts (`BP164`).
const TOLD: [&str; 3] = ["PostgreSQL", "Patroni", "Redis"];

impl Resolver<'_> {
    /// What stores would take from each other where they share a machine.
    pub(super) fn machines(&mut self, postgres: &[Postgres], redis: &[Redis]) {
        let (mut listeners, mut paths, mut units_there) = (Vec::new(), Vec::new(), Vec::new());
        for region in &self.regions {
            for cluster in postgres.iter().filter(|c| c.is_rendered() && !c.on_kubernetes() && c.role(region).is_some())
            {
                of_postgres(cluster, region, &mut listeners);
                directories::of_postgres(cluster, self.spec, region, &mut paths);
                units::of_postgres(cluster, region, &mut units_there);
            }
            for cluster in redis.iter().filter(|c| c.is_rendered() && !c.on_kubernetes() && c.in_region(region)) {
                of_redis(cluster, region, &mut listeners);
                directories::of_redis(cluster, self.spec, region, &mut paths);
                units::of_redis(cluster, region, &mut units_there);
            }
        }
        self.ports_of_machines(listeners);
        self.directories_of_their_own(&paths);
        self.units_of_their_own(units_there);
    }

    fn ports_of_machines(&mut self, listeners: Vec<Port>) {
        let mut taken: BTreeMap<(String, u16), Listener> = BTreeMap::new();
        let mut of: BTreeMap<(String, u16), Path> = BTreeMap::new();
        let mut said = BTreeSet::new();
        for Port { key, by, store } in listeners {
            let other = of.entry(key.clone()).or_insert_with(|| store.clone()).clone();
            if taken.get(&key).is_some_and(|(what, _)| *what == by.0) {
                // The same program of one store: its hosts share a machine, which is said of them. Of two stores: said once.
                if other == store || TOLD.contains(&by.0) || !said.insert((other, store, by.0)) {
                    continue;
                }
            }
            self.takes(&mut taken, key, by, "on one machine");
        }
    }
}

/// What listens for a Redis on the hosts of a region.
fn of_redis(cluster: &Redis, region: &Region, listeners: &mut Vec<Port>) {
    let store = path!["redis", &cluster.name];
    // Under Sentinel there is no bus.
    let has_bus = !cluster.spec.is_sentinel();
    for (host, facts) in cluster.spec.hosts.iter().filter(|(_, host)| region.spec.zones.contains(&host.zone)) {
        let ports = facts.ports.unwrap_or(cluster.spec.ports);
        let at = if facts.ports.is_some() { store.key("hosts").key(host).key("ports") } else { store.key("ports") };
        let bus = ports.bus.map_or(u32::from(ports.redis) + 10_000, u32::from);
        let mut add = |what, field: &str, port: u16| {
            let (key, by) = ((facts.address.canonical(), port), (what, at.key(field)));
            listeners.push(Port { key, by, store: store.clone() });
        };
        add("Redis", "redis", ports.redis);
        if let Some(bus) = u16::try_from(bus).ok().filter(|_| has_bus) {
            add("the bus of Redis", "bus", bus);
        }
        add("redis_exporter", "exporter", ports.exporter);
    }
    let own = cluster.spec.sentinel.as_ref().map(|sentinel| &sentinel.hosts);
    for sentinel in cluster.sentinels(region) {
        let facts = own.and_then(|hosts| hosts.iter().find(|(name, _)| name.as_str() == sentinel.name));
        let at = match facts {
            Some((name, host)) if host.ports.is_some() => store.key("sentinel").key("hosts").key(name).key("ports"),
            _ => store.key("ports"),
        };
        let key = (sentinel.address.unwrap_or_default(), sentinel.port);
        listeners.push(Port { key, by: ("Sentinel", at.key("sentinel")), store: store.clone() });
    }
}

/// What listens for a cluster on the hosts of a region.
fn of_postgres(cluster: &Postgres, region: &Region, listeners: &mut Vec<Port>) {
    let store = path!["postgres", &cluster.name];
    let mut add = |address: &str, port: u16, what, at: Path| {
        listeners.push(Port { key: (address.to_owned(), port), by: (what, at), store: store.clone() });
    };
    for member in cluster.members(region) {
        let own = cluster.spec.hosts.iter().any(|(name, h)| name.as_str() == member.name && h.ports.is_some());
        let at = if own { store.key("hosts").key(&member.name).key("ports") } else { store.key("ports") };
        add(&member.address, member.ports.postgres, "PostgreSQL", at.key("postgres"));
        add(&member.address, member.ports.rest, "Patroni", at.key("rest"));
        add(&member.address, member.ports.exporter, "postgres_exporter", at.key("exporter"));
        if cluster.backs_up_from_standby(region) {
            add(&member.address, member.ports.backup, "pgBackRest's server", at.key("backup"));
        }
        if cluster.spec.backup.is_some() {
            let port = names::PORT_PGBACKREST_EXPORTER;
            add(&member.address, port, "pgbackrest_exporter", store.key("backup"));
        }
    }
    let consensus = &cluster.spec.consensus;
    for member in cluster.etcd(region) {
        let own = consensus.hosts.iter().any(|(name, h)| name.as_str() == member.name && h.ports.is_some());
        let at = store.key("consensus");
        let at = if own { at.key("hosts").key(&member.name).key("ports") } else { at.key("ports") };
        add(&member.address, member.ports.client, "clients of etcd", at.key("client"));
        add(&member.address, member.ports.peer, "peers of etcd", at.key("peer"));
    }
    let (router, pool) = (&cluster.spec.router, &cluster.spec.pool);
    for host in cluster.routers(region) {
        let at = store.key("router");
        add(&host.address, router.port, "HAProxy, to the primary", at.key("port"));
        add(&host.address, router.replica_port, "HAProxy, to replicas", at.key("replicaPort"));
        if cluster.spec.replication.is_synchronous() {
            add(&host.address, router.sync_port, "HAProxy, to standbys that confirm", at.key("syncPort"));
        }
        add(&host.address, router.metrics_port, "HAProxy's metrics", at.key("metricsPort"));
        if pool.kind == raw::PoolKind::Pgbouncer {
            add(&host.address, pool.port, "PgBouncer", store.key("pool").key("port"));
            let port = names::PORT_PGBOUNCER_EXPORTER;
            add(&host.address, port, "pgbouncer_exporter", store.key("pool"));
        }
    }
}
