//! Traffic: routes lead to services and ports that exist, policies select somebody.

use super::world::{Found, Object, World, words};
use crate::verify::tree::Node;

/// What leads nowhere.
pub fn check<'a>(world: &World<'a, '_>, domain: &str) -> Vec<Found<'a>> {
    let mut found = Vec::new();
    for policy in world.of_kind("NetworkPolicy") {
        let spec = policy.node.get("spec");
        let own = spec.and_then(|spec| spec.get("podSelector"));
        let peers = ["ingress", "egress"].into_iter().flat_map(|way| {
            let rules = spec.map_or(&[][..], |spec| spec.list(way));
            rules.iter().flat_map(move |rule| rule.list(if way == "ingress" { "from" } else { "to" }))
        });
        let peers =
            peers.filter(|peer| peer.get("namespaceSelector").is_none()).filter_map(|peer| peer.get("podSelector"));
        for selector in own.into_iter().chain(peers) {
            selects(world, &policy, selector, &mut found);
        }
    }
    for route in world.of_kind("HTTPRoute") {
        http_route(world, &route, &mut found);
    }
    for ingress in world.of_kind("Ingress") {
        let spec = ingress.node.get("spec");
        let paths = spec
            .map_or(&[][..], |spec| spec.list("rules"))
            .iter()
            .flat_map(|r| r.get("http").map_or(&[][..], |h| h.list("paths")));
        for backend in paths.filter_map(|path| path.at(&["backend", "service"])) {
            let port = backend.at(&["port", "number"]).or_else(|| backend.at(&["port", "name"]));
            service(world, &ingress, backend, backend.text_at(&["name"]).unwrap_or_default(), port, &mut found);
        }
    }
    for rule in world.of_kind("VirtualService") {
        let routes =
            ["http", "tls", "tcp"].into_iter().flat_map(|kind| rule.node.get("spec").map_or(&[][..], |s| s.list(kind)));
        for destination in routes.flat_map(|r| r.list("route")).filter_map(|r| r.get("destination")) {
            let host = destination.text_at(&["host"]).unwrap_or_default();
            let port = destination.at(&["port", "number"]);
            mesh_host(world, domain, &rule, (destination, host, port), &mut found);
        }
    }
    for rule in world.of_kind("DestinationRule") {
        if let Some(host) = rule.node.at(&["spec", "host"]) {
            mesh_host(world, domain, &rule, (host, host.text().unwrap_or_default(), None), &mut found);
        }
    }
    found
}

fn selects<'a>(world: &World<'a, '_>, policy: &Object<'a, '_>, selector: &Node<'_>, found: &mut Vec<Found<'a>>) {
    let labels = selector.get("matchLabels").map_or(&[][..], Node::entries);
    if labels.is_empty() && selector.list("matchExpressions").is_empty() {
        return;
    }
    let gateway = labels.iter().find(|(key, _)| key.text == "gateway.networking.k8s.io/gateway-name");
    if let Some((_, gateway)) = gateway {
        let name = gateway.text().unwrap_or_default();
        if world.get("Gateway", policy.namespace, name).is_none() {
            found.push(policy.fault(gateway, format!("there is no Gateway `{name}`")));
        }
        return;
    }
    if labels.iter().any(|(key, _)| key.text.starts_with("acme.cert-manager.io/")) {
        return;
    }
    if world.selected(policy.namespace, selector).is_empty() {
        found
            .push(policy.fault(selector, format!("selects no pod: none has the labels {} (R-K8-39)", words(selector))));
    }
}

fn http_route<'a>(world: &World<'a, '_>, route: &Object<'a, '_>, found: &mut Vec<Found<'a>>) {
    let Some(spec) = route.node.get("spec") else { return };
    for parent in spec.list("parentRefs") {
        let kind = parent.text_at(&["kind"]).unwrap_or("Gateway");
        let name = parent.text_at(&["name"]).unwrap_or_default();
        let namespace = parent.text_at(&["namespace"]).unwrap_or(route.namespace);
        // A Gateway in another namespace may belong to somebody else.
        let Some(gateway) = world.get(kind, namespace, name) else {
            if namespace == route.namespace {
                found.push(route.fault(parent, format!("there is no {kind} `{name}` to be reached through")));
            }
            continue;
        };
        if let Some(section) = parent.get("sectionName") {
            let listeners = gateway.node.get("spec").map_or(&[][..], |spec| spec.list("listeners"));
            if !listeners.iter().any(|listener| listener.text_at(&["name"]) == section.text()) {
                found.push(route.fault(
                    section,
                    format!("{kind} `{name}` has no listener `{}`", section.text().unwrap_or_default()),
                ));
            }
        }
    }
    for backend in spec.list("rules").iter().flat_map(|rule| rule.list("backendRefs")) {
        if backend.text_at(&["kind"]).unwrap_or("Service") == "Service" {
            let name = backend.text_at(&["name"]).unwrap_or_default();
            service(world, route, backend, name, backend.get("port"), found);
        }
    }
}

/// Whether a service of the same namespace is there and has the port.
fn service<'a>(
    world: &World<'a, '_>,
    by: &Object<'a, '_>,
    at: &Node<'_>,
    name: &str,
    port: Option<&Node<'_>>,
    found: &mut Vec<Found<'a>>,
) {
    let namespace = at.text_at(&["namespace"]).unwrap_or(by.namespace);
    let Some(service) = world.get("Service", namespace, name) else {
        found.push(by.fault(at, format!("there is no Service `{name}` (R-K8-40)")));
        return;
    };
    let Some(port) = port else { return };
    let ports = service.node.get("spec").map_or(&[][..], |spec| spec.list("ports"));
    let has = ports.iter().any(|p| match port.int() {
        Some(number) => p.get("port").and_then(Node::int) == Some(number),
        None => p.text_at(&["name"]) == port.text(),
    });
    if !has {
        let shown = port.int().map_or_else(|| port.text().unwrap_or_default().to_owned(), |n| n.to_string());
        found.push(by.fault(port, format!("Service `{name}` has no port {shown} (R-K8-40)")));
    }
}

/// Whether a host of the mesh is a service that is there.
fn mesh_host<'a>(
    world: &World<'a, '_>,
    domain: &str,
    by: &Object<'a, '_>,
    (at, host, port): (&Node<'_>, &str, Option<&Node<'_>>),
    found: &mut Vec<Found<'a>>,
) {
    let inside = |host: &str| host.strip_suffix(domain)?.strip_suffix(".svc.").map(str::len);
    let name = match inside(host).and_then(|end| host[..end].rsplit_once('.')) {
        Some((name, namespace)) if namespace == by.namespace => name,
        // Somebody else's namespace is not ours to judge.
        Some(_) => return,
        None if !host.contains(['.', '*']) => host,
        None => {
            if !host.starts_with('*') && !world.has_host(host) {
                found.push(by.fault(at, format!("no ServiceEntry tells the mesh of `{host}`")));
            }
            return;
        }
    };
    if !name.starts_with('*') {
        service(world, by, at, name, port, found);
    }
}
