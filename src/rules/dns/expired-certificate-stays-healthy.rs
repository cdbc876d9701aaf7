//! Health checks of Route 53 do not see an expired certificate, and no alert does.
//!
//! # What it finds
//! A record that fails over by HTTPS checks, where no alert tells of a certificate that ends: `CertificateExpiresSoon` needs
//! `monitoring.exporters.blackbox`; `KeptCertificateExpiresSoon` needs `edge.tls.issuer`, and an ingress that uses its
//! certificate (not an ALB, whose certificate lies in ACM). One that is turned off does not count.
//!
//! # Why it matters
//! Route 53 does not validate certificates. With an expired one every client is refused while both regions count as healthy,
//! and nothing fails over.
//!
//! # Example
//! ```yaml
//! dns:
//!   records:
//!     api: {routing: failover, failover: automatic}   # HTTPS is the default
//! monitoring:
//!   runbooks: https://runbooks.example.org            # and no blackbox exporter
//! ```
//!
//! # Fix
//! `monitoring: {exporters: {blackbox: HOST:PORT}}`; `edge: {tls: {issuer: …}}` for certificates that cert-manager keeps.
//!
//! # Source
//! facts.md F-DN-02: Route 53 documentation, how health checks decide.

use crate::blueprint::dns::records;
use crate::blueprint::raw::{DnsFailover, HealthProtocol, Ingress};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "DN013",
    name: "expired-certificate-stays-healthy",
    group: Group::Dns,
    level: Level::Warning,
    security: false,
    fields: &[
        "dns.records.*.health.protocol",
        "monitoring.exporters.blackbox",
        "edge.tls.issuer",
        "monitoring.alerts.*.enabled",
    ],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    if is_told(blueprint) {
        return;
    }
    for record in records(&blueprint.spec, &blueprint.regions) {
        if record.failover == DnsFailover::None || record.spec.health.protocol != HealthProtocol::Https {
            continue;
        }
        let mut finding = RULE
            .finding(
                Place::Key(path!["dns", "records", record.label]),
                format!("nothing tells when the certificate of `{}` ends", record.host),
            )
            .label("its HTTPS checks do not look at the certificate");
        if blueprint.spec.monitoring.is_some() {
            finding = finding
                .also(Place::Key(path!["monitoring", "exporters"]), "no alert about this certificate comes from here");
        }
        findings.push(
            finding
                .rests_on(path!["monitoring"])
                .because("Route 53 does not validate certificates: an expired one refuses every client, and every region counts as healthy (F-DN-02)")
                .fix("write `monitoring.exporters.blackbox`, which brings the alert `CertificateExpiresSoon`"),
        );
    }
}

/// Whether an alert tells of a public certificate that ends.
fn is_told(blueprint: &Blueprint) -> bool {
    let Some(monitoring) = &blueprint.spec.monitoring else { return false };
    let on = |alert: &str| monitoring.alerts.get(alert).is_none_or(|written| written.enabled != Some(false));
    let edge = &blueprint.spec.edge;
    let kept = edge.tls.issuer.is_some() && matches!(edge.ingress, Ingress::GatewayApi | Ingress::Nginx);
    (monitoring.exporters.blackbox.is_some() && on("CertificateExpiresSoon"))
        || (kept && on("KeptCertificateExpiresSoon"))
}
