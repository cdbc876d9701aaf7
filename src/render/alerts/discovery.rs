//! Scrape jobs that find their targets in Kubernetes, for a Prometheus without operator (`flavour: files`).
//!
//! Pods are found by name and asked at the port that the blueprint knows, so that no port name has to agree. Zone and
//! region come from the node and from here: no expression sees `external_labels`.

use serde_json::{Value, json};

use super::context::{Context, JOB_REDIS, JOB_SENTINEL};
use super::promql::regex;
use crate::blueprint::raw::ConsensusKind;
use crate::blueprint::{Service, names};
use crate::render::kubernetes::common::{counted_by_mesh, has_cert_manager};
use crate::render::patroni::ETCD_METRICS;

/// A job with its comment.
pub struct Discovered {
    /// Why it is there.
    pub comment: &'static str,
    /// The job, as a part of `scrape_configs`.
    pub job: Value,
}

/// All jobs that find pods of this system, and kube-state-metrics.
pub fn jobs(context: &Context<'_>) -> Vec<Discovered> {
    if !context.uses_kubernetes() {
        return Vec::new();
    }
    let (b, region) = (context.blueprint, context.region);
    let mut jobs = vec![Discovered {
        comment: "kube-state-metrics: its labels namespace and pod are those of what it tells about, and must stay.",
        job: json!({
            "job_name": "kube-state-metrics",
            "honor_labels": true,
            "kubernetes_sd_configs": [{"role": "endpoints"}],
            "relabel_configs": [
                {"source_labels": ["__meta_kubernetes_service_label_app_kubernetes_io_name"], "regex": "kube-state-metrics", "action": "keep"},
                {"source_labels": ["__meta_kubernetes_endpoint_port_name"], "regex": "http", "action": "keep"},
                {"target_label": names::REGION_LABEL, "replacement": region.name},
            ],
        }),
    }];
    if b.postgres_in(region).next().is_some()
        || b.redis.iter().any(|r| r.on_kubernetes() && r.is_rendered() && r.in_region(region))
    {
        jobs.push(kubelet(context));
    }
    if has_cert_manager(b) {
        jobs.push(Discovered {
            comment: "cert-manager: its labels name and namespace are those of the certificate, and must stay.",
            job: json!({
                "job_name": "cert-manager",
                "honor_labels": true,
                "kubernetes_sd_configs": [{"role": "pod"}],
                "relabel_configs": [
                    {"source_labels": ["__meta_kubernetes_pod_label_app_kubernetes_io_name", "__meta_kubernetes_pod_label_app_kubernetes_io_component"], "regex": "cert-manager;controller", "action": "keep"},
                    {"source_labels": ["__meta_kubernetes_pod_ip"], "regex": "(.+)", "target_label": "__address__", "replacement": "$1:9402"},
                    {"target_label": names::REGION_LABEL, "replacement": region.name},
                ],
            }),
        });
    }
    jobs.extend(services(context));
    jobs.extend(stores(context));
    if b.services.iter().any(|service| counted_by_mesh(b, service)) {
        let mut job = of_pods(context, "istio", ".+", 15_020, "/stats/prometheus", false);
        // Only what carries a proxy: pods with a sidecar, and the waypoints of an ambient mesh.
        let proxies = json!({
            "source_labels": ["__meta_kubernetes_pod_annotationpresent_sidecar_istio_io_status", "__meta_kubernetes_pod_labelpresent_gateway_istio_io_managed"],
            "regex": ".*true.*",
            "action": "keep",
        });
        if let Some(steps) = job.get_mut("relabel_configs").and_then(Value::as_array_mut) {
            steps.insert(0, proxies);
        }
        jobs.push(Discovered { comment: "The mesh's own count of requests, at every proxy and waypoint.", job });
    }
    jobs
}

/// The kubelets: how full the volumes of this namespace are.
fn kubelet(context: &Context<'_>) -> Discovered {
    let account = "/var/run/secrets/kubernetes.io/serviceaccount";
    Discovered {
        comment: "The kubelets, for how full volumes are: the label namespace is that of the claim, and must stay. Their certificates are their own; the token needs nodes/metrics.",
        job: json!({
            "job_name": "kubelet",
            "honor_labels": true,
            "scheme": "https",
            "authorization": {"credentials_file": format!("{account}/token")},
            "tls_config": {"ca_file": format!("{account}/ca.crt"), "insecure_skip_verify": true},
            "kubernetes_sd_configs": [{"role": "node"}],
            "relabel_configs": [{"target_label": names::REGION_LABEL, "replacement": context.region.name}],
            // A kubelet tells of everything on its node; only this is asked for.
            "metric_relabel_configs": [
                {"source_labels": ["__name__", "namespace"], "regex": format!("kubelet_volume_stats_.+;{}", regex(&context.blueprint.namespace)), "action": "keep"},
            ],
        }),
    }
}

/// The services' own metrics.
fn services(context: &Context<'_>) -> Vec<Discovered> {
    let (b, region) = (context.blueprint, context.region);
    let mut jobs = Vec::new();
    let mut pods = |name: String, comment, pattern: String, port: u16, path: &str, https: bool| {
        jobs.push(Discovered { comment, job: of_pods(context, &name, &pattern, port, path, https) });
    };
    for service in b.services.iter().filter(|s| s.on_kubernetes() && s.replicas(region).0 > 0) {
        pods(
            format!("services/{}", service.name),
            "Its own metrics.",
            pattern(service),
            service.metrics_port(),
            service.spec.metrics.path.as_str(),
            false,
        );
    }
    jobs
}

/// The data stores, with what stands around them.
fn stores(context: &Context<'_>) -> Vec<Discovered> {
    let (b, region) = (context.blueprint, context.region);
    let mut jobs = Vec::new();
    let mut pods = |name: String, comment, pattern: String, port: u16, path: &str, https: bool| {
        jobs.push(Discovered { comment, job: of_pods(context, &name, &pattern, port, path, https) });
    };
    for cluster in b.postgres_in(region) {
        let (object, name) = (regex(&cluster.object()), &cluster.name);
        let (members, tls) = (format!("{object}-[0-9]+"), cluster.spec.tls.is_some());
        pods(
            format!("patroni/{name}"),
            "Patroni's REST API.",
            members.clone(),
            cluster.spec.ports.rest,
            "/metrics",
            tls,
        );
        pods(
            format!("postgres/{name}"),
            "postgres_exporter.",
            members.clone(),
            cluster.spec.ports.exporter,
            "/metrics",
            false,
        );
        if cluster.spec.backup.is_some() {
            pods(
                format!("pgbackrest/{name}"),
                "pgbackrest_exporter.",
                members,
                names::PORT_PGBACKREST_EXPORTER,
                "/metrics",
                false,
            );
        }
        if cluster.has_pool() {
            let pool = format!("{}-[a-z0-9]+-[a-z0-9]+", regex(&names::postgres_pool(name)));
            pods(
                format!("pgbouncer/{name}"),
                "pgbouncer_exporter.",
                pool,
                names::PORT_PGBOUNCER_EXPORTER,
                "/metrics",
                false,
            );
        }
        if cluster.spec.consensus.kind == ConsensusKind::Etcd {
            let etcd = format!("{}-[0-9]+", regex(&names::postgres_etcd(name)));
            pods(
                format!("etcd/{name}"),
                "etcd's own metrics, at a port of their own that asks for no certificate.",
                etcd,
                ETCD_METRICS,
                "/metrics",
                false,
            );
        }
        if cluster.has_router() {
            let router = format!("{}-[a-z0-9]+-[a-z0-9]+", regex(&names::postgres_router(name)));
            let port = cluster.spec.router.metrics_port;
            pods(format!("haproxy/{name}"), "HAProxy's own metrics.", router, port, "/metrics", false);
        }
    }
    for cluster in b.redis.iter().filter(|r| r.on_kubernetes() && r.in_region(region)) {
        let nodes = format!("{}-[0-9]+-0", regex(&cluster.object()));
        let (name, port) = (&cluster.name, cluster.spec.ports.exporter);
        let mut node = of_pods(context, &format!("redis/{name}"), &nodes, port, "/metrics", false);
        if !cluster.spec.is_sentinel() {
            jobs.push(Discovered { comment: "redis_exporter.", job: node });
            continue;
        }
        called(&mut node, JOB_REDIS);
        jobs.push(Discovered { comment: "redis_exporter.", job: node });
        let mut sentinel = of_pods(context, &format!("redis-sentinel/{name}"), &nodes, port, "/scrape", false);
        called(&mut sentinel, JOB_SENTINEL);
        sentinel["params"] = json!({"target": [cluster.sentinel_beside()]});
        jobs.push(Discovered { comment: "redis_exporter, told to ask the sentinel in its pod.", job: sentinel });
    }
    jobs
}

/// Gives what a job finds the label `job` that rules go by: its own name has to be one of its own.
fn called(job: &mut Value, name: &str) {
    if let Some(steps) = job.get_mut("relabel_configs").and_then(Value::as_array_mut) {
        steps.push(json!({"target_label": "job", "replacement": name}));
    }
}

fn pattern(service: &Service) -> String {
    format!("{}-[a-z0-9]+-[a-z0-9]+", regex(&service.name))
}

fn of_pods(context: &Context<'_>, name: &str, pattern: &str, port: u16, path: &str, https: bool) -> Value {
    let namespace = &context.blueprint.namespace;
    let mut job = json!({
        "job_name": name,
        "metrics_path": path,
        "kubernetes_sd_configs": [{"role": "pod", "namespaces": {"names": [namespace]}, "attach_metadata": {"node": true}}],
        "relabel_configs": [
            {"source_labels": ["__meta_kubernetes_pod_name"], "regex": pattern, "action": "keep"},
            // Pods of finished jobs are no targets.
            {"source_labels": ["__meta_kubernetes_pod_phase"], "regex": "Succeeded|Failed", "action": "drop"},
            {"source_labels": ["__meta_kubernetes_pod_ip"], "regex": "(.+)", "target_label": "__address__", "replacement": format!("$1:{port}")},
            {"source_labels": ["__meta_kubernetes_namespace"], "target_label": "namespace"},
            {"source_labels": ["__meta_kubernetes_pod_name"], "target_label": "pod"},
            {"source_labels": ["__meta_kubernetes_node_label_topology_kubernetes_io_zone"], "target_label": names::ZONE_LABEL},
            {"target_label": names::REGION_LABEL, "replacement": context.region.name},
        ],
    });
    if https && let Some(map) = job.as_object_mut() {
        map.insert("scheme".to_owned(), json!("https"));
        // Pods are asked by address, which no certificate names; what they tell is no secret.
        map.insert("tls_config".to_owned(), json!({"insecure_skip_verify": true}));
    }
    job
}
