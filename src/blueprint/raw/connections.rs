//! How clients reach a PostgreSQL cluster: the connection pool and the router in front of it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::postgres::{port, seconds};
use super::{Host, Image, Name, PostgresDirectories, Requests};
use crate::blueprint::units::Duration;

/// The connection pool.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"mode": "transaction", "size": 25}]))]
pub struct Pool {
    /// PgBouncer, or none.
    #[serde(default)]
    pub kind: PoolKind,
    /// When a server connection is given back.
    #[serde(default)]
    pub mode: PoolMode,
    /// How many pools run on Kubernetes.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 100))]
    pub replicas: u32,
    /// How many server connections each pool opens: the pools of all regions together must fit `max_connections` (X-PG-6).
    #[serde(default = "default_pool_size")]
    #[schemars(range(min = 1, max = 10_000))]
    pub size: u32,
    /// How many clients each pool accepts.
    #[serde(default = "default_clients")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub clients: u32,
    /// How many prepared statements of each connection a pool in transaction mode keeps, on Kubernetes; 0 for an image older
    /// than PgBouncer 1.21, which does not know them.
    #[serde(default = "default_prepared")]
    #[schemars(range(max = 100_000))]
    pub prepared_statements: u32,
    /// The image of PgBouncer; required on Kubernetes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// The port that it listens on.
    #[serde(default = "port::<6432>")]
    #[schemars(range(min = 1))]
    pub port: u16,
    /// CPU and memory of one pool on Kubernetes.
    #[serde(default)]
    pub resources: Requests,
}

const fn three() -> u32 {
    3
}
const fn default_pool_size() -> u32 {
    25
}
const fn default_clients() -> u32 {
    500
}
const fn default_prepared() -> u32 {
    200
}

impl Default for Pool {
    fn default() -> Self {
        Self {
            kind: PoolKind::default(),
            mode: PoolMode::default(),
            replicas: three(),
            size: default_pool_size(),
            prepared_statements: default_prepared(),
            clients: default_clients(),
            image: None,
            port: 6432,
            resources: Requests::default(),
        }
    }
}

/// The kind of pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PoolKind {
    /// PgBouncer.
    #[default]
    Pgbouncer,
    /// No pool.
    None,
}

/// When a pool takes a server connection back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PoolMode {
    /// After each transaction.
    #[default]
    Transaction,
    /// When the client leaves.
    Session,
}

/// What leads clients to the primary.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"interval": "2s"}]))]
pub struct Router {
    /// HAProxy.
    #[serde(default)]
    pub kind: RouterKind,
    /// The image of HAProxy on Kubernetes; required with `consensus: {kind: etcd}`. With `kind: kubernetes` and no image the Services select the role that Patroni writes into its pods' labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// The port that leads to the primary on hosts; on Kubernetes its Service has the port of PostgreSQL.
    #[serde(default = "port::<5000>")]
    #[schemars(range(min = 1))]
    pub port: u16,
    /// The port that leads to the replicas on hosts; on Kubernetes they have a Service of their own.
    #[serde(default = "port::<5001>")]
    #[schemars(range(min = 1))]
    pub replica_port: u16,
    /// The port that leads to the standbys that confirm commits, on hosts and in the synchronous modes: what is read there is
    /// at most a moment old, and never lost by a failover.
    #[serde(default = "port::<5002>")]
    #[schemars(range(min = 1))]
    pub sync_port: u16,
    /// The port of its metrics.
    #[serde(default = "port::<8405>")]
    #[schemars(range(min = 1))]
    pub metrics_port: u16,
    /// The address that it and the pool listen on; its host's own when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["10.0.1.31"]))]
    pub bind: Option<Host>,
    /// Hosts that router and pool run on; the PostgreSQL hosts when not given.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("examples" = [{"router-1": {"address": "10.0.1.31", "zone": "zone-a"}}]))]
    pub hosts: BTreeMap<Name, RouterHost>,
    /// The time from one check of a member to the next.
    #[serde(default = "seconds::<2>")]
    pub interval: Duration,
}

impl Default for Router {
    fn default() -> Self {
        Self {
            kind: RouterKind::default(),
            image: None,
            port: 5000,
            replica_port: 5001,
            sync_port: 5002,
            metrics_port: 8405,
            bind: None,
            hosts: BTreeMap::new(),
            interval: seconds::<2>(),
        }
    }
}

/// The kind of router.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RouterKind {
    /// HAProxy with Patroni's REST checks.
    #[default]
    Haproxy,
}

/// A host that router and pool run on.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"address": "10.0.1.31", "zone": "zone-a"}]))]
pub struct RouterHost {
    /// Its address.
    #[schemars(extend("examples" = ["10.0.1.31"]))]
    pub address: Host,
    /// Its zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["zone-a"]))]
    pub zone: Option<String>,
    /// Its directories of configuration, sockets and logs, where they differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directories: Option<PostgresDirectories>,
}
