//! What Patroni keeps in its consensus store: times, replication mode, parameters, `pg_hba` lines, slots, standby cluster.
//!
//! Everything here holds for the whole cluster, on hosts and on Kubernetes alike. What differs from member to member
//! (addresses, directories) belongs to the platform's own files and never here.

use serde_json::{Map, Value, json};

use crate::blueprint::raw::{CrossRegionMode, Replication};
use crate::blueprint::units::Bytes;
use crate::blueprint::{Postgres, PostgresRole, Region, names};

/// The superuser.
pub const SUPERUSER: &str = names::SQL_ROLES[0];
/// The role that standbys replicate as.
pub const REPLICATION: &str = names::SQL_ROLES[1];
/// The role that `pg_rewind` uses; Patroni grants it the four functions that it needs.
pub const REWIND: &str = names::SQL_ROLES[2];
/// The role that the metrics exporter logs in as, a member of `pg_monitor`.
pub const MONITORING: &str = names::SQL_ROLES[3];
/// The user of Patroni's REST API.
pub const REST_USER: &str = "patroni";
/// The publication that subscribing regions read.
pub const PUBLICATION: &str = "hagen";

/// What a platform knows about a cluster's surroundings.
pub struct Surroundings<'a> {
    /// The cluster.
    pub cluster: &'a Postgres,
    /// The region.
    pub region: &'a Region,
    /// The directory with `tls.crt`, `tls.key` and `ca.crt`, as the server sees it; without it nothing is encrypted.
    pub certificates: Option<String>,
    /// From where members of any region come: addresses for `pg_hba.conf`, such as `10.0.1.11/32` or `all`.
    pub members: Vec<String>,
    /// From where clients come: routers, pools, pods.
    pub clients: Vec<String>,
    /// The port that the endpoint of a region's primary answers on.
    pub endpoint_port: u16,
    /// The pgBackRest command without its verb ([`pgbackrest`]), where it is the same on all members; where their
    /// directories differ each member's own file must hold `archive_command` and `restore_command`.
    pub pgbackrest: Option<String>,
}

/// The namespace that Patroni keeps its keys below: one for each system, so that systems may share an etcd.
pub fn namespace(blueprint: &str) -> String {
    format!("/hagen/{blueprint}/")
}

/// The section `bootstrap.dcs`.
pub fn section(around: &Surroundings<'_>) -> Value {
    let spec = &around.cluster.spec;
    let failover = &spec.failover;
    let mut dcs = Map::new();
    dcs.insert("ttl".into(), failover.ttl.secs().into());
    dcs.insert("loop_wait".into(), failover.loop_wait.secs().into());
    dcs.insert("retry_timeout".into(), failover.retry_timeout.secs().into());
    dcs.insert("maximum_lag_on_failover".into(), failover.maximum_lag.get().into());
    dcs.insert("primary_start_timeout".into(), failover.primary_start_timeout.secs().into());
    dcs.insert("failsafe_mode".into(), failover.failsafe.into());
    // A member on another timeline is no candidate.
    dcs.insert("check_timeline".into(), true.into());
    match spec.replication {
        Replication::Asynchronous => dcs.insert("synchronous_mode".into(), false.into()),
        Replication::Synchronous | Replication::SynchronousStrict => dcs.insert("synchronous_mode".into(), true.into()),
        Replication::Quorum => dcs.insert("synchronous_mode".into(), "quorum".into()),
    };
    dcs.insert("synchronous_mode_strict".into(), (spec.replication == Replication::SynchronousStrict).into());
    if spec.replication.is_synchronous() {
        dcs.insert("synchronous_node_count".into(), spec.synchronous_nodes.into());
    }
    if let Some(standby) = standby_cluster(around) {
        dcs.insert("standby_cluster".into(), standby);
    }
    let slots = slots(around);
    if !slots.is_empty() {
        dcs.insert("slots".into(), slots.into());
    }
    dcs.insert("postgresql".into(), postgresql(around));
    Value::Object(dcs)
}

fn postgresql(around: &Surroundings<'_>) -> Value {
    let mut section = Map::new();
    // A former primary rejoins by rewinding instead of a full copy (R-PG-18).
    section.insert("use_pg_rewind".into(), true.into());
    section.insert("use_slots".into(), true.into());
    if let Some(command) = around.pgbackrest.as_deref().filter(|_| around.cluster.spec.backup.is_some()) {
        section.insert("recovery_conf".into(), json!({ "restore_command": restore_command(command) }));
    }
    section.insert("parameters".into(), parameters(around).into());
    section.insert("pg_hba".into(), pg_hba(around).into());
    Value::Object(section)
}

/// The standby cluster's section, where the region streams from the primary one.
fn standby_cluster(around: &Surroundings<'_>) -> Option<Value> {
    if around.cluster.role(around.region) != Some(PostgresRole::Standby) {
        return None;
    }
    let host = around.cluster.endpoint(&around.cluster.primary_region)?;
    Some(json!({
        "host": host,
        "port": around.endpoint_port,
        "primary_slot_name": names::standby_slot(&around.region.name),
        "create_replica_methods": ["basebackup"],
    }))
}

/// The slots that outlive a failover: one for each region that reads from this one (F-PT-13, R-PG-29).
fn slots(around: &Surroundings<'_>) -> Map<String, Value> {
    let mut slots = Map::new();
    let (cluster, region) = (around.cluster, around.region);
    let Some(cross) = cluster.spec.cross_region.as_ref().filter(|_| region.is_primary()) else {
        return slots;
    };
    for to in &cross.to {
        match cross.mode {
            CrossRegionMode::StreamingStandby => {
                slots.insert(names::standby_slot(to), json!({ "type": "physical" }));
            }
            CrossRegionMode::Logical => {
                let slot = json!({ "type": "logical", "database": cluster.database, "plugin": "pgoutput" });
                slots.insert(names::subscriber_slot(to), slot);
            }
        }
    }
    slots
}

/// The parameters of PostgreSQL, all in the consensus store: Patroni ignores the ones that it controls anywhere else (R-PG-03).
pub fn parameters(around: &Surroundings<'_>) -> Map<String, Value> {
    let cluster = around.cluster;
    let spec = &cluster.spec;
    let regions = spec.cross_region.as_ref().map_or(0, |c| c.to.len());
    let members = cluster.member_count(around.region);
    // Each member may stream and be copied at once; backups and other regions come on top. Never below Patroni's default.
    let senders = (2 * members + 2 * regions + 4).max(10);
    // A subscriber decodes nothing; WAL for others costs more, and a slot would have to be kept for them (R-PG-29).
    let logical = cluster.role(around.region) == Some(PostgresRole::Primary)
        && spec.cross_region.as_ref().is_some_and(|c| c.mode == CrossRegionMode::Logical);
    let mut parameters = Map::new();
    let mut set = |name: &str, value: Value| {
        parameters.insert(name.to_owned(), value);
    };
    set("wal_level", if logical { "logical" } else { "replica" }.into());
    set("hot_standby", "on".into());
    set("wal_log_hints", "on".into());
    set("max_wal_senders", senders.into());
    set("max_replication_slots", senders.into());
    set("wal_keep_size", wal_keep(cluster).postgres().into());
    set("max_slot_wal_keep_size", slot_wal(cluster).postgres().into());
    set("password_encryption", "scram-sha-256".into());
    // A dead client's or standby's connection ends in seconds, not in hours.
    set("tcp_keepalives_idle", 10.into());
    set("tcp_keepalives_interval", 5.into());
    set("tcp_keepalives_count", 3.into());
    set("tcp_user_timeout", "30s".into());
    set("log_lock_waits", "on".into());
    set("log_checkpoints", "on".into());
    if spec.version >= 14 {
        set("client_connection_check_interval", "10s".into());
    }
    if let Some(directory) = &around.certificates {
        set("ssl", "on".into());
        set("ssl_cert_file", format!("{directory}/tls.crt").into());
        set("ssl_key_file", format!("{directory}/tls.key").into());
        set("ssl_ca_file", format!("{directory}/ca.crt").into());
        set("ssl_min_protocol_version", "TLSv1.2".into());
    }
    if let Some(backup) = &spec.backup {
        set("archive_mode", "on".into());
        if let Some(command) = &around.pgbackrest {
            set("archive_command", archive_command(command).into());
        }
        set("archive_timeout", format!("{}s", backup.archive_timeout.secs()).into());
    }
    for (name, value) in &spec.parameters {
        parameters.insert(name.to_string(), plain(&value.0));
    }
    parameters
}

/// A parameter as it was written: whole numbers stay numbers.
fn plain(text: &str) -> Value {
    text.parse::<i64>().ok().filter(|n| n.to_string() == text).map_or_else(|| text.into(), Value::from)
}

/// How the primary archives a segment.
pub fn archive_command(pgbackrest: &str) -> String {
    format!("{pgbackrest} archive-push \"%p\"")
}

/// How a standby gets WAL that its primary no longer has.
pub fn restore_command(pgbackrest: &str) -> String {
    format!("{pgbackrest} archive-get %f \"%p\"")
}

/// What a fifth of the volume holds, or of the data where no volume is stated.
fn fifth(cluster: &Postgres) -> Option<u64> {
    let spec = &cluster.spec;
    let size = spec.storage.as_ref().map(|s| s.size).or_else(|| spec.data.as_ref().and_then(|d| d.size))?;
    Some((size.get() / 5) >> 20 << 20)
}

/// How much WAL a slot may hold back before it is given up, so that a dead standby does not fill the disk (R-PG-26, X-PG-5):
/// a fifth of the volume, or 10 GiB where no size is known.
pub fn slot_wal(cluster: &Postgres) -> Bytes {
    Bytes::new(fifth(cluster).unwrap_or(10 << 30).max(1 << 30))
}

/// How much WAL is kept whether or not a slot needs it: what a rewind after a failover reads.
fn wal_keep(cluster: &Postgres) -> Bytes {
    Bytes::new(((slot_wal(cluster).get() / 10) >> 20 << 20).clamp(128 << 20, 1 << 30))
}

/// The lines of `pg_hba.conf`: a password for everybody, no superuser from outside, TLS where there are certificates.
pub fn pg_hba(around: &Surroundings<'_>) -> Vec<String> {
    let host = if around.certificates.is_some() { "hostssl" } else { "host" };
    let mut lines = vec!["local all all scram-sha-256".to_owned()];
    // Patroni asks its own server for the timeline by this line; without it no member is ever a candidate.
    lines.push(format!("local replication {REPLICATION} scram-sha-256"));
    lines.push(format!("host all {SUPERUSER} all reject"));
    for from in &around.members {
        lines.push(format!("{host} replication {REPLICATION} {from} scram-sha-256"));
        lines.push(format!("{host} {SUPERUSER} {REWIND} {from} scram-sha-256"));
        lines.push(format!("{host} all {MONITORING} {from} scram-sha-256"));
    }
    let logical = around.cluster.spec.cross_region.as_ref().is_some_and(|c| c.mode == CrossRegionMode::Logical);
    for from in &around.clients {
        // The endpoint that another region reads from is a router.
        lines.push(format!("{host} replication {REPLICATION} {from} scram-sha-256"));
        lines.push(format!("{host} {SUPERUSER} {REWIND} {from} scram-sha-256"));
        if logical {
            lines.push(format!("{host} {} {REPLICATION} {from} scram-sha-256", around.cluster.database));
        }
        lines.push(format!("host all {REPLICATION},{REWIND} {from} reject"));
        lines.push(format!("{host} all all {from} scram-sha-256"));
    }
    // A host that is both would say the same twice.
    let mut said = std::collections::BTreeSet::new();
    lines.retain(|line| said.insert(line.clone()));
    lines
}

/// The pgBackRest command for a cluster; its stanza is the one of `pgbackrest.conf` (R-PG-42).
pub fn pgbackrest(cluster: &Postgres, config: Option<&str>) -> String {
    let config = config.map(|path| format!(" --config={path}")).unwrap_or_default();
    format!("pgbackrest{config} --stanza={}", names::stanza(&cluster.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_numbers_and_texts_stay_texts() {
        assert_eq!(plain("100"), json!(100));
        assert_eq!(plain("0100"), json!("0100"));
        assert_eq!(plain("4GB"), json!("4GB"));
        assert_eq!(plain("on"), json!("on"));
    }
}
