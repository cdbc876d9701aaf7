//! Redis under Sentinel: what stands beside redis.conf, on hosts and in pods. Each node and each sentinel has a script that
//! starts it with the roles of now: Redis and Sentinel write into their configuration, and a rendered file must never undo a
//! failover.

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Place;
use super::layout::{Layout, host};
use super::pods::{CERTIFICATES, RUN, SECRETS};
use super::scripts::Script;
use super::settings::{REPLICATION_USER, SECRETS_FILE, SENTINEL_USER, Tls, restart_delay, tls};
use crate::blueprint::placement::{Node, Sentinel, majority};
use crate::blueprint::{Redis, names};
use crate::render::{ArtifactKind, Jobs};

/// The file that a node starts with: redis.conf and its role of now.
pub(super) const NODE_STATE: &str = "redis-state.conf";
/// The file that a sentinel starts with: sentinel.conf and what it learned.
pub(super) const SENTINEL_STATE: &str = "sentinel-state.conf";
/// The included file with the passwords of a sentinel.
pub(super) const SENTINEL_SECRETS: &str = "sentinel-secrets.conf";

/// How a node's pod starts.
pub(super) const POD_START: &str = "redis/sentinel/pod-start.sh.tera";
/// sentinel.conf.
pub(super) const CONFIGURATION: &str = "redis/sentinel/sentinel.redis.tera";
/// How a sentinel starts.
pub(super) const START: &str = "redis/sentinel/sentinel-start.sh.tera";

/// Where the secret files of a node and of its sentinel lie.
struct Paths {
    /// Those that others put there.
    given: String,
    /// Those that the start of a pod makes of them; on hosts people do.
    made: String,
    tls: Option<Tls>,
    /// Whether it is a pod.
    pod: bool,
}

impl Paths {
    fn of_host(redis: &Redis, config: &str) -> Self {
        let directory = redis.spec.tls.as_ref().and_then(|t| t.certificates.as_ref()).map(ToString::to_string);
        let tls = tls(redis, &directory.unwrap_or_default());
        Self { given: config.to_owned(), made: config.to_owned(), tls, pod: false }
    }

    fn of_pod(redis: &Redis) -> Self {
        Self { given: SECRETS.to_owned(), made: RUN.to_owned(), tls: tls(redis, CERTIFICATES), pod: true }
    }
}

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
    /// The included file with the password of replication.
    secrets: String,
    restart_delay: Option<u64>,
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
    pod: bool,
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
        let start = start(place, node, &sentinels, Paths::of_host(redis, &node.config));
        let file = format!("{}/start.sh", node.name);
        place.push(jobs, &file, ArtifactKind::Shell, "redis/sentinel/start.sh.tera", &start);
    }
    for sentinel in &sentinels {
        let context = context(place, layout, sentinel, &sentinels, Paths::of_host(redis, &sentinel.config));
        let unit = format!("{}.service", names::redis_beside(&redis.name, "sentinel"));
        for (file, kind, template) in [
            ("sentinel.conf", ArtifactKind::Redis, CONFIGURATION),
            ("sentinel-start.sh", ArtifactKind::Shell, START),
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

/// The parts of the ConfigMap of a node's pod, but for redis.conf: how it starts, and its sentinel.
pub(super) fn parts(place: &Place<'_>, layout: &Layout, node: &Node, jobs: &mut Jobs<'_>) {
    let redis = place.redis;
    let sentinels = redis.sentinels(place.region);
    let start = start(place, node, &sentinels, Paths::of_pod(redis));
    jobs.part(part(&node.name, "start.sh"), POD_START, &start);
    let Some(sentinel) = sentinels.iter().find(|sentinel| sentinel.name == node.name) else { return };
    let context = context(place, layout, sentinel, &sentinels, Paths::of_pod(redis));
    jobs.part(part(&node.name, "sentinel.conf"), CONFIGURATION, &context);
    jobs.part(part(&node.name, "sentinel-start.sh"), START, &context);
}

/// What of the blueprint stands in the start scripts and in a sentinel's files, and in no redis.conf: with another value its
/// pod is behind.
pub(super) fn settings(redis: &Redis) -> impl Serialize {
    (redis.spec.ports.sentinel, &redis.sentinel.key, &redis.sentinel_users.key, redis.spec.replicas_per_shard)
}

/// What a file of a node is called among the parts of the objects.
fn part(node: &str, file: &str) -> String {
    format!("{node}/{file}")
}

fn addresses<'a>(place: &Place<'_>, sentinels: impl Iterator<Item = &'a Sentinel>) -> Vec<Address> {
    let of = |s: &Sentinel| Address { host: host(place.blueprint, place.redis, &s.name, &s.address), port: s.port };
    sentinels.map(of).collect()
}

fn start(place: &Place<'_>, node: &Node, sentinels: &[Sentinel], paths: Paths) -> Start {
    let redis = place.redis;
    let own = host(place.blueprint, redis, &node.name, &node.address);
    Start {
        node: node.name.clone(),
        cluster: redis.name.clone(),
        state: format!("{}/{NODE_STATE}", node.data),
        config_file: format!("{}/redis.conf", node.config),
        self_address: format!("{own} {}", node.ports.redis),
        auth: redis.spec.auth.enabled,
        password_file: format!("{}/{}", paths.given, redis.replication.key),
        replication_user: REPLICATION_USER,
        tls: paths.tls,
        majority: majority(sentinels.len()),
        sentinels: addresses(place, sentinels.iter()),
        secrets: format!("{}/{SECRETS_FILE}", paths.made),
        restart_delay: restart_delay(redis),
    }
}

fn context(place: &Place<'_>, layout: &Layout, sentinel: &Sentinel, all: &[Sentinel], paths: Paths) -> Context {
    let redis = place.redis;
    let address = host(place.blueprint, redis, &sentinel.name, &sentinel.address);
    let primary = layout.nodes.first();
    let (declared, port) = primary.map_or((String::new(), 0), |node| (node.host.clone(), node.port));
    let own = redis.spec.sentinel.clone().unwrap_or_default();
    let named = |host: &str| host.parse::<std::net::IpAddr>().is_err();
    Context {
        name: sentinel.name.clone(),
        cluster: redis.name.clone(),
        zone: sentinel.zone.clone(),
        bind: if paths.pod { "* -::*".to_owned() } else { address.clone() },
        // One name among the addresses is enough for all to have to look names up.
        hostnames: layout.nodes.iter().any(|node| named(&node.host)) || layout.sentinels.iter().any(|s| named(&s.host)),
        announce: address,
        port: sentinel.port,
        tls: paths.tls,
        auth: redis.spec.auth.enabled,
        data: sentinel.data.clone(),
        id: identity(place, sentinel),
        quorum: majority(all.len()),
        count: all.len(),
        declared: format!("{declared} {port}"),
        primary_host: declared,
        primary_port: port,
        down_after: redis.spec.node_timeout.millis(),
        failover_timeout: own.failover_timeout.millis(),
        user: SENTINEL_USER,
        users: format!("{}/{}", paths.given, redis.sentinel_users.key),
        secrets: format!("{}/{SENTINEL_SECRETS}", paths.made),
        password_file: format!("{}/{}", paths.given, redis.sentinel.key),
        state: format!("{}/{SENTINEL_STATE}", sentinel.data),
        config: sentinel.config.clone(),
        config_file: format!("{}/sentinel.conf", sentinel.config),
        account: redis.spec.account.clone(),
        others: addresses(place, all.iter().filter(|other| other.name != sentinel.name)),
        pod: paths.pod,
    }
}

/// Forty hexadecimal digits that are this sentinel's alone, and the same whenever they are rendered.
fn identity(place: &Place<'_>, sentinel: &Sentinel) -> String {
    let text = format!("{}/{}/{}/{}", place.blueprint.namespace, place.region.name, place.redis.name, sentinel.name);
    Sha256::digest(text.as_bytes()).iter().take(20).map(|byte| format!("{byte:02x}")).collect()
}
