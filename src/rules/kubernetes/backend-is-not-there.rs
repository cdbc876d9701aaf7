//! A route or an Ingress leads to a Service or a port that is not there.
//!
//! # What it finds
//! The Service of a backend of an Ingress, of a route of the Gateway API, or of a destination of a VirtualService, that is not among
//! the files, or a port that this Service does not have. It is only said where the namespace of the Service has Services among the
//! files, and nothing in it that makes more of them: a chart, a custom resource of an operator. Of a VirtualService only hosts that
//! can be no other than a Service are looked at, and none that a ServiceEntry declares.
//!
//! # Why it matters
//! Requests get 503 (Ingress, Istio) or 500 (Gateway API); the object itself is accepted, and most often looks well.
//!
//! # Example
//! ```yaml
//! kind: Ingress
//! spec:
//!   defaultBackend: {service: {name: orders, port: {number: 8080}}}
//! ---
//! kind: Service
//! metadata: {name: orders}
//! spec: {ports: [{name: http, port: 80, targetPort: 8080}]}   # the port of the Service is 80
//! ```
//!
//! # Fix
//! The name of the Service, and a port of the Service: its number or name, not the `targetPort`.
//!
//! # Source
//! facts.md R-K8-40: Kubernetes, Ingress; Gateway API, HTTPRoute; Istio, virtual_service.proto.

use std::collections::{BTreeMap, BTreeSet};

use super::objects::{Object, list_at, objects, of_kind, text_at};
use super::services::{backends, is_later, items, port, ports};
use crate::diagnostics::nearest;
use crate::document::Node;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8040",
    name: "backend-is-not-there",
    group: Group::Kubernetes,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

/// What a route names: a Service and perhaps a port, with the nodes that say so.
struct Backend<'a> {
    route: Object<'a>,
    namespace: &'a str,
    name: &'a str,
    at: &'a Node,
    port: Option<&'a Node>,
}

/// The Services of a namespace by name; one in each cluster.
type Services<'a> = BTreeMap<&'a str, Vec<Object<'a>>>;

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let cluster = estate.cluster();
    let mut namespaces = BTreeMap::<&str, Services<'_>>::new();
    for service in of_kind(estate, "Service").filter(|service| text_at(service.node, &["apiVersion"]) == Some("v1")) {
        namespaces.entry(service.namespace()).or_default().entry(service.name()).or_default().push(service);
    }
    let declared: BTreeSet<&str> = of_kind(estate, "ServiceEntry")
        .flat_map(|entry| list_at(entry.node, &["spec", "hosts"]))
        .filter_map(|host| Some(&*host.scalar()?.text))
        .collect();
    for backend in all(estate, &declared) {
        // A namespace none of whose Services are known may have any.
        let Some(services) = namespaces.get(backend.namespace) else { continue };
        if cluster.is_open(backend.namespace) || is_later(backend.name) || is_later(backend.namespace) {
            continue;
        }
        match services.get(backend.name) {
            None => findings.push(missing(&backend, services)),
            Some(named) => findings.extend(without_port(&backend, named)),
        }
    }
}

fn missing(backend: &Backend<'_>, services: &Services<'_>) -> Diagnostic {
    let near = nearest(backend.name, services.keys().copied());
    let namespace = backend.namespace.escape_debug();
    RULE.finding(
        Place::Span(backend.at.span),
        format!(
            "`{}` leads to the Service `{}`, which is not there",
            backend.route.name().escape_debug(),
            backend.name.escape_debug()
        ),
    )
    .label(format!("no such Service in namespace `{namespace}`"))
    .because(
        "the other Services of this namespace are among the files; a backend that is not there answers 503 (R-K8-40)",
    )
    .fix(near.map_or_else(
        || "name a Service that exists".to_owned(),
        |near| format!("did you mean `{}`?", near.escape_debug()),
    ))
}

fn without_port(backend: &Backend<'_>, named: &[Object<'_>]) -> Option<Diagnostic> {
    let node = backend.port?;
    let wanted = &*node.scalar()?.text;
    // An ExternalName needs none, an action of an ALB is no port, and what is filled in later is not known.
    let vague = named.iter().any(|service| ports(*service).next().is_none());
    if vague || wanted == "use-annotation" || is_later(wanted) || named.iter().any(|s| port(*s, wanted).is_some()) {
        return None;
    }
    let service = named.first()?;
    let has: Vec<String> = ports(*service)
        .filter_map(|port| {
            let number = text_at(port, &["port"])?.escape_debug();
            Some(
                text_at(port, &["name"])
                    .map_or_else(|| number.to_string(), |name| format!("{number} ({})", name.escape_debug())),
            )
        })
        .collect();
    let target = ports(*service).find(|port| text_at(port, &["targetPort"]) == Some(wanted));
    let fix = match target.and_then(|port| text_at(port, &["port"])) {
        Some(port) => {
            format!("write {}: {} is where that port leads to in the pods", port.escape_debug(), wanted.escape_debug())
        }
        None => format!("write a port that it has: {}", has.join(", ")),
    };
    Some(
        RULE.finding(
            Place::Span(node.span),
            format!(
                "`{}` leads to port `{}`, which the Service `{}` does not have",
                backend.route.name().escape_debug(),
                wanted.escape_debug(),
                backend.name.escape_debug()
            ),
        )
        .label("no such port")
        .also(service.place(), format!("it has {}", has.join(", ")))
        .because("a backend without this port answers 503 (R-K8-40)")
        .fix(fix),
    )
}

/// All backends that can be nothing but Services.
fn all<'a>(estate: &'a Estate, declared: &BTreeSet<&str>) -> Vec<Backend<'a>> {
    let mut all = Vec::new();
    for route in objects(estate) {
        let group =
            text_at(route.node, &["apiVersion"]).and_then(|version| version.split('/').next()).unwrap_or_default();
        match (group, route.kind()) {
            ("networking.k8s.io", "Ingress") => all.extend(backends(route).into_iter().filter_map(|node| {
                let port = node.get("port");
                let port = port.and_then(|port| port.get("number").or_else(|| port.get("name")));
                named(route, node, route.namespace(), port)
            })),
            ("gateway.networking.k8s.io", "HTTPRoute" | "GRPCRoute" | "TCPRoute" | "TLSRoute" | "UDPRoute") => {
                let rules = list_at(route.node, &["spec", "rules"]);
                let references = rules.flat_map(|rule| items(rule, "backendRefs")).filter(|reference| {
                    matches!(text_at(reference, &["kind"]), None | Some("Service"))
                        && matches!(text_at(reference, &["group"]), None | Some("" | "core"))
                });
                all.extend(references.filter_map(|node| {
                    let namespace = text_at(node, &["namespace"]).unwrap_or_else(|| route.namespace());
                    named(route, node, namespace, node.get("port"))
                }));
            }
            ("networking.istio.io", "VirtualService") => {
                let routes = ["http", "tcp", "tls"].into_iter().flat_map(|key| list_at(route.node, &["spec", key]));
                let ways = routes.flat_map(|entry| items(entry, "route"));
                let destinations = ways.filter_map(|way| way.get("destination"));
                all.extend(destinations.filter_map(|node| destination(route, node, declared)));
            }
            _ => {}
        }
    }
    all
}

fn named<'a>(route: Object<'a>, node: &'a Node, namespace: &'a str, port: Option<&'a Node>) -> Option<Backend<'a>> {
    let at = node.get("name")?;
    Some(Backend { route, namespace, name: &at.scalar()?.text, at, port })
}

/// A destination of Istio that is a Service by its name: a short one, or one below `svc`.
fn destination<'a>(route: Object<'a>, node: &'a Node, declared: &BTreeSet<&str>) -> Option<Backend<'a>> {
    let at = node.get("host")?;
    let host = &*at.scalar()?.text;
    if declared.contains(host) || host.contains('*') {
        return None;
    }
    let labels: Vec<&str> = host.split('.').collect();
    let (name, namespace) = match labels[..] {
        [name] => (name, route.namespace()),
        [name, namespace, "svc"] | [name, namespace, "svc", "cluster", "local"] => (name, namespace),
        _ => return None,
    };
    let port = node.get("port").and_then(|port| port.get("number"));
    (!name.is_empty()).then_some(Backend { route, namespace, name, at, port })
}
