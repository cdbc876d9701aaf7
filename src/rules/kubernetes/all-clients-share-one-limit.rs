//! A limit per client address counts all clients as one.
//!
//! # What it finds
//! `limit-rps`, `limit-rpm` or `limit-connections` of an Ingress of ingress-nginx, and nothing that gives the controller the
//! client's address. Its ConfigMap would: `use-forwarded-headers` (or `enable-real-ip`) behind a balancer of requests,
//! `use-proxy-protocol` behind one of connections; so would a Service of the controller with `externalTrafficPolicy: Local`, or a
//! controller on the network of its host. When nothing of the controller is among the files, its defaults are assumed, and that
//! it stands behind a balancer, as nearly all do: the finding says so.
//!
//! # Why it matters
//! The controller sees the address of the balancer or of the node that hands the packets on. All users together have the
//! requests and connections of one, and from there on get 503: the limit is an outage that waits for a busy hour.
//!
//! # Example
//! ```yaml
//! nginx.ingress.kubernetes.io/limit-rps: "100"   # of all users together
//! ```
//!
//! # Fix
//! In the ConfigMap of the controller `use-forwarded-headers: "true"` with `proxy-real-ip-cidr`, the range of the balancer; or
//! `use-proxy-protocol: "true"` on both sides.
//!
//! # Source
//! facts.md R-K8-33: ingress-nginx, annotations.md, "Rate limiting", and configmap.md.

use super::ingress_nginx::{configs, controllers, own, served};
use super::objects::{Object, at, of_kind, text_at};
use super::services::selector;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8033",
    name: "all-clients-share-one-limit",
    group: Group::Kubernetes,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

/// The annotations that count by the address of the client.
const LIMITS: [&str; 3] = ["limit-rps", "limit-rpm", "limit-connections"];
/// The settings of the controller that give it this address.
const SETTINGS: [&str; 3] = ["use-forwarded-headers", "use-proxy-protocol", "enable-real-ip"];

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    if configs(estate).any(knows_clients) || reached_directly(estate) {
        return;
    }
    let config = configs(estate).next();
    for ingress in of_kind(estate, "Ingress").filter(|ingress| served(estate, *ingress).is_some()) {
        for (name, entry) in own(ingress).filter(|(name, _)| LIMITS.contains(name)) {
            let value = entry.value.scalar().map_or("", |scalar| &*scalar.text);
            if value == "0" {
                continue;
            }
            let finding = RULE
                .finding(
                    Place::Span(entry.value.span),
                    format!("all clients of `{}` share one `{name}`", ingress.name().escape_debug()),
                )
                .label("counted by the address of the balancer")
                .fix("write `use-forwarded-headers: \"true\"` and `proxy-real-ip-cidr` into the ConfigMap of the controller, or `use-proxy-protocol: \"true\"` on both sides");
            findings.push(match config {
                Some(config) => finding
                    .also(config.place(), "neither use-forwarded-headers nor use-proxy-protocol")
                    .because("the controller takes the address that the connection comes from: that of the balancer or node before it (R-K8-33)"),
                None => finding.because(
                    "assumed, as the ConfigMap of the controller is not among the files: its defaults, behind a balancer; then the \
                     address is the balancer's (R-K8-33)",
                ),
            });
        }
    }
}

/// Whether a ConfigMap lets the controller know its clients.
fn knows_clients(config: Object<'_>) -> bool {
    SETTINGS.into_iter().any(|key| text_at(config.node, &["data", key]) == Some("true"))
}

/// Whether clients reach the controller without anything that takes their address away.
fn reached_directly(estate: &Estate) -> bool {
    let mut on_host = controllers(estate).filter_map(|(object, _)| object.template());
    let local = of_kind(estate, "Service").filter(|service| {
        text_at(service.node, &["spec", "externalTrafficPolicy"]) == Some("Local")
            && (service.name().contains("ingress-nginx")
                || selector(*service)
                    .is_some_and(|selector| text_at(selector, &["app.kubernetes.io/name"]) == Some("ingress-nginx")))
    });
    local.count() > 0
        || on_host.any(|template| {
            at(template, &["spec", "hostNetwork"]).and_then(|node| node.scalar()).is_some_and(|s| &*s.text == "true")
        })
}
