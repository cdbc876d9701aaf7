//! What two things would take from each other where their directories lie on one machine: one in two hands, or one inside the
//! other. A machine is its address.

use std::collections::BTreeMap;

use super::Resolver;
use crate::blueprint::{Postgres, Redis, Region, raw};
use crate::diagnostics::{Diagnostic, Place};
use crate::document::Path;
use crate::path;

/// What a directory is for: it decides what beside it or in it would be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    /// Emptied, moved aside or made anew as a whole: of PostgreSQL and etcd.
    Whole,
    /// Of Redis and its sentinel: they change files of their own names only.
    Data,
    /// Configuration and files with secrets.
    Config,
    /// Sockets and process ids.
    Run,
    /// Logs.
    Log,
    /// Backups.
    Backups,
}

/// A directory on a machine.
#[derive(Debug)]
pub(super) struct Directory {
    machine: String,
    path: String,
    role: Role,
    /// Whose it is, for readers.
    what: &'static str,
    store: Path,
    /// The host or part of the store that it belongs to: files of one may lie together.
    host: Path,
    at: Path,
}

/// A pair that must not be, said once with the machines where it is.
struct Clash<'a> {
    outer: &'a Directory,
    inner: &'a Directory,
    machines: Vec<&'a str>,
}

impl Role {
    fn is_data(self) -> bool {
        matches!(self, Self::Whole | Self::Data)
    }
}

/// What a directory is for, and what it is called.
type Kind = (Role, &'static str);

impl Directory {
    /// One of a store; last its host and the field that it comes from.
    fn new(store: &Path, machine: &str, path: &str, (role, what): Kind, (host, at): (&Path, Path)) -> Self {
        Self {
            machine: machine.to_owned(),
            path: plain(path),
            role,
            what,
            store: store.clone(),
            host: host.clone(),
            at,
        }
    }

    /// What a pair is said once of: all configuration of a store is moved by one field.
    fn topic(&self) -> &'static str {
        if self.role == Role::Config { "configuration" } else { self.what }
    }

    fn parts(&self) -> impl Iterator<Item = &str> {
        self.path.split('/').filter(|part| !part.is_empty())
    }

    /// Whether another one lies here, or below here: `/data/ab` is not below `/data/a`.
    fn holds(&self, other: &Self) -> bool {
        let mut others = other.parts();
        self.machine == other.machine && self.parts().all(|part| others.next() == Some(part))
    }

    /// Whether what happens to this one costs the one that lies here or below here.
    fn loses(&self, inner: &Self) -> bool {
        let same_store = self.store == inner.store;
        // Two hosts of one store on one machine.
        let rivals = same_store && self.what == inner.what && self.host != inner.host;
        let equal = self.path == inner.path;
        match (self.role, inner.role) {
            // One of the other's own, too: what makes it anew wants it empty, and leaves nothing.
            (Role::Whole, _) | (Role::Data, Role::Backups) => true,
            (_, Role::Whole) if same_store => equal || matches!(self.role, Role::Run | Role::Backups),
            (Role::Data, _) => !same_store || rivals,
            (_, role) if role.is_data() => !same_store || self.role == Role::Backups,
            // Files of one name; below each other they do no harm.
            (Role::Config, Role::Config) => equal && (!same_store || rivals),
            _ => false,
        }
    }
}

impl Resolver<'_> {
    /// Directories of a store's own that would lie in one place with, or inside, those of another one.
    pub(super) fn directories_of_their_own(&mut self, all: &[Directory]) {
        let mut sorted: Vec<(usize, &Directory)> = all.iter().enumerate().collect();
        sorted.sort_by_cached_key(|(_, directory)| (&directory.machine, directory.parts().collect::<Vec<_>>()));
        let mut clashes: BTreeMap<_, (usize, Clash<'_>)> = BTreeMap::new();
        // What the next one may lie in. Of those in one place only the first of each kind: what it clashes with is said.
        let mut above: Vec<&Directory> = Vec::new();
        for (order, inner) in sorted {
            above.retain(|outer| outer.holds(inner));
            for outer in above.iter().filter(|outer| outer.loses(inner)) {
                let mut key = [outer, inner].map(|one| (one.store.to_string(), one.topic()));
                key.sort_unstable();
                let (first, clash) =
                    clashes.entry(key).or_insert((order, Clash { outer, inner, machines: Vec::new() }));
                *first = (*first).min(order);
                if !clash.machines.contains(&inner.machine.as_str()) {
                    clash.machines.push(&inner.machine);
                }
            }
            if !above.iter().any(|outer| outer.path == inner.path && outer.what == inner.what) {
                above.push(inner);
            }
        }
        let mut said: Vec<_> = clashes.into_values().collect();
        said.sort_by_key(|(order, _)| *order);
        self.problems.extend(said.into_iter().map(|(_, clash)| clash.told()));
    }
}

impl Clash<'_> {
    fn told(&self) -> Diagnostic {
        let Self { outer, inner, machines } = self;
        let place = Place::Value(inner.at.clone());
        let on = match machines.as_slice() {
            [one] => (*one).to_owned(),
            [one, two] => format!("{one} and {two}"),
            [one, rest @ ..] => format!("{one} and {} more", rest.len()),
            [] => String::new(),
        };
        let told = if inner.path == outer.path {
            Diagnostic::error(
                "BP251",
                place,
                format!("two things would have their files in {} on one machine", inner.path),
            )
            .because("the files of one would overwrite those of the other, or be removed with them")
            .fix("give one of them its own `directories`")
        } else {
            Diagnostic::error("BP251", place, format!("{} would lie inside {} on one machine", inner.path, outer.path))
                .because("what empties, replaces or moves the outer one takes the inner one with it")
                .fix(format!("give one of them a directory of its own, outside of {}", outer.path))
        };
        // Where an address or a directory could not be read, nothing is known of it.
        let told = [inner, outer]
            .into_iter()
            .fold(told, |told, one| told.rests_on(one.host.key("address")).rests_on(one.store.key("directories")));
        told.label(format!("{}, on {on}", inner.what)).also(Place::Value(outer.at.clone()), outer.what)
    }
}

/// The directories of a PostgreSQL cluster on the hosts of a region.
pub(super) fn of_postgres(cluster: &Postgres, spec: &raw::Blueprint, region: &Region, all: &mut Vec<Directory>) {
    let store = path!["postgres", &cluster.name];
    let shared = &cluster.spec.directories;
    let mut add = |machine: &str, path: &str, kind: Kind, host: &Path, at: Path| {
        all.push(Directory::new(&store, machine, path, kind, (host, at)));
    };
    for member in cluster.members(region) {
        let host = store.key("hosts").key(&member.name);
        let own = cluster.spec.hosts.iter().any(|(name, h)| name.as_str() == member.name && h.directories.is_some());
        let at = |field: &str, written: bool| match (own, written) {
            (true, _) => host.key("directories").key(field),
            (false, true) => store.key("directories").key(field),
            (false, false) => host.clone(),
        };
        let default = raw::PostgresDirectories::default();
        let machine = &member.address;
        let data = at("data", shared.data.is_some());
        add(machine, &member.data, (Role::Whole, "data of PostgreSQL"), &host, data.clone());
        // What scripts make beside the data, and remove again.
        for beside in ["look", "verify", "spool"].iter().filter(|_| cluster.spec.backup.is_some()) {
            let path = format!("{}-{beside}", plain(&member.data));
            add(machine, &path, (Role::Whole, "data of PostgreSQL"), &host, data.clone());
        }
        let config = at("config", shared.config != default.config);
        add(machine, &member.config, (Role::Config, "configuration of PostgreSQL"), &host, config);
        add(machine, &member.run, (Role::Run, "sockets of PostgreSQL"), &host, at("run", shared.run != default.run));
        add(machine, &member.log, (Role::Log, "logs of PostgreSQL"), &host, at("log", shared.log != default.log));
        for (name, destination) in directories(spec, cluster.spec.backup.iter().flat_map(|backup| &backup.to)) {
            let path = cluster.repository(spec.metadata.name.as_str(), region, destination);
            let at = path!["backup", name, "path"];
            add(machine, &path, (Role::Backups, "backups of PostgreSQL"), &host, at);
        }
    }
    let consensus = store.key("consensus");
    // Without hosts of their own etcd and router are on those of the members, and their configuration in the same directory.
    let own = !cluster.spec.consensus.hosts.is_empty();
    for member in cluster.etcd(region) {
        let hosts = if own { consensus.key("hosts") } else { store.key("hosts") };
        let (host, machine) = (hosts.key(&member.name), &member.address);
        let of_host = |field| if own { host.key(field) } else { consensus.key(field) };
        add(machine, &member.data, (Role::Whole, "data of etcd"), &host, of_host("data"));
        if own {
            add(machine, &member.config, (Role::Config, "configuration of etcd"), &host, of_host("config"));
        }
    }
    let hosts = store.key("router").key("hosts");
    for router in cluster.routers(region).iter().filter(|_| !cluster.spec.router.hosts.is_empty()) {
        let host = hosts.key(&router.name);
        add(&router.address, &router.config, (Role::Config, "configuration of the router"), &host, host.clone());
    }
}

/// The directories of a Redis on the hosts of a region.
pub(super) fn of_redis(cluster: &Redis, spec: &raw::Blueprint, region: &Region, all: &mut Vec<Directory>) {
    let store = path!["redis", &cluster.name];
    let here = |host: &&raw::RedisHost| region.spec.zones.contains(&host.zone);
    let mut add = |machine: &str, path: &str, kind: Kind, host: &Path, at: Path| {
        all.push(Directory::new(&store, machine, path, kind, (host, at)));
    };
    for (name, facts) in cluster.spec.hosts.iter().filter(|(_, host)| here(host)) {
        let directories_of = facts.directories.as_ref().unwrap_or(&cluster.spec.directories);
        let (host, machine) = (store.key("hosts").key(name), facts.address.canonical());
        let at = |field| if facts.directories.is_some() { host.key("directories").key(field) } else { host.clone() };
        add(&machine, directories_of.data.as_str(), (Role::Data, "data of Redis"), &host, at("data"));
        add(&machine, directories_of.config.as_str(), (Role::Config, "configuration of Redis"), &host, at("config"));
        for (name, destination) in directories(spec, cluster.spec.backup.iter().flat_map(|backup| &backup.to)) {
            let path = format!("/{}", cluster.snapshots(spec.metadata.name.as_str(), region, destination));
            let at = path!["backup", name, "path"];
            add(&machine, &path, (Role::Backups, "backups of Redis"), &host, at);
        }
    }
    for sentinel in cluster.sentinels(region) {
        let own = cluster.spec.sentinel.as_ref().is_some_and(|sentinel| !sentinel.hosts.is_empty());
        let hosts = if own { store.key("sentinel").key("hosts") } else { store.key("hosts") };
        let (host, machine) = (hosts.key(&sentinel.name), sentinel.address.unwrap_or_default());
        add(&machine, &sentinel.data, (Role::Data, "state of Sentinel"), &host, host.clone());
        add(&machine, &sentinel.config, (Role::Config, "configuration of Sentinel"), &host, host.clone());
    }
}

/// The destinations that are directories, with their names.
fn directories<'s>(
    spec: &'s raw::Blueprint,
    to: impl Iterator<Item = &'s raw::Reference>,
) -> impl Iterator<Item = (&'s str, &'s raw::Destination)> {
    let known = to.filter_map(|reference| {
        let (_, name) = reference.parts();
        Some((name, spec.backup.get(name)?))
    });
    known.filter(|(_, destination)| destination.kind == raw::DestinationKind::Directory)
}

fn plain(path: &str) -> String {
    path.trim_end_matches('/').to_owned()
}
