//! Which pods need to reach which others, as far as files say so: what a monitor scrapes, what an environment names.

use std::collections::{BTreeMap, BTreeSet};

use super::objects::{Object, at, list_at, of_kind, text_at, texts};
use super::selector::ByLabel;
use super::services::{Cluster, Picked, Pods, Selector, is_later, port, ports, selector, target};
use crate::document::Node;
use crate::estate::Estate;

/// A port of pods that a monitor has scraped.
pub struct Scrape<'c, 'a> {
    /// The ServiceMonitor or PodMonitor.
    pub monitor: Object<'a>,
    /// The endpoint in it.
    pub at: &'a Node,
    /// The pods.
    pub pods: &'c Pods<'a>,
    /// The number of the port.
    pub number: i64,
}

/// What monitors scrape, where both the pods and the port are known.
pub fn scrapes<'c, 'a>(estate: &'a Estate, cluster: &'c Cluster<'a>) -> Vec<Scrape<'c, 'a>> {
    let mut scrapes = Vec::new();
    let services: Vec<(Object<'a>, BTreeMap<&str, &str>)> =
        of_kind(estate, "Service").map(|service| (service, texts(at(service.node, &["metadata", "labels"])))).collect();
    let mut labelled = ByLabel::default();
    services.iter().enumerate().for_each(|(number, (_, labels))| labelled.add(number, labels));
    for monitor in of_kind(estate, "ServiceMonitor") {
        let namespaces = namespaces(monitor);
        let Some(wanted) = at(monitor.node, &["spec", "selector"]).map(Selector::Labels) else { continue };
        let numbers = labelled.fitting(wanted).unwrap_or_else(|| (0..services.len()).collect());
        let asked = numbers.into_iter().filter_map(|number| services.get(number)).filter(|(service, labels)| {
            namespaces.as_ref().is_none_or(|known| known.contains(service.namespace())) && wanted.fits(labels)
        });
        for (service, _) in asked {
            let service = *service;
            for pods in picked(cluster, service) {
                scrapes.extend(list_at(monitor.node, &["spec", "endpoints"]).filter_map(|endpoint| {
                    let of_service = || target(port(service, text_at(endpoint, &["port"])?)?);
                    let text = text_at(endpoint, &["targetPort"]).or_else(of_service)?;
                    Some(Scrape { monitor, at: endpoint, pods, number: pods.port(text)? })
                }));
            }
        }
    }
    for monitor in of_kind(estate, "PodMonitor") {
        let namespaces = namespaces(monitor);
        let Some(wanted) = at(monitor.node, &["spec", "selector"]).map(Selector::Labels) else { continue };
        let asked = cluster.namespaces().filter(|name| namespaces.as_ref().is_none_or(|known| known.contains(name)));
        for pods in asked.flat_map(|namespace| cluster.fitting(namespace, wanted)) {
            scrapes.extend(list_at(monitor.node, &["spec", "podMetricsEndpoints"]).filter_map(|endpoint| {
                let text =
                    ["portNumber", "port", "targetPort"].into_iter().find_map(|key| text_at(endpoint, &[key]))?;
                Some(Scrape { monitor, at: endpoint, pods, number: pods.port(text)? })
            }));
        }
    }
    scrapes
}

/// The namespaces that a monitor looks at; none are all.
fn namespaces(monitor: Object<'_>) -> Option<BTreeSet<&str>> {
    let chosen = ["spec", "namespaceSelector"];
    if at(monitor.node, &chosen).is_some_and(|node| text_at(node, &["any"]) == Some("true")) {
        return None;
    }
    let names = list_at(monitor.node, &["spec", "namespaceSelector", "matchNames"]);
    let names: BTreeSet<&str> = names.filter_map(|name| Some(&*name.scalar()?.text)).collect();
    Some(if names.is_empty() { BTreeSet::from([monitor.namespace()]) } else { names })
}

/// The pods that a Service leads to.
fn picked<'c, 'a>(cluster: &'c Cluster<'a>, service: Object<'_>) -> Vec<&'c Pods<'a>> {
    match selector(service).map(|node| cluster.pick(service.namespace(), Selector::Map(node))) {
        Some(Picked::Pods(pods)) => pods,
        _ => Vec::new(),
    }
}

/// A Service that pods are told to call.
pub struct Call<'c, 'a> {
    /// Who calls.
    pub caller: &'c Pods<'a>,
    /// The value that says so.
    pub at: &'a Node,
    /// The Service.
    pub service: Object<'a>,
    /// The pods behind it, each with the number of the port there.
    pub callees: Vec<(&'c Pods<'a>, i64)>,
}

/// The calls that the environment of containers names: an address with a scheme or a port, or a name below `svc`.
pub fn calls<'c, 'a>(estate: &'a Estate, cluster: &'c Cluster<'a>) -> Vec<Call<'c, 'a>> {
    let (mut calls, mut seen) = (Vec::new(), BTreeSet::new());
    let variables = Variables::of(estate);
    let mut services: BTreeMap<(&str, &str), Object<'a>> = BTreeMap::new();
    for service in of_kind(estate, "Service") {
        services.entry((service.namespace(), service.name())).or_insert(service);
    }
    for caller in cluster.all() {
        for (name, node) in variables.environment(caller) {
            let Some(scalar) = node.scalar() else { continue };
            for address in addresses(name, &scalar.text) {
                let Some(call) = call(&services, cluster, caller, node, &address) else { continue };
                let own = caller.object.node.span;
                if seen.insert((own.file, own.start, address.host.to_owned(), address.port)) {
                    calls.push(call);
                }
            }
        }
    }
    calls
}

fn call<'c, 'a>(
    services: &BTreeMap<(&str, &str), Object<'a>>,
    cluster: &'c Cluster<'a>,
    caller: &'c Pods<'a>,
    at: &'a Node,
    address: &Address<'_>,
) -> Option<Call<'c, 'a>> {
    let labels: Vec<&str> = address.host.split('.').collect();
    let (name, namespace) = match labels[..] {
        [name] => (name, caller.object.namespace()),
        [name, namespace] | [name, namespace, "svc"] | [name, namespace, "svc", "cluster", "local"] => {
            (name, namespace)
        }
        _ => return None,
    };
    let service = *services.get(&(namespace, name))?;
    let number = match (address.port, ports(service).count()) {
        (Some(number), _) => port(service, &number.to_string())?,
        (None, 1) => ports(service).next()?,
        _ => return None,
    };
    let text = target(number)?;
    let pods = picked(cluster, service);
    let is_caller = |pods: &&Pods<'_>| std::ptr::eq(pods.object.node, caller.object.node);
    if pods.iter().any(is_caller) {
        return None;
    }
    let callees: Vec<_> = pods.into_iter().filter_map(|pods| Some((pods, pods.port(text)?))).collect();
    (!callees.is_empty()).then_some(Call { caller, at, service, callees })
}

/// The ConfigMaps among the files, by namespace and name.
pub struct Variables<'a>(BTreeMap<(&'a str, &'a str), &'a Node>);

impl<'a> Variables<'a> {
    /// Those of these files.
    pub fn of(estate: &'a Estate) -> Self {
        let data = |config: Object<'a>| Some(((config.namespace(), config.name()), at(config.node, &["data"])?));
        Self(of_kind(estate, "ConfigMap").filter_map(data).collect())
    }

    /// The variables of the containers of pods, by name: those that are written there, and those of ConfigMaps.
    pub fn environment(&self, pods: &Pods<'a>) -> Vec<(&'a str, &'a Node)> {
        let own = pods.object.namespace();
        let data = |name: &'a str| self.0.get(&(own, name)).copied();
        let mut variables = Vec::new();
        for container in pods.containers() {
            for variable in list_at(container, &["env"]) {
                let name = text_at(variable, &["name"]).unwrap_or_default();
                let reference = at(variable, &["valueFrom", "configMapKeyRef"]);
                let referred = reference.and_then(|r| data(text_at(r, &["name"])?)?.get(text_at(r, &["key"])?));
                variables.extend(variable.get("value").or(referred).map(|value| (name, value)));
            }
            for source in list_at(container, &["envFrom"]) {
                let found = text_at(source, &["configMapRef", "name"]).and_then(data);
                let entries = found.and_then(Node::map).unwrap_or_default();
                variables.extend(entries.iter().map(|entry| (&*entry.key, &entry.value)));
            }
        }
        variables
    }
}

/// A host that a text names, and the port.
pub struct Address<'a> {
    /// The host.
    pub host: &'a str,
    /// The port: the one that is written, or that of the scheme.
    pub port: Option<i64>,
}

/// The addresses in the value of a variable.
pub fn addresses<'a>(variable: &str, text: &'a str) -> Vec<Address<'a>> {
    let is_host = variable.to_ascii_uppercase().ends_with("HOST");
    let parts = text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '"' | '\''));
    parts.filter_map(|part| address(part, is_host)).collect()
}

fn address(part: &str, is_host: bool) -> Option<Address<'_>> {
    let (scheme, rest) = part.split_once("://").map_or(("", part), |(scheme, rest)| (scheme, rest));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let (host, written) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    let known = match scheme.rsplit([':', '+']).next().unwrap_or_default() {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        "postgres" | "postgresql" => Some(5432),
        "redis" | "rediss" => Some(6379),
        "amqp" => Some(5672),
        "mongodb" => Some(27017),
        _ => None,
    };
    let port: Option<i64> = match written {
        Some(text) => Some(text.parse().ok()?),
        None => known,
    };
    let is_name = host.starts_with(|c: char| c.is_ascii_alphabetic())
        && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'))
        && host != "localhost";
    let meant = !scheme.is_empty() || written.is_some() || host.contains(".svc") || is_host;
    (is_name && meant && !is_later(part)).then_some(Address { host, port })
}

#[cfg(test)]
mod tests {
    use super::addresses;

    fn all(variable: &str, text: &str) -> Vec<(String, Option<i64>)> {
        addresses(variable, text).into_iter().map(|address| (address.host.to_owned(), address.port)).collect()
    }

    #[test]
    fn an_address_is_a_name_with_a_scheme_or_a_port() {
        assert_eq!(all("URL", "http://orders/v1"), [("orders".to_owned(), Some(80))]);
        assert_eq!(all("DSN", "postgresql://app:x@db.shop.svc:5433/o"), [("db.shop.svc".to_owned(), Some(5433))]);
        assert_eq!(all("NODES", "a:1,b:2").len(), 2);
        assert_eq!(all("REDIS_HOST", "cache"), [("cache".to_owned(), None)]);
        for plain in
            ["orders", "10.0.0.1:80", "http://127.0.0.1:80", "localhost:80", "http://${HOST}", "a:b", "", "://", "@:"]
        {
            assert!(all("NAME", plain).is_empty(), "{plain}");
        }
    }
}
