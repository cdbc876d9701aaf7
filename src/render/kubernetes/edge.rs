//! What takes requests in from the outside: Gateway and HTTPRoutes, or Ingresses; and the certificate.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::common::{self, Identity, Labels};
use super::mesh::{self, Proxy};
use super::network::{self, Rule};
use super::services;
use crate::blueprint::units::Duration;
use crate::blueprint::{Blueprint, Region, Service, dns, names, raw};
use crate::path;
use crate::render::Jobs;

/// The namespace of the nginx ingress controller where none is written.
const NGINX_NAMESPACE: &str = "ingress-nginx";
/// The idle timeout that a load balancer has in any case.
const LEAST_IDLE: u64 = 60;
/// The longest `deregistration_delay` that a target group takes (F-LB-02).
const MOST_DELAY: u64 = 3600;
/// The longest idle timeout that a load balancer takes (F-LB-05).
const MOST_IDLE: u64 = 4000;

/// A service that the outside may reach, with its route.
struct Public<'a> {
    service: &'a Service,
    route: &'a raw::Route,
    host: &'a str,
}

fn public(blueprint: &Blueprint) -> Vec<Public<'_>> {
    let of = |service| -> Option<Public<'_>> {
        let service: &Service = service;
        Some(Public { service, route: service.spec.route.as_ref()?, host: service.host.as_deref()? })
    };
    services(blueprint).filter(|service| service.is_public()).filter_map(of).collect()
}

/// Whether the proxies of the Gateway run in the namespace of the system.
fn proxies_are_here(blueprint: &Blueprint) -> bool {
    blueprint.spec.edge.ingress == raw::Ingress::GatewayApi && blueprint.spec.edge.namespace.is_none()
}

/// From where public services are reached, and what that is.
pub(super) fn peers(blueprint: &Blueprint) -> (&'static str, Vec<Value>) {
    let edge = &blueprint.spec.edge;
    if let Some(namespace) = &edge.namespace {
        return ("the edge", vec![common::namespace(namespace.as_str())]);
    }
    match edge.ingress {
        raw::Ingress::GatewayApi => {
            ("the proxies of the Gateway", vec![common::pods(&mesh::proxy_selector(edge.gateway.name.as_str()))])
        }
        raw::Ingress::Nginx => ("the ingress controller", vec![common::namespace(NGINX_NAMESPACE)]),
        // The balancer sends to the pods from its own addresses in the network of the cluster.
        raw::Ingress::Alb => {
            let ranges = common::PRIVATE_IPV4[..4].iter();
            ("the load balancer", ranges.map(|cidr| serde_json::json!({"ipBlock": {"cidr": cidr}})).collect())
        }
        raw::Ingress::None => ("no edge", Vec::new()),
    }
}

/// The longest that a request from the outside may take.
fn longest(public: &[Public<'_>]) -> Duration {
    public.iter().map(|p| p.route.timeout).max().unwrap_or(Duration::from_secs(0))
}

/// The Secret that holds the certificate of the public hosts.
fn certificate(blueprint: &Blueprint) -> String {
    blueprint.spec.edge.tls.secret.as_ref().map_or_else(|| names::edge_tls(&blueprint.name), ToString::to_string)
}

/// The Secret with the certificate that somebody has to provide, where no issuer does. An ALB finds its own in ACM.
pub(crate) fn own_certificate(blueprint: &Blueprint) -> Option<String> {
    let edge = &blueprint.spec.edge;
    let wanted = matches!(edge.ingress, raw::Ingress::GatewayApi | raw::Ingress::Nginx);
    (wanted && edge.tls.issuer.is_none() && !public(blueprint).is_empty()).then(|| certificate(blueprint))
}

/// `20-edge.yaml`.
pub(super) fn job(blueprint: &Blueprint, region: &Region, jobs: &mut Jobs<'_>) {
    let public = public(blueprint);
    if public.is_empty() {
        return;
    }
    let mut origins = vec![path!["edge"]];
    origins.extend(public.iter().map(|p| path!["services", &p.service.name, "route"]));
    let file = |template| ("20-edge".to_owned(), template);
    match blueprint.spec.edge.ingress {
        raw::Ingress::GatewayApi => {
            let context = gateway(blueprint, region, &public);
            super::push(jobs, region, file("kubernetes/gateway.yaml.tera"), &context, origins);
        }
        raw::Ingress::Nginx => {
            let context = nginx(blueprint, region, &public);
            super::push(jobs, region, file("kubernetes/nginx.yaml.tera"), &context, origins);
        }
        raw::Ingress::Alb => {
            let context = alb(blueprint, region, &public);
            super::push(jobs, region, file("kubernetes/alb.yaml.tera"), &context, origins);
        }
        raw::Ingress::None => {}
    }
}

/// What all ingresses have in common.
#[derive(Serialize)]
struct Edge {
    namespace: String,
    labels: Labels,
    name: String,
    secret: String,
    issuer: Option<String>,
    hosts: BTreeSet<String>,
    tls: &'static str,
    routes: Vec<Route>,
    /// The name that DNS leads to, in this region.
    balancer: Option<String>,
}

/// A host that a route serves, and the listener of a Gateway that takes it in.
#[derive(Clone, Serialize)]
struct Served {
    host: String,
    listener: String,
}

/// The hosts of a route in a region: the public one, and the region's own, which DNS leads to and health checks ask (F-DN-14).
fn served(blueprint: &Blueprint, region: &Region, host: &str) -> Vec<Served> {
    let records = dns::records(&blueprint.spec, &blueprint.regions);
    let own = records.iter().any(|record| record.host == host).then(|| names::regional_host(host, &region.name));
    let hosts = std::iter::once(host.to_owned()).chain(own);
    hosts.map(|host| Served { listener: listener(&host), host }).collect()
}

/// The route of one service.
#[derive(Serialize)]
struct Route {
    name: String,
    labels: Labels,
    hosts: Vec<Served>,
    path: String,
    port: u16,
    timeout: String,
    /// Annotations of an Ingress that hold for this service alone.
    annotations: Labels,
}

fn edge(blueprint: &Blueprint, region: &Region, public: &[Public<'_>]) -> Edge {
    let settings = &blueprint.spec.edge;
    let route = |p: &Public<'_>| Route {
        name: p.service.name.clone(),
        labels: common::labels(blueprint, region, Identity::service(&p.service.name)),
        hosts: served(blueprint, region, p.host),
        path: p.route.path.to_string(),
        port: p.service.spec.port,
        timeout: p.route.timeout.go(),
        annotations: Labels::new(),
    };
    Edge {
        namespace: blueprint.namespace.clone(),
        labels: common::base_labels(blueprint, region),
        name: blueprint.name.clone(),
        secret: certificate(blueprint),
        issuer: settings.tls.issuer.as_ref().map(ToString::to_string),
        hosts: public.iter().flat_map(|p| served(blueprint, region, p.host)).map(|served| served.host).collect(),
        tls: match settings.tls.minimum {
            raw::TlsVersion::Tls12 => "TLS 1.2",
            raw::TlsVersion::Tls13 => "TLS 1.3",
        },
        routes: public.iter().map(route).collect(),
        balancer: region.spec.load_balancer.as_ref().map(|balancer| balancer.dns_name.to_string()),
    }
}

/// The listener of a host: named after it, so that a new host moves no other.
fn listener(host: &str) -> String {
    format!("https-{host}")
}

#[derive(Serialize)]
struct GatewayContext {
    edge: Edge,
    gateway: String,
    class: String,
    /// Annotations of the Service that Istio makes of the Gateway.
    annotations: Labels,
    listeners: Vec<Listener>,
    /// What Istio makes of the Gateway.
    proxy: Option<Proxy>,
    /// The way through the network of proxies in this namespace.
    policy: Option<GatewayPolicy>,
    namespace: String,
    labels: Labels,
    monitor: Option<Labels>,
    interval: String,
    region: String,
}

#[derive(Serialize)]
struct Listener {
    name: String,
    host: String,
}

#[derive(Serialize)]
struct GatewayPolicy {
    object: String,
    selector: Labels,
    targets: Rule,
    istio: bool,
    monitoring: Value,
}

fn gateway(blueprint: &Blueprint, region: &Region, public: &[Public<'_>]) -> GatewayContext {
    let edge = edge(blueprint, region, public);
    let settings = &blueprint.spec.edge.gateway;
    let istio = settings.is_istio();
    let here = proxies_are_here(blueprint);
    let labels = common::base_labels(blueprint, region);
    let pods = public.iter().map(|p| common::pods(&common::selector(blueprint, Identity::service(&p.service.name))));
    let ports = public.iter().flat_map(|p| network::wire(blueprint, p.service.spec.port));
    let policy =
        Rule::new("the public services", pods.collect(), ports).filter(|_| here).map(|targets| GatewayPolicy {
            object: mesh::proxy_object(settings.name.as_str()),
            selector: mesh::proxy_selector(settings.name.as_str()),
            targets,
            istio,
            monitoring: serde_json::json!([common::monitoring(blueprint)]),
        });
    let interval = blueprint.spec.monitoring.as_ref().map(|m| m.interval.go()).unwrap_or_default();
    GatewayContext {
        listeners: edge.hosts.iter().map(|host| Listener { name: listener(host), host: host.clone() }).collect(),
        gateway: settings.name.to_string(),
        class: settings.class.to_string(),
        annotations: if istio { balancer(region, longest(public)) } else { Labels::new() },
        proxy: istio.then(|| {
            mesh::proxy(blueprint, settings.name.as_str(), longest(public)).with_service(health_check(region))
        }),
        policy,
        namespace: blueprint.namespace.clone(),
        // With sidecars each request is counted where it arrives.
        monitor: (istio
            && here
            && common::has_operator(blueprint)
            && mesh::is_ambient(blueprint)
            && public.iter().any(|p| common::counted_by_mesh(blueprint, p.service)))
        .then(|| common::monitor_labels(blueprint, &labels)),
        interval,
        region: region.name.clone(),
        labels,
        edge,
    }
}

/// How the balancer asks the Gateway's proxies whether they serve: their own readiness, every 10 s, out after 2 failures, so
/// that a target is out after 10 to 25 s (X-LB-1, R-LB-02). The Gateway API takes eight annotations and these are too many;
/// Istio lays them over the Service.
fn health_check(region: &Region) -> Option<String> {
    if region.spec.provider != raw::Provider::Aws {
        return None;
    }
    let checks = [
        ("port", "15021"),
        ("protocol", "http"),
        ("path", "/healthz/ready"),
        ("interval", "10"),
        ("timeout", "5"),
        ("healthy-threshold", "2"),
        ("unhealthy-threshold", "2"),
    ];
    let annotations: BTreeMap<String, &str> = checks
        .into_iter()
        .map(|(key, value)| (format!("service.beta.kubernetes.io/aws-load-balancer-healthcheck-{key}"), value))
        .collect();
    Some(crate::render::yaml::document(&serde_json::json!({"metadata": {"annotations": annotations}})))
}

/// What the AWS load balancer controller is told of the Gateway's balancer, so that it is one that DNS can lead to and
/// that outlives a zone. The Gateway API takes eight of them.
fn balancer(region: &Region, longest: Duration) -> Labels {
    let mut annotations = Labels::new();
    if region.spec.provider != raw::Provider::Aws {
        return annotations;
    }
    let mut set = |key: &str, value: String| {
        annotations.insert(format!("service.beta.kubernetes.io/aws-load-balancer-{key}"), value);
    };
    set("type", "external".to_owned());
    set("nlb-target-type", "ip".to_owned());
    set("scheme", "internet-facing".to_owned());
    set("attributes", NETWORK_BALANCER.to_owned());
    // R-LB-03: as long as a proxy serves after it was told to stop, and not longer than it lives.
    let delay = (mesh::PROXY_DRAIN.secs() + longest.secs()).min(MOST_DELAY);
    set("target-group-attributes", format!("deregistration_delay.timeout_seconds={delay}"));
    if region.spec.load_balancer.as_ref().is_some_and(|balancer| balancer.dual_stack) {
        set("ip-address-type", "dualstack".to_owned());
    }
    annotations
}

/// Attributes of a network load balancer. Without cross-zone balancing the clients of a lost zone's address wait for DNS, too
/// (R-LB-08, X-LB-4); nobody deletes it by a slip (R-LB-04); a zone can be taken out by hand (R-LB-05).
pub(crate) const NETWORK_BALANCER: &str =
    "deletion_protection.enabled=true,load_balancing.cross_zone.enabled=true,zonal_shift.config.enabled=true";

#[derive(Serialize)]
struct IngressContext {
    edge: Edge,
    namespace: String,
    labels: Labels,
}

fn nginx(blueprint: &Blueprint, region: &Region, public: &[Public<'_>]) -> IngressContext {
    let mut edge = edge(blueprint, region, public);
    for (route, p) in edge.routes.iter_mut().zip(public) {
        let mut set = |key: &str, value: String| {
            route.annotations.insert(format!("nginx.ingress.kubernetes.io/{key}"), value);
        };
        if let Some(rate) = p.route.rate_limit {
            // Exact: in seconds where that is whole, else in minutes.
            match rate.per_minute() {
                n if n.is_multiple_of(60) => set("limit-rps", (n / 60).to_string()),
                n => set("limit-rpm", n.to_string()),
            }
        }
        if let Some(connections) = p.route.connections {
            set("limit-connections", connections.to_string());
        }
        let seconds = p.route.timeout.secs().to_string();
        // R-K8-32: a dead pod costs 5 s, not a minute; R-RT-05: one more try, not two.
        set("proxy-connect-timeout", "5".to_owned());
        set("proxy-read-timeout", seconds.clone());
        set("proxy-send-timeout", seconds);
        set("proxy-next-upstream-tries", "2".to_owned());
        set("ssl-redirect", "true".to_owned());
    }
    IngressContext { namespace: blueprint.namespace.clone(), labels: common::base_labels(blueprint, region), edge }
}

fn alb(blueprint: &Blueprint, region: &Region, public: &[Public<'_>]) -> IngressContext {
    let mut edge = edge(blueprint, region, public);
    // The balancer has one idle timeout for all routes: longer than the longest, so that it cuts none of them short and a
    // service answers its own timeout before the balancer hangs up.
    let idle = (longest(public).secs() + 5).clamp(LEAST_IDLE, MOST_IDLE);
    let dual = region.spec.load_balancer.as_ref().is_some_and(|balancer| balancer.dual_stack);
    let order = order(public);
    for (route, p) in edge.routes.iter_mut().zip(public) {
        let mut set = |key: &str, value: String| {
            route.annotations.insert(format!("alb.ingress.kubernetes.io/{key}"), value);
        };
        let readiness = p.service.spec.probes.readiness.as_ref().and_then(|probe| probe.http.as_ref());
        // R-LB-03: not longer than the pod lives, and long enough for a request that came just before.
        let finish = p.service.spec.shutdown.drain.secs() + p.service.longest_request.secs();
        let delay = p.service.grace.secs().min(finish).clamp(1, MOST_DELAY);
        set("group.name", blueprint.namespace.clone());
        set("group.order", order.get(p.service.name.as_str()).copied().unwrap_or(0).to_string());
        set("scheme", "internet-facing".to_owned());
        set("ip-address-type", if dual { "dualstack" } else { "ipv4" }.to_owned());
        set("target-type", "ip".to_owned());
        set("listen-ports", r#"[{"HTTP": 80}, {"HTTPS": 443}]"#.to_owned());
        set("ssl-redirect", "443".to_owned());
        let policy = match blueprint.spec.edge.tls.minimum {
            raw::TlsVersion::Tls12 => "ELBSecurityPolicy-TLS13-1-2-2021-06",
            raw::TlsVersion::Tls13 => "ELBSecurityPolicy-TLS13-1-3-2021-06",
        };
        set("ssl-policy", policy.to_owned());
        // A target is out after 10 to 25 s (X-LB-1, R-LB-02).
        set("healthcheck-path", readiness.map_or_else(|| "/".to_owned(), ToString::to_string));
        set("healthcheck-interval-seconds", "10".to_owned());
        set("healthcheck-timeout-seconds", "5".to_owned());
        set("healthy-threshold-count", "2".to_owned());
        set("unhealthy-threshold-count", "2".to_owned());
        // Without a path of its own whatever answers is alive, as it is for the TCP probe.
        set("success-codes", if readiness.is_some() { "200-399" } else { "200-499" }.to_owned());
        set("target-group-attributes", format!("deregistration_delay.timeout_seconds={delay}"));
        set(
            "load-balancer-attributes",
            format!(
                "deletion_protection.enabled=true,idle_timeout.timeout_seconds={idle},zonal_shift.config.enabled=true"
            ),
        );
    }
    IngressContext { namespace: blueprint.namespace.clone(), labels: common::base_labels(blueprint, region), edge }
}

/// The places of the routes in a balancer that takes the first rule that matches: longer paths first.
fn order<'a>(public: &[Public<'a>]) -> BTreeMap<&'a str, usize> {
    let mut all: Vec<(std::cmp::Reverse<usize>, &str)> =
        public.iter().map(|p| (std::cmp::Reverse(p.route.path.as_str().len()), p.service.name.as_str())).collect();
    all.sort_unstable();
    all.into_iter().enumerate().map(|(at, (_, name))| (name, at + 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::kubernetes::tests::blueprint;

    const TWO: &str = "
  one: {image: IMAGE, port: 80, exposure: public, route: {host: a.example.com, path: PATH}}
  two: {image: IMAGE, port: 81, exposure: public, route: {host: a.example.com, path: /v1}}";

    #[test]
    fn a_balancer_that_takes_the_first_match_gets_longer_paths_first() {
        let blueprint = blueprint(&TWO.replace("PATH", "/"));
        let order = order(&public(&blueprint));
        assert!(order["two"] < order["one"]);
    }
}
