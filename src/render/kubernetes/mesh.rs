//! The mesh: what callers of a service wait for, how often they try again, which pods are left out, and who may
//! speak in clear text.
//!
//! Only the services' pods are in the mesh. The data stores encrypt for themselves: their clients notice a dead node by
//! keepalives of their own connection, which a tunnel in between would hide.

use serde::Serialize;
use serde_json::{Value, json};

use super::common::{self, Identity, Labels};
use super::network::{HBONE, Rule};
use super::{services, workload};
use crate::blueprint::units::Duration;
use crate::blueprint::{Blueprint, Need, Region, Service, names, raw};
use crate::path;
use crate::render::Jobs;

/// The waypoint of the namespace.
const WAYPOINT: &str = "waypoint";
/// The ports that a proxy tells its metrics on: the agent's, and Envoy's own.
pub(super) const METRICS: [u16; 2] = [15020, 15090];
/// The annotation of a pod that sets up its proxy.
pub(super) const PROXY_CONFIG: &str = "proxy.istio.io/config";
/// The label that the pods of a Gateway carry.
pub(super) const GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";
/// Errors in a row before a pod is left out, where nobody wrote a breaker (F-IS-02).
const ERRORS: u32 = 5;
/// How long a pod is left out, where nobody wrote a breaker (F-IS-02).
const EJECTION: Duration = Duration::from_secs(30);
/// The share of pods that may be left out at once: a third, the pods of one zone of three.
const EJECTION_SHARE: u32 = 34;
/// How many pods a proxy of hagen's has: one in each of two zones is left when a zone is lost.
const PROXIES: u32 = 3;
/// How long a proxy goes on taking requests after it was told to stop, until no balancer sends to it any more (R-K8-20).
pub(super) const PROXY_DRAIN: Duration = Duration::from_secs(15);

/// The mesh objects of a service.
#[derive(Serialize)]
pub(super) struct Mesh {
    host: String,
    connect_timeout: String,
    concurrent: Option<u32>,
    outliers: Option<Outliers>,
    route: Option<Route>,
    mtls: &'static str,
    mtls_why: String,
    /// As text: the key of a map.
    clear_port: Option<String>,
}

#[derive(Serialize)]
struct Outliers {
    errors: u32,
    ejection: String,
    percent: u32,
}

#[derive(Serialize)]
struct Route {
    why: String,
    timeout: String,
    retries: u32,
    /// Why the retries are what they are.
    retries_why: &'static str,
    try_timeout: Option<String>,
}

/// Whether pods join the mesh without sidecars.
pub(super) fn is_ambient(blueprint: &Blueprint) -> bool {
    blueprint.spec.edge.mesh.as_ref().is_some_and(|mesh| mesh.data_plane == raw::DataPlane::Ambient)
}

/// Whether pods join the mesh with a sidecar.
pub(super) fn has_sidecars(blueprint: &Blueprint) -> bool {
    blueprint.spec.edge.mesh.as_ref().is_some_and(|mesh| mesh.data_plane == raw::DataPlane::Cni)
}

/// Whether the namespace has a waypoint: in ambient mode, as soon as one service calls another.
pub(super) fn has_waypoint(blueprint: &Blueprint) -> bool {
    is_ambient(blueprint) && services(blueprint).any(|service| !callers(blueprint, service).is_empty())
}

/// The network peer that the waypoint is.
pub(super) fn waypoint_peer() -> Value {
    common::pods(&proxy_selector(WAYPOINT))
}

/// What selects the pods that Istio makes for a Gateway.
pub(super) fn proxy_selector(gateway: &str) -> Labels {
    Labels::from([(GATEWAY_NAME.to_owned(), gateway.to_owned())])
}

/// The name of what hagen adds to a Gateway: options, NetworkPolicy, PodMonitor.
pub(super) fn proxy_object(gateway: &str) -> String {
    format!("gateway.{gateway}")
}

fn callers<'a>(blueprint: &'a Blueprint, service: &Service) -> Vec<(&'a Service, Need)> {
    common::callers(blueprint, &format!("services.{}", service.name))
}

/// The labels of a Service: with a waypoint its callers go through that.
pub(super) fn service_labels(blueprint: &Blueprint, service: &Service, labels: &Labels) -> Labels {
    let mut labels = labels.clone();
    if is_ambient(blueprint) && !callers(blueprint, service).is_empty() {
        labels.insert("istio.io/use-waypoint".to_owned(), WAYPOINT.to_owned());
    }
    labels
}

/// The mesh objects of a service, where there is a mesh.
pub(super) fn of_service(blueprint: &Blueprint, region: &Region, service: &Service) -> Option<Mesh> {
    let mesh = blueprint.spec.edge.mesh.as_ref()?;
    let callers = callers(blueprint, service);
    let (mtls, mtls_why, clear_port) = clear_text(blueprint, service);
    Some(Mesh {
        host: format!("{}.{}.svc.{}", service.name, blueprint.namespace, blueprint.spec.platform.kubernetes.domain),
        connect_timeout: "2s".to_owned(),
        concurrent: concurrent(&callers, mesh.data_plane),
        outliers: outliers(region, service, &callers),
        route: route(service, &callers),
        mtls,
        mtls_why,
        clear_port: clear_port.map(|port| port.to_string()),
    })
}

/// How many requests one proxy lets through at once, where every caller has a bulkhead: with sidecars it stands beside
/// one pod of the caller, a waypoint stands before all of them.
fn concurrent(callers: &[(&Service, Need)], plane: raw::DataPlane) -> Option<u32> {
    let bulkheads: Option<Vec<(u32, u32)>> =
        callers.iter().map(|(caller, need)| Some((caller.max(), need.spec.bulkhead?))).collect();
    let bulkheads = bulkheads.filter(|all| !all.is_empty())?;
    match plane {
        raw::DataPlane::Cni => bulkheads.iter().map(|(_, each)| *each).max(),
        raw::DataPlane::Ambient => {
            Some(bulkheads.iter().fold(0u32, |sum, (pods, each)| sum.saturating_add(pods.saturating_mul(*each))))
        }
    }
}

/// Which pods are left out, and for how long. At least one can be (R-RT-15), and never all of them: a service of one
/// pod has none to leave out.
fn outliers(region: &Region, service: &Service, callers: &[(&Service, Need)]) -> Option<Outliers> {
    let pods = match service.replicas(region).0 {
        0 => service.spec.replicas.min,
        pods => pods,
    };
    if pods < 2 {
        return None;
    }
    let breakers = || callers.iter().filter_map(|(_, need)| need.spec.breaker.as_ref());
    Some(Outliers {
        errors: breakers().map(|breaker| breaker.failures).min().unwrap_or(ERRORS),
        ejection: breakers().map(|breaker| breaker.open).max().unwrap_or(EJECTION).go(),
        percent: EJECTION_SHARE.max(100u32.div_ceil(pods)),
    })
}

/// The longest that any caller of a service waits for it.
fn longest_wait(service: &Service, callers: &[(&Service, Need)]) -> Duration {
    callers.iter().filter_map(|(_, need)| need.spec.timeout).max().unwrap_or(service.longest_request)
}

/// How long callers wait and how often they try again: the longest that any of them waits, and the fewest retries that
/// any of them writes. A try is cut only where every caller says when: what one of them wants would cut the others, too.
fn route(service: &Service, callers: &[(&Service, Need)]) -> Option<Route> {
    if callers.is_empty() {
        return None;
    }
    let timeout = longest_wait(service, callers);
    let written = callers.iter().filter_map(|(_, need)| need.spec.retries).min();
    let each: Option<Vec<Duration>> = callers.iter().map(|(_, need)| need.spec.per_try).collect();
    let try_timeout = each.and_then(|each| each.into_iter().max());
    let names: Vec<&str> = callers.iter().map(|(caller, _)| caller.name.as_str()).collect();
    Some(Route {
        why: format!(
            "For {}: the longest that any of them waits, the fewest retries that any of them wants.",
            names.join(", ")
        ),
        timeout: timeout.go(),
        retries: written.unwrap_or(1),
        retries_why: match written {
            None => "Nobody says how often: once, where the mesh would try twice and also what was begun (F-IS-04).",
            Some(0) => {
                "Somebody wants none: written, because the mesh tries twice more where nothing is (F-IS-04, R-RT-05)."
            }
            Some(_) => "This is the only layer that tries again: the callers are told of no retries (R-RT-05).",
        },
        try_timeout: try_timeout.map(Duration::go),
    })
}

/// Who may speak in clear text: the mode of the pods, why, and the one port that is excepted.
fn clear_text(blueprint: &Blueprint, service: &Service) -> (&'static str, String, Option<u16>) {
    if service.is_public() && !blueprint.spec.edge.in_mesh() {
        let why = "The ingress is outside of the mesh and speaks in clear text; the NetworkPolicy says who may.";
        return ("PERMISSIVE", why.to_owned(), None);
    }
    match service.spec.metrics.port.filter(|port| *port != service.spec.port) {
        Some(port) => {
            let why = "Only encrypted, but for the metrics: Prometheus may be outside of the mesh.";
            ("STRICT", why.to_owned(), Some(port))
        }
        None => {
            let why = "Prometheus may be outside of the mesh and reads metrics from the port of the service, so clear text is let in; the \
                 NetworkPolicy says from whom. A metrics port of its own makes this STRICT.";
            ("PERMISSIVE", why.to_owned(), None)
        }
    }
}

#[derive(Serialize)]
struct Context {
    namespace: String,
    labels: Labels,
    gateway_labels: Labels,
    proxy: Proxy,
    callers: Rule,
    targets: Rule,
    monitor: Option<MonitorContext>,
}

/// A proxy that Istio makes for a Gateway, made fit for this namespace.
#[derive(Serialize)]
pub(super) struct Proxy {
    /// The Gateway's name.
    gateway: String,
    /// The name of its options and of its NetworkPolicy.
    object: String,
    selector: Labels,
    /// A strategic merge patch of its Deployment.
    deployment: String,
    autoscaler: String,
    disruption: String,
    /// A strategic merge patch of its Service, where something is to be said of it.
    service: Option<String>,
    monitoring: Value,
}

impl Proxy {
    /// With a patch of its Service.
    pub(super) fn with_service(self, service: Option<String>) -> Self {
        Self { service, ..self }
    }
}

#[derive(Serialize)]
struct MonitorContext {
    labels: Labels,
    interval: String,
    region: String,
}

/// How long a proxy lives after it was told to stop: it drains, finishes what it began, and has 5 s to go (X-K8-9).
fn proxy_grace(longest: Duration) -> u64 {
    PROXY_DRAIN.secs() + longest.secs() + 5
}

/// Options of a proxy that Istio makes: several pods in several zones, what pod security `restricted` wants, and the time
/// to finish requests that take as long as `longest`: Istio's own is 5 s.
pub(super) fn proxy(blueprint: &Blueprint, gateway: &str, longest: Duration) -> Proxy {
    let selector = proxy_selector(gateway);
    let tier = blueprint.spec.objectives.tiers.iter().min_by_key(|(_, tier)| (tier.rto.is_none(), tier.rto));
    let used = tier.filter(|(name, _)| services(blueprint).any(|s| s.spec.tier.as_ref() == Some(*name)));
    let mut pod = json!({
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "topologySpreadConstraints": common::spread(raw::SpreadMode::Hard, raw::SpreadMode::Soft, &selector, true),
        "tolerations": common::tolerations(Duration::from_secs(30)),
        "terminationGracePeriodSeconds": proxy_grace(longest),
        "containers": [{
            "name": "istio-proxy",
            "lifecycle": {"preStop": workload::pre_stop(blueprint.spec.platform.kubernetes.minor(), PROXY_DRAIN)},
        }],
    });
    if let Some((name, _)) = used {
        pod["priorityClassName"] = json!(names::priority_class(&blueprint.namespace, name.as_str()));
    }
    let drain = json!({"terminationDrainDuration": format!("{}s", longest.secs())});
    let metadata = json!({"annotations": {(PROXY_CONFIG): drain.to_string()}});
    let deployment = json!({"spec": {"template": {"metadata": metadata, "spec": pod}}});
    let autoscaler = json!({"spec": {"minReplicas": PROXIES, "maxReplicas": 3 * PROXIES}});
    let disruption = json!({"spec": {"maxUnavailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow"}});
    Proxy {
        gateway: gateway.to_owned(),
        object: proxy_object(gateway),
        selector,
        deployment: crate::render::yaml::document(&deployment),
        autoscaler: crate::render::yaml::document(&autoscaler),
        disruption: crate::render::yaml::document(&disruption),
        service: None,
        monitoring: json!([common::monitoring(blueprint)]),
    }
}

/// `30-mesh.yaml`: the waypoint, in ambient mode.
pub(super) fn job(blueprint: &Blueprint, region: &Region, jobs: &mut Jobs<'_>) {
    if !has_waypoint(blueprint) {
        return;
    }
    let reached: Vec<&Service> =
        services(blueprint).filter(|service| !callers(blueprint, service).is_empty()).collect();
    let of = |service: &Service| callers(blueprint, service);
    let everybody: std::collections::BTreeSet<&str> =
        reached.iter().flat_map(|service| of(service)).map(|(caller, _)| caller.name.as_str()).collect();
    let pods = |names: &mut dyn Iterator<Item = &str>| -> Vec<Value> {
        names.map(|name| common::pods(&common::selector(blueprint, Identity::service(name)))).collect()
    };
    let callers = Rule::new("who calls another service", pods(&mut everybody.iter().copied()), [HBONE]);
    let ports = reached.iter().map(|service| service.spec.port).chain([HBONE]);
    let targets = Rule::new("the services that are called", pods(&mut reached.iter().map(|s| s.name.as_str())), ports);
    let (Some(callers), Some(targets)) = (callers, targets) else { return };
    let labels = common::base_labels(blueprint, region);
    let read = common::has_operator(blueprint) && reached.iter().any(|s| common::counted_by_mesh(blueprint, s));
    let interval = blueprint.spec.monitoring.as_ref().filter(|_| read).map(|m| m.interval);
    let monitor = interval.map(|interval| MonitorContext {
        labels: common::monitor_labels(blueprint, &labels),
        interval: interval.go(),
        region: region.name.clone(),
    });
    let longest =
        reached.iter().map(|service| longest_wait(service, &of(service))).max().unwrap_or(Duration::from_secs(0));
    let proxy = proxy(blueprint, WAYPOINT, longest);
    let mut gateway_labels = labels.clone();
    gateway_labels.insert("istio.io/waypoint-for".to_owned(), "service".to_owned());
    let namespace = blueprint.namespace.clone();
    let context = Context { namespace, labels, gateway_labels, proxy, callers, targets, monitor };
    let file = ("30-mesh".to_owned(), "kubernetes/mesh.yaml.tera");
    super::push(jobs, region, file, &context, vec![path!["edge", "mesh"]]);
}
