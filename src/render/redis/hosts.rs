//! Redis Cluster on hosts: redis.conf and a systemd unit for each node, the scripts, and what to do in which order.

use serde::Serialize;

use super::layout::Layout;
use super::secrets::{Secrets, secrets};
use super::settings::{EXPORTER_FILE, Files, MONITOR_USER, SECRETS_FILE, Tls, restart_delay, settings, tls};
use super::{Place, backup, scripts, sentinel};
use crate::blueprint::placement::{Node, Sentinel, majority};
use crate::blueprint::raw::RedisBackup;
use crate::blueprint::{Redis, names};
use crate::render::address::host_port;
use crate::render::calendar::on_calendar;
use crate::render::{ArtifactKind, Jobs};

/// All files of a cluster on hosts in a region.
pub(super) fn jobs(place: &Place<'_>, layout: &Layout, jobs: &mut Jobs<'_>) {
    let redis = place.redis;
    let nodes = redis.nodes(place.region);
    for node in &nodes {
        let files = files(redis, node);
        let conf = settings(place.blueprint, redis, node, files);
        place.push(jobs, &format!("{}/redis.conf", node.name), ArtifactKind::Redis, "redis/node.redis.tera", &conf);
        let unit = format!("{}/{}.service", node.name, names::redis(&redis.name));
        place.push(jobs, &unit, ArtifactKind::Systemd, "redis/redis.service.tera", &unit_of(redis, node));
        let unit = format!("{}/{}.service", node.name, names::redis_beside(&redis.name, "exporter"));
        place.push(jobs, &unit, ArtifactKind::Systemd, "redis/exporter.service.tera", &exporter_of(redis, node));
    }
    let Some(first) = nodes.first() else { return };
    let password_file = format!("{}/{}", first.config, redis.operator.key);
    let certificates = redis.spec.tls.as_ref().and_then(|t| t.certificates.as_ref()).map(ToString::to_string);
    let tls = tls(redis, certificates.as_deref().unwrap_or_default());
    let script = scripts::script(redis, layout, tls, password_file);
    if redis.spec.is_sentinel() {
        sentinel::jobs(place, layout, &script, jobs);
    } else {
        place.push(jobs, "bootstrap.sh", ArtifactKind::Shell, "redis/bootstrap.sh.tera", &script);
        place.push(jobs, "failback.sh", ArtifactKind::Shell, "redis/failback.sh.tera", &script);
        if redis.spec.backup.is_some() {
            let context = backup::restore(redis, script.clone());
            place.push(jobs, "restore.sh", ArtifactKind::Shell, "redis/restore.sh.tera", &context);
        }
    }
    if let Some(spec) = &redis.spec.backup {
        backup_files(place, spec, script, jobs);
    }
    let readme = readme(place, layout, &nodes);
    if redis.spec.auth.enabled {
        place.push(jobs, "secrets.sh", ArtifactKind::Shell, "redis/secrets.sh.tera", &readme.secrets);
    }
    let page = if redis.spec.is_sentinel() { "redis/sentinel/hosts.md.tera" } else { "redis/hosts.md.tera" };
    place.push(jobs, "README.md", ArtifactKind::Markdown, page, &readme);
}

/// Where the secret files of a node lie.
fn files(redis: &Redis, node: &Node) -> Files {
    let certificates = redis.spec.tls.as_ref().and_then(|t| t.certificates.as_ref()).map(ToString::to_string);
    Files {
        users: format!("{}/{}", node.config, redis.users.key),
        secrets: format!("{}/{SECRETS_FILE}", node.config),
        tls: tls(redis, certificates.as_deref().unwrap_or_default()),
    }
}

/// What the systemd unit of a node says.
#[derive(Debug, Serialize)]
struct Unit {
    cluster: String,
    node: String,
    account: String,
    config: String,
    data: String,
    restart: u64,
    delayed: bool,
    sentinel: bool,
}

fn unit_of(redis: &Redis, node: &Node) -> Unit {
    let delay = restart_delay(redis);
    Unit {
        cluster: redis.name.clone(),
        node: node.name.clone(),
        account: redis.spec.account.clone(),
        config: node.config.clone(),
        data: node.data.clone(),
        restart: delay.unwrap_or(1),
        delayed: delay.is_some(),
        sentinel: redis.spec.is_sentinel(),
    }
}

/// What the unit of redis_exporter says.
#[derive(Debug, Serialize)]
struct ExporterUnit {
    cluster: String,
    node: String,
    account: String,
    unit: String,
    listen: String,
    target: String,
    user: Option<&'static str>,
    environment: Option<String>,
    tls: Option<Tls>,
}

fn exporter_of(redis: &Redis, node: &Node) -> ExporterUnit {
    let address = node.address.clone().unwrap_or_default();
    let scheme = if redis.spec.tls.is_some() { "rediss" } else { "redis" };
    let auth = redis.spec.auth.enabled;
    ExporterUnit {
        cluster: redis.name.clone(),
        node: node.name.clone(),
        account: redis.spec.account.clone(),
        unit: format!("{}.service", names::redis(&redis.name)),
        listen: host_port(&address, node.ports.exporter),
        target: format!("{scheme}://{}", host_port(&address, node.ports.redis)),
        user: auth.then_some(MONITOR_USER),
        environment: auth.then(|| format!("{}/{EXPORTER_FILE}", node.config)),
        tls: files(redis, node).tls,
    }
}

/// The unit and the timer of the backup.
#[derive(Debug, Serialize)]
struct BackupUnit {
    sentinel: bool,
    cluster: String,
    account: String,
    script: String,
    environment: String,
    written: String,
    calendar: Vec<String>,
}

/// Script, unit and timer of the backup: for one machine that reaches all nodes.
fn backup_files(place: &Place<'_>, spec: &RedisBackup, script: scripts::Script, jobs: &mut Jobs<'_>) {
    let redis = place.redis;
    let name = names::redis_backup(&redis.name);
    let config = redis.nodes(place.region).first().map(|node| node.config.clone()).unwrap_or_default();
    let unit = BackupUnit {
        sentinel: redis.spec.is_sentinel(),
        cluster: redis.name.clone(),
        account: redis.spec.account.clone(),
        script: format!("{config}/backup.sh"),
        environment: format!("{config}/backup.env"),
        written: spec.snapshot.to_string(),
        calendar: on_calendar(&spec.snapshot, &[]),
    };
    place.push(jobs, "backup.sh", ArtifactKind::Shell, "redis/backup.sh.tera", &backup::backup(place, spec, script));
    place.push(jobs, &format!("{name}.service"), ArtifactKind::Systemd, "redis/backup.service.tera", &unit);
    place.push(jobs, &format!("{name}.timer"), ArtifactKind::Systemd, "redis/backup.timer.tera", &unit);
}

/// What README.md tells.
#[derive(Debug, Serialize)]
struct Readme {
    layout: Layout,
    unit: String,
    exporter_unit: String,
    account: String,
    auth: bool,
    secrets: Secrets,
    tls: Option<String>,
    nodes: Vec<HostOf>,
    memory: String,
    machine: String,
    failover: String,
    persisted: bool,
    sentinels: Vec<SentinelOf>,
    majority: usize,
    sentinel_unit: String,
    sentinel_state: &'static str,
    node_timeout: String,
    failover_timeout: String,
    state: String,
    backup: Option<BackupNeeds>,
}

/// What the backup needs.
#[derive(Debug, Serialize)]
struct BackupNeeds {
    unit: String,
    config: String,
    schedule: String,
    variables: Vec<backup::SecretVariable>,
}

/// A host and its directories.
#[derive(Debug, Serialize)]
struct HostOf {
    name: String,
    address: String,
    config: String,
    data: String,
    port: u16,
    bus: u16,
    exporter: u16,
}

/// Where a sentinel runs.
#[derive(Debug, Serialize)]
struct SentinelOf {
    name: String,
    address: String,
    config: String,
    data: String,
    port: u16,
}

fn sentinel_of(sentinel: Sentinel) -> SentinelOf {
    let address = sentinel.address.unwrap_or_default();
    SentinelOf { name: sentinel.name, address, config: sentinel.config, data: sentinel.data, port: sentinel.port }
}

fn readme(place: &Place<'_>, layout: &Layout, nodes: &[Node]) -> Readme {
    let redis = place.redis;
    let host = |node: &Node| HostOf {
        name: node.name.clone(),
        address: node.address.clone().unwrap_or_default(),
        config: node.config.clone(),
        data: node.data.clone(),
        port: node.ports.redis,
        bus: node.bus_port(),
        exporter: node.ports.exporter,
    };
    Readme {
        layout: layout.clone(),
        unit: format!("{}.service", names::redis(&redis.name)),
        exporter_unit: format!("{}.service", names::redis_beside(&redis.name, "exporter")),
        account: redis.spec.account.clone(),
        auth: redis.spec.auth.enabled,
        secrets: secrets(redis),
        tls: redis.spec.tls.as_ref().and_then(|t| t.certificates.as_ref()).map(ToString::to_string),
        nodes: nodes.iter().map(host).collect(),
        memory: redis.spec.memory.to_string(),
        machine: format!("{} MiB", redis.spec.memory.mebibytes() * 5 / 3),
        failover: redis.failover_bound().to_string(),
        persisted: restart_delay(redis).is_none(),
        majority: majority(layout.sentinels.len()),
        sentinels: redis.sentinels(place.region).into_iter().map(sentinel_of).collect(),
        sentinel_unit: format!("{}.service", names::redis_beside(&redis.name, "sentinel")),
        node_timeout: redis.spec.node_timeout.to_string(),
        failover_timeout: redis.spec.sentinel.clone().unwrap_or_default().failover_timeout.to_string(),
        state: sentinel::NODE_STATE.to_owned(),
        sentinel_state: sentinel::SENTINEL_STATE,
        backup: redis.spec.backup.as_ref().map(|spec| BackupNeeds {
            unit: names::redis_backup(&redis.name),
            config: nodes.first().map(|node| node.config.clone()).unwrap_or_default(),
            schedule: spec.snapshot.to_string(),
            variables: backup::secrets(place, spec),
        }),
    }
}
