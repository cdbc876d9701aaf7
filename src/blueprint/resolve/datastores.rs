//! PostgreSQL and backup destinations: members known, images there, no setting that contradicts another.

use super::Resolver;
use crate::blueprint::cron::Schedule;
use crate::blueprint::datastore::Credentials;
use crate::blueprint::{Postgres, names, raw};
use crate::diagnostics::{Diagnostic, Place, nearest};
use crate::document::{Path, Step};
use crate::path;

impl Resolver<'_> {
    pub(super) fn postgres(&mut self) -> Vec<Postgres> {
        let spec = self.spec;
        spec.postgres.iter().map(|(name, cluster)| self.cluster(name.as_str(), cluster)).collect()
    }

    fn cluster(&mut self, name: &str, spec: &raw::Postgres) -> Postgres {
        let at = path!["postgres", name];
        self.tier(&at, spec.tier.as_ref());
        if spec.manager == raw::Manager::Patroni {
            match spec.platform {
                raw::StorePlatform::Kubernetes => {
                    self.postgres_on_kubernetes(&at, spec);
                    self.member_names(name, &at, spec);
                }
                raw::StorePlatform::Hosts => self.postgres_on_hosts(&at, spec),
                _ => self.problems.push(
                    Diagnostic::error(
                        "BP040",
                        Place::Value(at.key("platform")),
                        "PostgreSQL runs on `kubernetes` or `hosts`",
                    )
                    .fix("write one of them, or another `manager`"),
                ),
            }
            self.failover_times(&at, spec);
            self.stream_is_encrypted(&at, spec);
            self.stores_outlive_a_region(&at, spec);
        }
        self.cross_region(&at, spec);
        if let Some(backup) = &spec.backup {
            self.backup_times(&at.key("backup"), backup);
            if spec.manager == raw::Manager::Patroni {
                self.backup_source(&at, spec, backup);
            }
            for (index, reference) in backup.to.iter().enumerate() {
                self.reference(&at.key("backup").key("to").index(index), reference.as_str(), &["backup"]);
            }
        }
        let object = names::postgres(name);
        let secret = |own: &Option<raw::SecretRef>, key: &str| {
            own.clone().unwrap_or_else(|| raw::SecretRef {
                secret: raw::ObjectName::new(&object),
                key: format!("{key}-password"),
            })
        };
        let c = &spec.credentials;
        let credentials = Credentials {
            superuser: secret(&c.superuser, "superuser"),
            replication: secret(&c.replication, "replication"),
            rewind: secret(&c.rewind, "rewind"),
            application: secret(&c.application, "application"),
            rest: secret(&c.rest, "rest"),
            monitoring: secret(&c.monitoring, "monitoring"),
        };
        let sql = self.spec.metadata.name.as_str().replace('-', "_");
        let mut or_derived = |own: &Option<raw::SqlName>, field: &str| {
            own.as_ref().map_or_else(
                || {
                    self.derived(&at.key(field), &sql, "metadata.name with `_` for `-`");
                    sql.clone()
                },
                ToString::to_string,
            )
        };
        let (database, user) = (or_derived(&spec.database, "database"), or_derived(&spec.user, "user"));
        let targets = self.targets(&spec.objectives, spec.tier.as_ref());
        let primary_region = self.regions.first().map(|r| r.name.clone()).unwrap_or_default();
        Postgres { name: name.to_owned(), spec: spec.clone(), targets, database, user, credentials, primary_region }
    }

    fn postgres_on_kubernetes(&mut self, at: &Path, spec: &raw::Postgres) {
        let etcd = spec.consensus.kind == raw::ConsensusKind::Etcd;
        let pool = spec.pool.kind == raw::PoolKind::Pgbouncer;
        let images = [
            (spec.image.is_none(), at.key("image"), "members"),
            (etcd && spec.consensus.image.is_none(), at.key("consensus").key("image"), "etcd"),
            (pool && spec.pool.image.is_none(), at.key("pool").key("image"), "the pool"),
            (etcd && spec.router.image.is_none(), at.key("router").key("image"), "the router"),
        ];
        let missing: Vec<_> = images.iter().filter(|(missing, path, _)| *missing && !self.is_unread(path)).collect();
        if let Some((_, first, _)) = missing.first() {
            let what: Vec<&str> = missing.iter().map(|(_, _, what)| *what).collect();
            let paths: Vec<&Path> = missing.iter().map(|(_, path, _)| path).collect();
            let place = if paths.len() == 1 { first.clone() } else { at.clone() };
            let mut fix = images_at(at, &paths);
            if spec.cross_region.is_none() && what.iter().any(|what| matches!(*what, "etcd" | "the router")) {
                fix.push_str("; with `consensus: {kind: kubernetes}` it needs neither etcd nor a router");
            }
            let title = format!("{} not given", names_of_images(&what));
            let problem = Diagnostic::error("BP041", Place::Key(place), title)
                .rests_on(at.key("manager"))
                .rests_on(at.key("platform"))
                .rests_on(at.key("consensus").key("kind"))
                .rests_on(at.key("pool").key("kind"))
                .because("on Kubernetes every container needs one")
                .fix(fix);
            self.problems.push(problem);
        }
        if spec.storage.is_none() {
            self.problems.push(
                Diagnostic::error("BP042", Place::Key(at.key("storage")), "the size of the volumes is not given")
                    .rests_on(at.key("manager"))
                    .rests_on(at.key("platform"))
                    .because("a database on Kubernetes needs a volume, and none can be guessed")
                    .fix("write `storage: {size: 100Gi}`"),
            );
        }
        if !spec.hosts.is_empty() {
            self.problems.push(
                Diagnostic::error("BP043", Place::Key(at.key("hosts")), "`hosts` belong to `platform: hosts`")
                    .rests_on(at.key("platform"))
                    .also(Place::Value(at.key("platform")), "this cluster runs on Kubernetes")
                    .fix("write `platform: hosts`, or `members: 3` instead of the hosts"),
            );
        }
        if spec.failover.watchdog == raw::Watchdog::Required {
            self.problems.push(
                Diagnostic::error("BP095", Place::Value(at.key("failover").key("watchdog")), "a pod has no watchdog device")
                    .because("a member without one would never become primary; in a pod the liveness probe ends a member that hangs")
                    .fix("write `watchdog: disabled`"),
            );
        }
        let to = spec.backup.iter().flat_map(|backup| backup.to.iter().enumerate());
        let mut identities: Vec<(raw::DestinationKind, &str)> = Vec::new();
        for (index, reference) in to {
            let destination = self.spec.backup.get(reference.parts().1);
            if let Some((kind, identity)) = destination.and_then(|d| Some((d.kind, d.workload_identity.as_deref()?))) {
                if identities.iter().any(|(other, former)| *other == kind && *former != identity) {
                    self.problems.push(
                        Diagnostic::error(
                            "BP255",
                            Place::Value(at.key("backup").key("to").index(index)),
                            "one ServiceAccount has one identity for each provider",
                        )
                        .because(
                            "members and jobs would reach one of the two repositories with the identity of the other",
                        )
                        .fix("give both destinations the same `workloadIdentity`, or one of them an access key"),
                    );
                }
                identities.push((kind, identity));
            }
            if destination.is_some_and(|d| d.kind == raw::DestinationKind::Directory) {
                self.problems.push(
                    Diagnostic::error(
                        "BP096",
                        Place::Value(at.key("backup").key("to").index(index)),
                        "no pod reaches a directory of a host",
                    )
                    .because("members and jobs run on several nodes and share no file system")
                    .fix("use a destination of kind `s3`, `gcs` or `azure-blob`"),
                );
            }
        }
    }

    fn postgres_on_hosts(&mut self, at: &Path, spec: &raw::Postgres) {
        if spec.hosts.is_empty() {
            self.problems.push(
                Diagnostic::error("BP044", Place::Key(at.key("hosts")), "no host is named")
                    .rests_on(at.key("hosts"))
                    .fix("write something like `hosts: {pg-1: {address: 10.0.1.11, zone: zone-a}}`"),
            );
        }
        if spec.members.is_some() {
            self.problems.push(
                Diagnostic::error("BP045", Place::Key(at.key("members")), "on hosts the hosts are counted")
                    .also(Place::Key(at.key("hosts")), "these")
                    .fix("leave `members` out"),
            );
        }
        if spec.consensus.kind == raw::ConsensusKind::Kubernetes {
            self.problems.push(
                Diagnostic::error(
                    "BP046",
                    Place::Value(at.key("consensus").key("kind")),
                    "hosts have no Kubernetes API to agree by",
                )
                .fix("write `kind: etcd`"),
            );
        }
        self.hosts_by_region(at, spec);
        if spec.tls.as_ref().is_some_and(|tls| tls.certificates.is_none()) {
            self.problems.push(
                Diagnostic::error(
                    "BP084",
                    Place::Key(at.key("tls")),
                    "on hosts the directory of the certificates is missing",
                )
                .because("a host reads no Kubernetes Secret")
                .fix("write `certificates: /etc/hagen/tls`, the directory with tls.crt, tls.key and ca.crt"),
            );
        }
        for (name, host) in &spec.hosts {
            self.host_zone(&at.key("hosts").key(name).key("zone"), &host.zone);
        }
        for (name, host) in &spec.consensus.hosts {
            if let Some(zone) = &host.zone {
                self.host_zone(&at.key("consensus").key("hosts").key(name).key("zone"), zone);
            }
        }
    }

    /// Commits wait for standbys by name: no member may have the name of one in another region.
    fn member_names(&mut self, name: &str, at: &Path, spec: &raw::Postgres) {
        // A subscriber is a cluster of its own, which no commit of another region waits for.
        let streams = |cross: &&raw::CrossRegion| cross.mode == raw::CrossRegionMode::StreamingStandby;
        let Some(cross) = spec.cross_region.as_ref().filter(streams) else { return };
        if spec.consensus.kind == raw::ConsensusKind::Kubernetes {
            self.problems.push(
                Diagnostic::error(
                    "BP191",
                    Place::Value(at.key("consensus").key("kind")),
                    "members of two regions would have the same names",
                )
                .also(Place::Key(at.key("crossRegion")), "the other region")
                .because("with Kubernetes as consensus a member is called as its pod; a commit that waits for `postgres-…-1` would take the other region's word for the local standby's, and a failover would lose it")
                .fix("write `consensus: {kind: etcd, …}`: members are then called after their region, too"),
            );
        }
        let pod = format!("{}-{}", names::postgres(name), spec.members.unwrap_or(3));
        let regions = cross.to.iter().map(String::as_str).chain(self.regions.first().map(|r| r.name.as_str()));
        let longest = regions.map(|region| names::patroni_member(&pod, Some(region))).max_by_key(String::len);
        if let Some(member) = longest.filter(|member| member.len() > 63) {
            self.problems.push(
                Diagnostic::error("BP192", Place::Key(at.clone()), format!("the member name `{member}` is too long"))
                    .because("PostgreSQL cuts an application name after 63 letters, and a commit would wait for a name that nobody has")
                    .fix("give the cluster a shorter name"),
            );
        }
    }

    /// What goes between regions leaves the network that is one's own (R-PG-30).
    fn stream_is_encrypted(&mut self, at: &Path, spec: &raw::Postgres) {
        if spec.cross_region.is_some() && spec.tls.is_none() {
            let field = if spec.platform == raw::StorePlatform::Hosts {
                "certificates: /etc/hagen/tls"
            } else {
                "secret: NAME"
            };
            self.problems.push(
                Diagnostic::warning("BP193", Place::Key(at.key("crossRegion")), "data goes to another region in clear text")
                    .because("the stream of all changes, and what services of the other region write, pass networks of others (R-PG-30)")
                    .fix(format!("write `tls: {{{field}}}`, with certificates of one authority in all regions")),
            );
        }
    }

    /// A promoted region must be able to archive: pgBackRest gives a segment up only when every repository has it, so one store
    /// that went with the lost region fills the volume of the new primary.
    fn stores_outlive_a_region(&mut self, at: &Path, spec: &raw::Postgres) {
        let (Some(cross), Some(backup)) = (&spec.cross_region, &spec.backup) else { return };
        let Some(primary) = self.regions.first().map(|region| region.name.clone()) else { return };
        for (index, reference) in backup.to.iter().enumerate() {
            let Some(destination) = self.spec.backup.get(reference.parts().1) else { continue };
            let lost = |to: &&String| destination.near(to).region == Some(primary.as_str());
            if let Some(to) = cross.to.iter().find(lost) {
                self.problems.push(
                    Diagnostic::warning(
                        "BP194",
                        Place::Value(at.key("backup").key("to").index(index)),
                        format!("`{to}` archives into `{primary}`, whose loss it is there to outlive"),
                    )
                    .also(Place::Value(path!["backup", reference.parts().1, "region"]), "it lies here")
                    .because("WAL that one repository does not take stays in pg_wal until the volume is full (pgBackRest keeps a segment until all repositories have it)")
                    .fix(format!("name the copy in `{to}`: `replicateTo: {to}` and `replicaBucket: BUCKET`, or take a store elsewhere")),
                );
            }
        }
    }

    /// Every region that holds the cluster has members and an etcd of its own; no other region has a host of it.
    fn hosts_by_region(&mut self, at: &Path, spec: &raw::Postgres) {
        let holds = |region: &crate::blueprint::Region| {
            region.is_primary() || spec.cross_region.as_ref().is_some_and(|c| c.to.contains(&region.name))
        };
        let primary = self.regions.first().map(|region| region.name.clone()).unwrap_or_default();
        for region in self.regions.clone() {
            let here = |zone: &String| region.spec.zones.contains(zone);
            let or_primary = |zone: Option<&String>| zone.map_or(region.is_primary(), here);
            let members: Vec<_> = spec.hosts.iter().filter(|(_, h)| here(&h.zone)).map(|(name, _)| name).collect();
            if !holds(&region) {
                for name in members {
                    self.problems.push(
                        Diagnostic::error(
                            "BP081",
                            Place::Value(at.key("hosts").key(name).key("zone")),
                            format!("this host is in `{}`, which holds no copy of the cluster", region.name),
                        )
                        .because("a region beside the primary one has members only where `crossRegion.to` names it")
                        .fix(format!("write `crossRegion: {{to: [{0}], endpoints: {{{primary}: HOST, {0}: HOST}}}}`, or leave the host out", region.name)),
                    );
                }
                continue;
            }
            let consensus = &spec.consensus.hosts;
            let etcd = consensus.is_empty() || consensus.values().any(|h| or_primary(h.zone.as_ref()));
            let routers = &spec.router.hosts;
            let router = routers.is_empty() || routers.values().any(|h| or_primary(h.zone.as_ref()));
            // A host in a zone that does not exist was complained about; where it belongs is not known.
            let known = |zone: &String| self.regions.iter().any(|r| r.spec.zones.contains(zone));
            if !spec.hosts.values().all(|host| known(&host.zone)) {
                continue;
            }
            let parts = [
                (!spec.hosts.is_empty() && members.is_empty(), at.key("hosts"), "member"),
                (!etcd, at.key("consensus").key("hosts"), "etcd member"),
                (!router, at.key("router").key("hosts"), "router"),
            ];
            for (missing, path, what) in parts {
                if missing {
                    self.problems.push(
                        Diagnostic::error("BP082", Place::Key(path), format!("`{}` has no {what}", region.name))
                            .rests_on(at.key("hosts"))
                            .rests_on(at.key("crossRegion"))
                            .because("each region's cluster decides and routes for itself: it must work when the other region is gone")
                            .fix(format!("name a host in one of its zones: {}", region.spec.zones.join(", "))),
                    );
                }
            }
        }
    }

    /// A backup whose times all belong to a larger one never runs.
    fn backup_times(&mut self, at: &Path, backup: &raw::PostgresBackup) {
        let schedule = |time: &raw::Cron| Schedule::parse(time.as_str()).unwrap_or_default();
        let mut larger = vec![("full", &backup.full)];
        for (field, time) in
            [("differential", backup.differential.as_ref()), ("incremental", backup.incremental.as_ref())]
        {
            let Some(time) = time else { continue };
            let left = larger.iter().fold(schedule(time), |left, (_, other)| left.without(&schedule(other)));
            if left.boxes.is_empty() {
                let mut problem =
                    Diagnostic::error("BP083", Place::Value(at.key(field)), "this backup would never run")
                        .because("where two backups meet the larger one replaces the smaller one")
                        .fix("give it times of its own, or leave it out");
                for (other, _) in &larger {
                    problem = problem.also(Place::Value(at.key(other)), "runs at each of these times");
                }
                self.problems.push(problem);
            }
            larger.push((field, time));
        }
    }

    /// Whoever asks for a standby's files must have a standby, and on hosts the certificates to read them with.
    fn backup_source(&mut self, at: &Path, spec: &raw::Postgres, backup: &raw::PostgresBackup) {
        if backup.from != Some(raw::BackupSource::Standby) {
            return;
        }
        let place = Place::Value(at.key("backup").key("from"));
        let on_hosts = spec.platform == raw::StorePlatform::Hosts;
        let zones = self.regions.first().map(|region| region.spec.zones.clone()).unwrap_or_default();
        let members = if on_hosts {
            spec.hosts.values().filter(|host| zones.contains(&host.zone)).count()
        } else {
            spec.member_count() as usize
        };
        if members < 2 {
            let (field, fix) = if on_hosts {
                ("hosts", "name another host in a zone of the primary region, or leave `from` out")
            } else {
                ("members", "write `members: 3`, or leave `from` out")
            };
            self.problems.push(
                Diagnostic::error("BP085", place, "there is no standby to read")
                    .rests_on(at.key(field))
                    .because("the cluster has one member, the primary")
                    .fix(fix),
            );
        } else if on_hosts && spec.tls.is_none() {
            self.problems.push(
                Diagnostic::error("BP086", place, "members cannot read each other's files")
                    .rests_on(at.key("tls"))
                    .because("pgBackRest's server lets nobody in without a certificate")
                    .fix("write `tls: {certificates: /etc/hagen/tls}` at the cluster, or leave `from` out"),
            );
        }
    }

    pub(super) fn host_zone(&mut self, at: &Path, zone: &str) {
        let zones: Vec<&str> = self.regions.iter().flat_map(|r| r.spec.zones.iter().map(String::as_str)).collect();
        if !zones.contains(&zone) {
            let fix = nearest(zone, zones.iter().copied())
                .map_or_else(|| format!("use one of: {}", zones.join(", ")), |near| format!("did you mean `{near}`?"));
            let all = self.regions.iter().map(|region| path!["regions", &region.name, "zones"]);
            self.problems.push(
                all.fold(
                    Diagnostic::error(
                        "BP012",
                        Place::Value(at.clone()),
                        format!("no region has the zone `{}`", zone.escape_debug()),
                    ),
                    Diagnostic::rests_on,
                )
                .because("a host belongs to the region of its zone")
                .fix(fix),
            );
        }
    }

    /// Patroni refuses or silently changes times that do not fit (F-PT-01, F-PT-02).
    fn failover_times(&mut self, at: &Path, spec: &raw::Postgres) {
        let f = &spec.failover;
        let floors = [("ttl", f.ttl, 20), ("loopWait", f.loop_wait, 1), ("retryTimeout", f.retry_timeout, 3)];
        for (field, value, floor) in floors {
            if value.millis() < floor * 1000 || !value.millis().is_multiple_of(1000) {
                self.problems.push(
                    Diagnostic::error(
                        "BP047",
                        Place::Value(at.key("failover").key(field)),
                        format!("Patroni wants at least {floor}s here, in whole seconds"),
                    )
                    .because("a smaller value is refused or replaced (F-PT-01, R-PG-02)")
                    .fix(format!("write `{floor}s` or more")),
                );
            }
        }
        let sum = f.loop_wait.millis() + 2 * f.retry_timeout.millis();
        if sum > f.ttl.millis() {
            let place = |field: &str| Place::Value(at.key("failover").key(field));
            self.problems.push(
                Diagnostic::error("BP048", place("ttl"), "the leader key can run out while Patroni still retries")
                    .label(format!("{} < {} + 2 × {}", f.ttl, f.loop_wait, f.retry_timeout))
                    .also(place("loopWait"), "loopWait")
                    .also(place("retryTimeout"), "retryTimeout")
                    .because("Patroni wants loopWait + 2 × retryTimeout ≤ ttl; since 3.2 it changes the times with a log line only (F-PT-02, R-PG-01)")
                    .fix(format!("write `ttl: {}s` or more", sum.div_ceil(1000))),
            );
        }
    }

    fn cross_region(&mut self, at: &Path, spec: &raw::Postgres) {
        let Some(cross) = &spec.cross_region else {
            return;
        };
        let at = at.key("crossRegion");
        let names: Vec<&str> = self.regions.iter().map(|r| r.name.as_str()).collect();
        let primary = names.first().copied().unwrap_or_default();
        let mut known = Vec::new();
        for (index, region) in cross.to.iter().enumerate() {
            let here = at.key("to").index(index);
            if names.contains(&region.as_str()) && region != primary {
                known.push(region.as_str());
            } else {
                let others = names.iter().copied().filter(|n| *n != primary);
                let fix = nearest(region, others.clone()).map_or_else(
                    || format!("use one of: {}", others.collect::<Vec<_>>().join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                let title = if region == primary {
                    format!("`{region}` is the region that writes")
                } else {
                    format!("there is no region `{}`", region.escape_debug())
                };
                self.problems.push(Diagnostic::error("BP013", Place::Value(here), title).fix(fix));
            }
        }
        for region in std::iter::once(primary).chain(known) {
            if !cross.endpoints.contains_key(region) {
                self.problems.push(
                    Diagnostic::error("BP049", Place::Key(at.key("endpoints")), format!("the endpoint of `{region}` is missing"))
                        .rests_on(at.key("endpoints"))
                        .because("the other region must reach its primary; no address inside a cluster can be routed between regions")
                        .fix(format!("write `endpoints: {{{region}: HOST}}`")),
                );
            }
        }
    }

    /// What a destination needs to be reached.
    pub(super) fn destinations(&mut self) {
        for (name, destination) in &self.spec.backup {
            let at = path!["backup", name];
            let bucket = ("bucket", destination.bucket.is_none(), "my-backups");
            let missing: &[(&str, bool, &str)] = match destination.kind {
                raw::DestinationKind::S3 => &[bucket, ("region", destination.region.is_none(), "us-east-1")],
                raw::DestinationKind::Gcs => &[bucket],
                raw::DestinationKind::AzureBlob => &[
                    ("container", destination.container.is_none(), "my-backups"),
                    ("account", destination.account.is_none(), "mybackups"),
                ],
                raw::DestinationKind::Directory => &[("path", destination.path.is_none(), "/var/backups/hagen")],
            };
            for (field, absent, example) in missing {
                if *absent {
                    self.problems.push(
                        Diagnostic::error(
                            "BP070",
                            Place::Key(at.key(field)),
                            format!("destination `{name}` has no `{field}`"),
                        )
                        .fix(format!("write something like `{field}: {example}`")),
                    );
                }
            }
            if destination.encryption == raw::Encryption::Aes256Cbc && destination.passphrase.is_none() {
                self.problems.push(
                    Diagnostic::error("BP071", Place::Value(at.key("encryption")), "own encryption needs a passphrase")
                        .fix("write `passphrase: {secret: NAME, key: KEY}`"),
                );
            }
        }
    }
}

/// `the image of etcd is`, `the images of etcd and the router are`.
fn names_of_images(what: &[&str]) -> String {
    match what {
        [only] => format!("the image of {only} is"),
        [first @ .., last] => format!("the images of {} and {last} are", first.join(", ")),
        [] => String::new(),
    }
}

/// How the image at a path is written, as it stands below its cluster.
pub(super) fn image_at(cluster: &Path, image: &Path) -> String {
    images_at(cluster, &[image])
}

/// How images are written, as they stand below their cluster.
fn images_at(cluster: &Path, images: &[&Path]) -> String {
    let one = |image: &&Path| {
        let inner = &image.steps()[cluster.steps().len()..];
        let nested = inner.iter().rev().fold("REGISTRY/NAME:TAG@sha256:DIGEST".to_owned(), |inside, step| {
            let Step::Key(key) = step else { return inside };
            if inside.starts_with("REGISTRY") { format!("{key}: {inside}") } else { format!("{key}: {{{inside}}}") }
        });
        format!("`{nested}`")
    };
    let all: Vec<String> = images.iter().map(one).collect();
    format!("write {} under `{cluster}`; `crane digest IMAGE` tells the digest", all.join(", "))
}
