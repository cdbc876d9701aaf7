//! Runbooks or the status page are served by the system whose outage they are for.
//!
//! # What it finds
//! The host of `monitoring.runbooks` or `operations.channels.status` is one that a service of this blueprint serves, or one
//! of its DNS records.
//!
//! # Why it matters
//! In the outage the page that tells what to do, or the one that tells users what happens, is down as well.
//!
//! # Example
//! ```yaml
//! services: {web: {exposure: public, route: {host: www.example.org}}}
//! monitoring: {runbooks: "https://www.example.org/runbooks"}
//! ```
//!
//! # Fix
//! A host that something else serves, at another provider; a copy of the repository on every machine of the team.
//!
//! # Source
//! facts.md R-RB-02.

use std::collections::BTreeMap;

use crate::blueprint::names::record_host;
use crate::document::Path;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "RB002",
    name: "runbook-lies-in-what-is-lost",
    group: Group::Runbooks,
    level: Level::Error,
    security: false,
    fields: &["monitoring.runbooks", "operations.channels.status", "services.*.route.host", "dns.records"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let runbooks = blueprint.spec.monitoring.as_ref().map(|monitoring| &monitoring.runbooks);
    let status = blueprint.spec.operations.channels.status.as_ref();
    let pages = [
        (runbooks, path!["monitoring", "runbooks"], "the runbooks are"),
        (status, path!["operations", "channels", "status"], "the status page is"),
    ];
    let mut own: Option<BTreeMap<String, Path>> = None;
    for (url, at, what) in pages {
        let Some(host) = url.and_then(|url| host(url.as_str())) else { continue };
        let own = own.get_or_insert_with(|| hosts(blueprint));
        let Some(by) = own.get(&host) else { continue };
        findings.push(
            RULE.finding(Place::Value(at), format!("{what} lost together with the system"))
                .label(format!("on `{host}`"))
                .also(Place::Key(by.clone()), "serves this host")
                .because("what is read in an outage must not be served by what is out (R-RB-02)")
                .fix("serve it from a host that does not depend on this system"),
        );
    }
}

/// The host of an address, in small letters.
fn host(url: &str) -> Option<String> {
    let rest = url.split_once("://")?.1;
    let host = rest.split(['/', '?', '#']).next()?.rsplit('@').next()?;
    Some(host.split(':').next()?.to_ascii_lowercase())
}

/// The hosts that this system serves.
fn hosts(blueprint: &Blueprint) -> BTreeMap<String, Path> {
    let mut hosts = BTreeMap::new();
    if let Some(dns) = &blueprint.spec.dns {
        for label in dns.records.keys() {
            hosts.insert(record_host(label, dns.zone.as_str()), path!["dns", "records", label]);
        }
    }
    for service in blueprint.services.iter().filter(|service| service.is_public()) {
        if let Some(host) = &service.host {
            hosts.entry(host.clone()).or_insert_with(|| path!["services", service.name, "route"]);
        }
    }
    hosts
}
