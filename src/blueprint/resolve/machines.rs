//! What two things on one machine would take from each other: ports, directories, units of systemd. A machine is its address.

use std::collections::{BTreeMap, BTreeSet};

use super::Resolver;
use super::refused::Listener;
use crate::blueprint::{Postgres, Redis, Region, names, raw};
use crate::diagnostics::{Diagnostic, Place};
use crate::document::Path;
use crate::path;

/// What stands behind `hagen-NAME-` in the units of a PostgreSQL cluster.
const POSTGRES_UNITS: [&str; 12] = [
    "etcd",
    "patroni",
    "exporter",
    "pgbackrest-exporter",
    "haproxy",
    "pgbouncer",
    "pgbouncer-exporter",
    "backup-full",
    "backup-diff",
    "backup-incr",
    "backup-verify",
    "backup-server",
];

/// A port on a machine.
struct Port {
    key: (String, u16),
    by: Listener,
    store: Path,
}

/// Two of these at one place are said already, at the addresses of their hosts (`BP164`).
const TOLD: [&str; 3] = ["PostgreSQL", "Patroni", "Redis"];

/// A directory of a store on a machine, or a unit there.
struct Taken {
    machine: String,
    what: String,
    /// What it belongs to: a store, whose files may lie together, or one host, for data.
    store: Path,
    at: Path,
}

impl Resolver<'_> {
    /// What stores would take from each other where they share a machine.
    pub(super) fn machines(&mut self, postgres: &[Postgres], redis: &[Redis]) {
        let (mut listeners, mut directories, mut units) = (Vec::new(), Vec::new(), Vec::new());
        for region in &self.regions {
            for cluster in postgres.iter().filter(|c| c.is_rendered() && !c.on_kubernetes() && c.role(region).is_some())
            {
                of_postgres(cluster, region, &mut listeners);
                directories_of_postgres(cluster, region, &mut directories);
                units_of(&directories, &path!["postgres", &cluster.name], &mut units, |machine| {
                    let name = &cluster.name;
                    POSTGRES_UNITS.iter().map(|what| (machine.to_owned(), format!("hagen-{name}-{what}"))).collect()
                });
            }
            for cluster in redis.iter().filter(|c| c.is_rendered() && !c.on_kubernetes() && c.in_region(region)) {
                of_redis(cluster, region, &mut listeners);
                directories_of_redis(cluster, region, &mut directories);
                units_of(&directories, &path!["redis", &cluster.name], &mut units, |machine| {
                    let name = names::redis(&cluster.name);
                    let sentinel = cluster.spec.is_sentinel().then_some("-sentinel");
                    let backup = cluster.spec.backup.as_ref().map(|_| "-backup");
                    let units = ["", "-exporter"].into_iter().chain(sentinel).chain(backup);
                    units.map(|what| (machine.to_owned(), format!("{name}{what}"))).collect()
                });
            }
        }
        self.ports_of_machines(listeners);
        self.one_store_each(directories, "BP251", |path| {
            (
                format!("two things would have their files in {path} on one machine"),
                "the files of one would overwrite those of the other, or be removed with them",
                "give one of them its own `directories`",
            )
        });
        self.one_store_each(units, "BP252", |unit| {
            (
                format!("two stores of one machine would have a unit `{unit}`"),
                "the unit of one would overwrite that of the other",
                "give one of them another name, or another machine",
            )
        });
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

    /// Each of these belongs to one store. `words`: what is said, why, and what helps.
    fn one_store_each(
        &mut self,
        all: Vec<Taken>,
        id: &'static str,
        words: impl Fn(&str) -> (String, &'static str, &'static str),
    ) {
        let mut first: BTreeMap<(String, String), (Path, Path)> = BTreeMap::new();
        let mut said: BTreeSet<(Path, Path)> = BTreeSet::new();
        for taken in all {
            let key = (taken.machine, taken.what);
            let Some((store, at)) = first.get(&key) else {
                first.insert(key, (taken.store, taken.at));
                continue;
            };
            // Once for two stores: what they share on one machine they share on the next, too.
            if *store == taken.store || !said.insert((store.clone(), taken.store)) {
                continue;
            }
            let (title, why, fix) = words(&key.1);
            self.problems.push(
                Diagnostic::error(id, Place::Value(taken.at), title)
                    .label(format!("on {}", key.0))
                    .also(Place::Value(at.clone()), "the other one")
                    .because(why)
                    .fix(fix),
            );
        }
    }
}

/// The units of a store on every machine that it has directories on.
fn units_of(
    directories: &[Taken],
    store: &Path,
    units: &mut Vec<Taken>,
    names: impl Fn(&str) -> Vec<(String, String)>,
) {
    let machines: BTreeSet<&str> =
        directories.iter().filter(|d| d.store == *store).map(|d| d.machine.as_str()).collect();
    for machine in machines {
        let named = names(machine).into_iter();
        units.extend(named.map(|(machine, what)| Taken { machine, what, store: store.clone(), at: store.clone() }));
    }
}

fn directories_of_postgres(cluster: &Postgres, region: &Region, all: &mut Vec<Taken>) {
    let store = path!["postgres", &cluster.name];
    let mut add = |machine: &str, path: &str, at: Path, of: &Path| {
        let what = path.trim_end_matches('/').to_owned();
        all.push(Taken { machine: machine.to_owned(), what, store: of.clone(), at });
    };
    for member in cluster.members(region) {
        let at = store.key("hosts").key(&member.name);
        add(&member.address, &member.data, at.clone(), &at);
        // What scripts make beside the data, and remove again.
        for beside in ["look", "verify", "spool"].iter().filter(|_| cluster.spec.backup.is_some()) {
            add(&member.address, &format!("{}-{beside}", member.data.trim_end_matches('/')), at.clone(), &at);
        }
        add(&member.address, &member.config, at, &store);
    }
    for member in cluster.etcd(region) {
        let at = store.key("consensus");
        add(&member.address, &member.data, at.clone(), &store);
        add(&member.address, &member.config, at, &store);
    }
    for router in cluster.routers(region) {
        add(&router.address, &router.config, store.key("router"), &store);
    }
}

fn directories_of_redis(cluster: &Redis, region: &Region, all: &mut Vec<Taken>) {
    let store = path!["redis", &cluster.name];
    let mut add = |machine: &str, path: &str, at: Path| {
        let what = path.trim_end_matches('/').to_owned();
        all.push(Taken { machine: machine.to_owned(), what, store: store.clone(), at });
    };
    for (name, host) in cluster.spec.hosts.iter().filter(|(_, host)| region.spec.zones.contains(&host.zone)) {
        let directories = host.directories.as_ref().unwrap_or(&cluster.spec.directories);
        let (at, machine) = (store.key("hosts").key(name), host.address.canonical());
        add(&machine, directories.data.as_str(), at.clone());
        add(&machine, directories.config.as_str(), at);
    }
    for sentinel in cluster.sentinels(region) {
        let machine = sentinel.address.unwrap_or_default();
        add(&machine, &sentinel.data, store.key("sentinel"));
        add(&machine, &sentinel.config, store.key("sentinel"));
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
