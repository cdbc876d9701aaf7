//! Redis clusters: enough shards, hosts and images, and nothing that the renderer could not express.

use super::Resolver;
use super::datastores::image_at;
use crate::blueprint::{Redis, names, raw};
use crate::diagnostics::{Diagnostic, Place, nearest};
use crate::document::Path;
use crate::path;

/// What is rendered, or made by the rendered scripts, in the directory of a node's or a sentinel's configuration.
const OWN_FILES: [&str; 10] = [
    "redis.conf",
    "sentinel.conf",
    "secrets.conf",
    "sentinel-secrets.conf",
    "sentinel.acl",
    "exporter.env",
    "backup.env",
    "backup.sh",
    "start.sh",
    "sentinel-start.sh",
];

impl Resolver<'_> {
    pub(super) fn redis(&mut self) -> Vec<Redis> {
        let spec = self.spec;
        spec.redis.iter().map(|(name, cluster)| self.redis_cluster(name.as_str(), cluster)).collect()
    }

    fn redis_cluster(&mut self, name: &str, spec: &raw::Redis) -> Redis {
        let at = path!["redis", name];
        self.tier(&at, spec.tier.as_ref());
        if !spec.is_sentinel() && spec.shards() < 3 {
            self.problems.push(
                Diagnostic::error(
                    "BP060",
                    Place::Value(at.key("shards")),
                    "a Redis Cluster needs at least three shards",
                )
                .because("fewer primaries have no majority when one is lost (F-RD-07, R-RD-04)")
                .fix("write `shards: 3` or more"),
            );
        }
        if spec.min_replicas_to_write > 0 && spec.min_replicas_to_write >= spec.replicas_per_shard {
            self.problems.push(
                Diagnostic::error(
                    "BP061",
                    Place::Value(at.key("minReplicasToWrite")),
                    "this stops writes after every failover",
                )
                .also(Place::Value(at.key("replicasPerShard")), "replicas of each shard")
                .because("the promoted primary has one replica less, until the dead node is back (measured)")
                .fix(format!(
                    "write `replicasPerShard: {}`, or leave `minReplicasToWrite` out",
                    spec.min_replicas_to_write + 1
                )),
            );
        }
        match spec.platform {
            raw::StorePlatform::Kubernetes => self.redis_on_kubernetes(&at, name, spec),
            raw::StorePlatform::Hosts => self.redis_on_hosts(&at, name, spec),
            _ => {}
        }
        if matches!(spec.platform, raw::StorePlatform::Kubernetes | raw::StorePlatform::Hosts) {
            self.redis_as_rendered(&at, name, spec);
        }
        for (index, region) in spec.regions.iter().flatten().enumerate() {
            if !self.regions.iter().any(|r| r.name == *region) {
                let names = self.regions.iter().map(|r| r.name.as_str());
                let fix = nearest(region, names.clone()).map_or_else(
                    || format!("use one of: {}", names.collect::<Vec<_>>().join(", ")),
                    |n| format!("did you mean `{n}`?"),
                );
                self.problems.push(
                    Diagnostic::error(
                        "BP013",
                        Place::Value(at.key("regions").index(index)),
                        format!("there is no region `{}`", region.escape_debug()),
                    )
                    .fix(fix),
                );
            }
        }
        if let Some(backup) = &spec.backup {
            for (index, reference) in backup.to.iter().enumerate() {
                self.reference(&at.key("backup").key("to").index(index), reference.as_str(), &["backup"]);
            }
        }
        let eviction = spec.eviction.unwrap_or(match spec.usage {
            raw::Usage::Cache => raw::Eviction::AllkeysLru,
            raw::Usage::Sessions | raw::Usage::Queue | raw::Usage::Pubsub => raw::Eviction::Noeviction,
        });
        if spec.eviction.is_none() {
            let value = if eviction == raw::Eviction::AllkeysLru { "allkeys-lru" } else { "noeviction" };
            self.derived(&at.key("eviction"), value, "`use` (R-RD-08)");
        }
        let object = names::redis(name);
        let secret = |own: &Option<raw::SecretRef>, key: &str| {
            own.clone().unwrap_or_else(|| raw::SecretRef { secret: raw::ObjectName::new(&object), key: key.to_owned() })
        };
        Redis {
            name: name.to_owned(),
            spec: spec.clone(),
            targets: self.targets(&spec.objectives, spec.tier.as_ref()),
            eviction,
            password: secret(&spec.auth.application, "app-password"),
            replication: secret(&spec.auth.replication, "replica-password"),
            operator: secret(&spec.auth.operator, "operator-password"),
            monitoring: secret(&spec.auth.monitoring, "monitor-password"),
            sentinel: secret(&spec.auth.sentinel, "sentinel-password"),
            sentinel_users: raw::SecretRef {
                secret: secret(&spec.auth.users, "users.acl").secret,
                key: "sentinel.acl".to_owned(),
            },
            users: secret(&spec.auth.users, "users.acl"),
        }
    }

    /// The key of a secret is the name of its file, on a host and in a pod, beside hagen's own: two roles of one name would share a
    /// password, and the API server refuses two files of one name.
    fn redis_secret_files(&mut self, at: &Path, spec: &raw::Redis) {
        if !spec.auth.enabled {
            return;
        }
        let auth = &spec.auth;
        let files = [
            ("application", &auth.application, "app-password"),
            ("replication", &auth.replication, "replica-password"),
            ("operator", &auth.operator, "operator-password"),
            ("monitoring", &auth.monitoring, "monitor-password"),
            ("sentinel", &auth.sentinel, "sentinel-password"),
            ("users", &auth.users, "users.acl"),
        ];
        let name = |given: &Option<raw::SecretRef>, own: &str| {
            given.as_ref().map_or_else(|| own.to_owned(), |reference| reference.key.clone())
        };
        for (field, given, own) in &files {
            let Some(reference) = given else { continue };
            let key = reference.key.as_str();
            let other = files.iter().find(|(other, given, own)| other != field && name(given, own) == key);
            let whose = match other {
                Some((other, ..)) => format!("`auth.{other}` has a file of this name too: both would be one password"),
                None if OWN_FILES.contains(&key) => "hagen writes a file of this name itself".to_owned(),
                None if key.starts_with('-') => "programs would take the name for an option".to_owned(),
                None => continue,
            };
            self.problems.push(
                Diagnostic::error(
                    "BP250",
                    Place::Value(at.key("auth").key(*field).key("key")),
                    format!("no file can be called `{}` for this", key.escape_debug()),
                )
                .because(whose)
                .fix(format!("write `key: {own}`, or another name of its own")),
            );
        }
    }

    /// What the renderer cannot express is refused here, not dropped there.
    fn redis_as_rendered(&mut self, at: &Path, name: &str, spec: &raw::Redis) {
        self.redis_secret_files(at, spec);
        self.sentinel_as_rendered(at, name, spec);
        if spec.node_timeout.millis() < 500 {
            self.problems.push(
                Diagnostic::error(
                    "BP111",
                    Place::Value(at.key("nodeTimeout")),
                    "Redis wants at least 500ms, and less than a second fails over healthy nodes",
                )
                .because("a node counts as failed after so long without an answer (F-RD-03, R-RD-11)")
                .fix("write `nodeTimeout: 2s` or more"),
            );
        }
        self.bus_port(at, spec);
        if let Some(tls) = &spec.tls {
            let (field, missing) = match spec.platform {
                raw::StorePlatform::Hosts => ("certificates", tls.certificates.is_none()),
                _ => ("secret", tls.secret.is_none()),
            };
            if missing {
                self.problems.push(
                    Diagnostic::error("BP112", Place::Key(at.key("tls")), format!("`{field}` is not given"))
                        .because("nobody could find certificate, key and CA")
                        .fix(format!(
                            "write `tls: {{{field}: {}}}`",
                            if field == "secret" { "NAME" } else { "DIRECTORY" }
                        )),
                );
            }
        }
        let old = spec.image.as_ref().and_then(|image| major(image.as_str())).is_some_and(|major| major < 7);
        if old {
            self.problems.push(
                Diagnostic::error("BP113", Place::Value(at.key("image")), "Redis 7 or later is needed")
                    .because("stable host names (`cluster-announce-hostname`) and slot ranges (`ADDSLOTSRANGE`) came with 7.0")
                    .fix("take an image of Redis 7 or 8, or of Valkey"),
            );
        }
        let twin = self
            .spec
            .redis
            .keys()
            .map(ToString::to_string)
            .find(|other| names::redis(other) == names::redis_nodes(name));
        if let Some(twin) = twin {
            self.problems.push(
                Diagnostic::error(
                    "BP114",
                    Place::Key(path!["redis", &twin]),
                    format!("the Service `{}` would stand for two things", names::redis_nodes(name)),
                )
                .also(Place::Key(at.clone()), "the nodes of this cluster are found by it, too")
                .fix(format!("call `{twin}` otherwise")),
            );
        }
    }

    /// The bus listens 10000 above the port for clients, where nothing else is said.
    fn bus_port(&mut self, at: &Path, spec: &raw::Redis) {
        if spec.is_sentinel() {
            return;
        }
        let all_have_own = !spec.hosts.is_empty() && spec.hosts.values().all(|host| host.ports.is_some());
        let shared = (!all_have_own).then(|| (at.key("ports"), &spec.ports)).into_iter();
        let own = spec
            .hosts
            .iter()
            .filter_map(|(name, host)| Some((at.key("hosts").key(name).key("ports"), host.ports.as_ref()?)));
        let high: Vec<Path> = shared
            .chain(own)
            .filter(|(_, ports)| ports.bus.is_none() && ports.redis > u16::MAX - 10_000)
            .map(|(at, _)| at.key("redis"))
            .collect();
        for at in high {
            self.problems.push(
                Diagnostic::error("BP254", Place::Value(at), "the bus of this node would have a port above 65535")
                    .because(
                        "nodes speak to each other 10000 above the port for clients, and redis-server refuses to start",
                    )
                    .fix("use a port up to 55535, or write `bus: PORT`"),
            );
        }
    }

    fn redis_on_kubernetes(&mut self, at: &Path, name: &str, spec: &raw::Redis) {
        if name.len() > 36 {
            self.problems.push(
                Diagnostic::error("BP115", Place::Key(at.clone()), "the name is too long")
                    .because("the Job `redis-NAME-bootstrap-HASH` may have 63 characters, a CronJob 52")
                    .fix("take a name of at most 36 characters"),
            );
        }
        self.redis_backup_on_kubernetes(at, spec);
        if spec.image.is_none() {
            self.problems.push(
                Diagnostic::error("BP041", Place::Key(at.key("image")), "the image of the nodes is not given")
                    .rests_on(at.key("platform"))
                    .because("on Kubernetes every container needs one")
                    .fix(image_at(at, &at.key("image"))),
            );
        }
        if !spec.hosts.is_empty() {
            self.problems.push(
                Diagnostic::error("BP043", Place::Key(at.key("hosts")), "`hosts` belong to `platform: hosts`")
                    .rests_on(at.key("platform"))
                    .also(Place::Value(at.key("platform")), "this cluster runs on Kubernetes")
                    .fix("write `platform: hosts`, or leave the hosts out"),
            );
        }
    }

    /// What the job of a backup cannot do on Kubernetes.
    fn redis_backup_on_kubernetes(&mut self, at: &Path, spec: &raw::Redis) {
        let Some(backup) = &spec.backup else { return };
        if backup.image.is_none() {
            self.problems.push(
                Diagnostic::error("BP041", Place::Key(at.key("backup")), "the image of the backup is not given")
                    .rests_on(at.key("platform"))
                    .because("on Kubernetes every container needs one: with redis-cli, the client of the destinations and a shell")
                    .fix(image_at(at, &at.key("backup").key("image"))),
            );
        }
        let mut identities: Vec<(raw::DestinationKind, &str)> = Vec::new();
        for (index, reference) in backup.to.iter().enumerate() {
            let here = Place::Value(at.key("backup").key("to").index(index));
            let Some(destination) = self.spec.backup.get(reference.parts().1) else { continue };
            if destination.kind == raw::DestinationKind::Directory {
                self.problems.push(
                    Diagnostic::error("BP116", here, "a pod has no such directory")
                        .because("what is written into the container is gone with it")
                        .fix("take a bucket, or run this cluster on hosts"),
                );
            } else if let Some(identity) = &destination.workload_identity {
                if identities.iter().any(|(kind, other)| *kind == destination.kind && other != identity) {
                    self.problems.push(
                        Diagnostic::error("BP116", here, "one job has one identity for each provider")
                            .because("the identity is an annotation of the job's ServiceAccount")
                            .fix("give both destinations the same `workloadIdentity`, or one of them an access key"),
                    );
                }
                identities.push((destination.kind, identity));
            }
        }
    }

    fn redis_on_hosts(&mut self, at: &Path, name: &str, spec: &raw::Redis) {
        for (host, facts) in &spec.hosts {
            self.host_zone(&at.key("hosts").key(host).key("zone"), &facts.zone);
        }
        let wanted = (spec.shards() * (1 + spec.replicas_per_shard)) as usize;
        for region in self.regions.clone() {
            if spec.regions.as_ref().is_some_and(|regions| !regions.contains(&region.name)) {
                continue;
            }
            let there = spec.hosts.values().filter(|host| region.spec.zones.contains(&host.zone)).count();
            if there != wanted {
                self.problems.push(
                    Diagnostic::error(
                        "BP062",
                        Place::Key(at.key("hosts")),
                        format!("`{name}` has {there} hosts in {} and needs {wanted}", region.name),
                    )
                    .because(format!(
                        "{} shards × (1 + {} replicas) = {wanted} nodes",
                        spec.shards(),
                        spec.replicas_per_shard
                    ))
                    .rests_on(at.key("shards"))
                    .rests_on(at.key("replicasPerShard"))
                    .rests_on(at.key("regions"))
                    .rests_on(path!["regions", &region.name, "zones"])
                    .fix(format!("name {wanted} hosts in its zones, or leave the region out of `regions`")),
                );
            }
        }
    }
}

/// The major version that the tag of an image begins with: 7 of `registry/redis:7.2.5@sha256:…`.
fn major(image: &str) -> Option<u32> {
    let (name, _) = image.split_once('@').unwrap_or((image, ""));
    let (repository, tag) = name.rsplit_once(':')?;
    // Another image's tag is a version of its own, and so is a 1.x: Redis Cluster came with 3.
    let of_redis = repository.rsplit('/').next().is_some_and(|last| last == "redis" || last == "valkey");
    tag.trim_start_matches('v').split(['.', '-']).next()?.parse().ok().filter(|major| of_redis && *major >= 2)
}
