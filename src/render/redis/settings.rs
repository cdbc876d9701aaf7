//! redis.conf of one node, the same for hosts and Kubernetes: every value that the template writes, ready-made.

use serde::Serialize;

use crate::blueprint::placement::Node;
use crate::blueprint::{Blueprint, Redis, raw};

/// The role that nodes log in to their primary with.
pub(super) const REPLICATION_USER: &str = "replica";
/// The role that forms, repairs and backs up the cluster.
pub(super) const OPERATOR_USER: &str = "operator";
/// The role of the metrics exporter.
pub(super) const MONITOR_USER: &str = "monitor";
/// The role of the services.
pub(super) const APPLICATION_USER: &str = "app";
/// The role that sentinels log in as, to nodes and to each other.
pub(super) const SENTINEL_USER: &str = "sentinel";
/// The included file with the password of replication.
pub(super) const SECRETS_FILE: &str = "secrets.conf";

/// The file with the password of redis_exporter, on hosts.
pub(super) const EXPORTER_FILE: &str = "exporter.env";

/// What `node.redis.tera` sees.
#[derive(Debug, Serialize)]
pub(super) struct Settings {
    node: String,
    role: &'static str,
    shard: u32,
    cluster: String,
    zone: String,
    bind: Option<String>,
    bind_source: Option<String>,
    port: u16,
    bus_port: u16,
    tls: Option<Tls>,
    auth: bool,
    sentinel: bool,
    node_timeout: u64,
    announce_ip: Option<String>,
    announce_hostname: Option<String>,
    full_coverage: bool,
    validity_factor: u64,
    validity_reason: String,
    replication_user: &'static str,
    min_replicas: u32,
    backlog: u64,
    output_hard: u64,
    output_soft: u64,
    data: String,
    append_fsync: Option<&'static str>,
    snapshots: Vec<Snapshot>,
    keeps: bool,
    headroom: &'static str,
    memory: u64,
    usage: &'static str,
    eviction: &'static str,
    users: String,
    secrets: String,
}

/// When a snapshot is written.
#[derive(Debug, Serialize)]
struct Snapshot {
    seconds: String,
    changes: String,
}

/// Where certificate, key and CA lie.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Tls {
    /// The certificate.
    pub(super) cert: String,
    /// Its key.
    pub(super) key: String,
    /// Whom to trust.
    pub(super) ca: String,
    /// Whether clients must show a certificate, too.
    pub(super) clients: &'static str,
}

/// The files of TLS in a directory; without logins a client certificate is all that keeps strangers out.
pub(super) fn tls(redis: &Redis, directory: &str) -> Option<Tls> {
    redis.spec.tls.as_ref()?;
    let clients = if redis.spec.auth.enabled { "optional" } else { "yes" };
    let file = |name: &str| format!("{directory}/{name}");
    Some(Tls { cert: file("tls.crt"), key: file("tls.key"), ca: file("ca.crt"), clients })
}

/// Where the secret files of a node lie.
pub(super) struct Files {
    /// The users of the ACL.
    pub(super) users: String,
    /// The password of replication.
    pub(super) secrets: String,
    /// Certificate, key and CA.
    pub(super) tls: Option<Tls>,
}

/// redis.conf of a node.
pub(super) fn settings(blueprint: &Blueprint, redis: &Redis, node: &Node, files: Files) -> Settings {
    let spec = &redis.spec;
    let memory = spec.memory.get();
    let (validity_factor, validity_reason) = validity(redis);
    let host = Host::of(blueprint, redis, node);
    let snapshot = |text: &String| {
        let (seconds, changes) = text.split_once(' ').unwrap_or((text, "1"));
        Snapshot { seconds: seconds.to_owned(), changes: changes.to_owned() }
    };
    Settings {
        node: node.name.clone(),
        role: role(node),
        shard: node.shard,
        cluster: redis.name.clone(),
        zone: node.zone.clone(),
        bind: node.address.clone(),
        bind_source: host.ip.clone(),
        port: node.ports.redis,
        bus_port: node.bus_port(),
        tls: files.tls,
        auth: spec.auth.enabled,
        sentinel: spec.is_sentinel(),
        node_timeout: spec.node_timeout.millis(),
        announce_ip: host.ip,
        announce_hostname: host.name,
        full_coverage: spec.require_full_coverage,
        validity_factor,
        validity_reason,
        replication_user: REPLICATION_USER,
        min_replicas: spec.min_replicas_to_write,
        backlog: backlog(memory),
        output_hard: (memory / 4).max(64 << 20),
        output_soft: (memory / 8).max(32 << 20),
        data: node.data.clone(),
        append_fsync: match spec.persistence.append_fsync {
            raw::AppendFsync::Always => Some("always"),
            raw::AppendFsync::Everysec => Some("everysec"),
            raw::AppendFsync::Never => None,
        },
        snapshots: spec.persistence.snapshots.iter().map(snapshot).collect(),
        keeps: !matches!(spec.usage, raw::Usage::Cache | raw::Usage::Pubsub),
        headroom: if redis.on_kubernetes() {
            "The limit of the container is higher: a fork copies what changes meanwhile"
        } else {
            "The machine needs two thirds more: a fork copies what changes meanwhile"
        },
        memory,
        usage: usage(spec.usage),
        eviction: eviction(redis.eviction),
        users: files.users,
        secrets: files.secrets,
    }
}

/// What others call a node: an address, a name, or (on Kubernetes) a name whose address is announced at the start.
struct Host {
    ip: Option<String>,
    name: Option<String>,
}

impl Host {
    fn of(blueprint: &Blueprint, redis: &Redis, node: &Node) -> Self {
        match &node.address {
            None => Self { ip: None, name: Some(redis.pod_host(blueprint, &node.name)) },
            Some(address) if address.parse::<std::net::IpAddr>().is_ok() => {
                Self { ip: Some(address.clone()), name: None }
            }
            Some(address) => Self { ip: None, name: Some(address.clone()) },
        }
    }
}

/// How a node begins: after a failover the roles are others.
pub(super) fn role(node: &Node) -> &'static str {
    if node.is_primary() { "primary" } else { "replica" }
}

/// How old a replica's data may be for it to take over, in node timeouts, and why.
fn validity(redis: &Redis) -> (u64, String) {
    let timeout = redis.spec.node_timeout.millis().max(1);
    if matches!(redis.spec.usage, raw::Usage::Cache | raw::Usage::Pubsub) {
        return (0, "However old its data, a replica takes over: what it lacks can be fetched again".to_owned());
    }
    match redis.targets.rpo {
        Some(rpo) if rpo.millis() / timeout > 10 => (
            rpo.millis() / timeout,
            format!("A replica takes over unless its data is older than the RPO of {rpo}: then people must decide"),
        ),
        _ => (
            10,
            "A replica whose data is older than ten node timeouts does not take over: then people must decide"
                .to_owned(),
        ),
    }
}

/// The replication backlog: a sixteenth of the memory, 1 to 256 MiB.
const fn backlog(memory: u64) -> u64 {
    let share = memory / 16;
    if share < 1 << 20 {
        1 << 20
    } else if share > 256 << 20 {
        256 << 20
    } else {
        share
    }
}

/// The name of what a cluster holds.
pub(super) const fn usage(usage: raw::Usage) -> &'static str {
    match usage {
        raw::Usage::Cache => "cache",
        raw::Usage::Sessions => "sessions",
        raw::Usage::Queue => "queue",
        raw::Usage::Pubsub => "pubsub",
    }
}

/// Redis's word for what goes when memory is full.
const fn eviction(eviction: raw::Eviction) -> &'static str {
    match eviction {
        raw::Eviction::Noeviction => "noeviction",
        raw::Eviction::AllkeysLru => "allkeys-lru",
        raw::Eviction::AllkeysLfu => "allkeys-lfu",
        raw::Eviction::VolatileLru => "volatile-lru",
        raw::Eviction::VolatileLfu => "volatile-lfu",
        raw::Eviction::VolatileTtl => "volatile-ttl",
    }
}

/// For how long an empty node stays away after it stopped, in seconds: until its replicas have taken over, for an empty
/// primary that comes back at once wipes them (measured; R-RD-23). None where the append-only file brings everything back.
pub(super) fn restart_delay(redis: &Redis) -> Option<u64> {
    let appends = redis.spec.persistence.append_fsync != raw::AppendFsync::Never;
    (!appends).then(|| redis.failover_bound().millis().div_ceil(1000))
}
