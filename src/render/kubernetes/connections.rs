//! How a service reaches what it needs: connection settings, passwords by reference, and the way through the network.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::common::{self, Identity, Labels};
use crate::blueprint::placement::Sentinel;
use crate::blueprint::units::Duration;
use crate::blueprint::{Blueprint, Need, NeedTarget, Postgres, PostgresRole, Redis, Region, Service, names, raw};

/// Where the certificates of data stores are mounted: below this, one directory for each.
const CERTIFICATES: &str = "/etc/hagen/tls";
/// The role that services log in to Redis as.
const REDIS_USER: &str = "app";

/// Where something is, how to log in, and which network peers that is.
#[derive(Default)]
pub(super) struct Connection {
    /// What it is for.
    pub(super) reference: String,
    /// The part of a variable's name behind `NAME_`, and its value.
    settings: BTreeMap<&'static str, String>,
    /// The same for what comes from a Secret.
    secrets: BTreeMap<&'static str, raw::SecretRef>,
    /// The network peers; empty where there is nothing to reach.
    pub(super) peers: Vec<Value>,
    /// Their TCP ports.
    pub(super) ports: Vec<u16>,
    /// Whether it is another pod of the mesh.
    pub(super) in_mesh: bool,
    /// The Secret with the certificate authority of a data store.
    authority: Option<String>,
    /// What the blueprint does not know.
    pub(super) note: Option<String>,
}

impl Connection {
    fn set(&mut self, key: &'static str, value: impl ToString) {
        self.settings.insert(key, value.to_string());
    }

    fn at(&mut self, host: impl ToString, port: u16) {
        self.set("HOST", host);
        self.set("PORT", port);
    }

    fn unknown(&mut self, prefix: &str, why: String) {
        self.note = Some(format!("{prefix}_HOST is not set: {why}; give it in env"));
    }
}

/// All that a service is told about what it needs.
pub(super) struct Settings {
    /// The ConfigMap's content: connection settings, then the service's own variables, which win.
    pub(super) data: Labels,
    /// Certificate authorities to be mounted: volume name, Secret, directory.
    pub(super) authorities: Vec<(String, String, String)>,
    /// What the blueprint does not know.
    pub(super) notes: Vec<String>,
}

/// The connections of a service, in order of their reference.
pub(super) fn connections(blueprint: &Blueprint, region: &Region, service: &Service) -> Vec<(Need, Connection)> {
    let of = |need: Need| {
        let connection = connect(blueprint, region, &need);
        (need, connection)
    };
    common::needs(service).into_iter().map(of).collect()
}

/// Everything that a service is told. No two needs set the same variable (BP121).
pub(super) fn settings(blueprint: &Blueprint, region: &Region, service: &Service) -> Settings {
    let mut settings = Settings { data: Labels::new(), authorities: Vec::new(), notes: Vec::new() };
    for (need, connection) in connections(blueprint, region, service) {
        let prefix = names::env_prefix(&need.name);
        for (key, value) in connection
            .settings
            .iter()
            .map(|(k, v)| (*k, v.clone()))
            .chain(budget(&need, tries_elsewhere(blueprint, &need)))
        {
            settings.data.insert(format!("{prefix}_{key}"), value);
        }
        if let Some(secret) = connection.authority {
            let directory = format!("{CERTIFICATES}/{}", need.name);
            settings.data.insert(format!("{prefix}_CA_FILE"), format!("{directory}/ca.crt"));
            settings.authorities.push((format!("ca-{}", need.name), secret, directory));
        }
        settings.notes.extend(connection.note);
    }
    settings.data.extend(service.spec.env.iter().map(|(name, value)| (name.to_string(), value.0.clone())));
    settings
}

/// The environment variables of a service that come from Secrets; its own win.
pub(super) fn secrets(blueprint: &Blueprint, region: &Region, service: &Service) -> BTreeMap<String, raw::SecretRef> {
    let mut all = BTreeMap::new();
    for (need, connection) in connections(blueprint, region, service) {
        let prefix = names::env_prefix(&need.name);
        all.extend(connection.secrets.into_iter().map(|(key, secret)| (format!("{prefix}_{key}"), secret)));
    }
    all.extend(service.spec.secrets.iter().map(|(name, secret)| (name.to_string(), secret.clone())));
    all
}

/// Whether the mesh tries a need again: then the service's own client must not, or the retries multiply (R-RT-05).
fn tries_elsewhere(blueprint: &Blueprint, need: &Need) -> bool {
    need.target == NeedTarget::Service
        && blueprint.spec.edge.mesh.is_some()
        && blueprint.service(&need.name).is_some_and(Service::on_kubernetes)
}

/// Timeouts, retries, breaker and bulkhead of a need, for the service's own client: a mesh cannot retry opaque HTTPS,
/// and it knows neither PostgreSQL nor Redis. Where the mesh tries again the client is told of no tries.
fn budget(need: &Need, tries_elsewhere: bool) -> Vec<(&'static str, String)> {
    let millis = |duration: Duration| duration.millis().to_string();
    let spec = &need.spec;
    let all = [
        ("TIMEOUT_MS", spec.timeout.map(millis)),
        ("TRY_TIMEOUT_MS", spec.per_try.filter(|_| !tries_elsewhere).map(millis)),
        ("RETRIES", spec.retries.filter(|_| !tries_elsewhere).map(|n| n.to_string())),
        ("POOL_SIZE", spec.pool_size.map(|n| n.to_string())),
        ("BREAKER_FAILURES", spec.breaker.as_ref().map(|b| b.failures.to_string())),
        ("BREAKER_OPEN_MS", spec.breaker.as_ref().map(|b| millis(b.open))),
        ("BULKHEAD", spec.bulkhead.map(|n| n.to_string())),
        ("FALLBACK", spec.fallback.as_ref().map(|f| names::env_prefix(f.parts().1))),
    ];
    all.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

fn connect(blueprint: &Blueprint, region: &Region, need: &Need) -> Connection {
    let mut connection = Connection { reference: need.reference.clone(), ..Connection::default() };
    match need.target {
        NeedTarget::Service => to_service(blueprint, need, &mut connection),
        NeedTarget::External => to_external(blueprint, need, &mut connection),
        NeedTarget::Postgres => {
            if let Some(cluster) = blueprint.postgres(&need.name) {
                to_postgres(blueprint, region, (need, cluster), &mut connection);
            }
        }
        NeedTarget::Redis => {
            if let Some(cluster) = blueprint.redis(&need.name) {
                to_redis(blueprint, region, (need, cluster), &mut connection);
            }
        }
    }
    connection
}

fn to_service(blueprint: &Blueprint, need: &Need, connection: &mut Connection) {
    let Some(service) = blueprint.service(&need.name) else { return };
    if service.on_kubernetes() {
        connection.at(&service.name, service.spec.port);
        connection.peers = vec![common::pods(&common::selector(blueprint, Identity::service(&service.name)))];
        connection.ports = vec![service.spec.port];
        connection.in_mesh = true;
        return;
    }
    match &service.host {
        Some(host) => {
            connection.at(host, 443);
            connection.peers = common::internet();
            connection.ports = vec![443];
        }
        None => connection
            .unknown(&names::env_prefix(&need.name), format!("{} runs elsewhere and has no route", need.reference)),
    }
}

fn to_external(blueprint: &Blueprint, need: &Need, connection: &mut Connection) {
    let Some(external) = blueprint.spec.external.get(need.name.as_str()) else { return };
    let url = external.url.as_str();
    let (host, port) = host_and_port(url);
    connection.set("URL", url);
    connection.at(host, port);
    connection.secrets.extend(external.credential.clone().map(|secret| ("CREDENTIAL", secret)));
    // Decision 13: a NetworkPolicy knows no host names; an address is opened alone.
    connection.peers = common::address(host).map_or_else(common::internet, |peer| vec![peer]);
    connection.ports = vec![port];
}

/// The host and the port of an `http://` or `https://` address.
fn host_and_port(url: &str) -> (&str, u16) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    let default = if scheme == "http" { 80 } else { 443 };
    authority.rsplit_once(':').map_or((authority, default), |(host, port)| (host, port.parse().unwrap_or(default)))
}

fn to_postgres(blueprint: &Blueprint, region: &Region, (need, cluster): (&Need, &Postgres), to: &mut Connection) {
    let spec = &cluster.spec;
    to.set("USER", &cluster.user);
    to.set("DATABASE", &cluster.database);
    to.secrets.insert("PASSWORD", cluster.credentials.application.clone());
    if let Some(tls) = &spec.tls {
        // The authority is checked where its Secret is known; names are not: the address may be a pool's or a router's.
        to.set("SSLMODE", if tls.secret.is_some() { "verify-ca" } else { "require" });
        to.authority = tls.secret.as_ref().map(ToString::to_string);
    }
    let writer_is_elsewhere = !region.is_primary()
        && (need.spec.read != Some(raw::ReadFrom::Local)
            || !matches!(cluster.role(region), Some(PostgresRole::Standby | PostgresRole::Subscriber)));
    let pooled = common::through_pool(blueprint, need);
    // A standby region has a pool of its own, which leads to the writer: after a promotion it alone is repointed.
    let by_pool = pooled && cluster.has_pods(region);
    let reachable = cluster.endpoint(&cluster.primary_region).is_some();
    if (writer_is_elsewhere && !(by_pool && reachable)) || !cluster.is_rendered() {
        // Decision 6: the writable endpoint of the primary region.
        let wanted = if writer_is_elsewhere { &cluster.primary_region } else { &region.name };
        let port =
            if cluster.on_kubernetes() || !cluster.is_rendered() { spec.ports.postgres } else { spec.router.port };
        match cluster.endpoint(wanted) {
            Some(endpoint) => {
                to.peers = common::hosts([endpoint.as_str()]);
                to.at(endpoint, port);
            }
            None => {
                to.peers = common::anywhere();
                to.set("PORT", port);
                let why = format!("{}.crossRegion.endpoints names no address for {wanted}", need.reference);
                to.unknown(&names::env_prefix(&need.name), why);
            }
        }
        to.ports = vec![port];
        return;
    }
    if by_pool && !region.is_primary() && !writer_is_elsewhere {
        to.set("DATABASE", format!("{}_replica", cluster.database));
    }
    if cluster.on_kubernetes() {
        let object = cluster.object();
        if pooled {
            to.at(names::postgres_pool(&cluster.name), spec.pool.port);
            to.ports = vec![spec.pool.port];
        } else {
            to.at(&object, spec.ports.postgres);
            to.ports = vec![spec.ports.postgres];
        }
        // Behind the Service of the primary stands the router, where there is one, else the primary itself.
        let (component, name) = match (pooled, cluster.has_router()) {
            (true, _) => common::POOL,
            (false, true) => common::ROUTER,
            (false, false) => common::DATABASE,
        };
        let identity = Identity::store(component, name, &object);
        to.peers = vec![common::pods(&common::selector(blueprint, identity))];
    } else {
        let port = if pooled { spec.pool.port } else { spec.router.port };
        let addresses: Vec<String> = cluster.routers(region).into_iter().map(|router| router.address).collect();
        // libpq tries them in order; each leads to the primary.
        to.at(addresses.join(","), port);
        to.peers = common::hosts(addresses.iter().map(String::as_str));
        to.ports = vec![port];
    }
}

fn to_redis(blueprint: &Blueprint, region: &Region, (need, cluster): (&Need, &Redis), to: &mut Connection) {
    let spec = &cluster.spec;
    let sentinel = spec.topology == raw::Topology::Sentinel;
    to.set("MODE", if sentinel { "sentinel" } else { "cluster" });
    if spec.auth.enabled {
        to.set("USER", REDIS_USER);
        to.secrets.insert("PASSWORD", cluster.password.clone());
    }
    if let Some(tls) = &spec.tls {
        to.set("TLS", "true");
        to.authority = tls.secret.as_ref().map(ToString::to_string);
    }
    let prefix = names::env_prefix(&need.name);
    if !cluster.is_rendered() || !cluster.in_region(region) {
        let why = if cluster.is_rendered() {
            format!("{} has no cluster in {}", need.reference, region.name)
        } else {
            format!("the provider gives {} its address", need.reference)
        };
        to.set("PORT", spec.ports.redis);
        to.peers = common::anywhere();
        to.ports = vec![spec.ports.redis];
        to.unknown(&prefix, why);
        return;
    }
    if cluster.on_kubernetes() {
        let object = cluster.object();
        to.peers = vec![common::pods(&common::selector(
            blueprint,
            Identity::store(common::CACHE.0, common::CACHE.1, &object),
        ))];
        to.ports = vec![spec.ports.redis];
        if sentinel {
            to_sentinels(blueprint, region, cluster, to);
            return;
        }
        to.at(object, spec.ports.redis);
    } else {
        let nodes = cluster.nodes(region);
        let address = |node: &crate::blueprint::placement::Node| node.address.clone().unwrap_or_default();
        let addresses: Vec<String> = nodes.iter().map(address).collect();
        to.ports = nodes.iter().map(|node| node.ports.redis).collect();
        if sentinel {
            to_sentinels(blueprint, region, cluster, to);
            let watching = cluster.sentinels(region).into_iter().filter_map(|s| s.address);
            let hosts: std::collections::BTreeSet<String> = addresses.into_iter().chain(watching).collect();
            to.peers = common::hosts(hosts.iter().map(String::as_str));
            return;
        }
        let all: Vec<String> = nodes.iter().map(|node| format!("{}:{}", address(node), node.ports.redis)).collect();
        to.set("NODES", all.join(","));
        to.at(addresses.first().cloned().unwrap_or_default(), nodes.first().map_or(6379, |n| n.ports.redis));
        to.peers = common::hosts(addresses.iter().map(String::as_str));
    }
}

/// The addresses of all sentinels, and the name that they know the primary by. No HOST: which node is the primary only a
/// sentinel knows, and a client that is not told cannot write to an old one.
fn to_sentinels(blueprint: &Blueprint, region: &Region, store: &Redis, to: &mut Connection) {
    let watching = store.sentinels(region);
    let with_port = |s: &Sentinel| match &s.address {
        None => format!("{}:{}", store.pod_host(blueprint, &s.name), s.port),
        Some(v6) if v6.contains(':') => format!("[{v6}]:{}", s.port),
        Some(other) => format!("{other}:{}", s.port),
    };
    let all: Vec<String> = watching.iter().map(with_port).collect();
    to.set("SENTINELS", all.join(","));
    to.set("SENTINEL_MASTER", &store.name);
    to.ports.extend(watching.iter().map(|s| s.port));
    to.ports.sort_unstable();
    to.ports.dedup();
}

/// The volume and the mount of a certificate authority.
pub(super) fn authority_volume(name: &str, secret: &str, directory: &str) -> (Value, Value) {
    // Only the authority: the private key in that Secret is the store's.
    let items = json!([{"key": "ca.crt", "path": "ca.crt"}]);
    (
        json!({"name": name, "secret": {"secretName": secret, "items": items}}),
        json!({"name": name, "mountPath": directory, "readOnly": true}),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_of_an_address_is_its_own_or_its_scheme_s() {
        assert_eq!(host_and_port("https://api.example.com/v1"), ("api.example.com", 443));
        assert_eq!(host_and_port("http://api.example.com"), ("api.example.com", 80));
        assert_eq!(host_and_port("https://10.0.0.1:8443?x"), ("10.0.0.1", 8443));
    }
}
