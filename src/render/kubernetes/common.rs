//! What every Kubernetes object has in common: labels, selectors, confinement, tolerations, spreads, network peers.
//!
//! The services' renderer and those of the data stores build on it, so that what selects and what is selected agree.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Map, Value, json};

use crate::blueprint::units::Duration;
use crate::blueprint::{Blueprint, Need, NeedTarget, Postgres, Region, Service, names, raw};

/// The label that says which region an object is for.
pub(crate) const REGION: &str = "hagen.dev/region";
/// The label that the API server gives every namespace.
pub(crate) const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";
/// What hagen calls itself in `managed-by`.
pub(crate) const MANAGER: &str = "hagen";
/// The ranges that are not the Internet: private, shared, link-local, loopback.
pub(crate) const PRIVATE_IPV4: [&str; 6] =
    ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8"];
/// The IPv6 ranges that are not the Internet: unique local, link-local, loopback.
pub(crate) const PRIVATE_IPV6: [&str; 3] = ["fc00::/7", "fe80::/10", "::1/128"];

/// Component and name of the pods of a PostgreSQL member.
pub(crate) const DATABASE: (&str, &str) = ("database", "postgres");
/// Component and name of the pods of a PostgreSQL cluster's router.
pub(crate) const ROUTER: (&str, &str) = ("router", "haproxy");
/// Component and name of the pods of a PostgreSQL cluster's pool.
pub(crate) const POOL: (&str, &str) = ("pool", "pgbouncer");
/// Component and name of the pods of a Redis node.
pub(crate) const CACHE: (&str, &str) = ("cache", "redis");

/// Labels, in the order of their keys.
pub(crate) type Labels = BTreeMap<String, String>;

/// What an object is: a service `{component: service, name: api}`, a store `{component: database, name: postgres, instance: postgres-main}`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity<'a> {
    /// The part that it plays: `service`, `database`, `pool`, `consensus`, `cache`, `job`.
    pub(crate) component: &'a str,
    /// What runs there: the service's name, `postgres`, `pgbouncer`, `etcd`, `redis`.
    pub(crate) name: &'a str,
    /// Which one of them, where there can be several.
    pub(crate) instance: Option<&'a str>,
}

impl<'a> Identity<'a> {
    /// A service.
    pub(crate) const fn service(name: &'a str) -> Self {
        Self { component: "service", name, instance: None }
    }

    /// A part of a data store.
    pub(crate) const fn store(component: &'a str, name: &'a str, instance: &'a str) -> Self {
        Self { component, name, instance: Some(instance) }
    }
}

/// The labels of an object: those of the blueprint, then what it is, which wins.
pub(crate) fn labels(blueprint: &Blueprint, region: &Region, what: Identity<'_>) -> Labels {
    let mut labels = base_labels(blueprint, region);
    labels.extend(selector(blueprint, what));
    labels
}

/// The labels of an object that belongs to the whole system, such as its namespace.
pub(crate) fn base_labels(blueprint: &Blueprint, region: &Region) -> Labels {
    let own = blueprint.spec.metadata.labels.iter();
    let mut labels: Labels = own.map(|(key, value)| (key.to_string(), value.to_string())).collect();
    labels.insert(names::PART_OF.to_owned(), blueprint.name.clone());
    labels.insert(names::MANAGED_BY.to_owned(), MANAGER.to_owned());
    labels.insert(REGION.to_owned(), region.name.clone());
    labels
}

/// What selects the pods of an object. Selectors are immutable: only what never changes stands here.
pub(crate) fn selector(blueprint: &Blueprint, what: Identity<'_>) -> Labels {
    let mut labels = Labels::from([
        (names::PART_OF.to_owned(), blueprint.name.clone()),
        (names::NAME.to_owned(), what.name.to_owned()),
        (names::COMPONENT.to_owned(), what.component.to_owned()),
    ]);
    labels.extend(what.instance.map(|instance| (names::INSTANCE.to_owned(), instance.to_owned())));
    labels
}

/// The labels of ServiceMonitor, PodMonitor and PrometheusRule objects: Prometheus picks them up by those of the platform.
pub(crate) fn monitor_labels(blueprint: &Blueprint, labels: &Labels) -> Labels {
    let mut all: Labels =
        blueprint.spec.platform.monitoring.labels.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    all.extend(labels.clone());
    all
}

/// Whether ServiceMonitor and PodMonitor objects are wanted.
pub(crate) fn has_operator(blueprint: &Blueprint) -> bool {
    blueprint.spec.monitoring.as_ref().is_some_and(|m| m.prometheus.flavour == raw::Flavour::Operator)
}

/// `kubectl`, pointed at the cluster of a region where the blueprint names it; for people to type.
pub(crate) fn kubectl(region: &Region) -> String {
    let context = region.spec.kube_context.as_deref();
    let context = context.map(|name| format!(" --context {}", shell(name))).unwrap_or_default();
    format!("kubectl{context}")
}

/// The same inside the namespace of the blueprint.
pub(crate) fn kubectl_inside(blueprint: &Blueprint, region: &Region) -> String {
    format!("{} --namespace {}", kubectl(region), blueprint.namespace)
}

/// A word of a shell command, in quotes where it needs them.
fn shell(text: &str) -> String {
    let mut quoted = Vec::new();
    match crate::render::quote::shell(text, &mut quoted) {
        Ok(()) => String::from_utf8_lossy(&quoted).into_owned(),
        Err(_) => String::new(),
    }
}

/// `imagePullSecrets` of a pod; empty when there are none.
pub(crate) fn pull_secrets(blueprint: &Blueprint) -> Vec<Value> {
    blueprint.spec.platform.image_pull_secrets.iter().map(|name| json!({ "name": name.as_str() })).collect()
}

/// `securityContext` of a pod under pod security `restricted`; its volumes belong to the group.
pub(crate) fn pod_security(user: u32) -> Value {
    json!({
        "runAsNonRoot": true,
        "runAsUser": user,
        "runAsGroup": user,
        "fsGroup": user,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    })
}

/// `securityContext` of a container under pod security `restricted`.
pub(crate) fn container_security() -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": true,
    })
}

/// `tolerations` that let go of a node that does not answer after so long (R-K8-22).
pub(crate) fn tolerations(after: Duration) -> Value {
    let of =
        |key: &str| json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": after.secs()});
    json!([of("node.kubernetes.io/not-ready"), of("node.kubernetes.io/unreachable")])
}

/// `topologySpreadConstraints` of pods that may move: over the zones and over the nodes. A lost zone lets go (R-K8-36),
/// a new revision is spread by itself, so that a surge fits, and no `minDomains` waits for a zone that is gone (R-K8-26).
pub(crate) fn spread(zone: raw::SpreadMode, node: raw::SpreadMode, selector: &Labels, revisions: bool) -> Vec<Value> {
    let constraint = |key: &str, mode: raw::SpreadMode| {
        let unsatisfiable = match mode {
            raw::SpreadMode::Hard => "DoNotSchedule",
            raw::SpreadMode::Soft => "ScheduleAnyway",
            raw::SpreadMode::None => return None,
        };
        let mut constraint = json!({
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": unsatisfiable,
            "nodeTaintsPolicy": "Honor",
            "labelSelector": {"matchLabels": selector},
        });
        if revisions {
            constraint["matchLabelKeys"] = json!(["pod-template-hash"]);
        }
        Some(constraint)
    };
    [constraint(names::ZONE, zone), constraint(names::HOSTNAME, node)].into_iter().flatten().collect()
}

/// A network peer: the pods of this namespace with these labels.
pub(crate) fn pods(labels: &Labels) -> Value {
    json!({"podSelector": {"matchLabels": labels}})
}

/// A network peer: everything in another namespace.
pub(crate) fn namespace(name: &str) -> Value {
    json!({"namespaceSelector": {"matchLabels": {(NAMESPACE_NAME): name}}})
}

/// A network peer: what scrapes metrics.
pub(crate) fn monitoring(blueprint: &Blueprint) -> Value {
    namespace(blueprint.spec.platform.monitoring.namespace.as_str())
}

/// A network peer: one address. A host name is not known to a NetworkPolicy: `None`.
pub(crate) fn address(host: &str) -> Option<Value> {
    let ip: IpAddr = host.parse().ok()?;
    let bits = if ip.is_ipv4() { 32 } else { 128 };
    Some(json!({"ipBlock": {"cidr": format!("{ip}/{bits}")}}))
}

/// Network peers: every address, for what has no other limit than its port.
pub(crate) fn anywhere() -> Vec<Value> {
    vec![json!({"ipBlock": {"cidr": "0.0.0.0/0"}}), json!({"ipBlock": {"cidr": "::/0"}})]
}

/// Network peers: one's own networks, from which other regions and load balancers come, and no pod of a public range.
pub(crate) fn private() -> Vec<Value> {
    let ranges = PRIVATE_IPV4[..4].iter().chain(&PRIVATE_IPV6[..1]);
    ranges.map(|cidr| json!({"ipBlock": {"cidr": cidr}})).collect()
}

/// The ways out that backups need: to the object stores, and to the node's metadata server where GCS and Azure take a workload
/// identity from it (988 is GKE's own port for it). S3 takes its identity from a token file. A store of one's own may have a
/// private address.
pub(crate) fn to_stores<'a>(destinations: impl Iterator<Item = &'a raw::Destination>) -> Vec<Value> {
    let (mut own, mut asks) = (false, false);
    for destination in destinations {
        let kind = destination.kind;
        own |= destination.endpoint.is_some();
        asks |= destination.access_key.is_none()
            && matches!(kind, raw::DestinationKind::Gcs | raw::DestinationKind::AzureBlob);
    }
    let stores = allow_to(if own { anywhere() } else { internet() }, [443]);
    let identity = asks.then(|| allow_to(metadata(), [80, 988])).flatten();
    stores.into_iter().chain(identity).collect()
}

/// Network peers: where a node tells a pod who it is to the provider (metadata servers of AWS, GCP and Azure).
fn metadata() -> Vec<Value> {
    vec![json!({"ipBlock": {"cidr": "169.254.0.0/16"}})]
}

/// Network peers: the Internet, without private ranges: those may be stores and other systems.
pub(crate) fn internet() -> Vec<Value> {
    vec![
        json!({"ipBlock": {"cidr": "0.0.0.0/0", "except": PRIVATE_IPV4}}),
        json!({"ipBlock": {"cidr": "::/0", "except": PRIVATE_IPV6}}),
    ]
}

/// Network peers of hosts: each address where it is one; every address as soon as one of them is a name.
pub(crate) fn hosts<'a>(hosts: impl IntoIterator<Item = &'a str>) -> Vec<Value> {
    let mut peers = Vec::new();
    for host in hosts {
        match address(host) {
            Some(peer) if !peers.contains(&peer) => peers.push(peer),
            Some(_) => {}
            None => return anywhere(),
        }
    }
    peers
}

/// TCP ports of a NetworkPolicy rule, each once.
pub(crate) fn tcp(ports: impl IntoIterator<Item = u16>) -> Vec<Value> {
    let ports: std::collections::BTreeSet<u16> = ports.into_iter().collect();
    ports.into_iter().map(|port| json!({"protocol": "TCP", "port": port})).collect()
}

/// An `ingress` rule: these peers may reach these TCP ports. Without peers or ports there is no rule: an empty list
/// would mean everybody.
pub(crate) fn allow_from(peers: Vec<Value>, ports: impl IntoIterator<Item = u16>) -> Option<Value> {
    let ports = tcp(ports);
    (!peers.is_empty() && !ports.is_empty()).then(|| json!({"from": peers, "ports": ports}))
}

/// An `egress` rule: these peers may be reached on these TCP ports. Without peers or ports there is no rule.
pub(crate) fn allow_to(peers: Vec<Value>, ports: impl IntoIterator<Item = u16>) -> Option<Value> {
    let ports = tcp(ports);
    (!peers.is_empty() && !ports.is_empty()).then(|| json!({"to": peers, "ports": ports}))
}

/// The Pushgateway, if there is one: a Service in the namespace that its name says, else an address that is not known.
pub(crate) fn to_pushgateway(blueprint: &Blueprint) -> Option<Value> {
    let address = blueprint.spec.monitoring.as_ref()?.exporters.pushgateway.as_deref()?;
    let (host, port) = address.rsplit_once(':')?;
    let peers = match host.split('.').collect::<Vec<_>>().as_slice() {
        [_, name] | [_, name, "svc", ..] => vec![namespace(name)],
        [_] => vec![json!({"podSelector": {}})],
        _ => hosts([host]),
    };
    allow_to(peers, port.parse())
}

/// A NetworkPolicy for these pods. Both directions are closed but for what is listed; DNS is open for the whole namespace.
pub(crate) fn network_policy(
    metadata: Map<String, Value>,
    select: &Labels,
    ingress: &[Value],
    egress: &[Value],
) -> Value {
    let mut policy = json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata,
        "spec": {"podSelector": {"matchLabels": select}, "policyTypes": ["Ingress", "Egress"]},
    });
    // The type alone forbids. An empty list says the same, but the API server drops it: each apply would be a change.
    for (key, rules) in [("ingress", ingress), ("egress", egress)] {
        if !rules.is_empty() {
            policy["spec"][key] = json!(rules);
        }
    }
    policy
}

/// Whether cert-manager is there: an issuer is named.
pub(crate) fn has_cert_manager(blueprint: &Blueprint) -> bool {
    blueprint.spec.edge.tls.issuer.is_some()
}

/// What a service calls: its needs, and the fallbacks of these that it does not need otherwise.
pub(crate) fn needs(service: &Service) -> Vec<Need> {
    let mut needs = service.needs.clone();
    for need in &service.needs {
        let Some(fallback) = &need.spec.fallback else { continue };
        if needs.iter().any(|known| known.reference == fallback.as_str()) {
            continue;
        }
        let (section, name) = fallback.parts();
        let target = NeedTarget::of_section(section);
        let spec = raw::Need::default();
        needs.push(Need { reference: fallback.to_string(), target, name: name.to_owned(), spec });
    }
    needs
}

/// The services on Kubernetes that call something, with the need that says how: `callers(blueprint, "redis.sessions")`.
pub(crate) fn callers<'a>(blueprint: &'a Blueprint, reference: &str) -> Vec<(&'a Service, Need)> {
    let of = |service: &'a Service| {
        let need = needs(service).into_iter().find(|need| need.reference == reference)?;
        Some((service, need))
    };
    let callers = blueprint.callers.get(reference).into_iter().flatten();
    callers.filter_map(|at| blueprint.services.get(*at)).filter_map(of).collect()
}

/// Whether the objective of a service rests on what the mesh counts (`istio_requests_total`): it has one, and no counter of
/// its own. What nobody reads is not scraped.
pub(crate) fn counted_by_mesh(blueprint: &Blueprint, service: &Service) -> bool {
    let edge = &blueprint.spec.edge;
    let called = || !callers(blueprint, &format!("services.{}", service.name)).is_empty();
    service.on_kubernetes()
        && service.targets.availability.is_some()
        && service.spec.metrics.requests.is_none()
        && edge.mesh.is_some()
        && edge.counts(service.spec.exposure, called()).is_ok()
}

/// Whether a need for PostgreSQL goes through the pool: as written, else through it where there is one.
pub(crate) fn through_pool(blueprint: &Blueprint, need: &Need) -> bool {
    let pooled = blueprint.postgres(&need.name).is_some_and(Postgres::has_pool);
    pooled && need.spec.via != Some(raw::Via::Direct)
}

/// The network peers of the services that call something.
pub(crate) fn caller_peers(blueprint: &Blueprint, reference: &str) -> Vec<Value> {
    let callers = callers(blueprint, reference).into_iter();
    callers.map(|(service, _)| pods(&selector(blueprint, Identity::service(&service.name)))).collect()
}

/// The network peers of the services that reach a PostgreSQL cluster through its pool, or past it.
pub(crate) fn postgres_peers(blueprint: &Blueprint, cluster: &str, pooled: bool) -> Vec<Value> {
    let callers = callers(blueprint, &format!("postgres.{cluster}")).into_iter();
    let callers = callers.filter(|(_, need)| through_pool(blueprint, need) == pooled);
    callers.map(|(service, _)| pods(&selector(blueprint, Identity::service(&service.name)))).collect()
}
