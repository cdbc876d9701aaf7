//! Clients leave a lost region only when somebody edits DNS records, for which Route 53's control plane must be up.
//!
//! # What it finds
//! A record with `routing: simple` in a blueprint of several regions. Under `strategy: backup-and-restore` it stays silent: there
//! the second region and its balancer come into being in the incident.
//!
//! # Why it matters
//! Health checks and failover records work in Route 53's data plane, in all of AWS. A change of a record goes through the
//! control plane, which lies in us-east-1 alone, and through people, a batch and up to 60 s of propagation.
//!
//! # Example
//! ```yaml
//! strategy: active-passive
//! dns:
//!   records:
//!     api: {routing: simple}
//! ```
//!
//! # Fix
//! `routing: failover`; with `failover: gated` people still decide, by removing an object, not by an edit.
//!
//! # Source
//! facts.md F-DN-13, X-DN-3: AWS Fault Isolation Boundaries, global services.

use crate::blueprint::raw::{Routing, Strategy};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "DN014",
    name: "failover-by-editing-records",
    group: Group::Dns,
    level: Level::Warning,
    security: false,
    fields: &["dns.records.*.routing", "strategy", "regions"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let Some(dns) = &blueprint.spec.dns else { return };
    if blueprint.regions.len() < 2 || blueprint.spec.strategy == Strategy::BackupAndRestore {
        return;
    }
    let primary = &blueprint.primary().name;
    for (label, _) in dns.records.iter().filter(|(_, record)| record.routing == Routing::Simple) {
        let at = path!["dns", "records", label];
        findings.push(
            RULE.finding(Place::Value(at.key("routing")), format!("`{label}` leaves {primary} only when somebody edits it"))
                .label("to the primary region, whatever happens")
                .also(Place::Key(path!["regions", primary]), "the region that it leads to")
                .because(
                    "an edit needs people, Route 53's control plane in us-east-1, up to 60s of propagation and 60s of TTL (F-DN-13, X-DN-3)",
                )
                .fix("write `routing: failover`; `failover: gated` leaves the decision with people"),
        );
    }
}
