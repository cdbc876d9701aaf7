//! After a promotion every service has to be told another address by hand.
//!
//! # What it finds
//! PostgreSQL has a standby in another region, and the address of the primary region in `crossRegion.endpoints` is an IP
//! address. Services write to that one; a name can be led elsewhere, an address cannot.
//!
//! # Why it matters
//! In the outage the blueprint has to be changed, rendered and applied in every region before a single write succeeds, by
//! people who have done it once. A name is changed in one place, and clients follow when they connect again.
//!
//! # Example
//! ```yaml
//! postgres:
//!   main:
//!     crossRegion:
//!       endpoints: {us-east-1: 10.0.1.11, eu-west-1: 10.8.1.11}
//! ```
//!
//! # Fix
//! A name in a private zone with a TTL of 60 s or less, which leads to the region's primary.
//!
//! # Source
//! facts.md R-RB-13, X-HU-2.

use std::net::IpAddr;

use crate::blueprint::raw::CrossRegionMode;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "RB013",
    name: "promotion-changes-every-address",
    group: Group::Runbooks,
    level: Level::Error,
    security: false,
    fields: &["postgres.*.crossRegion.endpoints", "postgres.*.crossRegion.mode"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for cluster in blueprint.postgres.iter().filter(|cluster| cluster.is_rendered()) {
        let Some(cross) = &cluster.spec.cross_region else { continue };
        let primary = &cluster.primary_region;
        let Some(address) = cluster.endpoint(primary) else { continue };
        let address = address.trim_start_matches('[').trim_end_matches(']');
        let needed = blueprint.callers.contains_key(&format!("postgres.{}", cluster.name));
        if cross.mode != CrossRegionMode::StreamingStandby || !needed || address.parse::<IpAddr>().is_err() {
            continue;
        }
        findings.push(
            RULE.finding(
                Place::Value(path!["postgres", cluster.name, "crossRegion", "endpoints", primary]),
                format!("a promotion of `{}` has to tell every service another address", cluster.name),
            )
            .label("an address leads nowhere else")
            .also(Place::Key(path!["postgres", cluster.name, "crossRegion"]), "what is promoted")
            .because("services write to this address; after the promotion it is that of the lost region (R-RB-13)")
            .fix("write a name with a TTL of 60 s or less, and let it lead to the region that writes"),
        );
    }
}
