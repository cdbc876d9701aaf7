//! The names of everything that is rendered: one place, so that what refers and what is referred to agree.
//!
//! Services keep their names; other objects are `postgres-NAME`, `redis-NAME`; what is unique in a whole
//! cluster carries the namespace as prefix (decision 9). Names are at most 40 characters, so suffixes fit.

/// The label that says which system an object belongs to.
pub const PART_OF: &str = "app.kubernetes.io/part-of";
/// The label that says who wrote an object.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The label that says what an object is an instance of.
pub const NAME: &str = "app.kubernetes.io/name";
/// The label that says which instance it is.
pub const INSTANCE: &str = "app.kubernetes.io/instance";
/// The label that says which part a pod plays: `service`, `database`, `pool`, `consensus`, `cache`, `job`.
pub const COMPONENT: &str = "app.kubernetes.io/component";
/// The node label that spreads go by.
pub const ZONE: &str = "topology.kubernetes.io/zone";
/// The node label of a single machine.
pub const HOSTNAME: &str = "kubernetes.io/hostname";
/// The label of a Redis node that says which shard it belongs to; budgets go by it, so that a whole zone can be drained at once.
pub const SHARD: &str = "hagen.dev/shard";
/// The label that Patroni writes a member's role into; `primary` or `replica` since Patroni 4.
pub const PATRONI_ROLE: &str = "role";
/// The label that Patroni finds its members by.
pub const PATRONI_SCOPE: &str = "cluster-name";

/// The StatefulSet, headless Service base and Secret of a PostgreSQL cluster; its Service leads to the primary.
pub fn postgres(name: &str) -> String {
    format!("postgres-{name}")
}
/// The Service that leads to the replicas of a PostgreSQL cluster.
pub fn postgres_replicas(name: &str) -> String {
    format!("postgres-{name}-replicas")
}
/// The headless Service that gives every member of a PostgreSQL cluster its host name.
pub fn postgres_members(name: &str) -> String {
    format!("postgres-{name}-members")
}
/// The Deployment and Service of a PostgreSQL cluster's connection pool.
pub fn postgres_pool(name: &str) -> String {
    format!("postgres-{name}-pool")
}
/// The StatefulSet and headless Service of a PostgreSQL cluster's own etcd.
pub fn postgres_etcd(name: &str) -> String {
    short(name, "etcd")
}
/// The Deployment of a PostgreSQL cluster's router on Kubernetes; its Services are [`postgres`] and [`postgres_replicas`].
pub fn postgres_router(name: &str) -> String {
    format!("postgres-{name}-router")
}
/// The Service that leads other regions to the primary of a PostgreSQL cluster.
pub fn postgres_endpoint(name: &str) -> String {
    format!("postgres-{name}-endpoint")
}
/// A CronJob of a PostgreSQL cluster's backup: `full`, `differential`, `incremental`, `verify`.
pub fn postgres_backup(name: &str, kind: &str) -> String {
    short(name, kind)
}
/// The Secret with `tls.crt`, `tls.key` and `ca.crt` by which backup jobs and members of a PostgreSQL cluster know each other.
pub fn postgres_backup_tls(name: &str) -> String {
    format!("postgres-{name}-pgbackrest")
}
/// A name of at most 52 characters: StatefulSets and CronJobs put a hash or a time behind it, into a label of at most 63.
fn short(name: &str, kind: &str) -> String {
    let long = format!("postgres-{name}-{kind}");
    let kind = if long.len() > 52 { &kind[..kind.len().min(8)] } else { kind };
    if long.len() > 52 { format!("pg-{name}-{kind}") } else { long }
}
/// Patroni's scope. No Service may have this name: with the Kubernetes DCS Patroni keeps its leader key there.
pub fn patroni_scope(name: &str) -> String {
    format!("patroni-{name}")
}
/// The pgBackRest stanza of a PostgreSQL cluster.
pub fn stanza(name: &str) -> String {
    name.to_owned()
}
/// The client Service and Secret of a Redis cluster.
pub fn redis(name: &str) -> String {
    format!("redis-{name}")
}
/// The headless Service that gives every Redis node its host name.
pub fn redis_nodes(name: &str) -> String {
    format!("redis-{name}-nodes")
}
/// The StatefulSet of one Redis node on Kubernetes (one each, bound to its zone); its pod is this with `-0`.
pub fn redis_node(name: &str, index: usize) -> String {
    format!("redis-{name}-{index}")
}
/// The PriorityClass of a tier: unique in the whole cluster, hence the namespace in front.
pub fn priority_class(namespace: &str, tier: &str) -> String {
    format!("{namespace}-{tier}")
}
/// The prefix of the environment variables that tell a service where something is: `postgres.main` is `MAIN`.
pub fn env_prefix(name: &str) -> String {
    name.to_ascii_uppercase().replace(['-', '.'], "_")
}
