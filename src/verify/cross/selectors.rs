//! Whatever selects pods or services selects some, and whatever names a workload names one that exists.

use super::world::{Found, Object, World, words};
use crate::verify::tree::{Node, Value};

/// Labels of pods that others make: a Gateway's controller, cert-manager's solver.
const MADE_BY_OTHERS: [&str; 3] =
    ["gateway.networking.k8s.io/gateway-name", "acme.cert-manager.io/http01-solver", "istio.io/gateway-name"];

/// What selects nobody.
pub fn check<'a>(world: &World<'a, '_>) -> Vec<Found<'a>> {
    let mut found = Vec::new();
    world.of_kind("Service").for_each(|service| of_service(world, &service, &mut found));
    for pods in &world.pods {
        own(world, pods, &mut found);
    }
    for budget in world.of_kind("PodDisruptionBudget") {
        if let Some(selector) = budget.node.at(&["spec", "selector"]) {
            somebody(world, &budget, selector, "protects", &mut found);
        }
    }
    for scaler in world.of_kind("HorizontalPodAutoscaler") {
        if let Some(target) = scaler.node.at(&["spec", "scaleTargetRef"]) {
            named(world, &scaler, target, &mut found);
            replicas(world, &scaler, target, &mut found);
        }
    }
    for scaler in world.of_kind("ScaledObject") {
        if let Some(target) = scaler.node.at(&["spec", "scaleTargetRef"]) {
            named(world, &scaler, target, &mut found);
        }
    }
    monitors(world, &mut found);
    found
}

fn somebody<'a>(
    world: &World<'a, '_>,
    by: &Object<'a, '_>,
    selector: &Node<'_>,
    does: &str,
    found: &mut Vec<Found<'a>>,
) {
    let labels = selector.get("matchLabels").unwrap_or(selector);
    if let Some((_, gateway)) = labels.entries().iter().find(|(key, _)| MADE_BY_OTHERS.contains(&key.text.as_ref())) {
        let of_gateway = labels.entries().iter().any(|(key, _)| key.text == MADE_BY_OTHERS[0]);
        let name = gateway.text().unwrap_or_default();
        if of_gateway && world.get("Gateway", by.namespace, name).is_none() {
            found.push(by.fault(gateway, format!("there is no Gateway `{name}`")));
        }
        return;
    }
    if world.selected(by.namespace, selector).is_empty() {
        found.push(by.fault(selector, format!("{does} no pod: none has the labels {}", words(selector))));
    }
}

fn of_service<'a>(world: &World<'a, '_>, service: &Object<'a, '_>, found: &mut Vec<Found<'a>>) {
    let Some(selector) = service.node.at(&["spec", "selector"]) else {
        return;
    };
    let pods = world.selected(service.namespace, selector);
    if pods.is_empty() {
        somebody(world, service, selector, "leads to", found);
        return;
    }
    if let Some(pod) = selector.text_at(&["statefulset.kubernetes.io/pod-name"])
        && !pods.iter().any(|p| pod.strip_prefix(p.owner.name).is_some_and(|rest| rest.starts_with('-')))
    {
        found.push(service.fault(selector, format!("no StatefulSet makes a pod `{pod}`")));
    }
    for port in service.node.get("spec").map_or(&[][..], |spec| spec.list("ports")) {
        let target = port.get("targetPort").or_else(|| port.get("port"));
        if let Some(target) = target
            && !pods.iter().any(|pods| pods.has_port(target))
        {
            found.push(service.fault(target, format!("no container of its pods has the port {}", shown(target))));
        }
    }
}

/// What a workload says about its own pods.
fn own<'a>(world: &World<'a, '_>, pods: &super::world::Pods<'a, '_>, found: &mut Vec<Found<'a>>) {
    let owner = &pods.owner;
    let fits = |selector: &Node<'_>| {
        let selected = world.selected(owner.namespace, selector);
        selected.iter().any(|other| std::ptr::eq(other.template, pods.template))
    };
    if matches!(owner.kind, "Deployment" | "StatefulSet" | "DaemonSet")
        && let Some(selector) = owner.node.at(&["spec", "selector"])
        && !fits(selector)
    {
        found.push(owner.fault(selector, "its selector does not fit the labels of its own pods (R-K8-01)".to_owned()));
    }
    let spec = pods.template.get("spec");
    for constraint in spec.map_or(&[][..], |spec| spec.list("topologySpreadConstraints")) {
        if let Some(selector) = constraint.get("labelSelector")
            && !fits(selector)
        {
            found.push(owner.fault(selector, "it spreads over pods that are not its own".to_owned()));
        }
    }
    let terms = spec.and_then(|spec| spec.at(&["affinity", "podAntiAffinity"])).map_or(&[][..], Node::entries);
    for term in terms.iter().flat_map(|(_, terms)| terms.items()) {
        let term = term.get("podAffinityTerm").unwrap_or(term);
        if let Some(selector) = term.get("labelSelector")
            && world.selected(owner.namespace, selector).is_empty()
        {
            found.push(owner.fault(selector, "its anti-affinity keeps away from no pod (R-K8-06)".to_owned()));
        }
    }
}

fn named<'a>(world: &World<'a, '_>, by: &Object<'a, '_>, target: &Node<'_>, found: &mut Vec<Found<'a>>) {
    let kind = target.text_at(&["kind"]).unwrap_or("Deployment");
    let name = target.text_at(&["name"]).unwrap_or_default();
    if world.get(kind, by.namespace, name).is_none() {
        found.push(by.fault(target, format!("there is no {kind} `{name}` to scale (R-K8-38)")));
    }
}

/// Nobody but the autoscaler may set the replicas of what it scales.
fn replicas<'a>(world: &World<'a, '_>, scaler: &Object<'a, '_>, target: &Node<'_>, found: &mut Vec<Found<'a>>) {
    let kind = target.text_at(&["kind"]).unwrap_or_default();
    let scaled = world.get(kind, scaler.namespace, target.text_at(&["name"]).unwrap_or_default());
    if let Some(scaled) = scaled
        && let Some(replicas) = scaled.node.at(&["spec", "replicas"])
    {
        found.push(scaled.fault(
            replicas,
            "it sets `replicas` although an autoscaler does: every apply would reset them (R-K8-10)".to_owned(),
        ));
    }
}

/// Whether a selector means the proxies of a Gateway: its class makes those pods, so no file has them.
fn proxies(world: &World<'_, '_>, namespace: &str, selector: &Node<'_>) -> bool {
    let name = selector.text_at(&["matchLabels", "gateway.networking.k8s.io/gateway-name"]);
    name.is_some_and(|name| world.get("Gateway", namespace, name).is_some())
}

/// ServiceMonitors and PodMonitors find something that has the port they ask.
fn monitors<'a>(world: &World<'a, '_>, found: &mut Vec<Found<'a>>) {
    for monitor in world.of_kind("PodMonitor") {
        let Some(selector) = monitor.node.at(&["spec", "selector"]) else { continue };
        for namespace in namespaces(&monitor) {
            let pods = world.selected(namespace, selector);
            if pods.is_empty() && proxies(world, namespace, selector) {
                continue;
            }
            if pods.is_empty() {
                if namespace == monitor.namespace {
                    somebody(world, &monitor, selector, "watches", found);
                }
                continue;
            }
            for endpoint in monitor.node.get("spec").map_or(&[][..], |spec| spec.list("podMetricsEndpoints")) {
                let Some(port) = endpoint.get("port").or_else(|| endpoint.get("portNumber")) else { continue };
                if !pods.iter().any(|pods| pods.has_port(port)) {
                    found.push(monitor.fault(port, format!("no container of its pods has the port {}", shown(port))));
                }
            }
        }
    }
    for monitor in world.of_kind("ServiceMonitor") {
        let Some(selector) = monitor.node.at(&["spec", "selector"]) else { continue };
        for namespace in namespaces(&monitor) {
            let services = world.services(namespace, selector.get("matchLabels").map_or(&[][..], Node::entries));
            if services.is_empty() {
                found.push(
                    monitor.fault(selector, format!("watches no Service: none has the labels {}", words(selector))),
                );
                continue;
            }
            for endpoint in monitor.node.get("spec").map_or(&[][..], |spec| spec.list("endpoints")) {
                let Some(port) = endpoint.get("port") else { continue };
                let has = |service: &Object<'_, '_>| {
                    let ports = service.node.get("spec").map_or(&[][..], |spec| spec.list("ports"));
                    ports.iter().any(|p| p.text_at(&["name"]) == port.text())
                };
                if !services.iter().any(has) {
                    found.push(monitor.fault(port, format!("no Service that it watches has a port {}", shown(port))));
                }
            }
        }
    }
}

/// The namespaces that a monitor looks into.
fn namespaces<'n>(monitor: &Object<'_, 'n>) -> Vec<&'n str> {
    let selector = monitor.node.at(&["spec", "namespaceSelector"]);
    let names: Vec<&str> = selector.map_or(&[][..], |s| s.list("matchNames")).iter().filter_map(Node::text).collect();
    if names.is_empty() { vec![monitor.namespace] } else { names }
}

/// A port in words.
fn shown(port: &Node<'_>) -> String {
    match &port.value {
        Value::Int(number) => number.to_string(),
        _ => format!("`{}`", port.text().unwrap_or_default()),
    }
}
