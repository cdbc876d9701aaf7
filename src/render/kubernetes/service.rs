//! The file of a service: all of its objects.

use serde::Serialize;

use super::common::{self, Identity, Labels};
use super::connections::{self, Settings};
use super::mesh::{self, Mesh};
use super::network::{self, Policy};
use super::workload::{self, Workload};
use crate::blueprint::{Blueprint, Region, Service, raw};
use crate::path;
use crate::render::Jobs;

/// The scrape timeout of Prometheus where nothing else is written.
const SCRAPE_TIMEOUT: u64 = 10;

#[derive(Serialize)]
struct Context {
    name: String,
    namespace: String,
    summary: String,
    labels: Labels,
    service_labels: Labels,
    selector: Labels,
    config: Option<Config>,
    workload: Workload,
    port: u16,
    metrics_port: Option<u16>,
    /// Zone-aware routing, where the version knows it.
    near: Option<&'static str>,
    autoscaler: Option<Autoscaler>,
    disruption: u32,
    policy: Policy,
    monitor: Option<Monitor>,
    /// Whether each pod has a sidecar that counts requests, and its count is read.
    sidecars: bool,
    mesh: Option<Mesh>,
}

#[derive(Serialize)]
struct Config {
    data: Labels,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Autoscaler {
    min: u32,
    max: u32,
    cpu: Option<u64>,
    memory: Option<u64>,
    scale_down: u64,
    scale_up: u64,
}

#[derive(Serialize)]
struct Monitor {
    labels: Labels,
    port: &'static str,
    path: String,
    interval: String,
    timeout: String,
    region: String,
}

/// `<service>.yaml` of every service on Kubernetes.
pub(super) fn jobs(blueprint: &Blueprint, region: &Region, jobs: &mut Jobs<'_>) {
    let services: Vec<&Service> = super::services(blueprint).collect();
    jobs.each(&services, |service, jobs| {
        let origins = vec![path!["services", &service.name]];
        let file = (service.name.clone(), "kubernetes/service.yaml.tera");
        super::push(jobs, region, file, &context(blueprint, region, service), origins);
    });
}

fn context(blueprint: &Blueprint, region: &Region, service: &Service) -> Context {
    let spec = &service.spec;
    let identity = Identity::service(&service.name);
    let labels = common::labels(blueprint, region, identity);
    let settings: Settings = connections::settings(blueprint, region, service);
    let workload = workload::workload(blueprint, region, service, &settings);
    let config = Config { data: settings.data, notes: settings.notes };
    let has_config = !config.data.is_empty() || !config.notes.is_empty();
    Context {
        name: service.name.clone(),
        namespace: blueprint.namespace.clone(),
        summary: summary(region, service),
        service_labels: mesh::service_labels(blueprint, service, &labels),
        selector: common::selector(blueprint, identity),
        config: has_config.then_some(config),
        workload,
        port: spec.port,
        metrics_port: spec.metrics.port.filter(|port| *port != spec.port),
        near: near(blueprint.spec.platform.kubernetes.minor()),
        autoscaler: autoscaler(region, service),
        disruption: spec.disruption,
        policy: network::policy(blueprint, region, service),
        monitor: monitor(blueprint, region, service, &labels),
        sidecars: mesh::has_sidecars(blueprint) && common::counted_by_mesh(blueprint, service),
        mesh: mesh::of_service(blueprint, region, service),
        labels,
    }
}

/// What a version calls routing that stays in its zone; the first name is deprecated since the second one is stable.
fn near(minor: u32) -> Option<&'static str> {
    match minor {
        ..31 => None,
        31..35 => Some("PreferClose"),
        _ => Some("PreferSameZone"),
    }
}

/// What a reader wants to know first.
fn summary(region: &Region, service: &Service) -> String {
    let (min, max) = service.replicas(region);
    let pods = if service.autoscaled(region) {
        format!("{min} to {max} pods")
    } else if min == 0 {
        "no pods until this region is activated".to_owned()
    } else {
        format!("{min} pods")
    };
    let tier = service.spec.tier.as_ref().map(|tier| format!(", tier {tier}")).unwrap_or_default();
    format!("{} in {}: {pods}{tier}.", service.name, region.name)
}

fn autoscaler(region: &Region, service: &Service) -> Option<Autoscaler> {
    let spec = service.spec.autoscale.as_ref().filter(|_| service.autoscaled(region))?;
    let (min, max) = service.replicas(region);
    Some(Autoscaler {
        min,
        max,
        // Rounded down: more pods, not fewer.
        cpu: spec.cpu.map(|share| share.floor().max(1)),
        memory: spec.memory.map(|share| share.floor().max(1)),
        scale_down: spec.scale_down_stabilization.secs(),
        scale_up: spec.scale_up_stabilization.secs(),
    })
}

fn monitor(blueprint: &Blueprint, region: &Region, service: &Service, labels: &Labels) -> Option<Monitor> {
    let monitoring = blueprint.spec.monitoring.as_ref()?;
    if monitoring.prometheus.flavour != raw::Flavour::Operator {
        return None;
    }
    let own_port = service.spec.metrics.port.is_some_and(|port| port != service.spec.port);
    Some(Monitor {
        labels: common::monitor_labels(blueprint, labels),
        port: if own_port { "metrics" } else { "http" },
        path: service.spec.metrics.path.to_string(),
        interval: monitoring.interval.go(),
        // A timeout longer than the interval is refused.
        timeout: format!("{}s", monitoring.interval.secs().min(SCRAPE_TIMEOUT)),
        region: region.name.clone(),
    })
}
