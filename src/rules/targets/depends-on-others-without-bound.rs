//! The system is down for as long as something of others is, and promises a recovery time.
//!
//! # What it finds
//! An `external` that is `critical` (the default), which a service with an RTO needs without a `fallback`. How long it may
//! be away is in nobody's hands here, so that the RTO has no bound. A promised `availability` does not bound a single
//! outage.
//!
//! # Why it matters
//! "Depends on the provider" is no recovery time. Either the service does without it in some way that can be tested, or the
//! promise leaves it out.
//!
//! # Example
//! ```yaml
//! objectives: {rto: 15m}
//! external:
//!   payment: {url: "https://pay.example.org"}   # critical
//! ```
//!
//! # Fix
//! A `fallback` for the need; or `critical: false`, once the service goes on without it: a queue, a cached answer, a
//! message to the user. Where the promise excludes it, waive this with that reason.
//!
//! # Source
//! facts.md R-TG-11, X-GEN.

use std::collections::BTreeMap;

use crate::blueprint::NeedTarget;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "TG011",
    name: "depends-on-others-without-bound",
    group: Group::Targets,
    level: Level::Error,
    security: false,
    fields: &["external.*.critical", "services.*.needs.*.fallback", "objectives.rto"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    // One finding for each, at the first service that needs it.
    let mut by: BTreeMap<&str, (&str, String, usize)> = BTreeMap::new();
    for service in &blueprint.services {
        let Some(rto) = service.targets.rto else { continue };
        let needs = service.needs.iter().filter(|need| need.target == NeedTarget::External);
        for need in needs.filter(|need| need.spec.fallback.is_none()) {
            by.entry(&need.name).or_insert((&service.name, rto.to_string(), 0)).2 += 1;
        }
    }
    for (name, (service, rto, count)) in by {
        if !blueprint.spec.external.get(name).is_some_and(|external| external.critical) {
            continue;
        }
        let more = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
        findings.push(
            RULE.finding(
                Place::Value(path!["external", name, "critical"]),
                format!("an outage of `{name}` has no bound, and `{service}`{more} promises {rto}"),
            )
            .label("critical: the system is down without it")
            .also(
                Place::Key(path!["services", service, "needs", format!("external.{name}")]),
                "needed without a fallback",
            )
            .because(format!("the RTO of {rto} is that of `{name}`, which nobody here decides (R-TG-11)"))
            .fix("give the need a `fallback`, or write `critical: false` once the service goes on without it"),
        );
    }
}
