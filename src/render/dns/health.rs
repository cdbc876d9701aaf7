//! Health checks, and the references by which `apply.sh` finds them again.
//!
//! AWS gives a health check its id, so no id can be rendered. What hagen knows is the CallerReference: `hagen-`, eight
//! digits for the blueprint and its environment, and forty of a hash of the check's content. Another content is another
//! check; the old one stays until people delete it, so that an older output can be applied again. Where an id belongs,
//! the files carry `@REFERENCE@`, which no id looks like, and the script fills it in.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::blueprint::dns::Record;
use crate::blueprint::raw::{DnsFailover, HealthProtocol};
use crate::blueprint::{Blueprint, Region, names};
use crate::document::Path;
use crate::path;

/// A health check.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// Its file and its `Name` tag.
    pub name: String,
    /// Its CallerReference.
    pub reference: String,
    /// What the `hagen:blueprint` tag says.
    pub owner: String,
    /// What is asked, for a check that asks.
    pub endpoint: Option<Endpoint>,
    /// The references of the checks that must all be healthy, for one that only adds up; else none.
    pub children: Vec<String>,
    /// So many of them: all.
    pub threshold: usize,
    /// The children in one column of the plan; `None` when there are none, as the AWS CLI prints what is absent.
    pub column: String,
    /// What it tells, for the page.
    pub purpose: String,
    /// Where it comes from.
    #[serde(skip)]
    pub origins: Vec<Path>,
}

/// What a health check asks.
#[derive(Debug, Clone, Serialize)]
pub struct Endpoint {
    /// `HTTPS` or `HTTP`.
    pub protocol: &'static str,
    /// The host, also in the `Host` header: no IP address is given.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The path.
    pub path: String,
    /// Seconds between two questions of one checker.
    pub interval: u64,
    /// So many failures in a row count.
    pub failures: u32,
    /// Whether the answer counts the other way round.
    pub inverted: bool,
    /// Whether TLS names the host, with HTTPS.
    pub sni: bool,
}

/// All health checks of a blueprint.
#[derive(Debug)]
pub struct Checks {
    prefix: String,
    all: Vec<Check>,
}

impl Checks {
    /// All of them: those that ask first, then those that add up.
    pub fn all(&self) -> &[Check] {
        &self.all
    }

    /// What the references of this blueprint begin with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Where the id of a check belongs.
    fn token(&self, name: &str) -> Option<String> {
        self.all.iter().find(|check| check.name == name).map(|check| token(&check.reference))
    }

    /// The check that asks a region whether it serves a record's host.
    pub fn region(&self, record: &Record, region: &Region) -> Option<String> {
        self.token(&names::health_check(&record.host, &region.name))
    }

    /// The check of a record's gate.
    pub fn gate(&self, record: &Record) -> Option<String> {
        self.token(&names::gate_check(&record.host))
    }

    /// The check that wants the gate open and the region alive.
    pub fn gated(&self, record: &Record, region: &Region) -> Option<String> {
        self.token(&names::gated_check(&record.host, &region.name))
    }
}

/// Where the id of a check belongs, until the script knows it.
fn token(reference: &str) -> String {
    format!("@{reference}@")
}

/// The health checks of all records. A record that never fails over has none: an id on it would decide nothing.
pub fn checks(blueprint: &Blueprint, records: &[Record]) -> Checks {
    let owner = blueprint
        .environment
        .as_ref()
        .map_or_else(|| blueprint.name.clone(), |environment| format!("{}/{environment}", blueprint.name));
    let prefix = format!("hagen-{}-", &hash(&owner)[..8]);
    let mut checks = Checks { prefix, all: Vec::new() };
    for record in records.iter().filter(|record| record.failover != DnsFailover::None) {
        for region in record.regions(&blueprint.regions) {
            let name = names::health_check(&record.host, &region.name);
            let purpose = format!("{} serves {}", region.name, record.host);
            let endpoint = ask(record, names::regional_host(&record.host, &region.name));
            checks.push(&owner, record, name, Kind::Ask(endpoint), purpose);
        }
    }
    for record in records.iter().filter(|record| record.failover == DnsFailover::Gated) {
        if let Some(endpoint) = gate(record) {
            let purpose = format!("healthy once the gate of {} is open", record.host);
            checks.push(&owner, record, names::gate_check(&record.host), Kind::Ask(endpoint), purpose);
        }
    }
    for record in records.iter().filter(|record| record.failover == DnsFailover::Gated) {
        for region in behind_the_gate(record) {
            let name = names::gated_check(&record.host, &region.name);
            let of = [checks.gate(record), checks.region(record, region)];
            let children = of.into_iter().flatten().collect();
            let purpose = format!("the gate of {} is open and {} serves", record.host, region.name);
            checks.push(&owner, record, name, Kind::Add(children), purpose);
        }
    }
    checks
}

/// The regions that stand alone behind the gated step of an answer. Behind a longer chain stands the bare gate: the
/// regions in it have their own checks.
fn behind_the_gate<'a>(record: &Record<'a>) -> Vec<&'a Region> {
    let mut found: Vec<&Region> = Vec::new();
    for order in record.answers.iter().map(|answer| &answer.order) {
        for at in 0..order.len().saturating_sub(1) {
            let alone = at + 2 == order.len();
            if alone && record.is_gated(order, at) && !found.iter().any(|r| r.name == order[at + 1].name) {
                found.push(order[at + 1]);
            }
        }
    }
    found
}

enum Kind {
    Ask(Endpoint),
    Add(Vec<String>),
}

impl Checks {
    fn push(&mut self, owner: &str, record: &Record, name: String, kind: Kind, purpose: String) {
        let (endpoint, children) = match kind {
            Kind::Ask(endpoint) => (Some(endpoint), Vec::new()),
            Kind::Add(children) => (None, children),
        };
        // The name is part of what is hashed, so that two records never share a check and its tags.
        let content = format!("{name}\n{endpoint:?}\n{children:?}");
        let reference = format!("{}{}", self.prefix, &hash(&content)[..40]);
        let column = if children.is_empty() { "None".to_owned() } else { children.join(",") };
        let origins = vec![path!["dns", "records", record.label]];
        let (owner, threshold) = (owner.to_owned(), children.len());
        self.all.push(Check { name, reference, owner, endpoint, children, threshold, column, purpose, origins });
    }
}

fn ask(record: &Record, host: String) -> Endpoint {
    let health = &record.spec.health;
    let (protocol, port, sni) = match health.protocol {
        HealthProtocol::Https => ("HTTPS", 443, true),
        HealthProtocol::Http => ("HTTP", 80, false),
    };
    Endpoint {
        protocol,
        host,
        port: health.port.unwrap_or(port),
        path: health.path.to_string(),
        interval: health.interval.secs(),
        failures: health.failures,
        inverted: false,
        sni,
    }
}

/// The gate is asked as often as the regions; it counts the other way round: while the object is there, nobody passes.
fn gate(record: &Record) -> Option<Endpoint> {
    let gate = record.spec.gate.as_ref()?;
    let health = &record.spec.health;
    Some(Endpoint {
        protocol: "HTTPS",
        host: gate.host.to_string(),
        port: 443,
        path: gate.path.to_string(),
        interval: health.interval.secs(),
        failures: health.failures,
        inverted: true,
        sni: true,
    })
}

fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_and_its_token_fit_and_follow_the_content() {
        let mut checks = Checks { prefix: format!("hagen-{}-", &hash("t")[..8]), all: Vec::new() };
        let spec: crate::blueprint::raw::Record =
            serde_yaml::from_str("{gate: {host: g.example.com, path: /g}}").unwrap();
        let record = Record {
            label: "api",
            host: "api.example.com".to_owned(),
            spec: &spec,
            failover: DnsFailover::Gated,
            answers: Vec::new(),
            dual_stack: false,
        };
        for host in ["a", "a", "b"] {
            checks.push("t", &record, "n".to_owned(), Kind::Ask(ask(&record, host.to_owned())), String::new());
        }
        let references: Vec<&str> = checks.all.iter().map(|check| check.reference.as_str()).collect();
        assert_eq!(references[0], references[1]);
        assert_ne!(references[0], references[2]);
        // 64 characters for a reference, which the script may extend by `-99`, and for what stands in place of an id.
        assert!(references.iter().all(|r| r.len() + 3 <= 64 && token(r).len() <= 64));
        assert!(gate(&record).is_some_and(|gate| gate.inverted));
    }
}
