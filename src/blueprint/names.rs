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
/// The ConfigMap that the members of a PostgreSQL cluster are started with.
pub fn postgres_config(name: &str) -> String {
    format!("postgres-{name}-config")
}
/// The Secret with a PostgreSQL cluster's certificates, where the blueprint names none.
pub fn postgres_tls(name: &str) -> String {
    format!("postgres-{name}-tls")
}
/// What all backup jobs of a PostgreSQL cluster share: ServiceAccount, ConfigMap, NetworkPolicy.
pub fn postgres_backups(name: &str) -> String {
    format!("postgres-{name}-backup")
}
/// A CronJob of a PostgreSQL cluster's backup: `full`, `differential`, `incremental`, `verify`.
pub fn postgres_backup(name: &str, kind: &str) -> String {
    short(name, kind)
}
/// The CronJob that takes snapshots of a Redis cluster; on hosts the systemd units, without their suffix.
pub fn redis_backup(name: &str) -> String {
    format!("{}-backup", redis(name))
}
/// The CronJob, suspended, that restores the declared roles of a Redis cluster.
pub fn redis_failback(name: &str) -> String {
    format!("{}-failback", redis(name))
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
/// The ConfigMaps that Patroni keeps of a scope, where the Kubernetes API is its store.
pub fn patroni_config_maps(scope: &str) -> Vec<String> {
    ["config", "failover", "leader", "sync"].iter().map(|key| format!("{scope}-{key}")).collect()
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
/// The label `job` of what redis_exporter tells of a node: on hosts, and under Sentinel in pods.
pub const JOB_REDIS: &str = "redis";
/// The label `job` of what redis_exporter tells of a sentinel.
pub const JOB_SENTINEL: &str = "redis-sentinel";
/// The PodMonitor of a Redis store's sentinels.
pub fn redis_sentinels(name: &str) -> String {
    format!("redis-{name}-sentinels")
}
/// The StatefulSet of one Redis node on Kubernetes (one each, bound to its zone); its pod is this with `-0`.
pub fn redis_node(name: &str, index: usize) -> String {
    format!("redis-{name}-{index}")
}
/// What stands beside a Redis node on hosts, as a systemd unit without its suffix: `exporter`, `sentinel`.
pub fn redis_beside(name: &str, what: &str) -> String {
    format!("redis-{name}-{what}")
}
/// A pod of a StatefulSet.
pub fn pod(object: &str, at: usize) -> String {
    format!("{object}-{at}")
}
/// The Secret with the certificate of the public hosts, where the blueprint names none.
pub fn edge_tls(blueprint: &str) -> String {
    format!("{blueprint}-tls")
}
/// The PriorityClass of a tier: unique in the whole cluster, hence the namespace in front.
pub fn priority_class(namespace: &str, tier: &str) -> String {
    format!("{namespace}-{tier}")
}
/// The prefix of the environment variables that tell a service where something is: `postgres.main` is `MAIN`.
pub fn env_prefix(name: &str) -> String {
    name.to_ascii_uppercase().replace(['-', '.'], "_")
}
/// The host name of a DNS record: `@` is the zone itself.
pub fn record_host(label: &str, zone: &str) -> String {
    if label == "@" { zone.to_owned() } else { format!("{label}.{zone}") }
}
/// The name of one region's share of a public host: it leads to that region whatever DNS answers for the host itself.
/// Health checks ask for it, and so do people; the region's routes and certificate must accept it beside the host.
pub fn regional_host(host: &str, region: &str) -> String {
    format!("{region}.{host}")
}
/// The DNS name of a failover pair below a public host: that of `order[0]`, with `passed` the regions already given up.
pub fn failover_host(host: &str, region: &str, passed: &[&str]) -> String {
    let mut name = region.to_owned();
    for gone in passed.iter().rev() {
        name.push('.');
        name.push_str(gone);
    }
    format!("{name}.failover.{host}")
}
/// The file and the `Name` tag of the health check that asks a region whether it serves a host.
pub fn health_check(host: &str, region: &str) -> String {
    regional_host(host, region)
}
/// The file and the `Name` tag of the health check that watches the gate of a host.
pub fn gate_check(host: &str) -> String {
    format!("{host}.gate")
}
/// The file and the `Name` tag of the health check that wants the gate open and the region alive.
pub fn gated_check(host: &str, region: &str) -> String {
    format!("{}.gated", regional_host(host, region))
}

/// The label that says which region a scraped series is of; every scrape configuration that hagen writes puts it on.
pub const REGION_LABEL: &str = "region";
/// The label that says which zone a scraped series is of.
pub const ZONE_LABEL: &str = "zone";
/// The label that says which data store a scraped series is of, on hosts.
pub const CLUSTER_LABEL: &str = "cluster";

/// When a backup of a cluster last succeeded, pushed by the job: labels `cluster`, `repo` (from 1), `type` (`full`, `diff`, `incr`).
pub const METRIC_BACKUP: &str = "hagen_backup_last_success_timestamp_seconds";
/// Whether the last backup read a standby's files (1) or, while none could be read, the primary's (0): pushed with
/// [`METRIC_BACKUP`], with its labels, where backups are to read a standby.
pub const METRIC_BACKUP_STANDBY: &str = "hagen_backup_from_standby";
/// When a restore of a cluster's backup was last verified, pushed by the job: label `cluster`.
pub const METRIC_RESTORE: &str = "hagen_restore_verified_timestamp_seconds";
/// When a snapshot of a Redis shard last succeeded, pushed by the job: labels `cluster`, `shard` (from 0).
pub const METRIC_REDIS_SNAPSHOT: &str = "hagen_redis_snapshot_last_success_timestamp_seconds";
/// When a drill last succeeded, pushed by people or their own job: label `drill`.
pub const METRIC_DRILL: &str = "hagen_drill_last_success_timestamp_seconds";

/// Where a job pushes the results about a data store, to which it adds further labels. The namespace tells systems apart
/// that share a Pushgateway, as it does in Patroni's scope: without it one would overwrite the other's results.
pub fn push_url(gateway: &str, job: &str, namespace: &str, cluster: &str) -> String {
    format!("http://{gateway}/metrics/job/{job}/namespace/{namespace}/cluster/{cluster}")
}

/// A member's name in Patroni on Kubernetes: its pod's, with the region where several regions hold the cluster.
pub fn patroni_member(pod: &str, region: Option<&str>) -> String {
    region.map_or_else(|| pod.to_owned(), |region| format!("{pod}-{region}"))
}

/// The slot that a standby region's cluster streams from, in the primary region.
pub fn standby_slot(region: &str) -> String {
    slot("standby", region)
}
/// The logical slot that a subscribing region reads.
pub fn subscriber_slot(region: &str) -> String {
    slot("subscriber", region)
}
/// A slot's name: lower-case letters, digits and `_` only, at most 63.
fn slot(kind: &str, region: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    format!("{kind}_{region}").chars().map(plain).take(63).collect()
}
/// A PrometheusRule or ScrapeConfig of a topic.
pub fn monitoring_object(blueprint: &str, topic: &str) -> String {
    format!("{blueprint}-{topic}")
}

/// The port of pgbouncer_exporter: its own default.
pub const PORT_PGBOUNCER_EXPORTER: u16 = 9127;
/// The port of pgbackrest_exporter: its own default.
pub const PORT_PGBACKREST_EXPORTER: u16 = 9854;

/// The roles that PostgreSQL and Patroni need for themselves: superuser, replication, `pg_rewind`, metrics.
pub const SQL_ROLES: [&str; 4] = ["postgres", "replicator", "rewinder", "monitor"];

/// The key of the application's Secret that holds PgBouncer's file of users.
pub const POOL_USERS: &str = "userlist.txt";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_legal_names() {
        assert_eq!(standby_slot("eu-west-1"), "standby_eu_west_1");
        assert_eq!(subscriber_slot("EU.West"), "subscriber_eu_west");
        assert_eq!(subscriber_slot(&"r".repeat(100)).len(), 63);
    }
}
