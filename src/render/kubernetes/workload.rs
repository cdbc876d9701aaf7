//! The Deployment of a service: how many, how it starts, stops, is probed, spread and confined.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::common::{self, Identity, Labels};
use super::connections::{self, Settings};
use super::mesh;
use crate::blueprint::service::{LIVENESS, PROBE_TIMEOUT, ProbeDefault, READINESS, STARTUP};
use crate::blueprint::units::Duration;
use crate::blueprint::{Blueprint, Region, Service, names, raw};

/// How much each writable directory may hold; more evicts the pod before it fills the node's disk.
const WRITABLE_LIMIT: &str = "1Gi";

/// What the template of the Deployment sees.
#[derive(Serialize)]
pub(super) struct Workload {
    /// `None` under an autoscaler (R-K8-10).
    replicas: Option<u32>,
    cold: bool,
    max_unavailable: u32,
    max_surge: u32,
    pod_labels: Labels,
    pod_annotations: Labels,
    grace: u64,
    priority_class: Option<String>,
    pull_secrets: Vec<Value>,
    spread: Vec<Value>,
    tolerations: Value,
    pod_security: Value,
    container_security: Value,
    image: String,
    port: u16,
    metrics_port: Option<u16>,
    has_config: bool,
    env: Vec<Value>,
    startup: Probe,
    liveness: Probe,
    readiness: Probe,
    pre_stop: Option<Value>,
    requests: Value,
    limits: Value,
    mounts: Vec<Value>,
    volumes: Vec<Value>,
}

#[derive(Serialize)]
struct Probe {
    action: Value,
    initial_delay: Option<u64>,
    period: u64,
    timeout: u64,
    failures: u32,
}

/// The Deployment of a service in a region.
pub(super) fn workload(blueprint: &Blueprint, region: &Region, service: &Service, settings: &Settings) -> Workload {
    let spec = &service.spec;
    let identity = Identity::service(&service.name);
    let replicas = service.replicas(region).0;
    let (mounts, volumes) = volumes(service, settings);
    let resources = &spec.resources;
    let memory_limit = resources.limits.memory.unwrap_or(resources.requests.memory);
    let mut limits = json!({"memory": memory_limit.kubernetes()});
    if let Some(cpu) = resources.limits.cpu {
        limits["cpu"] = json!(cpu.to_string());
    }
    let ignored = Labels::new();
    Workload {
        replicas: (!service.autoscaled(region)).then_some(replicas),
        cold: replicas == 0,
        max_unavailable: spec.rollout.max_unavailable,
        max_surge: spec.rollout.max_surge,
        pod_labels: pod_labels(blueprint, region, service),
        pod_annotations: pod_annotations(blueprint, service, settings),
        grace: service.grace.secs(),
        priority_class: spec.tier.as_ref().map(|tier| names::priority_class(&blueprint.namespace, tier.as_str())),
        pull_secrets: common::pull_secrets(blueprint),
        spread: common::spread(spec.spread.zone, spec.spread.node, &common::selector(blueprint, identity), true),
        tolerations: common::tolerations(service.toleration),
        pod_security: common::pod_security(spec.security.run_as_user),
        container_security: common::container_security(),
        image: spec.image.as_ref().map(ToString::to_string).unwrap_or_default(),
        port: spec.port,
        metrics_port: spec.metrics.port.filter(|port| *port != spec.port),
        has_config: settings.data != ignored,
        env: env(&connections::secrets(blueprint, region, service)),
        startup: startup(&spec.probes),
        liveness: probe(spec.probes.liveness.as_ref(), LIVENESS),
        readiness: probe(spec.probes.readiness.as_ref(), READINESS),
        pre_stop: pre_stop(blueprint.spec.platform.kubernetes.minor(), spec.shutdown.drain),
        requests: json!({"cpu": resources.requests.cpu.to_string(), "memory": resources.requests.memory.kubernetes()}),
        limits,
        mounts,
        volumes,
    }
}

/// The labels of the pods: those of the object, and how they join the mesh. Pods join one by one, not by their
/// namespace: the data stores stay outside, so that their failover is the one that was measured.
fn pod_labels(blueprint: &Blueprint, region: &Region, service: &Service) -> Labels {
    let mut labels = common::labels(blueprint, region, Identity::service(&service.name));
    match blueprint.spec.edge.mesh.as_ref().map(|mesh| mesh.data_plane) {
        Some(raw::DataPlane::Ambient) => {
            labels.insert("istio.io/dataplane-mode".to_owned(), "ambient".to_owned());
        }
        Some(raw::DataPlane::Cni) => {
            labels.insert("sidecar.istio.io/inject".to_owned(), "true".to_owned());
        }
        None => {}
    }
    labels
}

fn pod_annotations(blueprint: &Blueprint, service: &Service, settings: &Settings) -> Labels {
    let mut annotations = Labels::new();
    annotations.insert("hagen.dev/config-checksum".to_owned(), checksum(&settings.data));
    if mesh::has_sidecars(blueprint) {
        // The sidecar is there before the container and serves as long as it does.
        let config = json!({
            "holdApplicationUntilProxyStarts": true,
            "terminationDrainDuration": format!("{}s", service.grace.secs().saturating_sub(2).max(1)),
        });
        annotations.insert(mesh::PROXY_CONFIG.to_owned(), config.to_string());
    }
    annotations
}

/// The same settings have the same checksum; other ones roll the pods.
fn checksum(settings: &Labels) -> String {
    let mut hash = Sha256::new();
    for (key, value) in settings {
        // The lengths keep neighbours apart.
        hash.update(format!("{}:{key}{}:{value}", key.len(), value.len()));
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn env(secrets: &BTreeMap<String, raw::SecretRef>) -> Vec<Value> {
    let of = |(name, secret): (&String, &raw::SecretRef)| json!({"name": name, "valueFrom": {"secretKeyRef": {"name": secret.secret.as_str(), "key": &secret.key}}});
    secrets.iter().map(of).collect()
}

fn action(path: Option<&raw::UrlPath>) -> Value {
    path.map_or_else(
        || json!({"tcpSocket": {"port": "http"}}),
        |path| json!({"httpGet": {"path": path.as_str(), "port": "http"}}),
    )
}

fn probe(written: Option<&raw::Probe>, default: ProbeDefault) -> Probe {
    match written {
        Some(probe) => Probe {
            action: action(probe.http.as_ref()),
            initial_delay: probe.initial_delay.map(Duration::secs).filter(|delay| *delay > 0),
            period: probe.period.secs().max(1),
            timeout: probe.timeout.secs().max(1),
            failures: probe.failures.unwrap_or(default.failures),
        },
        None => Probe {
            action: action(None),
            initial_delay: None,
            period: default.period.into(),
            timeout: PROBE_TIMEOUT.into(),
            failures: default.failures,
        },
    }
}

/// The startup probe: as written, else what liveness asks, with five minutes of patience (R-K8-17).
fn startup(probes: &raw::Probes) -> Probe {
    if probes.startup.is_some() {
        return probe(probes.startup.as_ref(), STARTUP);
    }
    let liveness = probes.liveness.as_ref();
    let mut startup = probe(None, STARTUP);
    startup.action = action(liveness.and_then(|probe| probe.http.as_ref()));
    startup.timeout = liveness.map_or(startup.timeout, |probe| probe.timeout.secs().max(1));
    startup
}

/// Waiting before SIGTERM, until no balancer sends any more (R-K8-20). Kubernetes waits by itself since 1.30; before,
/// the image has to hold `sleep`.
pub(super) fn pre_stop(minor: u32, drain: Duration) -> Option<Value> {
    match (drain.secs(), minor) {
        (0, _) => None,
        (seconds, 30..) => Some(json!({"sleep": {"seconds": seconds}})),
        (seconds, _) => Some(json!({"exec": {"command": ["sleep", seconds.to_string()]}})),
    }
}

fn volumes(service: &Service, settings: &Settings) -> (Vec<Value>, Vec<Value>) {
    let (mut mounts, mut volumes) = (Vec::new(), Vec::new());
    for (index, directory) in service.spec.security.writable.iter().enumerate() {
        let name = format!("writable-{index}");
        mounts.push(json!({"name": &name, "mountPath": directory.as_str()}));
        volumes.push(json!({"name": &name, "emptyDir": {"sizeLimit": WRITABLE_LIMIT}}));
    }
    for (name, secret, directory) in &settings.authorities {
        let (volume, mount) = connections::authority_volume(name, secret, directory);
        volumes.push(volume);
        mounts.push(mount);
    }
    (mounts, volumes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_setting_has_another_checksum() {
        let of = |key: &str, value: &str| checksum(&Labels::from([(key.to_owned(), value.to_owned())]));
        assert_eq!(of("A", "1"), of("A", "1"));
        assert_ne!(of("A", "1"), of("A", "2"));
        assert_ne!(of("A1", "2"), of("A", "12"));
    }

    #[test]
    fn the_wait_before_the_stop_is_one_that_the_version_knows() {
        let ten = Duration::from_secs(10);
        assert_eq!(pre_stop(33, ten), Some(json!({"sleep": {"seconds": 10}})));
        assert_eq!(pre_stop(29, ten), Some(json!({"exec": {"command": ["sleep", "10"]}})));
        assert_eq!(pre_stop(33, Duration::from_secs(0)), None);
    }

    #[test]
    fn without_a_startup_probe_liveness_is_asked_for_five_minutes() {
        let probe = startup(&raw::Probes::default());
        assert_eq!(probe.period * u64::from(probe.failures), 300);
    }
}
