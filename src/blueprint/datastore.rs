//! Resolved data stores: PostgreSQL and Redis clusters with their members in each region.

use super::placement::{self, Node, Sentinel};
use super::raw;
use super::units::{Bytes, Duration};
use super::{BackupType, Blueprint, Region, Targets, names};

/// A PostgreSQL cluster with what follows from its fields.
#[derive(Debug, Clone)]
pub struct Postgres {
    /// Its name.
    pub name: String,
    /// What was written.
    pub spec: raw::Postgres,
    /// Its targets outside of any scenario.
    pub targets: Targets,
    /// The database that is created for the services.
    pub database: String,
    /// The role that the services log in as.
    pub user: String,
    /// The passwords, every one with its reference.
    pub credentials: Credentials,
    /// The name of the primary region.
    pub primary_region: String,
}

/// The references of all passwords of a PostgreSQL cluster.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Of `postgres`, the superuser.
    pub superuser: raw::SecretRef,
    /// Of `replicator`, the role that standbys replicate as.
    pub replication: raw::SecretRef,
    /// Of `rewinder`, the role that `pg_rewind` uses.
    pub rewind: raw::SecretRef,
    /// Of the role that the services log in as.
    pub application: raw::SecretRef,
    /// Of Patroni's REST API.
    pub rest: raw::SecretRef,
    /// Of `monitor`, the role that the metrics exporter logs in as.
    pub monitoring: raw::SecretRef,
}

/// What a PostgreSQL cluster is in a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostgresRole {
    /// It holds the primary, which writes.
    Primary,
    /// It streams from the primary region and can be promoted.
    Standby,
    /// It subscribes to the primary region; it is no standby.
    Subscriber,
}

/// A PostgreSQL member on a host.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its name, also Patroni's.
    pub name: String,
    /// Where the others reach it.
    pub address: String,
    /// Its zone.
    pub zone: String,
    /// Its ports.
    pub ports: raw::PostgresPorts,
    /// Its data directory.
    pub data: String,
    /// The directory of its programs.
    pub bin: String,
    /// The directory of its configuration and of the files with secrets.
    pub config: String,
    /// The directory of its sockets and process ids.
    pub run: String,
    /// The directory of its logs.
    pub log: String,
}

/// An etcd member on a host.
#[derive(Debug, Clone)]
pub struct EtcdMember {
    /// Its name.
    pub name: String,
    /// Where the others reach it.
    pub address: String,
    /// Its zone, where it is known.
    pub zone: Option<String>,
    /// Its ports.
    pub ports: raw::EtcdPorts,
    /// Its data directory.
    pub data: String,
    /// The directory of its configuration.
    pub config: String,
}

/// A host that router and pool run on.
#[derive(Debug, Clone)]
pub struct Router {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// The directory of its configuration and of the files with secrets.
    pub config: String,
    /// The directory of its sockets and process ids.
    pub run: String,
    /// The directory of its logs.
    pub log: String,
}

impl PostgresRole {
    /// What pages call it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Standby => "standby",
            Self::Subscriber => "subscriber",
        }
    }
}

impl Postgres {
    /// Whether hagen renders it: Patroni on Kubernetes or hosts.
    pub fn is_rendered(&self) -> bool {
        self.spec.manager == raw::Manager::Patroni
    }

    /// Whether it runs on Kubernetes.
    pub fn on_kubernetes(&self) -> bool {
        self.spec.platform == raw::StorePlatform::Kubernetes
    }

    /// Whether PgBouncer stands in front.
    pub fn has_pool(&self) -> bool {
        self.spec.pool.kind == raw::PoolKind::Pgbouncer
    }

    /// Whether HAProxy leads to the primary. On Kubernetes, without an image of it, Patroni's role label does.
    pub fn has_router(&self) -> bool {
        !self.on_kubernetes() || self.spec.router.image.is_some()
    }

    /// What it is in a region; `None` where it is not.
    pub fn role(&self, region: &Region) -> Option<PostgresRole> {
        if region.is_primary() {
            return Some(PostgresRole::Primary);
        }
        let cross = self.spec.cross_region.as_ref()?;
        if !cross.to.contains(&region.name) {
            return None;
        }
        Some(match cross.mode {
            raw::CrossRegionMode::StreamingStandby => PostgresRole::Standby,
            raw::CrossRegionMode::Logical => PostgresRole::Subscriber,
        })
    }

    /// Whether its members in a region are pods that hagen renders.
    pub fn has_pods(&self, region: &Region) -> bool {
        self.is_rendered() && self.on_kubernetes() && self.role(region).is_some()
    }

    /// How many members it has in a region.
    pub fn member_count(&self, region: &Region) -> usize {
        if self.on_kubernetes() { self.spec.member_count() as usize } else { self.members(region).len() }
    }

    /// How many etcd members it has in a region; none with the Kubernetes API.
    pub fn etcd_count(&self, region: &Region) -> usize {
        if self.spec.consensus.kind == raw::ConsensusKind::Kubernetes {
            0
        } else if self.on_kubernetes() {
            self.spec.consensus.member_count() as usize
        } else {
            self.etcd(region).len()
        }
    }

    /// The pods of its members in a region, on Kubernetes.
    pub fn pods(&self, region: &Region) -> impl Iterator<Item = String> + use<> {
        let object = self.object();
        (0..self.member_count(region)).map(move |at| names::pod(&object, at))
    }

    /// The pods of its etcd in a region, on Kubernetes.
    pub fn etcd_pods(&self, region: &Region) -> impl Iterator<Item = String> + use<> {
        let object = names::postgres_etcd(&self.name);
        (0..self.etcd_count(region)).map(move |at| names::pod(&object, at))
    }

    /// Whether backups in a region read a standby's files: where there can be one, and members can read each other's.
    pub fn backs_up_from_standby(&self, region: &Region) -> bool {
        let wanted = self.spec.backup.as_ref().is_some_and(|b| b.from != Some(raw::BackupSource::Primary));
        wanted && self.member_count(region) > 1 && (self.on_kubernetes() || self.spec.tls.is_some())
    }

    /// The CronJobs of its backups on Kubernetes: the larger types first, then the restore that proves them.
    pub fn backup_jobs(&self) -> Vec<String> {
        let Some(backup) = &self.spec.backup else { return Vec::new() };
        let made = BackupType::made(backup).map(|(kind, _)| kind.field());
        made.chain(backup.verify.as_ref().map(|_| "verify"))
            .map(|job| names::postgres_backup(&self.name, job))
            .collect()
    }

    /// Its members on hosts in a region, by name.
    pub fn members(&self, region: &Region) -> Vec<Member> {
        let (version, name) = (self.spec.version, &self.name);
        let in_region = self.spec.hosts.iter().filter(|(_, host)| region.spec.zones.contains(&host.zone));
        let member = |(host_name, host): (&raw::Name, &raw::PostgresHost)| {
            let own = host.directories.as_ref().unwrap_or(&self.spec.directories);
            // What lies beside the data is named after it: with a slash behind, it would lie inside.
            let plain = |p: &raw::AbsolutePath| p.as_str().trim_end_matches('/').to_owned();
            let path = |p: &Option<raw::AbsolutePath>, default: String| p.as_ref().map_or(default, plain);
            Member {
                name: host_name.to_string(),
                address: host.address.canonical(),
                zone: host.zone.clone(),
                ports: host.ports.unwrap_or(self.spec.ports),
                data: path(&own.data, format!("/var/lib/postgresql/{version}/{name}")),
                bin: path(&own.bin, format!("/usr/lib/postgresql/{version}/bin")),
                config: own.config.to_string(),
                run: own.run.to_string(),
                log: own.log.to_string(),
            }
        };
        in_region.map(member).collect()
    }

    /// Its etcd members on hosts in a region, by name: the hosts of `consensus`, or the PostgreSQL hosts themselves.
    pub fn etcd(&self, region: &Region) -> Vec<EtcdMember> {
        let consensus = &self.spec.consensus;
        let here = |zone: Option<&String>| zone.map_or(region.is_primary(), |zone| region.spec.zones.contains(zone));
        if !consensus.hosts.is_empty() {
            let in_region = consensus.hosts.iter().filter(|(_, host)| here(host.zone.as_ref()));
            return in_region
                .map(|(name, host)| EtcdMember {
                    name: name.to_string(),
                    address: host.address.canonical(),
                    zone: host.zone.clone(),
                    ports: host.ports.unwrap_or(consensus.ports),
                    data: host.data.as_ref().unwrap_or(&consensus.data).to_string(),
                    config: host.config.as_ref().unwrap_or(&self.spec.directories.config).to_string(),
                })
                .collect();
        }
        let members = self.members(region).into_iter();
        members
            .map(|member| EtcdMember {
                name: member.name,
                address: member.address,
                zone: Some(member.zone),
                ports: consensus.ports,
                data: consensus.data.to_string(),
                config: member.config,
            })
            .collect()
    }

    /// The hosts that router and pool run on in a region.
    pub fn routers(&self, region: &Region) -> Vec<Router> {
        let own = &self.spec.router.hosts;
        if own.is_empty() {
            let of_member =
                |m: Member| Router { name: m.name, address: m.address, config: m.config, run: m.run, log: m.log };
            return self.members(region).into_iter().map(of_member).collect();
        }
        let here = |zone: Option<&String>| zone.map_or(region.is_primary(), |zone| region.spec.zones.contains(zone));
        let in_region = own.iter().filter(|(_, host)| here(host.zone.as_ref()));
        let router = |(name, host): (&raw::Name, &raw::RouterHost)| {
            let directories = host.directories.as_ref().unwrap_or(&self.spec.directories);
            Router {
                name: name.to_string(),
                address: host.address.canonical(),
                config: directories.config.to_string(),
                run: directories.run.to_string(),
                log: directories.log.to_string(),
            }
        };
        in_region.map(router).collect()
    }

    /// Where another region reaches the primary of this region.
    pub fn endpoint(&self, region: &str) -> Option<String> {
        self.spec.cross_region.as_ref().and_then(|c| c.endpoints.get(region)).map(ToString::to_string)
    }

    /// The path in a repository: below the destination's own, by system, so that two systems may share a bucket. A subscriber
    /// is a cluster of its own, with its own history; a standby goes on with the history of its primary.
    pub fn repository(&self, system: &str, region: &Region, destination: &raw::Destination) -> String {
        let base = destination.path.as_ref().map_or("", |path| path.as_str()).trim_end_matches('/');
        let subscribes = self.role(region) == Some(PostgresRole::Subscriber);
        let own = if subscribes { format!("-{}", region.name) } else { String::new() };
        format!("{base}/{system}/pgbackrest{own}")
    }

    /// Patroni's scope.
    pub fn scope(&self) -> String {
        names::patroni_scope(&self.name)
    }

    /// The name of its main objects.
    pub fn object(&self) -> String {
        names::postgres(&self.name)
    }
}

/// A Redis cluster with what follows from its fields.
#[derive(Debug, Clone)]
pub struct Redis {
    /// Its name.
    pub name: String,
    /// What was written.
    pub spec: raw::Redis,
    /// Its targets outside of any scenario.
    pub targets: Targets,
    /// What goes when memory is full.
    pub eviction: raw::Eviction,
    /// The key that holds the application's password.
    pub password: raw::SecretRef,
    /// The key that holds the password of `replica`, the role that nodes replicate as.
    pub replication: raw::SecretRef,
    /// The key that holds the password of `operator`, the role that forms, repairs and backs up the cluster.
    pub operator: raw::SecretRef,
    /// The key that holds the password of `monitor`, the role of the metrics exporter.
    pub monitoring: raw::SecretRef,
    /// The key that holds the password of `sentinel`, the role that sentinels log in as.
    pub sentinel: raw::SecretRef,
    /// The key that holds the file of users.
    pub users: raw::SecretRef,
    /// The key that holds the sentinels' own file of users.
    pub sentinel_users: raw::SecretRef,
}

impl Redis {
    /// Whether hagen renders it.
    pub fn is_rendered(&self) -> bool {
        matches!(self.spec.platform, raw::StorePlatform::Kubernetes | raw::StorePlatform::Hosts)
    }

    /// Whether it runs on Kubernetes.
    pub fn on_kubernetes(&self) -> bool {
        self.spec.platform == raw::StorePlatform::Kubernetes
    }

    /// Whether a region has one.
    pub fn in_region(&self, region: &Region) -> bool {
        self.spec.regions.as_ref().is_none_or(|regions| regions.contains(&region.name))
    }

    /// CPU of a node on Kubernetes where nothing is written, in thousandths of a core.
    pub const CPU: u64 = 500;

    /// The size of a node's volume on Kubernetes: as written, or the append-only file up to twice the data, once more while
    /// it is rewritten, a snapshot and the next.
    pub fn volume_size(spec: &raw::Redis) -> Bytes {
        let derived = || Bytes::new((spec.memory.mebibytes() * 5).max(1024) << 20);
        spec.storage.as_ref().map_or_else(derived, |storage| storage.size)
    }

    /// Memory of a node on Kubernetes: as written, or so that `maxmemory` is 0.6 of it (R-RD-15).
    pub fn node_memory(spec: &raw::Redis) -> Bytes {
        let derived = || Bytes::new((spec.memory.mebibytes() * 5).div_ceil(3) << 20);
        spec.resources.as_ref().map_or_else(derived, |resources| resources.memory)
    }

    /// How many nodes it has in a region.
    pub fn node_count(&self) -> usize {
        (self.spec.shards() * (1 + self.spec.replicas_per_shard)) as usize
    }

    /// Its nodes in a region, with shard, role and zone: primaries and replicas zone-proof where the zones allow it (X-RD-5).
    pub fn nodes(&self, region: &Region) -> Vec<Node> {
        placement::place(self, region)
    }

    /// What the pod of a node is called inside its Kubernetes cluster, whatever its address is today. Under Sentinel the whole
    /// name: it is one question to DNS instead of four, and while a sentinel waits for an answer it does nothing else.
    pub fn pod_host(&self, blueprint: &Blueprint, node: &str) -> String {
        let pod = names::pod(node, 0);
        let host = format!("{pod}.{}.{}.svc", names::redis_nodes(&self.name), blueprint.namespace);
        if self.spec.is_sentinel() { format!("{host}.{}", blueprint.spec.platform.kubernetes.domain) } else { host }
    }

    /// The sentinel in the same pod, as redis_exporter is told to ask it.
    pub fn sentinel_beside(&self) -> String {
        let scheme = if self.spec.tls.is_some() { "rediss" } else { "redis" };
        format!("{scheme}://localhost:{}", self.spec.ports.sentinel)
    }

    /// Its sentinels in a region; none in a cluster.
    pub fn sentinels(&self, region: &Region) -> Vec<Sentinel> {
        placement::sentinels(self, region)
    }

    /// Where its snapshots lie in a destination, without a slash in front: below the destination's own path, by system and region.
    pub fn snapshots(&self, system: &str, region: &Region, destination: &raw::Destination) -> String {
        let base = destination.path.as_ref().map_or("", |path| path.as_str()).trim_matches('/');
        let parts = [base, "redis", system, &region.name, &self.name];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
    }

    /// For how long nobody takes writes at most after a primary has died: 1.5 × node timeout + 3 s in a cluster (X-RD-2);
    /// under Sentinel, until every sentinel names the new one, the node timeout + 7 s (X-RD-7).
    pub fn failover_bound(&self) -> Duration {
        let timeout = self.spec.node_timeout.millis();
        Duration::from_millis(if self.spec.is_sentinel() { timeout + 7000 } else { timeout * 3 / 2 + 3000 })
    }

    /// How that bound comes about, for people.
    pub fn failover_why(&self) -> &'static str {
        if self.spec.is_sentinel() { "nodeTimeout + 7 s (X-RD-7)" } else { "1.5 x nodeTimeout + 3 s (X-RD-2)" }
    }

    /// The name of its main objects.
    pub fn object(&self) -> String {
        names::redis(&self.name)
    }
}
