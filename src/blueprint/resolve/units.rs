//! Units of systemd that two stores of one machine would have under one name. A machine is its address.

use std::collections::{BTreeMap, BTreeSet};

use super::Resolver;
use crate::blueprint::{Postgres, Redis, Region, names, raw};
use crate::diagnostics::{Diagnostic, Place};
use crate::document::Path;
use crate::path;

/// A unit of a store on a machine.
pub(super) struct Unit {
    machine: String,
    name: String,
    store: Path,
}

impl Resolver<'_> {
    /// Each unit of a machine belongs to one store.
    pub(super) fn units_of_their_own(&mut self, units: Vec<Unit>) {
        let mut first: BTreeMap<(String, String), Path> = BTreeMap::new();
        let mut said: BTreeSet<(Path, Path)> = BTreeSet::new();
        for Unit { machine, name, store } in units {
            let key = (machine, name);
            let Some(other) = first.get(&key) else {
                first.insert(key, store);
                continue;
            };
            // Once for two stores: what they share on one machine they share on the next, too.
            if *other == store || !said.insert((other.clone(), store.clone())) {
                continue;
            }
            let (machine, unit) = &key;
            self.problems.push(
                Diagnostic::error(
                    "BP252",
                    Place::Value(store),
                    format!("two stores of one machine would have a unit `{unit}`"),
                )
                .label(format!("on {machine}"))
                .also(Place::Value(other.clone()), "the other one")
                .because("the unit of one would overwrite that of the other")
                .fix("give one of them another name, or another machine"),
            );
        }
    }
}

/// The units of a PostgreSQL cluster in a region: those that are rendered there.
pub(super) fn of_postgres(cluster: &Postgres, region: &Region, all: &mut Vec<Unit>) {
    let store = path!["postgres", &cluster.name];
    let mut add = |machine: &str, what: &str| {
        let name = format!("hagen-{}-{what}", cluster.name);
        all.push(Unit { machine: machine.to_owned(), name, store: store.clone() });
    };
    for member in cluster.etcd(region) {
        add(&member.address, "etcd");
    }
    let members = cluster.members(region);
    for (at, member) in members.iter().enumerate() {
        add(&member.address, "patroni");
        add(&member.address, "exporter");
        let Some(backup) = &cluster.spec.backup else { continue };
        let timed = [
            ("backup-diff", backup.differential.is_some()),
            ("backup-incr", backup.incremental.is_some()),
            // One member restores for a test, or each would.
            ("backup-verify", backup.verify.is_some() && at + 1 == members.len()),
            ("backup-server", cluster.backs_up_from_standby(region)),
        ];
        add(&member.address, "pgbackrest-exporter");
        add(&member.address, "backup-full");
        for (what, _) in timed.iter().filter(|(_, rendered)| *rendered) {
            add(&member.address, what);
        }
    }
    for router in cluster.routers(region) {
        add(&router.address, "haproxy");
        if cluster.spec.pool.kind == raw::PoolKind::Pgbouncer {
            add(&router.address, "pgbouncer");
            add(&router.address, "pgbouncer-exporter");
        }
    }
}

/// The units of a Redis on the hosts of a region. That of the backup goes to any one of them.
pub(super) fn of_redis(cluster: &Redis, region: &Region, all: &mut Vec<Unit>) {
    let (store, name) = (path!["redis", &cluster.name], names::redis(&cluster.name));
    let mut add = |machine: &str, what: &str| {
        all.push(Unit { machine: machine.to_owned(), name: format!("{name}{what}"), store: store.clone() });
    };
    for (_, host) in cluster.spec.hosts.iter().filter(|(_, host)| region.spec.zones.contains(&host.zone)) {
        let machine = host.address.canonical();
        add(&machine, "");
        add(&machine, "-exporter");
        if cluster.spec.backup.is_some() {
            add(&machine, "-backup");
        }
    }
    for sentinel in cluster.sentinels(region) {
        add(&sentinel.address.unwrap_or_default(), "-sentinel");
    }
}
