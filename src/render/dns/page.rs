//! The page for people: what there is, how to apply it and go back, how long a failover takes, who is answered what.

use serde::Serialize;

use super::health::{Check, Checks};
use super::records::Batch;
use crate::blueprint::dns::{self, Answered, Location, Record};
use crate::blueprint::raw::{Continent, DnsFailover, Ingress, LoadBalancerKind, Provider, Routing};
use crate::blueprint::units::Duration;
use crate::blueprint::{Blueprint, Region, names};

/// What a health check over HTTP waits for: 4 s to connect, then 2 s for the answer (F-DN-02).
const CHECK_TIMEOUT: u64 = 6;
/// What an answer of a load balancer lives (F-DN-08).
const TTL: u64 = 60;

/// How long a load balancer takes to see that its targets are gone, in seconds (X-LB-1), and where that comes from.
fn target(blueprint: &Blueprint) -> (u64, u64, &'static str) {
    let edge = &blueprint.spec.edge;
    let aws = blueprint.regions.iter().all(|region| region.spec.provider == Provider::Aws);
    // What hagen tells the balancers of the Gateway and of the ALB controller: interval 10 s, 2 failures, timeout 5 s.
    let told = edge.ingress == Ingress::Alb || (edge.ingress == Ingress::GatewayApi && edge.gateway.is_istio());
    if aws && told {
        return (10, 25, "X-LB-1 with the health check that the balancer is given: i = 10, u = 2, timeout = 5");
    }
    // F-LB-01: a target group's own defaults, interval 30 s and 2 failures; HTTP waits for 6 s, TCP for 10 s.
    let network = |region: &Region| {
        region.spec.load_balancer.as_ref().is_some_and(|balancer| balancer.kind == LoadBalancerKind::Network)
    };
    let high = if blueprint.regions.iter().any(network) { 70 } else { 66 };
    (30, high, "X-LB-1 with the defaults of a target group")
}

const CONTINENTS: [(Continent, &str); 7] = [
    (Continent::Af, "Africa"),
    (Continent::An, "Antarctica"),
    (Continent::As, "Asia"),
    (Continent::Eu, "Europe"),
    (Continent::Na, "North America"),
    (Continent::Oc, "Oceania"),
    (Continent::Sa, "South America"),
];

/// What the page shows.
#[derive(Serialize)]
pub struct Page<'a> {
    system: &'a str,
    zone: &'a str,
    zone_id: &'a str,
    prefix: &'a str,
    batches: Vec<BatchLine<'a>>,
    checks: Vec<CheckLine<'a>>,
    hosts: Vec<Host<'a>>,
    any_failover: bool,
    target_low: u64,
    target_high: u64,
    target_source: &'static str,
    ttl: u64,
}

#[derive(Serialize)]
struct BatchLine<'a> {
    name: &'a str,
    comment: &'a str,
    count: usize,
}

#[derive(Serialize)]
struct CheckLine<'a> {
    name: &'a str,
    purpose: &'a str,
    asks: String,
}

#[derive(Serialize)]
struct Host<'a> {
    host: &'a str,
    how: &'static str,
    ipv6: bool,
    fails_over: bool,
    timing: Timing,
    gate: Option<Gate>,
    regional: Vec<String>,
    columns: Vec<String>,
    rows: Vec<Row>,
}

/// How long Route 53 and its clients take, in seconds (X-DN-1, X-DN-2).
#[derive(Debug, Serialize, PartialEq, Eq)]
struct Timing {
    interval: u64,
    failures: u64,
    timeout: u64,
    low: u64,
    high: u64,
    clients: u64,
}

#[derive(Serialize)]
struct Gate {
    url: String,
    /// How long people take to decide, where the blueprint says so.
    decision: Option<String>,
    /// That, and what DNS takes then; alone what DNS takes where the blueprint says nothing.
    total: String,
}

#[derive(Debug, Serialize)]
struct Row {
    place: String,
    cells: Vec<String>,
}

/// The page of all records.
pub fn page<'a>(
    blueprint: &'a Blueprint,
    records: &'a [Record<'a>],
    checks: &'a Checks,
    batches: &'a [Batch],
) -> Page<'a> {
    let dns = blueprint.spec.dns.as_ref();
    let hosts: Vec<Host> = records.iter().map(|record| host(blueprint, record)).collect();
    let (target_low, target_high, target_source) = target(blueprint);
    Page {
        system: &blueprint.name,
        zone: dns.map_or("", |dns| dns.zone.as_str()),
        zone_id: dns.map_or("", |dns| dns.hosted_zone_id.as_str()),
        prefix: checks.prefix(),
        batches: batches
            .iter()
            .map(|b| BatchLine { name: &b.name, comment: &b.comment, count: b.records.len() })
            .collect(),
        checks: checks.all().iter().map(check_line).collect(),
        any_failover: hosts.iter().any(|host| host.fails_over),
        hosts,
        target_low,
        target_high,
        target_source,
        ttl: TTL,
    }
}

fn check_line(check: &Check) -> CheckLine<'_> {
    let asks = check.endpoint.as_ref().map_or_else(
        || format!("nothing itself: healthy while all {} below it are", check.children.len()),
        |e| {
            let scheme = e.protocol.to_lowercase();
            let counts = if e.inverted { ", counted the other way round" } else { "" };
            let times = format!("every {} s, {} failures in a row count{counts}", e.interval, e.failures);
            format!("{scheme}://{}:{}{} {times}", e.host, e.port, e.path)
        },
    );
    CheckLine { name: &check.name, purpose: &check.purpose, asks }
}

fn host<'a>(blueprint: &'a Blueprint, record: &'a Record<'a>) -> Host<'a> {
    let timing = timing(record);
    let decision = blueprint.spec.operations.decision.region_failover;
    let gate = record.spec.gate.as_ref().filter(|_| record.failover == DnsFailover::Gated).map(|gate| Gate {
        url: format!("https://{}{}", gate.host, gate.path),
        decision: decision.map(|time| time.to_string()),
        total: Duration::from_secs(decision.map_or(0, Duration::secs) + timing.clients).to_string(),
    });
    let how = match (record.spec.routing, record.failover) {
        (Routing::Simple, _) => "the primary region, always",
        (Routing::Failover, DnsFailover::Gated) => "the primary region; another one once the gate is open",
        (Routing::Failover, _) => "the primary region; another one when it fails",
        (Routing::Geolocation, DnsFailover::None) => "by where the client is; a region that fails is not taken out",
        (Routing::Geolocation, DnsFailover::Gated) => {
            "by where the client is; past the primary region only once the gate is open"
        }
        (Routing::Geolocation, DnsFailover::Automatic) => "by where the client is; another region when that one fails",
    };
    let regions = record.regions(&blueprint.regions);
    let mut columns = vec!["Clients in".to_owned(), "all regions up".to_owned()];
    columns.extend(regions.iter().map(|region| format!("{} down", region.name)));
    let downs: Vec<Option<&str>> =
        std::iter::once(None).chain(regions.iter().map(|region| Some(region.name.as_str()))).collect();
    Host {
        host: &record.host,
        how,
        ipv6: record.dual_stack,
        fails_over: record.failover != DnsFailover::None,
        timing,
        gate,
        regional: regions.iter().map(|region| names::regional_host(&record.host, &region.name)).collect(),
        columns,
        rows: rows(record, &downs),
    }
}

/// X-DN-1: a check fails after `[(f-1)·i, f·i + timeout]`; X-DN-2 adds what resolvers keep.
fn timing(record: &Record) -> Timing {
    let (interval, failures) = (record.spec.health.interval.secs(), u64::from(record.spec.health.failures));
    let high = failures * interval + CHECK_TIMEOUT;
    let low = failures.saturating_sub(1) * interval;
    Timing { interval, failures, timeout: CHECK_TIMEOUT, low, high, clients: high + TTL }
}

/// X-DN-4: a row for each place that may be answered differently.
fn rows(record: &Record, downs: &[Option<&str>]) -> Vec<Row> {
    let mut places: Vec<(String, Location)> = Vec::new();
    if record.spec.routing == Routing::Geolocation {
        places.extend(CONTINENTS.iter().map(|(c, name)| ((*name).to_owned(), Location::Continent(*c))));
        for answer in &record.answers {
            if let Location::Country(code) = &answer.location {
                places.push((format!("country {code}"), answer.location.clone()));
            }
        }
        places.push(("places that Route 53 does not know".to_owned(), Location::Default));
    } else {
        places.push(("all places".to_owned(), Location::Anywhere));
    }
    let cell = |location: &Location, down: Option<&str>| match dns::answer(record, location, down) {
        None => "no answer".to_owned(),
        Some(Answered { region, .. }) if Some(region) == down => format!("{region}, although it is down"),
        Some(Answered { region, until_gate_opens: Some(first) }) => {
            format!("{region} once the gate is open, until then {first}")
        }
        Some(Answered { region, .. }) => region.to_owned(),
    };
    let row = |(place, location): (String, Location)| {
        let cells = downs.iter().map(|down| cell(&location, *down)).collect();
        Row { place, cells }
    };
    places.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(spec: &crate::blueprint::raw::Record) -> Record<'_> {
        Record {
            label: "api",
            host: "api.example.com".to_owned(),
            spec,
            failover: DnsFailover::Automatic,
            answers: Vec::new(),
            dual_stack: false,
        }
    }

    #[test]
    fn a_failover_takes_as_long_as_the_formula_says() {
        let ten: crate::blueprint::raw::Record =
            serde_yaml::from_str("{health: {interval: 10s, failures: 3}}").unwrap();
        let wanted = Timing { interval: 10, failures: 3, timeout: 6, low: 20, high: 36, clients: 96 };
        assert_eq!(timing(&record(&ten)), wanted);
        let thirty: crate::blueprint::raw::Record =
            serde_yaml::from_str("{health: {interval: 30s, failures: 3}}").unwrap();
        let of = timing(&record(&thirty));
        assert_eq!((of.low, of.high), (60, 96));
    }

    #[test]
    fn a_place_without_record_and_default_is_shown() {
        let spec: crate::blueprint::raw::Record = serde_yaml::from_str("{}").unwrap();
        let rows = rows(&record(&spec), &[None]);
        assert_eq!(rows.len(), 8);
        assert!(rows.iter().all(|row| row.cells == ["no answer"]));
    }
}
