//! What sends requests to pods: Services, and the routes of an Ingress, of the Gateway API and of Istio that lead to them.

use std::collections::BTreeMap;

use super::objects::{Object, at, list_at, objects, text_at};
use super::selector::Selector;
use super::workloads::{Workload, shown, whole_number};
use crate::diagnostics::Place;
use crate::document::Node;
use crate::estate::Estate;
use crate::rules::resilience::mesh;

/// A way to a Service.
pub(super) struct Route<'a> {
    /// What it is written in.
    pub object: Object<'a>,
    /// Where the Service is named.
    pub place: Place,
    /// Whether all that it takes goes there: it is no share of several.
    pub is_whole: bool,
    /// The seconds that it lets a request take, where that is written, and the place.
    pub timeout: Option<(i64, Place)>,
    service: (&'a str, &'a str),
}

/// A Service and the labels that it selects pods by.
struct Service<'a> {
    object: Object<'a>,
    selector: Option<Selector<'a>>,
}

/// Services and routes.
pub(super) struct Traffic<'a> {
    services: BTreeMap<(&'a str, &'a str), Service<'a>>,
    routes: Vec<Route<'a>>,
}

impl<'a> Traffic<'a> {
    /// Those of these files.
    pub fn of(estate: &'a Estate) -> Self {
        let (mut services, mut routes) = (BTreeMap::new(), Vec::new());
        for object in objects(estate) {
            let version = text_at(object.node, &["apiVersion"]).unwrap_or_default();
            match (object.kind(), version.split_once('/').map_or("", |(group, _)| group)) {
                ("Service", "") => {
                    let selector = at(object.node, &["spec", "selector"]).map(Selector::Map);
                    services.entry((object.namespace(), object.name())).or_insert(Service { object, selector });
                }
                ("Ingress", "networking.k8s.io" | "extensions") => ingress(object, &mut routes),
                ("HTTPRoute" | "GRPCRoute" | "TLSRoute" | "TCPRoute", "gateway.networking.k8s.io") => {
                    gateway(object, &mut routes);
                }
                ("VirtualService", "networking.istio.io") => virtual_service(object, &mut routes),
                _ => {}
            }
        }
        Self { services, routes }
    }

    /// The Services that spread connections over the pods of a workload. One without an address of its own only names pods; one
    /// for metrics alone has no clients that wait for an answer.
    pub fn services<'s>(&'s self, workload: &'s Workload<'_>) -> impl Iterator<Item = Object<'a>> + 's {
        let of_namespace = self.services.range((workload.object.namespace(), "")..);
        let of_namespace = of_namespace.take_while(|((namespace, _), _)| *namespace == workload.object.namespace());
        let leading = of_namespace
            .filter(|(_, service)| service.leads(workload) && service.balances() && !service.is_for_metrics());
        leading.map(|(_, service)| service.object)
    }

    /// The routes that lead to a workload: by a Service that selects its pods; or, where the Service is not in these files, by
    /// the name that both have.
    pub fn routes<'s>(&'s self, workload: &'s Workload<'_>) -> impl Iterator<Item = &'s Route<'a>> + 's {
        self.routes.iter().filter(move |route| self.reaches(route, workload))
    }

    fn reaches(&self, route: &Route<'_>, workload: &Workload<'_>) -> bool {
        match self.services.get(&route.service) {
            Some(service) => service.leads(workload),
            None => route.service == (workload.object.namespace(), workload.object.name()),
        }
    }

    /// What is sent from outside, each with the workloads that it may reach: routes that take everything of theirs to one
    /// Service, and Services with an external load balancer.
    pub fn ways<'w>(&self, workloads: &'w [Workload<'a>]) -> Vec<(Place, String, Vec<&'w Workload<'a>>)> {
        let mut ways = Vec::new();
        for route in self.routes.iter().filter(|route| route.is_whole) {
            let reached: Vec<_> = workloads.iter().filter(|workload| self.reaches(route, workload)).collect();
            ways.push((route.place.clone(), route.says(), reached));
        }
        for service in self.services.values().filter(|service| service.kind() == Some("LoadBalancer")) {
            let reached: Vec<_> = workloads.iter().filter(|workload| service.leads(workload)).collect();
            let says = format!("Service `{}` takes requests from outside", shown(service.object));
            ways.push((service.object.place(), says, reached));
        }
        ways
    }
}

impl Route<'_> {
    /// What it is: `Ingress `shop` leads to it`.
    pub fn says(&self) -> String {
        format!("{} `{}` leads to it", self.object.kind(), shown(self.object))
    }
}

impl Service<'_> {
    fn kind(&self) -> Option<&str> {
        text_at(self.object.node, &["spec", "type"])
    }

    /// Whether it spreads connections, by an address of its own.
    fn balances(&self) -> bool {
        text_at(self.object.node, &["spec", "clusterIP"]) != Some("None") && self.kind() != Some("ExternalName")
    }

    /// Whether all of its ports are called what ports for metrics are.
    fn is_for_metrics(&self) -> bool {
        let of_metrics = |port: &Node| {
            let named =
                |key: &str| text_at(port, &[key]).is_some_and(|name| name == "metrics" || name.ends_with("-metrics"));
            named("name") || named("targetPort")
        };
        let mut ports = list_at(self.object.node, &["spec", "ports"]).peekable();
        ports.peek().is_some() && ports.all(of_metrics)
    }

    /// Whether its selector picks the pods of a workload; an empty one picks none.
    fn leads(&self, workload: &Workload<'_>) -> bool {
        self.object.namespace() == workload.object.namespace()
            && self.selector.is_some_and(|selector| !selector.is_empty() && selector.picks(&workload.labels))
    }
}

fn ingress<'a>(object: Object<'a>, routes: &mut Vec<Route<'a>>) {
    let path = ["metadata", "annotations", "nginx.ingress.kubernetes.io/proxy-read-timeout"];
    let timeout = at(object.node, &path).and_then(|node| Some((whole_number(node)?, Place::Span(node.span))));
    let paths = list_at(object.node, &["spec", "rules"]).flat_map(|rule| list_at(rule, &["http", "paths"]));
    let default = at(object.node, &["spec", "defaultBackend"]).or_else(|| at(object.node, &["spec", "backend"]));
    for backend in paths.filter_map(|path| path.get("backend")).chain(default) {
        let named = at(backend, &["service", "name"]).or_else(|| backend.get("serviceName"));
        let Some((node, name)) = named.and_then(|node| Some((node, &*node.scalar()?.text))) else { continue };
        let (place, service) = (Place::Span(node.span), (object.namespace(), name));
        routes.push(Route { object, place, is_whole: true, timeout: timeout.clone(), service });
    }
}

fn gateway<'a>(object: Object<'a>, routes: &mut Vec<Route<'a>>) {
    for rule in list_at(object.node, &["spec", "rules"]) {
        let is_whole = list_at(rule, &["backendRefs"]).count() == 1;
        let timeout = seconds(rule, &["timeouts", "request"]);
        for backend in list_at(rule, &["backendRefs"]) {
            let other = text_at(backend, &["kind"]).is_some_and(|kind| kind != "Service");
            let Some(node) = backend.get("name").filter(|_| !other) else { continue };
            let Some(name) = node.scalar() else { continue };
            let namespace = text_at(backend, &["namespace"]).unwrap_or(object.namespace());
            let (place, service) = (Place::Span(node.span), (namespace, &*name.text));
            routes.push(Route { object, place, is_whole, timeout: timeout.clone(), service });
        }
    }
}

fn virtual_service<'a>(object: Object<'a>, routes: &mut Vec<Route<'a>>) {
    let rules = ["http", "tls", "tcp"].into_iter().flat_map(|key| list_at(object.node, &["spec", key]));
    for rule in rules {
        let is_whole = list_at(rule, &["route"]).count() == 1;
        let timeout = seconds(rule, &["timeout"]);
        for destination in list_at(rule, &["route"]) {
            let Some(node) = at(destination, &["destination", "host"]) else { continue };
            let Some(host) = node.scalar() else { continue };
            let Some(service) = of_host(&host.text, object.namespace()) else { continue };
            routes.push(Route { object, place: Place::Span(node.span), is_whole, timeout: timeout.clone(), service });
        }
    }
}

/// The namespace and name of the Service that a host of a mesh stands for: `api`, `api.shop.svc.cluster.local`.
fn of_host<'a>(host: &'a str, namespace: &'a str) -> Option<(&'a str, &'a str)> {
    let inside = host.strip_suffix(".cluster.local").unwrap_or(host);
    match inside.strip_suffix(".svc") {
        Some(full) => full.split_once('.').map(|(name, namespace)| (namespace, name)),
        None => (!host.contains('.')).then_some((namespace, host)),
    }
}

/// A duration of a route in whole seconds, rounded up.
fn seconds(rule: &Node, path: &[&str]) -> Option<(i64, Place)> {
    let node = at(rule, path)?;
    let duration = mesh::duration(&node.scalar()?.text)?;
    Some((i64::try_from(duration.millis().div_ceil(1000)).ok()?, Place::Span(node.span)))
}
