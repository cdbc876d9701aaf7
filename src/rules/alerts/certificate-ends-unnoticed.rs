//! A certificate may end without anybody having been told.
//!
//! # What it finds
//! With `monitoring` and neither cert-manager (`edge.tls.issuer`), whose metrics tell of all that it keeps, nor
//! blackbox_exporter (`monitoring.exporters.blackbox`), which looks at what is shown: public hosts on Kubernetes behind a
//! Gateway or nginx, and data stores with `tls`. On hosts cert-manager keeps nothing, so that blackbox_exporter is needed;
//! Redis on Kubernetes lets nobody look, so that cert-manager is. An ALB has its certificates from AWS, which renews them.
//! And an override that turns one of the alerts off. In files: an Ingress with `tls`, or a Certificate of cert-manager, and among
//! the files are alerting rules, none of which looks at when a certificate ends.
//!
//! # Why it matters
//! Health checks do not validate certificates, so a region with one that has ended stays in DNS. Between members of a data
//! store it ends replication, and no failover helps, for all of them have the same.
//!
//! # Example
//! ```yaml
//! postgres: {main: {platform: hosts, tls: {certificates: /etc/tls}}}
//! monitoring: {exporters: {}}   # no blackbox
//! ```
//!
//! # Fix
//! `monitoring: {exporters: {blackbox: HOST:PORT}}`; on Kubernetes also `edge: {tls: {issuer: NAME}}`.
//!
//! # Source
//! facts.md F-DN-02: Route 53, how it determines whether an endpoint is healthy.

use super::written::says_nothing_of;
use crate::blueprint::raw::Ingress;
use crate::document::Path;
use crate::rules::kubernetes::objects::{at, list_at, of_kind};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "AL011",
    name: "certificate-ends-unnoticed",
    group: Group::Alerts,
    level: Level::Warning,
    security: true,
    fields: &[
        "monitoring.exporters.blackbox",
        "edge.tls.issuer",
        "edge.ingress",
        "postgres.*.tls",
        "redis.*.tls",
        "monitoring.alerts.*.enabled",
    ],
    check: Check::Both(check, files),
};

const ALERTS: [&str; 3] = ["CertificateExpiresSoon", "KeptCertificateExpiresSoon", "StoreCertificateExpiresSoon"];

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let Some(monitoring) = &blueprint.spec.monitoring else { return };
    for (name, own) in monitoring.alerts.iter().filter(|(name, _)| ALERTS.contains(&name.as_str())) {
        if own.enabled == Some(false) {
            let at = path!["monitoring", "alerts", name, "enabled"];
            findings.push(finding(at, "nobody is told before certificates end").fix("leave `enabled` out"));
        }
    }
    let (looks, keeps) = (monitoring.exporters.blackbox.is_some(), blueprint.spec.edge.tls.issuer.is_some());
    let edge = matches!(blueprint.spec.edge.ingress, Ingress::GatewayApi | Ingress::Nginx);
    let public = blueprint.services.iter().find(|service| service.on_kubernetes() && service.is_public());
    if let Some(service) = public.filter(|_| edge && !looks && !keeps) {
        let title = "nobody is told before the certificate of the public hosts ends".to_owned();
        findings.push(missing(path!["services", service.name, "exposure"], title, "blackbox"));
    }
    for cluster in blueprint.postgres.iter().filter(|cluster| cluster.is_rendered() && cluster.spec.tls.is_some()) {
        let seen = looks || (keeps && cluster.on_kubernetes());
        if !seen {
            let title = format!("nobody is told before the certificates of PostgreSQL `{}` end", cluster.name);
            findings.push(missing(path!["postgres", cluster.name, "tls"], title, "blackbox"));
        }
    }
    for redis in blueprint.redis.iter().filter(|redis| redis.is_rendered() && redis.spec.tls.is_some()) {
        let seen = if redis.on_kubernetes() { keeps } else { looks };
        if !seen {
            let title = format!("nobody is told before the certificates of Redis `{}` end", redis.name);
            let by = if redis.on_kubernetes() { "issuer" } else { "blackbox" };
            findings.push(missing(path!["redis", redis.name, "tls"], title, by));
        }
    }
}

fn finding(at: Path, title: impl Into<String>) -> Diagnostic {
    RULE.finding(Place::Value(at), title)
        .because("health checks do not validate certificates: the first to notice are clients and standbys (F-DN-02)")
}

fn missing(at: Path, title: String, by: &str) -> Diagnostic {
    let finding = finding(at, title);
    if by == "issuer" {
        let place = Place::Key(path!["edge", "tls", "issuer"]);
        finding.also(place, "no cert-manager").fix("have cert-manager keep it: `edge: {tls: {issuer: NAME}}`")
    } else {
        let place = Place::Key(path!["monitoring", "exporters", "blackbox"]);
        finding
            .also(place, "no blackbox_exporter is named")
            .fix("name `monitoring.exporters.blackbox: HOST:PORT`, with its module tls_connect for data stores")
    }
}

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let words =
        ["cert_expiry", "certificate_expiration", "cert_not_after", "x509_cert", "ssl_cert", "certificate_not_after"];
    if !says_nothing_of(estate, &words) {
        return;
    }
    let ingress = of_kind(estate, "Ingress").find_map(|ingress| {
        list_at(ingress.node, &["spec", "tls"]).next()?;
        at(ingress.node, &["spec"])?.entry("tls").map(|entry| Place::Span(entry.key_span))
    });
    let kept = of_kind(estate, "Certificate").next().map(|certificate| certificate.place());
    let Some(place) = ingress.or(kept) else { return };
    findings.push(
        RULE.finding(place, "nobody is told before a certificate ends")
            .label("clients are refused when it has ended")
            .because("no alerting rule among these files looks at the end of a certificate, and health checks do not validate them (F-DN-02, R-AL-11)")
            .fix("add an alert on `probe_ssl_earliest_cert_expiry - time() < 21 * 86400`, or on `certmanager_certificate_expiration_timestamp_seconds`"),
    );
}
