//! The NetworkPolicy of a service: in from whoever needs it, out to what it needs, nothing else.

use serde::Serialize;
use serde_json::Value;

use super::common;
use super::{connections, edge, mesh};
use crate::blueprint::{Blueprint, Region, Service};

/// The port that pods of an ambient mesh speak to each other on.
pub(super) const HBONE: u16 = 15008;

/// One rule with its reason.
#[derive(Serialize)]
pub(super) struct Rule {
    pub(super) why: String,
    pub(super) peers: Vec<Value>,
    pub(super) ports: Vec<Value>,
}

impl Rule {
    /// A rule; none without peers or ports, since an empty list would mean everybody.
    pub(super) fn new(why: impl Into<String>, peers: Vec<Value>, ports: impl IntoIterator<Item = u16>) -> Option<Self> {
        let ports = common::tcp(ports);
        (!peers.is_empty() && !ports.is_empty()).then(|| Self { why: why.into(), peers, ports })
    }
}

/// Both directions of a service.
#[derive(Serialize)]
pub(super) struct Policy {
    ingress: Vec<Rule>,
    egress: Vec<Rule>,
}

/// The NetworkPolicy of a service in a region.
pub(super) fn policy(blueprint: &Blueprint, region: &Region, service: &Service) -> Policy {
    Policy { ingress: ingress(blueprint, service), egress: egress(blueprint, region, service) }
}

/// The ports of a pod of the mesh as they are on the wire: in ambient mode everything comes through one tunnel.
pub(super) fn wire(blueprint: &Blueprint, port: u16) -> Vec<u16> {
    if mesh::is_ambient(blueprint) { vec![port, HBONE] } else { vec![port] }
}

fn ingress(blueprint: &Blueprint, service: &Service) -> Vec<Rule> {
    let reference = format!("services.{}", service.name);
    let callers = common::callers(blueprint, &reference);
    let names: Vec<&str> = callers.iter().map(|(caller, _)| caller.name.as_str()).collect();
    let ports = wire(blueprint, service.spec.port);
    let mut rules = vec![Rule::new(
        format!("needs of {}", names.join(", ")),
        common::caller_peers(blueprint, &reference),
        ports.clone(),
    )];
    if mesh::has_waypoint(blueprint) && !callers.is_empty() {
        rules.push(Rule::new("the waypoint, which calls on their behalf", vec![mesh::waypoint_peer()], ports.clone()));
    }
    if service.is_public() {
        let (why, peers) = edge::peers(blueprint);
        rules.push(Rule::new(why, peers, ports));
    }
    let mut metrics = wire(blueprint, service.metrics_port());
    if mesh::has_sidecars(blueprint) {
        metrics.extend(mesh::METRICS);
    }
    rules.push(Rule::new("metrics", vec![common::monitoring(blueprint)], metrics));
    rules.into_iter().flatten().collect()
}

fn egress(blueprint: &Blueprint, region: &Region, service: &Service) -> Vec<Rule> {
    let mut rules = Vec::new();
    let mut meshed = false;
    for (_, connection) in connections::connections(blueprint, region, service) {
        let mut ports = connection.ports;
        if connection.in_mesh && mesh::is_ambient(blueprint) {
            ports.push(HBONE);
            meshed = true;
        }
        let everywhere = connection.peers == common::anywhere();
        let why = if everywhere {
            format!(
                "{}: its address is a name, which no NetworkPolicy knows; only the port limits",
                connection.reference
            )
        } else {
            connection.reference
        };
        rules.push(Rule::new(why, connection.peers, ports));
    }
    if meshed {
        rules.push(Rule::new("the waypoint, which applies timeouts and retries", vec![mesh::waypoint_peer()], [HBONE]));
    }
    rules.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_without_peers_would_open_everything_and_is_none() {
        assert!(Rule::new("x", Vec::new(), [80]).is_none());
        assert!(Rule::new("x", common::anywhere(), []).is_none());
        assert!(Rule::new("x", common::anywhere(), [80]).is_some());
    }
}
