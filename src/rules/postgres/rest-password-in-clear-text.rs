//! The password of Patroni's REST API crosses the network in clear text.
//!
//! # What it finds
//! A cluster on hosts without `tls`, with members at other addresses than loopback.
//!
//! It says nothing on Kubernetes, where NetworkPolicies let only the cluster's own pods in.
//!
//! # Why it matters
//! The REST API fails over, restarts and reinitialises members; hagen always gives it a password. Without TLS whoever can
//! listen between the hosts reads it, and with it every row that clients and standbys exchange.
//!
//! # Example
//! ```yaml
//! postgres:
//!   main:
//!     platform: hosts
//!     hosts: {pg-1: {address: 10.0.1.11, zone: a}, pg-2: {address: 10.0.2.11, zone: b}}
//! ```
//!
//! # Fix
//! `tls: {certificates: /etc/hagen/tls}`: REST, replication and clients then use the certificates in that directory.
//!
//! # Source
//! Patroni, docs/security.rst (facts.md R-PG-21).

use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "PG021",
    name: "rest-password-in-clear-text",
    group: Group::Postgres,
    level: Level::Warning,
    security: true,
    fields: &["postgres.*.tls", "postgres.*.platform", "postgres.*.hosts.*.address"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for cluster in blueprint.postgres.iter().filter(|cluster| cluster.is_rendered() && !cluster.on_kubernetes()) {
        let local = |address: &str| address.starts_with("127.") || address == "localhost" || address == "::1";
        let far = cluster.spec.hosts.iter().find(|(_, host)| !local(host.address.as_str()));
        let Some((name, host)) = far.filter(|_| cluster.spec.tls.is_none()) else { continue };
        let at = path!["postgres", cluster.name];
        findings.push(
            RULE.finding(
                Place::Value(at.key("platform")),
                format!("whoever listens between the hosts of `{}` can fail it over", cluster.name),
            )
            .also(Place::Value(at.key("hosts").key(name).key("address")), format!("{} is asked over the network", host.address))
            .because(
                "there is no `tls`: Patroni's password, and all data between clients, members and regions, cross the network \
                 in clear text",
            )
            .fix("write `tls: {certificates: /etc/hagen/tls}`, the directory with tls.crt, tls.key and ca.crt"),
        );
    }
}
