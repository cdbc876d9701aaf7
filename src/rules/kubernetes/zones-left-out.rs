//! PostgreSQL on hosts leaves zones of its region out, although it has enough members for them.
//!
//! # What it finds
//! The hosts of a PostgreSQL cluster in a region are at least as many as its zones, and stand in fewer of them. Routers,
//! services and Redis are laid out over all zones; on Kubernetes the spread sees to it. etcd is PG005's, Redis RD005's.
//!
//! # Why it matters
//! Everything else is computed from the zones of the region: what a lost zone takes along, and what is left. Two of three
//! members in one zone are lost together, and with them the standby that a commit waits for.
//!
//! # Example
//! ```yaml
//! regions: {home: {role: primary, zones: [a, b, c]}}
//! postgres:
//!   main:
//!     hosts:
//!       pg-1: {address: 10.0.1.11, zone: a}
//!       pg-2: {address: 10.0.2.11, zone: b}
//!       pg-3: {address: 10.0.2.12, zone: b}   # nothing in c
//! ```
//!
//! # Fix
//! One host in each zone before a second one in any.
//!
//! # Source
//! facts.md R-K8-35 (arithmetic), X-PT-1.

use std::collections::BTreeMap;

use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8035",
    name: "zones-left-out",
    group: Group::Kubernetes,
    level: Level::Warning,
    security: false,
    fields: &["postgres.*.hosts.*.zone", "regions.*.zones"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for cluster in blueprint.postgres.iter().filter(|cluster| cluster.is_rendered() && !cluster.on_kubernetes()) {
        for region in &blueprint.regions {
            let members = cluster.members(region);
            let zones = &region.spec.zones;
            let mut held: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for member in &members {
                held.entry(&member.zone).or_default().push(&member.name);
            }
            if members.len() < zones.len() || held.len() == zones.len() {
                continue;
            }
            let empty: Vec<&str> = zones.iter().map(String::as_str).filter(|zone| !held.contains_key(zone)).collect();
            // The last host of the fullest zone is the one to be moved.
            let Some((zone, names)) = held.iter().max_by_key(|(_, names)| names.len()) else { continue };
            let Some(last) = names.last() else { continue };
            findings.push(
                RULE.finding(
                    Place::Value(path!["postgres", cluster.name, "hosts", last, "zone"]),
                    format!("PostgreSQL `{}` leaves {} without a member", cluster.name, empty.join(", ")),
                )
                .label(format!("{} of {} members are in {zone}", names.len(), members.len()))
                .also(Place::Value(path!["regions", region.name, "zones"]), format!("{} zones", zones.len()))
                .because(format!(
                    "{} members stand in {} of {} zones: the loss of {zone} takes {} of them at once",
                    members.len(),
                    held.len(),
                    zones.len(),
                    names.len()
                ))
                .fix(format!("move a member to {}", empty.join(", "))),
            );
        }
    }
}
