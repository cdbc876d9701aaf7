//! What may be written and is not rendered: said at its line, so that nobody waits for a file that never comes.

use super::Resolver;
use crate::blueprint::{Postgres, raw};
use crate::diagnostics::{Diagnostic, Place};
use crate::document::Path;
use crate::path;

impl Resolver<'_> {
    pub(super) fn unrendered(&mut self, postgres: &[Postgres]) {
        for cluster in postgres.iter().filter(|cluster| cluster.is_rendered()) {
            self.backup_port(cluster);
        }
        let spec = self.spec;
        if spec.monitoring.as_ref().is_some_and(|monitoring| monitoring.dashboards) {
            self.silent(
                path!["monitoring", "dashboards"],
                "dashboards are not rendered",
                "hagen writes rules, scrape configurations and receivers, and no dashboards yet",
            );
        }
        for (name, service) in &spec.services {
            if service.platform != raw::ServicePlatform::Kubernetes {
                self.problems.push(
                    Diagnostic::info(
                        "BP168",
                        Place::Value(path!["services", name, "platform"]),
                        format!("`{name}` is not rendered"),
                    )
                    .because("hagen writes services for Kubernetes only")
                    .fix("deploy it with its platform's own tools; nothing has to be changed here"),
                );
            }
        }
        for (name, cluster) in &spec.postgres {
            let at = path!["postgres", name];
            if let Some(cross) = &cluster.cross_region {
                self.other_regions(&at.key("crossRegion"), cross);
            }
            if cluster.manager != raw::Manager::Patroni {
                let written = [
                    ("image", cluster.image.is_some()),
                    ("storage", cluster.storage.is_some()),
                    ("hosts", !cluster.hosts.is_empty()),
                    ("resources", cluster.resources.is_some()),
                    ("parameters", !cluster.parameters.is_empty()),
                ];
                for (field, _) in written.into_iter().filter(|(_, written)| *written) {
                    self.silent(
                        at.key(field),
                        &format!("`{field}` is not rendered"),
                        "hagen renders clusters under Patroni only; this one's manager decides",
                    );
                }
                if cluster.pool.image.is_some() {
                    self.silent(
                        at.key("pool").key("image"),
                        "this pool is not rendered",
                        "hagen renders the pool of clusters under Patroni only",
                    );
                }
            } else if cluster.platform == raw::StorePlatform::Hosts {
                self.host_storage(&at, cluster.storage.is_some());
                self.host_storage(&at.key("consensus"), cluster.consensus.storage.is_some());
            }
        }
        for (name, cluster) in &spec.redis {
            let at = path!["redis", name];
            self.other_topology(&at, cluster);
            match cluster.platform {
                raw::StorePlatform::Hosts => {
                    self.host_storage(&at, cluster.storage.is_some());
                    self.hosts_elsewhere(&at, cluster);
                }
                raw::StorePlatform::Kubernetes => {}
                raw::StorePlatform::Memorystore | raw::StorePlatform::Elasticache => {
                    let written = [
                        ("image", cluster.image.is_some()),
                        ("storage", cluster.storage.is_some()),
                        ("hosts", !cluster.hosts.is_empty()),
                    ];
                    for (field, _) in written.into_iter().filter(|(_, written)| *written) {
                        self.silent(
                            at.key(field),
                            &format!("`{field}` is not rendered"),
                            "the provider runs this cluster",
                        );
                    }
                }
            }
        }
    }

    /// The port of pgBackRest's server where no such server runs.
    fn backup_port(&mut self, cluster: &Postgres) {
        let listens = |region| cluster.role(region).is_some() && cluster.backs_up_from_standby(region);
        let why = match &cluster.spec.backup {
            None => "this cluster has no backup",
            // Jobs read every member through it, the primary, too.
            Some(_) if cluster.on_kubernetes() || self.regions.iter().any(listens) => return,
            Some(backup) if backup.from == Some(raw::BackupSource::Primary) => {
                "backups read the primary's own files, and nothing listens there"
            }
            Some(_) => "no backup reads a standby's files here, and nothing listens there",
        };
        let at = path!["postgres", &cluster.name];
        let own = cluster.spec.hosts.iter().map(|(name, host)| (at.key("hosts").key(name), host.ports));
        let default = raw::PostgresPorts::default().backup;
        let shared = std::iter::once((at.clone(), Some(cluster.spec.ports)));
        let written = shared.chain(own).filter(|(_, ports)| ports.is_some_and(|ports| ports.backup != default));
        for (at, _) in written.collect::<Vec<_>>() {
            self.silent(at.key("ports").key("backup"), "`ports.backup` is not used", why);
        }
    }

    /// Regions that are named twice, and endpoints of regions that have no part in it.
    fn other_regions(&mut self, at: &Path, cross: &raw::CrossRegion) {
        for (index, region) in cross.to.iter().enumerate() {
            if cross.to.iter().take(index).any(|former| former == region) {
                let place = Place::Value(at.key("to").index(index));
                let title = format!("`{}` is named twice", region.escape_debug());
                let problem = Diagnostic::warning("BP165", place, title);
                self.problems.push(problem.because("one region has one copy of the cluster").fix("leave it out"));
            }
        }
        let primary = self.regions.first().map(|region| region.name.clone());
        for region in cross.endpoints.keys() {
            let region = region.to_string();
            if Some(&region) != primary.as_ref() && !cross.to.contains(&region) {
                let title = format!("the endpoint of `{}` is not used", region.escape_debug());
                self.silent(
                    at.key("endpoints").key(&region),
                    &title,
                    "it is neither the region that writes nor one of `to`",
                );
            }
        }
    }

    /// Hosts in a region that `regions` leaves out.
    fn hosts_elsewhere(&mut self, at: &Path, cluster: &raw::Redis) {
        let Some(regions) = &cluster.regions else { return };
        let left_out = |zone: &String| {
            let mut of = self.regions.iter().filter(|region| region.spec.zones.contains(zone)).peekable();
            of.peek().is_some() && of.all(|region| !regions.contains(&region.name))
        };
        let sentinels = cluster.sentinel.iter().flat_map(|sentinel| &sentinel.hosts);
        let sentinels = sentinels.map(|(name, host)| (at.key("sentinel").key("hosts").key(name), host));
        let nodes = cluster.hosts.iter().map(|(name, host)| (at.key("hosts").key(name), host));
        let idle: Vec<Path> =
            nodes.chain(sentinels).filter(|(_, host)| left_out(&host.zone)).map(|(at, _)| at).collect();
        for at in idle {
            self.silent(at, "this host is not rendered", "`regions` leaves out the region of its zone");
        }
    }

    /// What only the other topology of Redis has.
    fn other_topology(&mut self, at: &Path, cluster: &raw::Redis) {
        if !cluster.is_sentinel() {
            if cluster.auth.sentinel.is_some() {
                let why = "a Redis Cluster has no sentinels, and so no login of theirs";
                self.silent(at.key("auth").key("sentinel"), "`auth.sentinel` is not used in a cluster", why);
            }
            return;
        }
        let shared = std::iter::once((at.key("ports"), Some(&cluster.ports)));
        let own =
            cluster.hosts.iter().map(|(name, host)| (at.key("hosts").key(name).key("ports"), host.ports.as_ref()));
        let with_bus: Vec<Path> = shared
            .chain(own)
            .filter(|(_, ports)| ports.is_some_and(|ports| ports.bus.is_some()))
            .map(|(at, _)| at.key("bus"))
            .collect();
        for at in with_bus {
            self.silent(at, "`bus` is not used under Sentinel", "only the nodes of a cluster have a bus between them");
        }
    }

    fn host_storage(&mut self, at: &Path, written: bool) {
        if written {
            self.silent(
                at.key("storage"),
                "`storage` is not rendered on hosts",
                "it sizes volumes on Kubernetes; on hosts the data lies in a directory that has to be there",
            );
        }
    }

    fn silent(&mut self, at: Path, title: &str, why: &str) {
        self.problems.push(Diagnostic::warning("BP165", Place::Key(at), title).because(why).fix("leave it out"));
    }
}
