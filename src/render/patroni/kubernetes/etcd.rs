//! The etcd of a cluster: one member a zone, each with its volume.

use serde::Serialize;
use serde_json::Value;

use super::site::{self, ETCD_METRICS, Part, Site, TLS, field, mount, read};
use crate::blueprint::units::Bytes;
use crate::blueprint::{names, raw};
use crate::render::Jobs;
use crate::render::kubernetes::common;

/// The most that etcd keeps. Patroni needs a few kilobytes.
const QUOTA: u64 = 1 << 30;
const DATA: &str = "/var/lib/etcd";

#[derive(Serialize)]
struct Context {
    etcd: String,
    replicas: usize,
    image: String,
    client_port: u16,
    peer_port: u16,
    metrics_port: u16,
    command: Vec<String>,
    env: Vec<Value>,
    mounts: Vec<Value>,
    volumes: Vec<Value>,
    spread: Value,
    claim: Value,
    policy: Value,
    monitor: Option<Value>,
}

/// The file of etcd; none where the Kubernetes API is asked.
pub(super) fn job(site: &Site<'_>, jobs: &mut Jobs<'_>) {
    let consensus = &site.cluster.spec.consensus;
    let (true, Some(image)) = (site.has_etcd(), &consensus.image) else { return };
    let etcd = names::postgres_etcd(&site.cluster.name);
    let ports = consensus.ports;
    let default = raw::Storage { size: Bytes::new(4 << 30), class: None };
    let mut mounts = vec![mount("data", DATA)];
    let mut volumes = Vec::new();
    if let Some(secret) = site.tls_secret() {
        mounts.push(read("tls", TLS));
        volumes.push(site::secret_volume("tls", &secret));
    }
    let policy = site.policy(
        &etcd,
        Part::Consensus,
        vec![
            common::allow_from(vec![site.peer(Part::Database)], [ports.client]),
            // What asks for the certificate: it has none to go further with. Without TLS it would be let in.
            site.cluster.spec.tls.as_ref().and_then(|_| common::allow_from(site.probers(), [ports.client])),
            common::allow_from(vec![site.peer(Part::Consensus)], [ports.client, ports.peer]),
            common::allow_from(site.scrapers(), [ETCD_METRICS]),
        ],
        vec![common::allow_to(vec![site.peer(Part::Consensus)], [ports.client, ports.peer])],
    );
    let context = Context {
        replicas: site.cluster.etcd_count(site.region),
        image: image.to_string(),
        client_port: ports.client,
        peer_port: ports.peer,
        metrics_port: ETCD_METRICS,
        command: command(site, &etcd),
        env: vec![field("POD_NAME", "metadata.name")],
        mounts,
        volumes,
        spread: site.bound_spread(Part::Consensus),
        claim: site::claim(consensus.storage.as_ref().unwrap_or(&default)),
        policy,
        monitor: site.monitor(&etcd, Part::Consensus, &[("metrics", false)]),
        etcd,
    };
    site.push(jobs, Part::Consensus, "patroni/kubernetes/etcd.yaml.tera", context);
}

/// How etcdctl shows its certificate, where there is encryption.
pub(super) fn etcd_flags(site: &Site<'_>) -> Vec<String> {
    let file = |(flag, name)| format!("--{flag}={TLS}/{name}");
    let files = [("cacert", "ca.crt"), ("cert", "tls.crt"), ("key", "tls.key")];
    site.cluster.spec.tls.iter().flat_map(|_| files.map(file)).collect()
}

fn command(site: &Site<'_>, etcd: &str) -> Vec<String> {
    let (scheme, ports) = (site.scheme(), site.cluster.spec.consensus.ports);
    let own = site.host("$(POD_NAME)", etcd);
    let members = site.etcd();
    let initial: Vec<String> =
        members.iter().map(|(pod, host)| format!("{pod}={scheme}://{host}:{}", ports.peer)).collect();
    let mut command = vec![
        "etcd".to_owned(),
        "--name=$(POD_NAME)".to_owned(),
        format!("--data-dir={DATA}/data"),
        format!("--listen-client-urls={scheme}://0.0.0.0:{}", ports.client),
        format!("--advertise-client-urls={scheme}://{own}:{}", ports.client),
        format!("--listen-peer-urls={scheme}://0.0.0.0:{}", ports.peer),
        format!("--initial-advertise-peer-urls={scheme}://{own}:{}", ports.peer),
        format!("--listen-metrics-urls=http://0.0.0.0:{ETCD_METRICS}"),
        format!("--initial-cluster={}", initial.join(",")),
        format!("--initial-cluster-token={}-{}-{}", site.blueprint.name, site.region.name, etcd),
        format!("--quota-backend-bytes={QUOTA}"),
        "--auto-compaction-mode=periodic".to_owned(),
        "--auto-compaction-retention=1h".to_owned(),
        "--strict-reconfig-check=true".to_owned(),
    ];
    if site.cluster.spec.tls.is_some() {
        let files = |prefix: &str| {
            [
                format!("--{prefix}cert-file={TLS}/tls.crt"),
                format!("--{prefix}key-file={TLS}/tls.key"),
                format!("--{prefix}trusted-ca-file={TLS}/ca.crt"),
                format!("--{prefix}client-cert-auth=true"),
            ]
        };
        command.extend(files(""));
        command.extend(files("peer-"));
    }
    command
}
