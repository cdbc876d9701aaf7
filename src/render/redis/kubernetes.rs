//! Redis on Kubernetes, as a cluster or under Sentinel: one zone-bound StatefulSet for each node, a budget for each shard,
//! and the jobs.
//!
//! One node each, because a StatefulSet cannot say which of its pods lies in which zone, and the placement of primaries
//! and replicas is what survives the loss of a zone. One budget for each shard, because a whole zone is drained at once.
//! A sentinel runs in the pod of every node: it has to remember who the primary is, on a volume that is bound to the zone,
//! and that is there already; and whatever takes a node away takes one vote with it and no more.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::layout::Layout;
use super::pods::{CERTIFICATES, RUN, Run, SCRIPTS, SECRETS, USER, identity, job_pod, node_volumes, scripts_name};
use super::scripts::{Script, script};
use super::settings::{Files, MONITOR_USER, SECRETS_FILE, Settings, Tls, restart_delay, settings, tls};
use super::{Place, backup, page, secrets, sentinel};
use crate::blueprint::cron::Schedule;
use crate::blueprint::placement::Node;
use crate::blueprint::raw::{self, DestinationKind};
use crate::blueprint::units::{Cpu, Duration};
use crate::blueprint::{Redis, names};
use crate::render::kubernetes::common::{self, Identity, Labels};
use crate::render::{ArtifactKind, File, Jobs, engine};

/// The template of all objects of a cluster.
const TEMPLATE: &str = "redis/kubernetes.yaml.tera";
/// The scripts that the bootstrap Job runs.
const BOOTSTRAP: &str = "redis/bootstrap.sh.tera";
const SENTINEL_BOOTSTRAP: &str = "redis/sentinel/bootstrap.sh.tera";
/// The label that says which node a pod is.
const NODE: &str = "hagen.dev/node";
/// What the template of all objects sees.
#[derive(Serialize)]
struct Context {
    name: String,
    cluster: String,
    namespace: String,
    nodes_service: String,
    labels: Labels,
    selector: Labels,
    job_labels: Labels,
    job_selector: Labels,
    image: String,
    pull_secrets: Vec<Value>,
    priority_class: Option<String>,
    pod_security: Value,
    container_security: Value,
    tolerations: Value,
    sentinel: bool,
    port: u16,
    /// The port that nodes know each other by: of the bus, or of the sentinels.
    peer: Peer,
    grace: u64,
    cpu: String,
    memory: String,
    memory_why: String,
    storage: String,
    storage_class: Option<String>,
    auth: bool,
    tls_secret: bool,
    scripts_name: String,
    nodes: Vec<NodeContext>,
    shards: Vec<ShardContext>,
    ingress: Vec<Value>,
    job_egress: Vec<Value>,
    exporter: Option<Exporter>,
    monitors: Vec<Monitor>,
    bootstrap: String,
    bootstrap_pod: Value,
    failback: String,
    failback_pod: Value,
    backup: Option<BackupContext>,
}

/// A second port of every pod.
#[derive(Serialize)]
struct Peer {
    name: &'static str,
    port: u16,
}

/// One node.
#[derive(Serialize)]
struct NodeContext {
    name: String,
    zone: String,
    shard: String,
    role: &'static str,
    labels: Labels,
    selector: Labels,
    shard_selector: Labels,
    volumes: Vec<Value>,
    digest: String,
}

/// The budget of one shard.
#[derive(Serialize)]
struct ShardContext {
    name: String,
    selector: Labels,
}

/// The metrics exporter beside every node.
#[derive(Serialize)]
struct Exporter {
    image: String,
    port: u16,
    env: Vec<Value>,
}

/// A PodMonitor.
#[derive(Serialize)]
struct Monitor {
    name: String,
    /// What the exporter is told to ask, where that is not its own node.
    target: Option<String>,
    /// The label `job` of its figures, where the name of the object is not what rules go by.
    job: Option<&'static str>,
    labels: Labels,
    interval: String,
    region: String,
}

/// The backup.
#[derive(Serialize)]
struct BackupContext {
    name: String,
    schedule: String,
    deadline: u64,
    annotations: Option<BTreeMap<&'static str, String>>,
    pod_labels: Labels,
    pod: Value,
}

/// What the scripts inside a pod see.
#[derive(Serialize)]
struct PodScript {
    #[serde(flatten)]
    script: Script,
    port: u16,
    config: String,
    secrets: String,
    replication_file: String,
    restart_delay: Option<u64>,
    scripts: &'static str,
    context: Option<String>,
    namespace: String,
    failback_name: String,
    sentinel_port: u16,
    handover_wait: u64,
}

/// For so long a primary that is to stop waits for a replica with a whole copy, under Sentinel, in seconds.
pub(super) const HANDOVER_WAIT: u64 = 60;

/// All files of a cluster on Kubernetes in a region.
pub(super) fn jobs(place: &Place<'_>, layout: &Layout, jobs: &mut Jobs<'_>) {
    let redis = place.redis;
    let nodes = redis.nodes(place.region);
    let certificates = tls(redis, CERTIFICATES);
    let password_file = format!("{SECRETS}/{}", redis.operator.key);
    let watched = redis.spec.is_sentinel();
    let script = script(redis, layout, certificates.clone(), password_file);
    let own = pod_script(place, script.clone());
    let configurations: Vec<(String, Settings)> = nodes
        .iter()
        .map(|node| (node.name.clone(), settings(place.blueprint, redis, node, files(redis, &certificates))))
        .collect();
    let context = context(place, &nodes, &configurations, &script);
    let path = format!("{}/kubernetes/{}.yaml", place.region.name, names::redis(&redis.name));
    jobs.push(
        File {
            path,
            kind: ArtifactKind::Kubernetes,
            region: Some(place.region),
            template: TEMPLATE,
            origins: place.origins(),
        },
        &context,
    );
    jobs.one_time(&context.bootstrap);
    for (node, configuration) in &configurations {
        jobs.part(node, "redis/node.redis.tera", configuration);
    }
    if watched {
        nodes.iter().for_each(|node| sentinel::parts(place, layout, node, jobs));
    } else {
        jobs.part("start.sh", "redis/start.sh.tera", &own);
    }
    let either = |cluster: &'static str, sentinel: &'static str| if watched { sentinel } else { cluster };
    for (file, template) in [
        ("probe.sh", "redis/probe.sh.tera"),
        ("handover.sh", either("redis/handover.sh.tera", "redis/sentinel/handover.sh.tera")),
        ("bootstrap.sh", either(BOOTSTRAP, SENTINEL_BOOTSTRAP)),
        ("failback.sh", either("redis/failback.sh.tera", "redis/sentinel/failback.sh.tera")),
    ] {
        jobs.part(file, template, &own);
    }
    if let Some(spec) = &redis.spec.backup {
        jobs.part("restore.sh", "redis/restore.sh.tera", &backup::restore(redis, script.clone()));
        jobs.part("backup.sh", "redis/backup.sh.tera", &backup::backup(place, spec, script));
    }
    place.push(jobs, "roll.sh", ArtifactKind::Shell, "redis/roll.sh.tera", &own);
    if redis.spec.auth.enabled {
        place.push(jobs, "secrets.sh", ArtifactKind::Shell, "redis/secrets.sh.tera", &secrets::secrets(redis));
    }
    let page = either("redis/kubernetes.md.tera", "redis/sentinel/kubernetes.md.tera");
    place.push(jobs, "README.md", ArtifactKind::Markdown, page, &page::readme(place, layout));
}

fn files(redis: &Redis, certificates: &Option<Tls>) -> Files {
    Files {
        users: format!("{SECRETS}/{}", redis.users.key),
        secrets: format!("{RUN}/{SECRETS_FILE}"),
        tls: certificates.clone(),
    }
}

fn pod_script(place: &Place<'_>, script: Script) -> PodScript {
    let redis = place.redis;
    PodScript {
        script,
        port: redis.spec.ports.redis,
        config: "/etc/redis/redis.conf".to_owned(),
        secrets: format!("{RUN}/{SECRETS_FILE}"),
        replication_file: format!("{SECRETS}/{}", redis.replication.key),
        restart_delay: restart_delay(redis),
        scripts: SCRIPTS,
        context: place.region.spec.kube_context.clone(),
        namespace: place.blueprint.namespace.clone(),
        failback_name: names::redis_failback(&redis.name),
        sentinel_port: redis.spec.ports.sentinel,
        handover_wait: HANDOVER_WAIT,
    }
}

/// The port that nodes know each other by.
fn peer(redis: &Redis, nodes: &[Node]) -> Peer {
    if redis.spec.is_sentinel() {
        return Peer { name: "sentinel", port: redis.spec.ports.sentinel };
    }
    Peer { name: "bus", port: nodes.first().map_or(0, Node::bus_port) }
}

fn context(place: &Place<'_>, nodes: &[Node], configurations: &[(String, Settings)], script: &Script) -> Context {
    let (blueprint, redis, region) = (place.blueprint, place.redis, place.region);
    let instance = identity(redis);
    let what = Identity::store("cache", "redis", &instance);
    let job = Identity::store("job", "redis", &instance);
    let spec = &redis.spec;
    let (cpu, memory, memory_why) = resources(redis);
    let selector = common::selector(blueprint, what);
    let job_selector = common::selector(blueprint, job);
    let backup = spec.backup.as_ref().map(|b| backup_context(place, b));
    let bootstrap_pod = job_pod(place, &Run::of_nodes(redis, "bootstrap.sh", "OnFailure"));
    Context {
        name: instance.clone(),
        cluster: redis.name.clone(),
        namespace: blueprint.namespace.clone(),
        nodes_service: names::redis_nodes(&redis.name),
        labels: common::labels(blueprint, region, what),
        job_labels: common::labels(blueprint, region, job),
        image: spec.image.as_ref().map(ToString::to_string).unwrap_or_default(),
        pull_secrets: common::pull_secrets(blueprint),
        priority_class: spec.tier.as_ref().map(|tier| names::priority_class(&blueprint.namespace, tier.as_str())),
        pod_security: common::pod_security(USER),
        container_security: common::container_security(),
        // A pod on a zonal volume has nowhere else to go (R-K8-27); its shard fails over without it. So it stays where it is
        // for the default 300 s, and a node that was only cut off keeps it.
        tolerations: common::tolerations(Duration::from_secs(300)),
        sentinel: spec.is_sentinel(),
        port: spec.ports.redis,
        peer: peer(redis, nodes),
        // The handover, the last write to disk, and 30 s. Sentinel asks for priorities every ten seconds only.
        grace: if spec.is_sentinel() { HANDOVER_WAIT + 30 } else { 30 } + 30 + spec.memory.mebibytes() / 50,
        cpu,
        memory,
        memory_why,
        storage: storage(redis),
        storage_class: spec.storage.as_ref().and_then(|s| s.class.as_ref()).map(ToString::to_string),
        auth: spec.auth.enabled,
        tls_secret: spec.tls.is_some(),
        scripts_name: scripts_name(redis),
        nodes: node_contexts(place, nodes, configurations, &selector),
        shards: (0..spec.shards())
            .map(|shard| ShardContext {
                name: format!("{instance}-shard-{shard}"),
                selector: of_shard(&selector, shard),
            })
            .collect(),
        ingress: ingress(place, nodes, &selector, &job_selector),
        job_egress: job_egress(place, &selector),
        exporter: exporter(place),
        monitors: monitors(place),
        bootstrap: format!("{instance}-bootstrap-{}", bootstrap_digest(&bootstrap_pod, &job_selector, script)),
        bootstrap_pod,
        failback: names::redis_failback(&redis.name),
        failback_pod: job_pod(place, &Run::of_nodes(redis, "failback.sh", "Never")),
        backup,
        selector,
        job_selector,
    }
}

/// A Job cannot be changed, so another content is another name, and applying the same again does nothing.
fn bootstrap_digest(pod: &Value, labels: &Labels, script: &Script) -> String {
    let read = if script.is_sentinel() {
        [SENTINEL_BOOTSTRAP, "redis/sentinel/common.sh.tera", "redis/common.sh.tera"].as_slice()
    } else {
        [BOOTSTRAP, "redis/common.sh.tera"].as_slice()
    };
    let own = |(path, _): &(&str, &str)| read.contains(path);
    digest(&(pod, labels, script, engine::embedded_templates().filter(own).collect::<Vec<_>>()))
}

/// Ten digits of the hash of something.
fn digest(what: &impl Serialize) -> String {
    let text = serde_json::to_string(what).unwrap_or_default();
    Sha256::digest(text.as_bytes()).iter().take(5).map(|byte| format!("{byte:02x}")).collect()
}

fn of_shard(selector: &Labels, shard: u32) -> Labels {
    let mut labels = selector.clone();
    labels.insert(names::SHARD.to_owned(), shard.to_string());
    labels
}

fn node_contexts(
    place: &Place<'_>,
    nodes: &[Node],
    configurations: &[(String, Settings)],
    selector: &Labels,
) -> Vec<NodeContext> {
    let redis = place.redis;
    // What a pod is started with: changed, the pod is behind.
    let read = if redis.spec.is_sentinel() {
        ["redis/node.redis.tera", sentinel::POD_START, sentinel::CONFIGURATION, sentinel::START].as_slice()
    } else {
        ["redis/node.redis.tera"].as_slice()
    };
    let starts: Vec<(&str, &str)> = engine::embedded_templates().filter(|(path, _)| read.contains(path)).collect();
    let all = |node: &Node| {
        let instance = identity(redis);
        let mut labels = common::labels(place.blueprint, place.region, Identity::store("cache", "redis", &instance));
        labels.insert(names::SHARD.to_owned(), node.shard.to_string());
        labels.insert(names::ZONE.to_owned(), node.zone.clone());
        labels.insert(NODE.to_owned(), node.name.clone());
        labels
    };
    // Selectors are immutable: only what never changes stands in them.
    let only = |node: &Node| {
        let mut labels = selector.clone();
        labels.insert(NODE.to_owned(), node.name.clone());
        labels
    };
    let one = |(node, (_, settings)): (&Node, &(String, Settings))| NodeContext {
        name: node.name.clone(),
        zone: node.zone.clone(),
        shard: node.shard.to_string(),
        role: super::settings::role(node),
        labels: all(node),
        selector: only(node),
        volumes: node_volumes(redis, node),
        shard_selector: of_shard(selector, node.shard),
        digest: if redis.spec.is_sentinel() {
            digest(&(settings, &starts, sentinel::settings(redis)))
        } else {
            digest(&(settings, &starts))
        },
    };
    nodes.iter().zip(configurations).map(one).collect()
}

/// CPU and memory of a node: `maxmemory` is at most 0.6 of the limit (R-RD-15).
fn resources(redis: &Redis) -> (String, String, String) {
    if let Some(own) = &redis.spec.resources {
        return (own.cpu.to_string(), own.memory.to_string(), "as the blueprint says".to_owned());
    }
    let memory = format!("{}Mi", Redis::node_memory(&redis.spec).mebibytes());
    let why = format!("maxmemory {} / 0.6: a fork copies what changes meanwhile (R-RD-15)", redis.spec.memory);
    (Cpu::from_millis(Redis::CPU).to_string(), memory, why)
}

/// The size of a volume.
fn storage(redis: &Redis) -> String {
    let size = Redis::volume_size(&redis.spec);
    if redis.spec.storage.is_some() { size.to_string() } else { format!("{}Mi", size.mebibytes()) }
}

fn ingress(place: &Place<'_>, nodes: &[Node], own: &Labels, jobs: &Labels) -> Vec<Value> {
    let (blueprint, redis) = (place.blueprint, place.redis);
    let (port, peer) = (redis.spec.ports.redis, peer(redis, nodes).port);
    // Whoever wants the primary asks a sentinel first.
    let asked: &[u16] = if redis.spec.is_sentinel() { &[port, peer] } else { &[port] };
    let asked = || asked.iter().copied();
    let mut rules = vec![
        common::allow_from(common::caller_peers(blueprint, &format!("redis.{}", redis.name)), asked()),
        common::allow_from(vec![common::pods(own)], [port, peer]),
        common::allow_from(vec![common::pods(jobs)], asked()),
    ];
    if exporter(place).is_some() {
        rules.push(common::allow_from(vec![common::monitoring(blueprint)], [redis.spec.ports.exporter]));
    }
    rules.into_iter().flatten().collect()
}

/// What the jobs reach: the nodes; the object stores, whose addresses no NetworkPolicy knows; the Pushgateway.
fn job_egress(place: &Place<'_>, own: &Labels) -> Vec<Value> {
    let ports = place.redis.spec.ports;
    let asked: &[u16] = if place.redis.spec.is_sentinel() { &[ports.redis, ports.sentinel] } else { &[ports.redis] };
    let mut rules = vec![common::allow_to(vec![common::pods(own)], asked.iter().copied())];
    if let Some(backup) = &place.redis.spec.backup {
        let stores = super::backup::destinations(place, backup).into_iter().map(|(_, destination)| destination);
        rules.extend(common::to_stores(stores).into_iter().map(Some));
        rules.push(common::to_pushgateway(place.blueprint));
    }
    rules.into_iter().flatten().collect()
}

fn exporter(place: &Place<'_>) -> Option<Exporter> {
    let spec = &place.redis.spec;
    let image = place.blueprint.spec.monitoring.as_ref()?.exporters.redis.as_ref()?;
    let scheme = if spec.tls.is_some() { "rediss" } else { "redis" };
    let plain = |name: &str, value: String| json!({"name": name, "value": value});
    let mut env = vec![
        plain("REDIS_ADDR", format!("{scheme}://localhost:{}", spec.ports.redis)),
        plain("REDIS_EXPORTER_WEB_LISTEN_ADDRESS", format!(":{}", spec.ports.exporter)),
    ];
    if spec.auth.enabled {
        let reference = &place.redis.monitoring;
        env.push(plain("REDIS_USER", MONITOR_USER.to_owned()));
        env.push(json!({"name": "REDIS_PASSWORD", "valueFrom": {"secretKeyRef": {"name": reference.secret.as_str(), "key": reference.key}}}));
    }
    if let Some(files) = tls(place.redis, CERTIFICATES) {
        env.push(plain("REDIS_EXPORTER_TLS_CA_CERT_FILE", files.ca));
        env.push(plain("REDIS_EXPORTER_TLS_CLIENT_CERT_FILE", files.cert));
        env.push(plain("REDIS_EXPORTER_TLS_CLIENT_KEY_FILE", files.key));
        // The certificate names the node, not `localhost`.
        env.push(plain("REDIS_EXPORTER_SKIP_TLS_VERIFICATION", "true".to_owned()));
    }
    Some(Exporter { image: image.to_string(), port: spec.ports.exporter, env })
}

/// What is scraped: the exporter of each node, and the same exporter told to ask the sentinel in its pod. Their figures
/// have the same names, so they get the label `job` that they have on hosts.
fn monitors(place: &Place<'_>) -> Vec<Monitor> {
    let (Some(_), Some(monitoring)) = (exporter(place), place.blueprint.spec.monitoring.as_ref()) else {
        return Vec::new();
    };
    if !common::has_operator(place.blueprint) {
        return Vec::new();
    }
    let instance = identity(place.redis);
    let labels = common::labels(place.blueprint, place.region, Identity::store("cache", "redis", &instance));
    let monitor = |name: String, target: Option<String>| Monitor {
        name,
        target,
        job: None,
        labels: common::monitor_labels(place.blueprint, &labels),
        interval: monitoring.interval.go(),
        region: place.region.name.clone(),
    };
    let mut all = vec![monitor(instance.clone(), None)];
    if place.redis.spec.is_sentinel() {
        if let Some(first) = all.first_mut() {
            first.job = Some(names::JOB_REDIS);
        }
        let name = names::redis_sentinels(&place.redis.name);
        all.push(Monitor { job: Some(names::JOB_SENTINEL), ..monitor(name, Some(place.redis.sentinel_beside())) });
    }
    all
}

fn backup_context(place: &Place<'_>, spec: &raw::RedisBackup) -> BackupContext {
    let redis = place.redis;
    let reference =
        |secret: &raw::SecretRef| json!({"secretKeyRef": {"name": secret.secret.as_str(), "key": secret.key}});
    let env: Vec<Value> = backup::secrets(place, spec)
        .iter()
        .map(|s| json!({"name": s.variable, "valueFrom": reference(&s.reference)}))
        .collect();
    let mut annotations = BTreeMap::new();
    let instance = identity(redis);
    let mut pod_labels = common::labels(place.blueprint, place.region, Identity::store("job", "redis", &instance));
    for (_, destination) in backup::destinations(place, spec) {
        let Some(identity) = &destination.workload_identity else { continue };
        let key = match destination.kind {
            DestinationKind::S3 => "eks.amazonaws.com/role-arn",
            DestinationKind::Gcs => "iam.gke.io/gcp-service-account",
            DestinationKind::AzureBlob => {
                pod_labels.insert("azure.workload.identity/use".to_owned(), "true".to_owned());
                "azure.workload.identity/client-id"
            }
            DestinationKind::Directory => continue,
        };
        annotations.insert(key, identity.clone());
    }
    let name = names::redis_backup(&redis.name);
    let run = Run {
        script: "backup.sh",
        restart: "Never",
        image: spec.image.as_ref().map(ToString::to_string).unwrap_or_default(),
        account: Some(name.clone()),
        env,
        // Every shard at once, and one of them encrypted beside it.
        scratch: format!("{}Mi", redis.spec.memory.mebibytes() * u64::from(redis.spec.shards() + 1)),
    };
    // In time for the next run.
    let gap = Schedule::parse(spec.snapshot.as_str()).ok().and_then(|schedule| schedule.longest_gap());
    BackupContext {
        pod: job_pod(place, &run),
        name,
        schedule: spec.snapshot.to_string(),
        deadline: gap.map_or(24 * 3600, |gap| (gap.secs() * 9 / 10).clamp(60, 24 * 3600)),
        annotations: (!annotations.is_empty()).then_some(annotations),
        pod_labels,
    }
}
