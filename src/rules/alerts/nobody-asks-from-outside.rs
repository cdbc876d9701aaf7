//! Nobody asks the public hosts from outside.
//!
//! # What it finds
//! `monitoring`, something public on Kubernetes or DNS records, and no blackbox_exporter (`monitoring.exporters.blackbox`):
//! no probe goes the way of a client. Without `monitoring` nothing is said.
//!
//! # Why it matters
//! Metrics of services tell of requests that arrive. When DNS, the certificate, the balancer or the Gateway is what fails,
//! none arrive, and the outage is learnt from users or from a provider's status page, which tells late.
//!
//! # Example
//! ```yaml
//! monitoring:
//!   exporters: {}
//! services: {api: {exposure: public}}
//! ```
//!
//! # Fix
//! `monitoring: {exporters: {blackbox: blackbox-exporter.monitoring:9115}}`: every public host is asked, by its name and at
//! each region's balancer.
//!
//! # Source
//! facts.md R-AL-15.

use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "AL015",
    name: "nobody-asks-from-outside",
    group: Group::Alerts,
    level: Level::Warning,
    security: false,
    fields: &["monitoring.exporters.blackbox", "services.*.exposure", "dns.records"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let Some(monitoring) = &blueprint.spec.monitoring else { return };
    if monitoring.exporters.blackbox.is_some() {
        return;
    }
    let record = blueprint.spec.dns.iter().flat_map(|dns| dns.records.keys()).next();
    let service = blueprint.services.iter().find(|service| service.on_kubernetes() && service.is_public());
    let place = match (record, service) {
        (Some(label), _) => Place::Key(path!["dns", "records", label]),
        (None, Some(service)) => Place::Value(path!["services", service.name, "exposure"]),
        (None, None) => return,
    };
    findings.push(
        RULE.finding(place, "nobody asks what is public from outside")
            .also(Place::Key(path!["monitoring", "exporters", "blackbox"]), "no blackbox_exporter is named")
            .because(
                "when DNS, a certificate or a balancer fails, no request arrives that a metric could count (R-AL-15)",
            )
            .fix("name `monitoring.exporters.blackbox: HOST:PORT`"),
    );
}
