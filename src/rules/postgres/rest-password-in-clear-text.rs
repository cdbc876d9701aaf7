//! The password of Patroni's REST API crosses the network in clear text.
//!
//! # What it finds
//! A cluster on hosts without `tls`, with members at other addresses than loopback.
//!
//! It says nothing on Kubernetes, where NetworkPolicies let only the cluster's own pods in.
//!
//! In patroni.yml: a `restapi` that listens beyond loopback without `authentication`, which lets everybody in; or with
//! it and without `certfile`. Members whose consensus store is Kubernetes may be in clear text, as above. A client's
//! certificate that is demanded (`verify_client: required`) is as good as a password.
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

use super::configured::{at, text_at};
use crate::document::Node;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "PG021",
    name: "rest-password-in-clear-text",
    group: Group::Postgres,
    level: Level::Warning,
    security: true,
    fields: &["postgres.*.tls", "postgres.*.platform", "postgres.*.hosts.*.address"],
    check: Check::Both(check, files),
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

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for tree in estate.of(Kind::Patroni) {
        let Some(listen) = at(tree, &["restapi", "listen"]).filter(|node| is_far(node)) else { continue };
        let has = |name: &str| at(tree, &["restapi", name]).is_some();
        let demands = text_at(tree, &["restapi", "verify_client"]).is_some_and(|verify| verify != "none");
        let finding = if !has("authentication") && !demands {
            RULE.finding(Place::Span(listen.span), "whoever reaches Patroni can fail the cluster over")
                .label("no `authentication`")
                .because("its REST API restarts, reinitialises and fails over members, and asks nobody who they are (R-PG-21)")
                .fix("write `restapi.authentication`, with the password in Patroni's environment, and `certfile` and `keyfile`")
        } else if !has("certfile") && tree.get("kubernetes").is_none() {
            RULE.finding(Place::Span(listen.span), "the password of Patroni crosses the network in clear text")
                .label("no `certfile`")
                .because("whoever listens between the hosts reads it, and can fail the cluster over (R-PG-21)")
                .fix("write `certfile`, `keyfile` and `cafile` below `restapi`")
        } else {
            continue;
        };
        findings.push(finding);
    }
}

/// Whether others reach an address: `0.0.0.0:8008`.
fn is_far(listen: &Node) -> bool {
    let text = listen.scalar().map_or("", |scalar| scalar.text.trim());
    let host = text.rsplit_once(':').map_or(text, |(host, _)| host).trim_matches(['[', ']']);
    !host.is_empty() && host != "localhost" && host != "::1" && !host.starts_with("127.")
}
