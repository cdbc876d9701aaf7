//! What is asked from outside by blackbox_exporter: the public hosts, by their name and at each region's own balancer.

use std::collections::BTreeMap;

use super::context::Context;
use crate::blueprint::names;
use crate::blueprint::raw::HealthProtocol;
use crate::render::address::host_port;

/// An address that is asked again and again.
#[derive(Debug, Clone)]
pub struct Probe {
    /// `public`: by name, as everybody does; `region`: at this region's balancer, whatever DNS says.
    pub kind: &'static str,
    /// The host that is asked for.
    pub host: String,
    /// The address that is connected to.
    pub url: String,
    /// Whether it is HTTPS.
    pub encrypted: bool,
}

/// The path and the protocol of a host.
struct Endpoint {
    path: String,
    encrypted: bool,
    port: Option<u16>,
}

/// Everything that this region's blackbox_exporter asks; nothing without one.
pub fn probes(context: &Context<'_>) -> Vec<Probe> {
    if context.monitoring.exporters.blackbox.is_none() {
        return Vec::new();
    }
    let mut probes = Vec::new();
    let serves = context.blueprint.services.iter().any(|s| s.is_public() && s.replicas(context.region).0 > 0);
    for (host, endpoint) in hosts(context) {
        let url = |host: &str| {
            let scheme = if endpoint.encrypted { "https" } else { "http" };
            let port = endpoint.port.map_or_else(String::new, |port| format!(":{port}"));
            format!("{scheme}://{host}{port}{}", endpoint.path)
        };
        probes.push(Probe { kind: "public", host: host.clone(), url: url(&host), encrypted: endpoint.encrypted });
        // A region whose services are kept at zero has nothing behind its balancer.
        if let Some(balancer) = context.region.spec.load_balancer.as_ref().filter(|_| serves) {
            let url = url(balancer.dns_name.as_str());
            probes.push(Probe { kind: "region", host: host.clone(), url, encrypted: endpoint.encrypted });
        }
    }
    probes
}

/// The public hosts: those of DNS records, then those of routes.
fn hosts(context: &Context<'_>) -> BTreeMap<String, Endpoint> {
    let mut hosts = BTreeMap::new();
    if let Some(dns) = &context.blueprint.spec.dns {
        for (label, record) in &dns.records {
            let zone = dns.zone.as_str();
            let host = if label == "@" { zone.to_owned() } else { format!("{label}.{zone}") };
            let health = &record.health;
            let encrypted = health.protocol == HealthProtocol::Https;
            hosts.insert(host, Endpoint { path: health.path.to_string(), encrypted, port: health.port });
        }
    }
    for service in context.blueprint.services.iter().filter(|s| s.is_public()) {
        let (Some(host), Some(route)) = (&service.host, &service.spec.route) else {
            continue;
        };
        let ready = service.spec.probes.readiness.as_ref().and_then(|probe| probe.http.as_ref());
        let path = ready.unwrap_or(&route.path).to_string();
        hosts.entry(host.clone()).or_insert(Endpoint { path, encrypted: true, port: None });
    }
    hosts
}

/// A port of a data store that shows its certificate to whoever connects.
#[derive(Debug, Clone)]
pub struct Encrypted {
    /// `postgres`, `etcd`, `pgbackrest` or `redis`.
    pub component: &'static str,
    /// The store.
    pub cluster: String,
    /// The member or node.
    pub host: String,
    /// Its address and port.
    pub address: String,
}

/// The ports of the data stores here that speak TLS from the first byte on. PostgreSQL's own port does not: Patroni's REST
/// API shows the same certificate. etcd and pgBackRest's server ask for a client's certificate only once they have shown their
/// own (TLS 1.3; probed, with success). Redis on Kubernetes lets nobody in but its clients.
pub fn encrypted(context: &Context<'_>) -> Vec<Encrypted> {
    let (b, region) = (context.blueprint, context.region);
    let mut all = Vec::new();
    for store in b.postgres.iter().filter(|p| p.is_rendered() && p.role(region).is_some()) {
        let mut add = |component, host: String, address| {
            all.push(Encrypted { component, cluster: store.name.clone(), host, address });
        };
        let tls = store.spec.tls.is_some();
        if store.on_kubernetes() {
            let own = |service: &str, pod: &str, port| {
                let domain = &b.spec.platform.kubernetes.domain;
                host_port(&format!("{pod}.{service}.{}.svc.{domain}", b.namespace), port)
            };
            let members = names::postgres_members(&store.name);
            for pod in store.pods(region) {
                if tls {
                    add("postgres", pod.clone(), own(&members, &pod, store.spec.ports.rest));
                }
                // It shows its certificate to jobs and members whatever the others do.
                if store.spec.backup.is_some() {
                    let address = own(&members, &pod, store.spec.ports.backup);
                    add("pgbackrest", pod, address);
                }
            }
            let etcd = names::postgres_etcd(&store.name);
            for pod in store.etcd_pods(region).filter(|_| tls) {
                let address = own(&etcd, &pod, store.spec.consensus.ports.client);
                add("etcd", pod, address);
            }
            continue;
        }
        for member in store.members(region).iter().filter(|_| tls) {
            add("postgres", member.name.clone(), host_port(&member.address, member.ports.rest));
            // It reads the certificate when it is told to, and nobody but a backup notices.
            if store.backs_up_from_standby(region) {
                add("pgbackrest", member.name.clone(), host_port(&member.address, member.ports.backup));
            }
        }
        for member in store.etcd(region).iter().filter(|_| tls) {
            add("etcd", member.name.clone(), host_port(&member.address, member.ports.client));
        }
    }
    for store in b.redis.iter().filter(|r| r.is_rendered() && !r.on_kubernetes() && r.in_region(region)) {
        if store.spec.tls.is_some() {
            all.extend(store.nodes(region).into_iter().filter_map(|node| {
                let address = host_port(node.address.as_deref()?, node.ports.redis);
                Some(Encrypted { component: "redis", cluster: store.name.clone(), host: node.name, address })
            }));
            all.extend(store.sentinels(region).into_iter().filter_map(|sentinel| {
                let address = host_port(sentinel.address.as_deref()?, sentinel.port);
                Some(Encrypted { component: "redis", cluster: store.name.clone(), host: sentinel.name, address })
            }));
        }
    }
    all
}
