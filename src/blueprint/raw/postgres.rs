//! PostgreSQL clusters.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    AbsolutePath, Host, Image, Name, ObjectName, ParameterName, Pool, PostgresBackup, Requests, Router, SecretRef,
    SqlName, Verbatim,
};
use crate::blueprint::units::{Bytes, Duration, Throughput};

/// A PostgreSQL cluster.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"image": "registry.example.com/team/app:1.4.2@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "consensus": {"kind": "kubernetes"}, "pool": {"kind": "none"}, "storage": {"size": "100Gi"}}]))]
pub struct Postgres {
    /// The class of targets that it belongs to (`objectives.tiers`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["critical"]))]
    pub tier: Option<Name>,
    /// The major version of PostgreSQL.
    #[serde(default = "default_version")]
    #[schemars(range(min = 13, max = 19))]
    pub version: u32,
    /// Who runs it. Only `patroni` is rendered; of the others hagen writes what services need to reach them, and alerts where an exporter is there.
    #[serde(default)]
    pub manager: Manager,
    /// What it runs on.
    #[serde(default)]
    pub platform: StorePlatform,
    /// How many members each region's cluster has on Kubernetes, three when not given; with `hosts` their number counts instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 15))]
    #[schemars(extend("examples" = [3]))]
    pub members: Option<u32>,
    /// The image of the members, with PostgreSQL, Patroni and pgBackRest; required on Kubernetes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// When a commit counts as done.
    #[serde(default)]
    pub replication: Replication,
    /// How many standbys confirm a commit in the synchronous modes.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 14))]
    pub synchronous_nodes: u32,
    /// The times that Patroni decides by.
    #[serde(default)]
    pub failover: Failover,
    /// Where Patroni keeps its leader key.
    #[serde(default)]
    pub consensus: Consensus,
    /// The connection pool in front.
    #[serde(default)]
    pub pool: Pool,
    /// What leads clients to the primary: on hosts, and on Kubernetes where it has an image.
    #[serde(default)]
    pub router: Router,
    /// The volume of each member; required on Kubernetes, without meaning on hosts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
    /// CPU and memory of each member on Kubernetes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [{"cpu": "2", "memory": "8Gi"}]))]
    pub resources: Option<Requests>,
    /// The database that is created for the services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["shop"]))]
    pub database: Option<SqlName>,
    /// The role that the services log in as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["shop"]))]
    pub user: Option<SqlName>,
    /// PostgreSQL parameters, passed on as they are written.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("examples" = [{"max_connections": "200"}]))]
    pub parameters: BTreeMap<ParameterName, Verbatim>,
    /// The passwords, by reference; on hosts the file `directories.config`/NAME.env holds them.
    #[serde(default)]
    pub credentials: PostgresCredentials,
    /// Copies in other regions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cross_region: Option<CrossRegion>,
    /// Its own targets; they win over its tier and the global ones.
    #[serde(default)]
    pub objectives: super::Tier,
    /// How it is backed up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<PostgresBackup>,
    /// What restore times are computed from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<DataFacts>,
    /// The members, with `platform: hosts`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("examples" = [{"pg-1": {"address": "10.0.1.11", "zone": "zone-a"}}]))]
    pub hosts: BTreeMap<Name, PostgresHost>,
    /// The ports of every member, unless a member says otherwise.
    #[serde(default)]
    pub ports: PostgresPorts,
    /// The directories of every member on hosts.
    #[serde(default)]
    pub directories: PostgresDirectories,
    /// The operating-system account that PostgreSQL, Patroni, PgBouncer and pgBackRest run as on hosts.
    #[serde(default = "default_account")]
    #[schemars(regex(pattern = r"^[a-z_][-a-z0-9_]{0,31}$"))]
    pub account: String,
    /// Encryption between clients, members and REST; without it they talk in clear text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<StoreTls>,
}

const fn default_version() -> u32 {
    16
}
const fn one() -> u32 {
    1
}
fn default_account() -> String {
    "postgres".to_owned()
}

impl Postgres {
    /// How many members each region's cluster has on Kubernetes.
    pub fn member_count(&self) -> u32 {
        self.members.unwrap_or(3)
    }
}

impl Consensus {
    /// How many etcd members each region has on Kubernetes.
    pub fn member_count(&self) -> u32 {
        self.members.unwrap_or(3)
    }
}

/// Who runs PostgreSQL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Manager {
    /// Patroni.
    #[default]
    Patroni,
    /// The CloudNativePG operator.
    CloudnativePg,
    /// Amazon RDS.
    Rds,
    /// Supabase.
    Supabase,
}

/// What a data store runs on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StorePlatform {
    /// Kubernetes.
    #[default]
    Kubernetes,
    /// Virtual machines or metal.
    Hosts,
    /// Google Memorystore (Redis only).
    Memorystore,
    /// Amazon ElastiCache (Redis only).
    Elasticache,
}

/// When a commit counts as done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Replication {
    /// As soon as the primary has it; a failover may lose the last transactions (X-PT-10).
    Asynchronous,
    /// When a standby has it too; without any standby the primary goes on alone (X-PT-11).
    #[default]
    Synchronous,
    /// When a standby has it too; without any standby nothing is written (X-PT-12).
    SynchronousStrict,
    /// When a quorum of standbys has it (X-PT-13); Patroni 4.
    Quorum,
}

impl Replication {
    /// Whether a commit waits for a standby.
    pub const fn is_synchronous(self) -> bool {
        !matches!(self, Self::Asynchronous)
    }
}

/// The times that Patroni decides by: `loopWait + 2 × retryTimeout ≤ ttl` (F-PT-02).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"ttl": "20s", "loopWait": "5s", "retryTimeout": "5s"}]))]
pub struct Failover {
    /// How long the leader key lives without renewal; at least 20 s (F-PT-01).
    #[serde(default = "seconds::<20>")]
    pub ttl: Duration,
    /// The time from one look of Patroni to the next.
    #[serde(default = "seconds::<5>")]
    pub loop_wait: Duration,
    /// How long Patroni and PostgreSQL operations are tried again.
    #[serde(default = "seconds::<5>")]
    pub retry_timeout: Duration,
    /// A replica further behind is no candidate (F-PT-05).
    #[serde(default = "default_lag")]
    pub maximum_lag: Bytes,
    /// How long a crashed primary may recover in place before another one is tried (F-PT-03).
    #[serde(default = "seconds::<300>")]
    pub primary_start_timeout: Duration,
    /// Whether the primary goes on without the consensus store while it reaches all members (F-PT-08).
    #[serde(default = "yes")]
    pub failsafe: bool,
    /// Whether a watchdog device ends a primary that hangs; `off` leaves fencing to the REST-checked router.
    #[serde(default)]
    pub watchdog: Watchdog,
}

impl Default for Failover {
    fn default() -> Self {
        Self {
            ttl: seconds::<20>(),
            loop_wait: seconds::<5>(),
            retry_timeout: seconds::<5>(),
            maximum_lag: default_lag(),
            primary_start_timeout: seconds::<300>(),
            failsafe: yes(),
            watchdog: Watchdog::default(),
        }
    }
}

pub(super) fn seconds<const N: u64>() -> Duration {
    Duration::from_secs(N)
}
fn default_lag() -> Bytes {
    Bytes::new(16 << 20)
}
const fn yes() -> bool {
    true
}

/// Whether a watchdog device is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Watchdog {
    /// Not used.
    #[default]
    Disabled,
    /// Used where there is one.
    Automatic,
    /// Without one a member does not become primary.
    Required,
}

/// Where Patroni keeps its leader key.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"kind": "kubernetes"}]))]
pub struct Consensus {
    /// etcd, or the Kubernetes API.
    #[serde(default)]
    pub kind: ConsensusKind,
    /// How many etcd members each region has; three when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 7))]
    #[schemars(extend("examples" = [3]))]
    pub members: Option<u32>,
    /// The image of etcd on Kubernetes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// The volume of each etcd member on Kubernetes; 4Gi when not given. Without meaning on hosts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [{"size": "8Gi"}]))]
    pub storage: Option<Storage>,
    /// The etcd members, with `platform: hosts`; the PostgreSQL hosts themselves when not given.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("examples" = [{"etcd-1": {"address": "10.0.1.21", "zone": "zone-a"}}]))]
    pub hosts: BTreeMap<Name, EtcdHost>,
    /// The ports of every etcd member, unless a member says otherwise.
    #[serde(default)]
    pub ports: EtcdPorts,
    /// Where each etcd member keeps its data on hosts.
    #[serde(default = "default_etcd_data")]
    pub data: AbsolutePath,
}

impl Default for Consensus {
    fn default() -> Self {
        Self {
            kind: ConsensusKind::default(),
            members: None,
            image: None,
            storage: None,
            hosts: BTreeMap::new(),
            ports: EtcdPorts::default(),
            data: default_etcd_data(),
        }
    }
}

fn default_etcd_data() -> AbsolutePath {
    AbsolutePath::new("/var/lib/etcd/hagen")
}

/// What keeps the leader key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ConsensusKind {
    /// etcd, by its v3 API.
    #[default]
    Etcd,
    /// The Kubernetes API; only on Kubernetes.
    Kubernetes,
}

/// An etcd member on a host.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"address": "10.0.1.21", "zone": "zone-a"}]))]
pub struct EtcdHost {
    /// Where the others reach it.
    #[schemars(extend("examples" = ["10.0.1.21"]))]
    pub address: Host,
    /// Its zone; without it nothing can be said about the loss of a zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["zone-a"]))]
    pub zone: Option<String>,
    /// Its ports, where they differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ports: Option<EtcdPorts>,
    /// Where it keeps its data, where that differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["/var/lib/etcd/hagen"]))]
    pub data: Option<AbsolutePath>,
    /// The directory of its configuration, where it is not the cluster's `directories.config`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["/etc/patroni"]))]
    pub config: Option<AbsolutePath>,
}

/// Ports of etcd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EtcdPorts {
    /// For clients.
    #[serde(default = "port::<2379>")]
    #[schemars(range(min = 1))]
    pub client: u16,
    /// For the other members.
    #[serde(default = "port::<2380>")]
    #[schemars(range(min = 1))]
    pub peer: u16,
}

impl Default for EtcdPorts {
    fn default() -> Self {
        Self { client: 2379, peer: 2380 }
    }
}

pub(super) const fn port<const N: u16>() -> u16 {
    N
}

/// A volume.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"size": "100Gi"}]))]
pub struct Storage {
    /// Its size.
    #[schemars(extend("examples" = ["100Gi"]))]
    pub size: Bytes,
    /// Its StorageClass; the cluster's default when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["gp3"]))]
    pub class: Option<ObjectName>,
}

/// The passwords of a PostgreSQL cluster, by reference. What is not given is key `NAME-password` of the Secret `postgres-CLUSTER`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"application": {"secret": "postgres-main", "key": "application-password"}}]))]
pub struct PostgresCredentials {
    /// Of `postgres`, the superuser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [{"secret": "postgres-main", "key": "superuser-password"}]))]
    pub superuser: Option<SecretRef>,
    /// Of the role that standbys replicate as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [{"secret": "postgres-main", "key": "replication-password"}]))]
    pub replication: Option<SecretRef>,
    /// Of the role that `pg_rewind` uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [{"secret": "postgres-main", "key": "rewind-password"}]))]
    pub rewind: Option<SecretRef>,
    /// Of the role that the services log in as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [{"secret": "postgres-main", "key": "application-password"}]))]
    pub application: Option<SecretRef>,
    /// Of Patroni's REST API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [{"secret": "postgres-main", "key": "rest-password"}]))]
    pub rest: Option<SecretRef>,
    /// Of the role that the metrics exporter logs in as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [{"secret": "postgres-main", "key": "monitoring-password"}]))]
    pub monitoring: Option<SecretRef>,
}

/// Copies in other regions.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"to": ["eu-west-1"], "endpoints": {"us-east-1": "pg.us-east-1.example.com", "eu-west-1": "pg.eu-west-1.example.com"}}]))]
pub struct CrossRegion {
    /// How the copy is made.
    #[serde(default)]
    pub mode: CrossRegionMode,
    /// The regions that hold one.
    #[schemars(length(min = 1))]
    #[schemars(extend("examples" = [["eu-west-1"]]))]
    pub to: Vec<String>,
    /// The address of each region's primary, routable from the other regions.
    #[schemars(extend("examples" = [{"us-east-1": "pg.us-east-1.example.com", "eu-west-1": "pg.eu-west-1.example.com"}]))]
    pub endpoints: BTreeMap<String, Host>,
}

/// How a copy in another region is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CrossRegionMode {
    /// A standby cluster that streams from the primary region; it can be promoted.
    #[default]
    StreamingStandby,
    /// A subscription; it carries neither DDL nor sequences and is no standby (F-PG-07).
    Logical,
}

/// What restore times are computed from (X-PG-3); what is missing makes the time unknown, not zero.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"size": "500Gi", "restoreThroughput": "200MiB/s"}]))]
pub struct DataFacts {
    /// How much data there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["500Gi"]))]
    pub size: Option<Bytes>,
    /// How fast a restore copies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore_throughput: Option<Throughput>,
    /// How much WAL is written in an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["20GiB"]))]
    pub wal_per_hour: Option<Bytes>,
    /// How fast WAL is replayed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay_throughput: Option<Throughput>,
}

/// A PostgreSQL member on a host.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"address": "10.0.1.11", "zone": "zone-a"}]))]
pub struct PostgresHost {
    /// Where the others reach it.
    pub address: Host,
    /// Its zone; it decides the region.
    #[schemars(extend("examples" = ["zone-a"]))]
    pub zone: String,
    /// Its ports, where they differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ports: Option<PostgresPorts>,
    /// Its directories, where they differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directories: Option<PostgresDirectories>,
}

/// Ports of a PostgreSQL member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PostgresPorts {
    /// PostgreSQL.
    #[serde(default = "port::<5432>")]
    #[schemars(range(min = 1))]
    pub postgres: u16,
    /// Patroni's REST API.
    #[serde(default = "port::<8008>")]
    #[schemars(range(min = 1))]
    pub rest: u16,
    /// The metrics of postgres_exporter.
    #[serde(default = "port::<9187>")]
    #[schemars(range(min = 1))]
    pub exporter: u16,
    /// pgBackRest's own server: backups read the files of a member through it. On hosts only where they are read from a standby.
    #[serde(default = "port::<8432>")]
    #[schemars(range(min = 1))]
    pub backup: u16,
}

impl Default for PostgresPorts {
    fn default() -> Self {
        Self { postgres: 5432, rest: 8008, exporter: 9187, backup: 8432 }
    }
}

/// Directories of a PostgreSQL member on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PostgresDirectories {
    /// The data; `/var/lib/postgresql/VERSION/NAME` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["/var/lib/postgresql/16/main"]))]
    pub data: Option<AbsolutePath>,
    /// The programs; `/usr/lib/postgresql/VERSION/bin` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["/usr/lib/postgresql/16/bin"]))]
    pub bin: Option<AbsolutePath>,
    /// Patroni's configuration and the files with secrets.
    #[serde(default = "default_config")]
    pub config: AbsolutePath,
    /// Sockets and process ids.
    #[serde(default = "default_run")]
    pub run: AbsolutePath,
    /// Logs.
    #[serde(default = "default_log")]
    pub log: AbsolutePath,
}

fn default_config() -> AbsolutePath {
    AbsolutePath::new("/etc/patroni")
}
fn default_run() -> AbsolutePath {
    AbsolutePath::new("/run/postgresql")
}
fn default_log() -> AbsolutePath {
    AbsolutePath::new("/var/log/postgresql")
}

impl Default for PostgresDirectories {
    fn default() -> Self {
        Self { data: None, bin: None, config: default_config(), run: default_run(), log: default_log() }
    }
}

/// Where certificates lie; never their content.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"secret": "postgres-main-tls"}]))]
pub struct StoreTls {
    /// On hosts: the directory with `tls.crt`, `tls.key` and `ca.crt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["/etc/hagen/tls"]))]
    pub certificates: Option<AbsolutePath>,
    /// On Kubernetes: the Secret with `tls.crt`, `tls.key` and `ca.crt`. On hosts: the one in which services on Kubernetes find
    /// `ca.crt`, so that they verify whom they talk to, and a Prometheus of the operator its own certificate for Patroni and etcd
    /// (`postgres-NAME-tls` when it is not given).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["postgres-main-tls"]))]
    pub secret: Option<ObjectName>,
}
