//! Values that each have their form and that the system which reads them refuses, or takes for something else: names that
//! it keeps for itself, ports that two programs of one pod want, one thing named twice. What two stores of one machine would
//! take from each other: `machines.rs`.

use std::collections::BTreeMap;

use super::Resolver;
use crate::blueprint::{Postgres, Redis, names, raw};
use crate::diagnostics::{Diagnostic, Place};
use crate::document::Path;
use crate::path;

/// Who listens at an address and port: what it is, and where it is written.
pub(super) type Listener = (&'static str, Path);

/// What stands behind the name of a PostgreSQL cluster in the names of its objects and files.
const POSTGRES_OBJECTS: [&str; 12] = [
    "replicas",
    "members",
    "pool",
    "etcd",
    "router",
    "endpoint",
    "backup",
    "config",
    "pgbackrest",
    "tls",
    "look",
    "recover",
];
/// The same of a Redis cluster, besides its nodes and shards by number.
const REDIS_OBJECTS: [&str; 6] = ["nodes", "scripts", "jobs", "backup", "failback", "sentinels"];
/// The longest name of a database of which PgBouncer takes the one with `_replica` behind it.
const POOLED_DATABASE: usize = 55;

impl Resolver<'_> {
    /// What the consumers of the files would refuse.
    pub(super) fn refused(&mut self, postgres: &[Postgres], redis: &[Redis]) {
        if let Some(namespace) = &self.spec.platform.namespace {
            self.own_namespace(path!["platform", "namespace"], namespace.as_str());
        } else {
            self.own_namespace(path!["metadata", "name"], self.spec.metadata.name.as_str());
        }
        for cluster in postgres.iter().filter(|cluster| cluster.is_rendered()) {
            self.sql_names(cluster);
            self.stanza(cluster);
            self.pooled_name(cluster);
            if cluster.on_kubernetes() {
                self.ports_of_a_pod(cluster);
            }
        }
        for store in redis.iter().filter(|store| store.is_rendered() && store.on_kubernetes()) {
            self.ports_of_a_redis_pod(store);
        }
        let spec = self.spec;
        for (name, service) in &spec.services {
            self.mounted_twice(&path!["services", name, "security", "writable"], &service.security.writable);
        }
        for (name, cluster) in &spec.postgres {
            let to = cluster.backup.iter().flat_map(|backup| &backup.to);
            self.named_twice(&path!["postgres", name, "backup", "to"], to.clone());
            self.one_place(&path!["postgres", name, "backup", "to"], to);
        }
        for (name, cluster) in &spec.redis {
            let to = cluster.backup.iter().flat_map(|backup| &backup.to);
            self.named_twice(&path!["redis", name, "backup", "to"], to.clone());
            self.one_place(&path!["redis", name, "backup", "to"], to);
        }
        self.machines(postgres, redis);
        self.object_names(postgres, redis);
    }

    /// Objects and files of one name on Kubernetes: `main` has a pool, and so would a cluster called `main-pool`.
    fn object_names(&mut self, postgres: &[Postgres], redis: &[Redis]) {
        let mut taken: BTreeMap<String, (Path, bool)> = BTreeMap::new();
        taken.insert("kustomization".to_owned(), (path!["regions"], false));
        for cluster in postgres.iter().filter(|c| c.is_rendered() && c.on_kubernetes()) {
            for suffix in POSTGRES_OBJECTS {
                let at = path!["postgres", &cluster.name];
                taken.entry(format!("{}-{suffix}", cluster.object())).or_insert((at, true));
            }
        }
        for cluster in redis.iter().filter(|c| c.on_kubernetes()) {
            let at = path!["redis", &cluster.name];
            let nodes = (0..cluster.node_count()).map(|node| node.to_string());
            let shards = (0..cluster.spec.shards()).map(|shard| format!("shard-{shard}"));
            for suffix in REDIS_OBJECTS.iter().map(ToString::to_string).chain(nodes).chain(shards) {
                taken.entry(format!("{}-{suffix}", cluster.object())).or_insert((at.clone(), true));
            }
        }
        let spec = self.spec;
        let on_kubernetes = |c: &&Postgres| c.is_rendered() && c.on_kubernetes();
        let clusters = postgres.iter().filter(on_kubernetes).map(|c| (c.object(), path!["postgres", &c.name]));
        let caches = redis.iter().filter(|c| c.on_kubernetes()).map(|c| (c.object(), path!["redis", &c.name]));
        let stores: Vec<(String, Path)> = clusters.chain(caches).collect();
        let mut wanted = stores.clone();
        for (object, at) in stores {
            taken.entry(object).or_insert((at, true));
        }
        let services = spec.services.iter().filter(|(_, s)| s.platform == raw::ServicePlatform::Kubernetes);
        wanted.extend(services.map(|(name, _)| (name.to_string(), path!["services", name])));
        for (object, at) in wanted {
            // What a store is called itself stands there too; its own twin is `BP114`.
            let Some((other, shown)) = taken.get(&object).filter(|(other, _)| *other != at) else { continue };
            let mut problem = Diagnostic::error(
                "BP246",
                Place::Key(at),
                format!("`{object}` is the name of something else in the same directory"),
            )
            .because("its objects or its file would overwrite those of the other, or be overwritten")
            .fix("give it another name");
            if *shown {
                problem = problem.also(Place::Key(other.clone()), "this has a part of that name");
            }
            self.problems.push(problem);
        }
    }

    /// The namespace is labelled, closed by policies and perhaps deleted: it must be this system's own.
    fn own_namespace(&mut self, at: Path, name: &str) {
        if name != "default" && !name.starts_with("kube-") {
            return;
        }
        self.problems.push(
            Diagnostic::error("BP240", Place::Value(at), format!("the namespace `{name}` belongs to Kubernetes"))
                .because("hagen closes its namespace by policies and pod security: what runs there already would stop")
                .fix("write `platform: {namespace: NAME}` with a name of the system's own"),
        );
    }

    /// Roles and databases that PostgreSQL, Patroni or PgBouncer keep for themselves.
    fn sql_names(&mut self, cluster: &Postgres) {
        let at = path!["postgres", &cluster.name];
        let written = |field: &str, own: bool| {
            if own { Place::Value(at.key(field)) } else { Place::Value(path!["metadata", "name"]) }
        };
        let user = cluster.user.as_str();
        let pool = cluster.has_pool();
        if names::SQL_ROLES.contains(&user)
            || matches!(user, "public" | "none")
            || user.starts_with("pg_")
            || pool && user == "pgbouncer"
        {
            self.problems.push(
                Diagnostic::error(
                    "BP241",
                    written("user", cluster.spec.user.is_some()),
                    format!("the role `{user}` is another one already"),
                )
                .rests_on(at.key("user"))
                .because("the services would log in as it, and their password would become its password")
                .fix("write `user: NAME` with a name of the application's own"),
            );
        }
        let database = cluster.database.as_str();
        let of_pool = pool && database == "pgbouncer";
        if matches!(database, "postgres" | "template0" | "template1") || of_pool {
            let whose = if of_pool { "PgBouncer's own console" } else { "PostgreSQL's own" };
            self.problems.push(
                Diagnostic::error(
                    "BP242",
                    written("database", cluster.spec.database.is_some()),
                    format!("the database `{database}` is {whose}"),
                )
                .rests_on(at.key("database"))
                .because("it is there before the application's is made, and belongs to another role")
                .fix("write `database: NAME` with a name of the application's own"),
            );
        }
    }

    /// The pool knows the replicas' side of a database by a longer name.
    fn pooled_name(&mut self, cluster: &Postgres) {
        let length = cluster.database.len();
        if !cluster.has_pool() || length <= POOLED_DATABASE {
            return;
        }
        let at = path!["postgres", &cluster.name];
        self.problems.push(
            Diagnostic::error(
                "BP247",
                Place::Value(at.key("database")),
                "the name of the database is too long for PgBouncer",
            )
            .label(format!("{length} characters"))
            .rests_on(at.key("pool"))
            .because("it takes 63, and `_replica` stands behind the name for reads")
            .fix(format!("use at most {POOLED_DATABASE} characters")),
        );
    }

    /// pgBackRest keeps `[global]` for what holds for all stanzas.
    fn stanza(&mut self, cluster: &Postgres) {
        if cluster.spec.backup.is_some() && names::stanza(&cluster.name) == "global" {
            self.problems.push(
                Diagnostic::error(
                    "BP243",
                    Place::Key(path!["postgres", &cluster.name]),
                    "a PostgreSQL cluster with a backup cannot be called `global`",
                )
                .because("its section of pgbackrest.conf would be the one that holds for all clusters")
                .fix("give it another name"),
            );
        }
    }

    fn named_twice<'r>(&mut self, at: &Path, references: impl Iterator<Item = &'r raw::Reference>) {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for (index, reference) in references.enumerate() {
            let Some(first) = seen.get(reference.as_str()) else {
                seen.insert(reference.as_str(), index);
                continue;
            };
            self.problems.push(
                Diagnostic::error("BP244", Place::Value(at.index(index)), format!("`{reference}` is named twice"))
                    .also(Place::Value(at.index(*first)), "here already")
                    .because("two backups at one place are one: the second would overwrite the first, or be refused")
                    .fix("leave it out, or name another destination"),
            );
        }
    }

    /// Two destinations of one store that have other names and are one place, at least in one of the regions.
    fn one_place<'r>(&mut self, at: &Path, references: impl Iterator<Item = &'r raw::Reference>) {
        let mut seen: Vec<(usize, &str, &raw::Destination)> = Vec::new();
        for (index, reference) in references.enumerate() {
            let (_, name) = reference.parts();
            let Some(destination) = self.spec.backup.get(name) else { continue };
            let same = |other: &raw::Destination| {
                self.regions.iter().any(|region| {
                    other.place(&region.name).is_some_and(|place| destination.place(&region.name) == Some(place))
                })
            };
            if let Some((first, other, _)) = seen.iter().find(|(_, other, known)| *other != name && same(known)) {
                let fix = if destination.kind == raw::DestinationKind::Directory {
                    format!("give one of them another `path`, such as a file system of its own: `backup.{name}.path`")
                } else {
                    "give one of them a bucket or a `path` of its own".to_owned()
                };
                self.problems.push(
                    Diagnostic::error(
                        "BP256",
                        Place::Value(at.index(index)),
                        format!("`backup.{name}` is the same place as `backup.{other}`"),
                    )
                    .also(Place::Value(at.index(*first)), "here already")
                    .rests_on(path!["backup", name])
                    .because("two backups at one place are one: the second would overwrite the first, or be refused, and both are lost together")
                    .fix(fix),
                );
            }
            seen.push((index, name, destination));
        }
    }

    /// Kubernetes takes a place in a container once.
    fn mounted_twice(&mut self, at: &Path, directories: &[raw::AbsolutePath]) {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for (index, directory) in directories.iter().enumerate() {
            let plain = directory.as_str().trim_end_matches('/');
            let Some(first) = seen.get(plain) else {
                seen.insert(plain, index);
                continue;
            };
            self.problems.push(
                Diagnostic::error("BP248", Place::Value(at.index(index)), format!("`{plain}` is named twice"))
                    .also(Place::Value(at.index(*first)), "here already")
                    .because("the API server refuses two volumes at one place")
                    .fix("leave it out"),
            );
        }
    }

    /// The containers of a member share its pod's address.
    fn ports_of_a_pod(&mut self, cluster: &Postgres) {
        let (at, ports) = (path!["postgres", &cluster.name, "ports"], cluster.spec.ports);
        let mut listeners = vec![("postgres", ports.postgres), ("rest", ports.rest), ("exporter", ports.exporter)];
        listeners.extend(cluster.spec.backup.as_ref().map(|_| ("backup", ports.backup)));
        let mut taken: BTreeMap<u16, Listener> = BTreeMap::new();
        let exported = self.spec.monitoring.as_ref().is_some_and(|m| m.exporters.pgbackrest.is_some());
        if exported && cluster.spec.backup.is_some() {
            // Its port is no field: whoever takes it is told.
            taken.insert(
                names::PORT_PGBACKREST_EXPORTER,
                ("pgbackrest_exporter", path!["monitoring", "exporters", "pgbackrest"]),
            );
        }
        for (field, port) in listeners {
            self.takes(&mut taken, port, (field, at.key(field)), "in one pod");
        }
    }

    /// The programs of a node share the address of its pod: the sentinel, or the bus of a cluster.
    fn ports_of_a_redis_pod(&mut self, store: &Redis) {
        let (at, ports) = (path!["redis", &store.name, "ports"], store.spec.ports);
        let mut taken: BTreeMap<u16, Listener> = BTreeMap::new();
        let beside = if store.spec.is_sentinel() {
            ("sentinel", ports.sentinel)
        } else {
            // One that is too high is said elsewhere (`BP254`).
            ("bus", ports.bus.unwrap_or(ports.redis.saturating_add(10_000)))
        };
        for (field, port) in [("redis", ports.redis), ("exporter", ports.exporter), beside] {
            self.takes(&mut taken, port, (field, at.key(field)), "in one pod");
        }
    }

    /// Says so if somebody else listens there already.
    pub(super) fn takes<K: Ord>(&mut self, taken: &mut BTreeMap<K, Listener>, key: K, by: Listener, place: &str) {
        let Some((other, at)) = taken.get(&key) else {
            taken.insert(key, by);
            return;
        };
        let (what, here) = by;
        let (why, fix) = match (fixed_port(what), fixed_port(other)) {
            _ if place == "in one pod" => (String::new(), "give one of them another port".to_owned()),
            (Some((port, of)), Some(_)) => (
                format!(": {what} listens at {port}, its own default, and no field changes that"),
                format!("put one of the two on another machine: {of}"),
            ),
            (Some((port, _)), None) => (
                format!(": {what} listens at {port}, its own default, and no field changes that"),
                format!("give {other} another port, or put one of them on another machine"),
            ),
            (None, Some((port, _))) => (
                format!(": {other} listens at {port}, its own default, and no field changes that"),
                format!("give {what} another port, or put one of them on another machine"),
            ),
            (None, None) => (String::new(), "give one of them another port, or another machine".to_owned()),
        };
        self.problems.push(
            Diagnostic::error("BP245", Place::Value(here), format!("two programs {place} would listen at one port"))
                .label(what)
                .also(Place::Value(at.clone()), *other)
                .because(format!("only one of them could start{why}"))
                .fix(fix),
        );
    }
}

/// The port of a program that has no field for it, and where its machine is named.
fn fixed_port(program: &str) -> Option<(u16, &'static str)> {
    match program {
        "pgbackrest_exporter" => {
            Some((names::PORT_PGBACKREST_EXPORTER, "it runs on every host of a cluster with a `backup`"))
        }
        "pgbouncer_exporter" => {
            Some((names::PORT_PGBOUNCER_EXPORTER, "it runs beside the pool, on `router.hosts` or else on `hosts`"))
        }
        _ => None,
    }
}
