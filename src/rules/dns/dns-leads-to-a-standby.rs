//! DNS sends clients to a region by itself whose database is a standby that people must first promote.
//!
//! # What it finds
//! A record with `failover: automatic` where one region serves (any strategy but `active-active`) and a service behind the host,
//! or one that it calls, writes to PostgreSQL. A service that only reads from its own region (`read: local`) does not write.
//! Under `active-active` it stays silent: there every region serves reads anyway, and writes go to the primary region.
//!
//! # Why it matters
//! The services there connect to the writer in the region that was just lost. Clients get errors from a region that counts as
//! healthy, and where the first region was only cut off from Route 53's checkers, traffic moves without need.
//!
//! # Example
//! ```yaml
//! strategy: active-passive
//! dns:
//!   records:
//!     api: {routing: failover, failover: automatic}
//! ```
//!
//! # Fix
//! `failover: gated` with a `gate`: people promote the database and then remove the object that holds the region back. It is
//! the default here.
//!
//! # Source
//! facts.md R-DN-15; decision 5 of the blueprint language.

use crate::blueprint::dns::{failover, records};
use crate::blueprint::raw::DnsFailover;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "DN015",
    name: "dns-leads-to-a-standby",
    group: Group::Dns,
    level: Level::Error,
    security: false,
    fields: &["dns.records.*.failover", "strategy", "services.*.needs"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for record in records(&blueprint.spec, &blueprint.regions) {
        if record.failover != DnsFailover::Automatic || record.spec.failover.is_none() {
            continue;
        }
        // What it would be if nobody had written it: gated where people must first promote a database.
        let mut unwritten = record.spec.clone();
        unwritten.failover = None;
        if failover(&blueprint.spec, &unwritten, &record.host) != DnsFailover::Gated {
            continue;
        }
        let at = path!["dns", "records", record.label, "failover"];
        findings.push(
            RULE.finding(
                Place::Value(at),
                format!("`{}` is sent to a region where nothing can be written", record.host),
            )
            .label("by health checks alone")
            .also(Place::Value(path!["strategy"]), "one region serves")
            .also(Place::Key(path!["postgres"]), "a standby there, until people promote it")
            .because("the services there still connect to the writer in the region that was left (R-DN-15)")
            .fix("write `failover: gated` and a `gate`: people promote the database first, then let the clients in"),
        );
    }
}
