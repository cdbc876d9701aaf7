//! Redis under Sentinel on hosts: what stands beside redis.conf. Each node and each sentinel has a script that starts it with
//! the roles of now: Redis and Sentinel write into their configuration, and a rendered file must never undo a failover.

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Place;
use super::layout::Layout;
use super::scripts::Script;
use super::settings::{REPLICATION_USER, SENTINEL_USER, Tls, tls};
use crate::blueprint::placement::{Node, Sentinel};
use crate::blueprint::{Redis, names};
use crate::render::{ArtifactKind, Jobs};

/// The file that a node starts with: redis.conf and its role of now.
pub(super) const NODE_STATE: &str = "redis-state.conf";
/// The file that a sentinel starts with: sentinel.conf and what it learned.
pub(super) const SENTINEL_STATE: &str = "sentinel-state.conf";
/// The included file with the passwords of a sentinel.
pub(super) const SENTINEL_SECRETS: &str = "sentinel-secrets.conf";

/// Another sentinel, or one of all.
#[derive(Debug, Serialize)]
struct Address {
    host: String,
    port: u16,
}

/// What `start.sh.tera` sees.
#[derive(Debug, Serialize)]
struct Start {
    node: String,
    cluster: String,
    state: String,
    config_file: String,
    self_address: String,
    auth: bool,
    password_file: String,
    replication_user: &'static str,
    tls: Option<Tls>,
    majority: usize,
    sentinels: Vec<Address>,
}

/// What the files of a sentinel see.
#[derive(Debug, Serialize)]
struct Context {
    name: String,
    cluster: String,
    zone: String,
    bind: String,
    announce: String,
    hostnames: bool,
    port: u16,
    tls: Option<Tls>,
    auth: bool,
    data: String,
    id: String,
    quorum: usize,
    count: usize,
    primary_host: String,
    primary_port: u16,
    declared: String,
    down_after: u64,
    failover_timeout: u64,
    user: &'static str,
    users: String,
    secrets: String,
    password_file: String,
    state: String,
    config: String,
    config_file: String,
    account: String,
    others: Vec<Address>,
}

/// What `restore.sh.tera` sees.
#[derive(Debug, Serialize)]
struct Restore<'a> {
    #[serde(flatten)]
    script: &'a Script,
    account: &'a str,
    directories: Vec<Directory>,
    state_name: &'static str,
    append: bool,
}

/// The data directory of a node.
#[derive(Debug, Serialize)]
struct Directory {
    name: String,
    data: String,
}

/// The files of the nodes' starts, of every sentinel, and the scripts.
pub(super) fn jobs(place: &Place<'_>, layout: &Layout, script: &Script, jobs: &mut Jobs<'_>) {
    let redis = place.redis;
    let (nodes, sentinels) = (redis.nodes(place.region), redis.sentinels(place.region));
    for node in &nodes {
        let start = start(redis, node, &sentinels);
        let file = format!("{}/start.sh", node.name);
        place.push(jobs, &file, ArtifactKind::Shell, "redis/sentinel/start.sh.tera", &start);
    }
    for sentinel in &sentinels {
        let context = context(place, layout, sentinel, &sentinels);
        let unit = format!("{}-sentinel.service", names::redis(&redis.name));
        for (file, kind, template) in [
            ("sentinel.conf", ArtifactKind::Redis, "redis/sentinel/sentinel.redis.tera"),
            ("sentinel-start.sh", ArtifactKind::Shell, "redis/sentinel/sentinel-start.sh.tera"),
            (unit.as_str(), ArtifactKind::Systemd, "redis/sentinel/sentinel.service.tera"),
        ] {
            place.push(jobs, &format!("{}/{file}", sentinel.name), kind, template, &context);
        }
    }
    place.push(jobs, "bootstrap.sh", ArtifactKind::Shell, "redis/sentinel/bootstrap.sh.tera", script);
    place.push(jobs, "failback.sh", ArtifactKind::Shell, "redis/sentinel/failback.sh.tera", script);
    if redis.spec.backup.is_some() {
        let directories = nodes.into_iter().map(|node| Directory { name: node.name, data: node.data }).collect();
        let restore = Restore {
            script,
            account: &redis.spec.account,
            directories,
            state_name: NODE_STATE,
            append: super::settings::restart_delay(redis).is_none(),
        };
        place.push(jobs, "restore.sh", ArtifactKind::Shell, "redis/sentinel/restore.sh.tera", &restore);
    }
}

fn certificates(redis: &Redis) -> Option<Tls> {
    let directory = redis.spec.tls.as_ref().and_then(|t| t.certificates.as_ref()).map(ToString::to_string);
    tls(redis, &directory.unwrap_or_default())
}

fn addresses<'a>(sentinels: impl Iterator<Item = &'a Sentinel>) -> Vec<Address> {
    sentinels.map(|s| Address { host: s.address.clone().unwrap_or_default(), port: s.port }).collect()
}

fn start(redis: &Redis, node: &Node, sentinels: &[Sentinel]) -> Start {
    Start {
        node: node.name.clone(),
        cluster: redis.name.clone(),
        state: format!("{}/{NODE_STATE}", node.data),
        config_file: format!("{}/redis.conf", node.config),
        self_address: format!("{} {}", node.address.as_deref().unwrap_or_default(), node.ports.redis),
        auth: redis.spec.auth.enabled,
        password_file: format!("{}/{}", node.config, redis.replication.key),
        replication_user: REPLICATION_USER,
        tls: certificates(redis),
        majority: sentinels.len() / 2 + 1,
        sentinels: addresses(sentinels.iter()),
    }
}

fn context(place: &Place<'_>, layout: &Layout, sentinel: &Sentinel, all: &[Sentinel]) -> Context {
    let redis = place.redis;
    let address = sentinel.address.clone().unwrap_or_default();
    let primary = layout.nodes.first();
    let (host, port) = primary.map_or((String::new(), 0), |node| (node.host.clone(), node.port));
    let own = redis.spec.sentinel.clone().unwrap_or_default();
    Context {
        name: sentinel.name.clone(),
        cluster: redis.name.clone(),
        zone: sentinel.zone.clone(),
        bind: address.clone(),
        // One name among the addresses is enough for all to have to look names up.
        hostnames: layout.nodes.iter().any(|node| node.host.parse::<std::net::IpAddr>().is_err())
            || all.iter().filter_map(|s| s.address.as_ref()).any(|a| a.parse::<std::net::IpAddr>().is_err()),
        announce: address,
        port: sentinel.port,
        tls: certificates(redis),
        auth: redis.spec.auth.enabled,
        data: sentinel.data.clone(),
        id: identity(place, sentinel),
        quorum: all.len() / 2 + 1,
        count: all.len(),
        declared: format!("{host} {port}"),
        primary_host: host,
        primary_port: port,
        down_after: redis.spec.node_timeout.millis(),
        failover_timeout: own.failover_timeout.millis(),
        user: SENTINEL_USER,
        users: format!("{}/{}", sentinel.config, redis.sentinel_users.key),
        secrets: format!("{}/{SENTINEL_SECRETS}", sentinel.config),
        password_file: format!("{}/{}", sentinel.config, redis.sentinel.key),
        state: format!("{}/{SENTINEL_STATE}", sentinel.data),
        config: sentinel.config.clone(),
        config_file: format!("{}/sentinel.conf", sentinel.config),
        account: redis.spec.account.clone(),
        others: addresses(all.iter().filter(|other| other.name != sentinel.name)),
    }
}

/// Forty hexadecimal digits that are this sentinel's alone, and the same whenever they are rendered.
fn identity(place: &Place<'_>, sentinel: &Sentinel) -> String {
    let text = format!("{}/{}/{}/{}", place.blueprint.namespace, place.region.name, place.redis.name, sentinel.name);
    Sha256::digest(text.as_bytes()).iter().take(20).map(|byte| format!("{byte:02x}")).collect()
}
