//! Redis clusters.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AbsolutePath, Cron, Host, Image, Name, Reference, Requests, SecretRef, Storage, StorePlatform, StoreTls};
use crate::blueprint::units::{Bytes, Duration};

/// A Redis cluster; each region in `regions` has one of its own.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"image": "registry.example.com/team/app:1.4.2@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "memory": "1Gi"}]))]
pub struct Redis {
    /// The class of targets that it belongs to (`objectives.tiers`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["critical"]))]
    pub tier: Option<Name>,
    /// What it runs on.
    #[serde(default)]
    pub platform: StorePlatform,
    /// A cluster of shards, or one primary under Sentinel.
    #[serde(default)]
    pub topology: Topology,
    /// How many primaries share the slots, with `topology: cluster`: at least three (F-RD-07), and three when not given. Under
    /// Sentinel there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    #[schemars(extend("examples" = [3]))]
    pub shards: Option<u32>,
    /// How many copies each primary has.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 5))]
    pub replicas_per_shard: u32,
    /// After so long without an answer a node counts as failed (F-RD-01); under Sentinel, `down-after-milliseconds` (F-RD-18).
    #[serde(default = "default_node_timeout")]
    pub node_timeout: Duration,
    /// Whether the whole cluster stops when one shard is lost (F-RD-11).
    #[serde(default)]
    pub require_full_coverage: bool,
    /// So many replicas must be connected for a write; with one replica per shard it blocks the promoted primary (measured).
    #[serde(default)]
    pub min_replicas_to_write: u32,
    /// What is kept on disk.
    #[serde(default)]
    pub persistence: Persistence,
    /// The image of the nodes; required on Kubernetes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// How much data one node may hold (`maxmemory`); request and limit leave room for the fork.
    #[schemars(extend("examples" = ["1Gi"]))]
    pub memory: Bytes,
    /// CPU and memory of one node on Kubernetes; 500m and `memory` / 0.6 when not given (R-RD-15).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [{"cpu": "1", "memory": "2Gi"}]))]
    pub resources: Option<Requests>,
    /// The volume of one node on Kubernetes; five times `memory` when not given. Without meaning on hosts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [{"size": "10Gi"}]))]
    pub storage: Option<Storage>,
    /// What goes when memory is full; decided by `use` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eviction: Option<Eviction>,
    /// What it holds: decides what losing a key means.
    #[serde(rename = "use", default)]
    pub usage: Usage,
    /// How it is backed up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<RedisBackup>,
    /// Its own targets; they win over its tier and the global ones.
    #[serde(default)]
    pub objectives: super::Tier,
    /// The regions that have one; all when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [["us-east-1", "eu-west-1"]]))]
    pub regions: Option<Vec<String>>,
    /// The nodes, with `platform: hosts`: as many as `shards × (1 + replicasPerShard)` in each region.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("examples" = [{"redis-1": {"address": "10.0.1.41", "zone": "zone-a"}}]))]
    pub hosts: BTreeMap<Name, RedisHost>,
    /// What watches the primary, with `topology: sentinel`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [{"failoverTimeout": "20s"}]))]
    pub sentinel: Option<RedisSentinel>,
    /// The ports of every node, unless a node says otherwise.
    #[serde(default)]
    pub ports: RedisPorts,
    /// The directories of every node on hosts.
    #[serde(default)]
    pub directories: RedisDirectories,
    /// The operating-system account on hosts.
    #[serde(default = "default_account")]
    #[schemars(regex(pattern = r"^[a-z_][-a-z0-9_]{0,31}$"))]
    pub account: String,
    /// Who may log in, by reference.
    #[serde(default)]
    pub auth: RedisAuth,
    /// Encryption; without it nodes and clients talk in clear text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [{"secret": "redis-cache-tls"}]))]
    pub tls: Option<StoreTls>,
}

const fn one() -> u32 {
    1
}
impl Redis {
    /// How many primaries there are: as written, three in a cluster (F-RD-07), one under Sentinel.
    pub fn shards(&self) -> u32 {
        self.shards.unwrap_or(if self.is_sentinel() { 1 } else { 3 })
    }

    /// Whether Sentinel decides which node is the primary.
    pub fn is_sentinel(&self) -> bool {
        self.topology == Topology::Sentinel
    }
}

fn default_node_timeout() -> Duration {
    Duration::from_secs(5)
}
fn default_account() -> String {
    "redis".to_owned()
}

/// How Redis nodes work together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Topology {
    /// Redis Cluster.
    #[default]
    Cluster,
    /// One primary with replicas, under Sentinel.
    Sentinel,
}

/// The sentinels: they agree that the primary is gone, and promote a replica.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RedisSentinel {
    /// Where they run, with `platform: hosts`: an odd number, at least three in each region; beside every node when not given.
    /// On Kubernetes one runs in the pod of every node.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("examples" = [{"sentinel-1": {"address": "10.0.1.51", "zone": "zone-a"}}]))]
    pub hosts: BTreeMap<Name, RedisHost>,
    /// A failover that has not ended by then is given up; the next try starts after twice that. The votes may be split, most of all
    /// when a sentinel went with the primary, so a long time is a long outage then (F-RD-20).
    #[serde(default = "default_failover_timeout")]
    pub failover_timeout: Duration,
}

fn default_failover_timeout() -> Duration {
    Duration::from_secs(10)
}

impl Default for RedisSentinel {
    fn default() -> Self {
        Self { hosts: BTreeMap::new(), failover_timeout: default_failover_timeout() }
    }
}

/// What Redis keeps on disk.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"appendFsync": "everysec"}]))]
pub struct Persistence {
    /// When the append-only file is forced to disk; `never` writes none.
    #[serde(default)]
    pub append_fsync: AppendFsync,
    /// When a snapshot is written: `SECONDS CHANGES`.
    #[serde(default = "default_snapshots")]
    #[schemars(inner(regex(pattern = r"^[1-9][0-9]{0,8} [1-9][0-9]{0,8}$")))]
    #[schemars(extend("examples" = [["900 1", "60 10000"]]))]
    pub snapshots: Vec<String>,
}

fn default_snapshots() -> Vec<String> {
    vec!["3600 1".to_owned(), "300 100".to_owned(), "60 10000".to_owned()]
}

impl Default for Persistence {
    fn default() -> Self {
        Self { append_fsync: AppendFsync::default(), snapshots: default_snapshots() }
    }
}

/// When the append-only file is forced to disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AppendFsync {
    /// After each write.
    Always,
    /// Once a second: about one second of loss when all copies restart (F-RD-13).
    #[default]
    Everysec,
    /// No append-only file.
    Never,
}

/// What goes when memory is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Eviction {
    /// Nothing: writes fail.
    Noeviction,
    /// The least recently used of all keys.
    AllkeysLru,
    /// The least frequently used of all keys.
    AllkeysLfu,
    /// The least recently used key that has an expiry.
    VolatileLru,
    /// The least frequently used key that has an expiry.
    VolatileLfu,
    /// The key that expires next.
    VolatileTtl,
}

/// What Redis holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Usage {
    /// Copies of what is elsewhere: a lost key costs time.
    #[default]
    Cache,
    /// Sessions: a lost key logs somebody out.
    Sessions,
    /// Work to be done: a lost key is lost work.
    Queue,
    /// Messages that nobody keeps.
    Pubsub,
}

/// How Redis is backed up.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"snapshot": "30 * * * *", "to": ["backup.store"], "image": "registry.example.com/team/app:1.4.2@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}]))]
pub struct RedisBackup {
    /// When a snapshot of every shard is taken.
    #[schemars(extend("examples" = ["30 * * * *"]))]
    pub snapshot: Cron,
    /// How long snapshots are kept.
    #[serde(default = "default_retention")]
    pub retention: Duration,
    /// The destinations, in order.
    #[schemars(length(min = 1))]
    #[schemars(extend("examples" = [["backup.store"]]))]
    pub to: Vec<Reference>,
    /// The image of the job: redis-cli and the destination's client; required on Kubernetes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
}

fn default_retention() -> Duration {
    Duration::from_secs(7 * 86_400)
}

/// A Redis node on a host.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"address": "10.0.1.41", "zone": "zone-a"}]))]
pub struct RedisHost {
    /// Where the others reach it.
    #[schemars(extend("examples" = ["10.0.1.41"]))]
    pub address: Host,
    /// Its zone; it decides the region and the placement.
    #[schemars(extend("examples" = ["zone-a"]))]
    pub zone: String,
    /// Its ports, where they differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ports: Option<RedisPorts>,
    /// Its directories, where they differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directories: Option<RedisDirectories>,
}

/// Ports of a Redis node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RedisPorts {
    /// For clients; the bus of the cluster is at this port + 10000 unless it is given (F-RD-10).
    #[serde(default = "default_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub redis: u16,
    /// The bus of the cluster, where it differs from port + 10000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    #[schemars(extend("examples" = [16379]))]
    pub bus: Option<u16>,
    /// The metrics of redis_exporter.
    #[serde(default = "default_exporter")]
    #[schemars(range(min = 1))]
    pub exporter: u16,
    /// Sentinel, with `topology: sentinel`.
    #[serde(default = "default_sentinel")]
    #[schemars(range(min = 1))]
    pub sentinel: u16,
}

const fn default_port() -> u16 {
    6379
}
const fn default_exporter() -> u16 {
    9121
}
const fn default_sentinel() -> u16 {
    26379
}

impl Default for RedisPorts {
    fn default() -> Self {
        Self { redis: default_port(), bus: None, exporter: default_exporter(), sentinel: default_sentinel() }
    }
}

/// Directories of a Redis node on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RedisDirectories {
    /// The data; it must exist before the node starts.
    #[serde(default = "default_data")]
    pub data: AbsolutePath,
    /// The configuration and the file with the users.
    #[serde(default = "default_config")]
    pub config: AbsolutePath,
}

fn default_data() -> AbsolutePath {
    AbsolutePath::new("/var/lib/redis")
}
fn default_config() -> AbsolutePath {
    AbsolutePath::new("/etc/redis")
}

impl Default for RedisDirectories {
    fn default() -> Self {
        Self { data: default_data(), config: default_config() }
    }
}

/// Who may log in to Redis. The file with the users is named, never written.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"enabled": true}]))]
pub struct RedisAuth {
    /// Whether clients and replicas log in at all.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The password of the role `app` that the services use; key `app-password` of the Secret `redis-NAME` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [{"secret": "redis-cache", "key": "app-password"}]))]
    pub application: Option<SecretRef>,
    /// The password of the role `replica` that nodes replicate as; key `replica-password` of the Secret `redis-NAME` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [{"secret": "redis-cache", "key": "replica-password"}]))]
    pub replication: Option<SecretRef>,
    /// The password of the role `operator` that forms, repairs and backs up the cluster; key `operator-password` of the Secret `redis-NAME` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [{"secret": "redis-cache", "key": "operator-password"}]))]
    pub operator: Option<SecretRef>,
    /// The password of the role `monitor` that redis_exporter logs in as; key `monitor-password` of the Secret `redis-NAME` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [{"secret": "redis-cache", "key": "monitor-password"}]))]
    pub monitoring: Option<SecretRef>,
    /// The password of the role `sentinel` that sentinels log in as, to the nodes and to each other; key `sentinel-password` of the Secret `redis-NAME` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [{"secret": "redis-cache", "key": "sentinel-password"}]))]
    pub sentinel: Option<SecretRef>,
    /// The file of users (`users.acl`), as one Secret key; key `users.acl` of the Secret `redis-NAME` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [{"secret": "redis-cache", "key": "users.acl"}]))]
    pub users: Option<SecretRef>,
}

const fn yes() -> bool {
    true
}

impl Default for RedisAuth {
    fn default() -> Self {
        Self {
            enabled: yes(),
            application: None,
            replication: None,
            operator: None,
            monitoring: None,
            sentinel: None,
            users: None,
        }
    }
}
