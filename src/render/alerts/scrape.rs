//! What is scraped, and with which labels: the part of the rules that no rule can express.
//!
//! One list of jobs, written as a scrape configuration (`flavour: files`) or as ScrapeConfig objects of the operator for
//! what no ServiceMonitor or PodMonitor covers: hosts, probes, what jobs pushed.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::context::{
    Context, JOB_ETCD, JOB_HAPROXY, JOB_PATRONI, JOB_PGBACKREST, JOB_PGBOUNCER, JOB_POSTGRES, JOB_REDIS, JOB_SENTINEL,
};
use super::probes::{Probe, encrypted, probes};
use super::promql::{Labels, labels};
use super::rules::metadata;
use crate::blueprint::raw::{Flavour, StoreTls};
use crate::blueprint::{Postgres, Redis, names};
use crate::render::address::host_port;

/// The module of blackbox_exporter that asks a host by HTTP.
pub const MODULE_HTTP: &str = "http_2xx";
/// The module of blackbox_exporter that connects by TLS.
pub const MODULE_TLS: &str = "tls_connect";

/// A scrape job with fixed targets.
pub struct Job {
    /// Its name: the label `job`, which rules go by.
    pub name: String,
    /// What no other job is called, in front of everything else.
    pub id: String,
    /// Why it is there.
    pub comment: &'static str,
    /// The path of the metrics.
    pub path: &'static str,
    /// Parameters of the request.
    pub params: Vec<(&'static str, String)>,
    /// Whether labels of the scraped series win over those of the target.
    pub honor_labels: bool,
    /// Where certificates lie, when the target speaks TLS.
    pub tls: Option<StoreTls>,
    /// The Secret with certificates for the operator, when the target speaks TLS.
    pub secret: String,
    /// The targets with their labels.
    pub targets: Vec<(String, Labels)>,
}

impl Job {
    fn new(name: impl Into<String>, comment: &'static str) -> Self {
        let name = name.into();
        Self {
            id: name.clone(),
            name,
            comment,
            path: "/metrics",
            params: Vec::new(),
            honor_labels: false,
            tls: None,
            secret: String::new(),
            targets: Vec::new(),
        }
    }
}

/// All jobs with fixed targets of a region.
pub fn jobs(context: &Context<'_>) -> Vec<Job> {
    let mut jobs = Vec::new();
    let b = context.blueprint;
    for cluster in b.postgres.iter().filter(|p| p.is_rendered() && !p.on_kubernetes()) {
        jobs.extend(postgres(context, cluster));
    }
    for cluster in b.redis.iter().filter(|r| r.is_rendered() && !r.on_kubernetes() && r.in_region(context.region)) {
        jobs.push(redis(context, cluster));
        jobs.push(sentinels(context, cluster));
    }
    let mut merged: Vec<Job> = Vec::new();
    // Clusters that speak alike share a job; the label `cluster` tells them apart.
    for job in jobs.into_iter().filter(|job| !job.targets.is_empty()) {
        let same = |m: &&mut Job| m.name == job.name && certificates(context, m) == certificates(context, &job);
        match merged.iter_mut().find(same) {
            Some(found) => found.targets.extend(job.targets),
            None => merged.push(job),
        }
    }
    merged.extend(probes(context).iter().map(|p| probe(context, p)));
    merged.extend(stores(context));
    if let Some(address) = &context.monitoring.exporters.pushgateway {
        let mut job = Job::new(
            "pushgateway",
            "What backup, snapshot, restore and drill jobs pushed: their own labels must stay as they are.",
        );
        job.honor_labels = true;
        job.targets.push((address.clone(), region(context)));
        merged.push(job);
    }
    told_apart(&mut merged);
    merged
}

/// What a job shows as its certificates where its targets speak TLS: a Secret to the operator, otherwise a directory.
fn certificates(context: &Context<'_>, job: &Job) -> Option<String> {
    let tls = job.tls.as_ref()?;
    Some(match context.monitoring.prometheus.flavour {
        Flavour::Operator => job.secret.clone(),
        Flavour::Files => tls.certificates.as_ref().map(ToString::to_string).unwrap_or_default(),
    })
}

/// Jobs of one name that cannot be one job, because their certificates or hosts differ, are told apart by a number.
fn told_apart(jobs: &mut [Job]) {
    let mut taken: BTreeSet<String> = jobs.iter().map(|job| job.name.clone()).collect();
    let mut seen = BTreeSet::new();
    for job in jobs {
        if seen.insert(job.name.clone()) {
            continue;
        }
        let ids = (2..).map(|number: u32| format!("{}-{number}", job.name));
        if let Some(id) = ids.into_iter().find(|id| !taken.contains(id)) {
            taken.insert(id.clone());
            job.id = id;
        }
    }
}

fn region(context: &Context<'_>) -> Labels {
    labels(&[(names::REGION_LABEL, &context.region.name)])
}

/// The labels of a host's targets.
fn of_host(context: &Context<'_>, cluster: &str, name: &str, zone: Option<&str>) -> Labels {
    let mut all = region(context);
    all.extend(labels(&[(names::CLUSTER_LABEL, cluster), ("instance", name)]));
    if let Some(zone) = zone {
        all.insert(names::ZONE_LABEL.to_owned(), zone.to_owned());
    }
    all
}

fn postgres(context: &Context<'_>, cluster: &Postgres) -> Vec<Job> {
    let (region, name) = (context.region, cluster.name.as_str());
    if cluster.role(region).is_none() {
        return Vec::new();
    }
    let mut patroni = Job::new(JOB_PATRONI, "Patroni's REST API: roles, timelines, failsafe mode.");
    let mut exporter = Job::new(JOB_POSTGRES, "postgres_exporter, beside every member.");
    let mut pgbackrest = Job::new(JOB_PGBACKREST, "pgbackrest_exporter, beside every member.");
    for member in cluster.members(region) {
        let own = of_host(context, name, &member.name, Some(&member.zone));
        patroni.targets.push((host_port(&member.address, member.ports.rest), own.clone()));
        exporter.targets.push((host_port(&member.address, member.ports.exporter), own.clone()));
        if cluster.spec.backup.is_some() {
            pgbackrest.targets.push((host_port(&member.address, names::PORT_PGBACKREST_EXPORTER), own));
        }
    }
    let mut etcd = Job::new(JOB_ETCD, "etcd's own metrics, at its client port.");
    for member in cluster.etcd(region) {
        let own = of_host(context, name, &member.name, member.zone.as_deref());
        etcd.targets.push((host_port(&member.address, member.ports.client), own));
    }
    let mut pgbouncer = Job::new(JOB_PGBOUNCER, "pgbouncer_exporter, beside every pool.");
    let mut haproxy = Job::new(JOB_HAPROXY, "HAProxy's own metrics.");
    for router in cluster.routers(region) {
        let own = of_host(context, name, &router.name, None);
        haproxy.targets.push((host_port(&router.address, cluster.spec.router.metrics_port), own.clone()));
        if cluster.has_pool() {
            pgbouncer.targets.push((host_port(&router.address, names::PORT_PGBOUNCER_EXPORTER), own));
        }
    }
    // Only Patroni and etcd serve their metrics at a port that `tls` is for.
    for job in [&mut patroni, &mut etcd] {
        job.tls.clone_from(&cluster.spec.tls);
        let secret = cluster.spec.tls.as_ref().and_then(|tls| tls.secret.as_ref());
        job.secret = secret.map_or_else(|| names::postgres_tls(&cluster.name), ToString::to_string);
    }
    vec![patroni, exporter, pgbackrest, etcd, pgbouncer, haproxy]
}

fn redis(context: &Context<'_>, cluster: &Redis) -> Job {
    let mut job = Job::new(JOB_REDIS, "redis_exporter, beside every node: it is told which node to ask.");
    job.path = "/scrape";
    let scheme = if cluster.spec.tls.is_some() { "rediss" } else { "redis" };
    for node in cluster.nodes(context.region) {
        let Some(host) = &node.address else { continue };
        let mut own = of_host(context, &cluster.name, &node.name, Some(&node.zone));
        own.insert("__param_target".to_owned(), format!("{scheme}://{}", host_port(host, node.ports.redis)));
        job.targets.push((host_port(host, node.ports.exporter), own));
    }
    job
}

/// A sentinel on a host of its own has no exporter beside it: one of its zone asks it, or the first one.
fn sentinels(context: &Context<'_>, store: &Redis) -> Job {
    let mut job = Job::new(JOB_SENTINEL, "redis_exporter, told to ask a sentinel.");
    job.path = "/scrape";
    let scheme = if store.spec.tls.is_some() { "rediss" } else { "redis" };
    let nodes = store.nodes(context.region);
    for sentinel in store.sentinels(context.region) {
        let beside = nodes.iter().find(|node| node.name == sentinel.name);
        let asked = beside.or_else(|| nodes.iter().find(|node| node.zone == sentinel.zone)).or_else(|| nodes.first());
        let (Some(host), Some(node)) = (&sentinel.address, asked) else { continue };
        let Some(exporter) = &node.address else { continue };
        let mut own = of_host(context, &store.name, &sentinel.name, Some(&sentinel.zone));
        own.insert("__param_target".to_owned(), format!("{scheme}://{}", host_port(host, sentinel.port)));
        job.targets.push((host_port(exporter, node.ports.exporter), own));
    }
    job
}

fn probe(context: &Context<'_>, probe: &Probe) -> Job {
    let comment = if probe.kind == "public" {
        "The public host by its name, as every client reaches it."
    } else {
        "This region's own balancer, asked for the public host whatever DNS says."
    };
    // An object's name holds 253 characters, a host's name alone may have as many.
    let short: String = probe.host.replace('.', "-").chars().take(160).collect();
    let mut job = Job::new(format!("probe-{}-{}", probe.kind, short), comment);
    job.path = "/probe";
    job.params = vec![("module", MODULE_HTTP.to_owned()), ("target", probe.url.clone())];
    if probe.kind == "region" {
        job.params.push(("hostname", probe.host.clone()));
    }
    let mut own = region(context);
    own.extend(labels(&[("host", &probe.host), ("probe", probe.kind), ("instance", &probe.url)]));
    if let Some(exporter) = &context.monitoring.exporters.blackbox {
        job.targets.push((exporter.clone(), own));
    }
    job
}

/// What blackbox_exporter asks the data stores for: their certificates.
fn stores(context: &Context<'_>) -> Option<Job> {
    let exporter = context.monitoring.exporters.blackbox.as_ref()?;
    let mut job = Job::new("probe-store", "The certificates that the data stores show.");
    job.path = "/probe";
    job.params = vec![("module", MODULE_TLS.to_owned())];
    for store in encrypted(context) {
        let mut own = region(context);
        let more = [
            (names::CLUSTER_LABEL, store.cluster.as_str()),
            ("host", &store.host),
            ("probe", store.component),
            ("instance", &store.address),
            ("__param_target", &store.address),
        ];
        own.extend(labels(&more));
        job.targets.push((exporter.clone(), own));
    }
    (!job.targets.is_empty()).then_some(job)
}

/// A job as a part of `scrape_configs`.
pub fn plain(job: &Job) -> Value {
    let mut map = Map::new();
    map.insert("job_name".into(), json!(job.id));
    if job.path != "/metrics" {
        map.insert("metrics_path".into(), json!(job.path));
    }
    if !job.params.is_empty() {
        map.insert("params".into(), params(job));
    }
    if job.honor_labels {
        map.insert("honor_labels".into(), json!(true));
    }
    if let Some(tls) = &job.tls {
        map.insert("scheme".into(), json!("https"));
        if let Some(directory) = &tls.certificates {
            let file = |name: &str| format!("{}/{name}", directory.as_str().trim_end_matches('/'));
            map.insert(
                "tls_config".into(),
                json!({"ca_file": file("ca.crt"), "cert_file": file("tls.crt"), "key_file": file("tls.key")}),
            );
        }
    }
    let targets = job.targets.iter().map(|(target, labels)| {
        let mut labels = labels.clone();
        // A label of the target goes before the name of the job.
        if job.id != job.name {
            labels.insert("job".to_owned(), job.name.clone());
        }
        json!({"targets": [target], "labels": labels})
    });
    map.insert("static_configs".into(), targets.collect());
    Value::Object(map)
}

fn params(job: &Job) -> Value {
    job.params.iter().map(|(key, value)| ((*key).to_owned(), json!([value]))).collect::<Map<_, _>>().into()
}

/// A job as an object of the Prometheus operator.
pub fn object(context: &Context<'_>, job: &Job) -> Value {
    let name = names::monitoring_object(&context.blueprint.name, &job.id);
    let targets = job.targets.iter().map(|(target, labels)| json!({"targets": [target], "labels": labels}));
    let mut spec = Map::new();
    spec.insert("scrapeInterval".into(), json!(context.monitoring.interval.go()));
    spec.insert("metricsPath".into(), json!(job.path));
    if !job.params.is_empty() {
        spec.insert("params".into(), params(job));
    }
    if job.honor_labels {
        spec.insert("honorLabels".into(), json!(true));
    }
    if job.tls.is_some() {
        let key = |key: &str| json!({"secret": {"name": job.secret, "key": key}});
        spec.insert("scheme".into(), json!("HTTPS"));
        spec.insert(
            "tlsConfig".into(),
            json!({"ca": key("ca.crt"), "cert": key("tls.crt"), "keySecret": {"name": job.secret, "key": "tls.key"}}),
        );
    }
    spec.insert("staticConfigs".into(), targets.collect());
    // The operator calls a job after its object; the rules go by this name.
    spec.insert("relabelings".into(), json!([{"action": "replace", "targetLabel": "job", "replacement": job.name}]));
    json!({
        "apiVersion": "monitoring.coreos.com/v1alpha1",
        "kind": "ScrapeConfig",
        "metadata": metadata(context.blueprint, &name),
        "spec": spec,
    })
}
