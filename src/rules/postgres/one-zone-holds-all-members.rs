//! All members of a cluster lie in one zone of a region that has several.
//!
//! # What it finds
//! On hosts: two or more members in a region with two or more zones, all in the same one. On Kubernetes hagen spreads them.
//!
//! # Why it matters
//! Primary and standbys share power, network and cooling. The loss of that zone takes all copies at once; a failover has
//! nobody to go to, and what is left is a restore.
//!
//! # Example
//! ```yaml
//! regions:
//!   home: {role: primary, zones: [a, b, c]}
//! postgres:
//!   main:
//!     platform: hosts
//!     hosts: {pg-1: {address: 10.0.1.11, zone: a}, pg-2: {address: 10.0.1.12, zone: a}}
//! ```
//!
//! # Fix
//! One member a zone. A synchronous standby should be in another zone than its primary, which three members in three zones
//! always give.
//!
//! # Source
//! facts.md F-PT-14: Patroni, docs/ha_multi_dc.rst.

use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "PG102",
    name: "one-zone-holds-all-members",
    group: Group::Postgres,
    level: Level::Warning,
    security: false,
    fields: &["postgres.*.hosts.*.zone", "regions.*.zones"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for cluster in blueprint.postgres.iter().filter(|cluster| cluster.is_rendered() && !cluster.on_kubernetes()) {
        for region in blueprint.regions.iter().filter(|region| region.spec.zones.len() > 1) {
            let members = cluster.members(region);
            let [first, others @ ..] = members.as_slice() else { continue };
            if others.is_empty() || others.iter().any(|member| member.zone != first.zone) {
                continue;
            }
            let zones = Place::Value(path!["regions", region.name, "zones"]);
            findings.push(
                RULE.finding(
                    Place::Key(path!["postgres", cluster.name, "hosts"]),
                    format!("all {} members of `{}` lie in zone `{}`", members.len(), cluster.name, first.zone),
                )
                .also(zones, format!("`{}` has {} zones", region.name, region.spec.zones.len()))
                .because("the loss of that zone takes every copy at once, and leaves a restore (F-PT-14)")
                .fix("put one member into each zone"),
            );
        }
    }
}
