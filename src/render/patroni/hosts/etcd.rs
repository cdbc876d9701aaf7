//! etcd.yml: the consensus store of a region, for Patroni alone.

use serde::Serialize;

use super::Output;
use super::site::Host;
use crate::blueprint::EtcdMember;
use crate::render::ArtifactKind;
use crate::render::address::host_port;

#[derive(Serialize)]
struct Context {
    name: String,
    data: String,
    peer_url: String,
    client_url: String,
    initial_cluster: String,
    token: String,
    certificates: Option<String>,
}

/// The files of an etcd member.
pub fn files(out: &mut Output<'_, '_, '_>, host: &Host, member: &EtcdMember) {
    let site = out.site;
    let certificates = site.certificates();
    let scheme = if certificates.is_some() { "https" } else { "http" };
    let url = |address: &str, port: u16| format!("{scheme}://{}", host_port(address, port));
    let peers = site.etcd.iter().map(|m| format!("{}={}", m.name, url(&m.address, m.ports.peer)));
    let context = Context {
        name: member.name.clone(),
        data: member.data.clone(),
        peer_url: url(&member.address, member.ports.peer),
        client_url: url(&member.address, member.ports.client),
        initial_cluster: peers.collect::<Vec<_>>().join(","),
        token: format!("hagen-{}-{}-{}", site.blueprint.name, site.cluster.name, site.region.name),
        certificates,
    };
    out.host(host, "etcd.yml", ArtifactKind::Etcd, "patroni/hosts/etcd.yml.tera", &context);
}
