//! Another region reads from one machine instead of from whatever is primary.
//!
//! # What it finds
//! On hosts: an address in `crossRegion.endpoints` that is the address of one member or router of a region that has several.
//! On any platform: one address for two regions.
//!
//! It cannot see where a DNS name or a virtual address leads.
//!
//! # Why it matters
//! The failover within a region leads its own clients to the new primary. The stream to the other region goes to the machine
//! that was named: when that one is lost, the copy elsewhere falls behind although the cluster is well. With one address for
//! two regions a standby may be told to stream from itself.
//!
//! # Example
//! ```yaml
//! postgres:
//!   main:
//!     platform: hosts
//!     hosts: {pg-1: {address: 10.0.1.11, zone: a}, pg-2: {address: 10.0.2.11, zone: b}, …}
//!     crossRegion: {to: [south], endpoints: {north: 10.0.1.11, south: pg.south.example.com}}
//! ```
//!
//! # Fix
//! A DNS name or virtual address that leads to all routers of the region, one for each region.
//!
//! # Source
//! facts.md R-PG-30 (policy); PostgreSQL, libpq connection strings; Patroni, docs/standby_cluster.rst.

use std::collections::BTreeMap;

use crate::blueprint::Postgres;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "PG030",
    name: "endpoint-of-one-machine",
    group: Group::Postgres,
    level: Level::Error,
    security: false,
    fields: &["postgres.*.crossRegion.endpoints", "postgres.*.hosts.*.address", "postgres.*.router.hosts.*.address"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for cluster in blueprint.postgres.iter().filter(|cluster| cluster.is_rendered()) {
        twice(cluster, findings);
        if !cluster.on_kubernetes() {
            single(blueprint, cluster, findings);
        }
    }
}

fn twice(cluster: &Postgres, findings: &mut Vec<Diagnostic>) {
    let Some(cross) = &cluster.spec.cross_region else { return };
    let at = path!["postgres", cluster.name, "crossRegion", "endpoints"];
    let mut seen: BTreeMap<&str, &String> = BTreeMap::new();
    for (region, endpoint) in &cross.endpoints {
        if let Some(other) = seen.insert(endpoint.as_str(), region) {
            findings.push(
                RULE.finding(
                    Place::Value(at.key(region)),
                    format!("`{region}` and `{other}` of `{}` have one endpoint", cluster.name),
                )
                .also(Place::Value(at.key(other)), "the other one")
                .because("a standby region may be led to itself, and stream from nobody")
                .fix("write an address that leads to the primary of this region only"),
            );
        }
    }
}

fn single(blueprint: &Blueprint, cluster: &Postgres, findings: &mut Vec<Diagnostic>) {
    let at = path!["postgres", cluster.name];
    for region in &blueprint.regions {
        let Some(endpoint) = cluster.endpoint(&region.name) else { continue };
        let routers = cluster.routers(region);
        let members = cluster.members(region);
        let own = &cluster.spec.router.hosts;
        let (of, name, count) = if let Some(router) = routers.iter().find(|router| router.address == endpoint) {
            let of = if own.is_empty() { at.key("hosts") } else { at.key("router").key("hosts") };
            (of, &router.name, routers.len())
        } else if let Some(member) = members.iter().find(|member| member.address == endpoint) {
            (at.key("hosts"), &member.name, members.len())
        } else {
            continue;
        };
        if count < 2 {
            continue;
        }
        findings.push(
            RULE.finding(
                Place::Value(at.key("crossRegion").key("endpoints").key(&region.name)),
                format!("the copies of `{}` elsewhere depend on `{name}` alone", cluster.name),
            )
            .also(Place::Value(of.key(name).key("address")), format!("1 of {count} in `{}`", region.name))
            .because(format!("when `{name}` is lost the region fails over, and the other regions still ask `{name}`"))
            .fix(format!("write a DNS name or virtual address that leads to all {count} routers of `{}`", region.name)),
        );
    }
}
