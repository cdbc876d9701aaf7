//! A service calls something of others without a limit on what its failure costs.
//!
//! # What it finds
//! A need of `external.*` without `timeout` or without `breaker`; and, where the external is `critical` (the default), one that has
//! no `fallback` and whose provider promises no `availability`: then nothing takes its place and nothing says how often it fails.
//! What is itself a fallback of the same service needs no other one.
//!
//! # Why it matters
//! Others' outages are not in your hands. Without a timeout they take your threads, without a breaker every request waits for
//! the timeout, and without a fallback or a figure no availability of your own can be kept or computed.
//!
//! # Example
//! ```yaml
//! services:
//!   shop:
//!     needs: {external.payment: {retries: 2}}
//! external:
//!   payment: {url: "https://api.payment.example"}
//! ```
//!
//! # Fix
//! `{timeout: 10s, breaker: {failures: 5, open: 60s}}`, and a `fallback`, the provider's `availability`, or `critical: false`
//! where the service does without it.
//!
//! # Source
//! facts.md R-RT-17; X-AV-5 (a critical dependency must be better than the service).

use std::collections::BTreeSet;

use crate::blueprint::raw::External;
use crate::blueprint::{Need, NeedTarget};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "RT017",
    name: "external-call-unprotected",
    group: Group::Resilience,
    level: Level::Warning,
    security: false,
    fields: &[
        "services.*.needs.*.timeout",
        "services.*.needs.*.breaker",
        "services.*.needs.*.fallback",
        "external.*.critical",
        "external.*.availability",
    ],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for service in &blueprint.services {
        let fallbacks: BTreeSet<&str> =
            service.needs.iter().filter_map(|need| Some(need.spec.fallback.as_ref()?.as_str())).collect();
        for need in service.needs.iter().filter(|need| need.target == NeedTarget::External) {
            let Some(external) = blueprint.spec.external.get(need.name.as_str()) else { continue };
            let missing = missing(need, external, fallbacks.contains(need.reference.as_str()));
            let Some((last, others)) = missing.split_last() else { continue };
            let list = if others.is_empty() { (*last).to_owned() } else { format!("{} and {last}", others.join(", ")) };
            let unbacked = *last == UNBACKED;
            let mut finding = RULE
                .finding(
                    Place::Key(path!["services", service.name, "needs", need.reference]),
                    format!("`{}` depends on `{}` with {list}", service.name, need.reference),
                )
                .label("others' outages are not in your hands");
            if unbacked {
                finding =
                    finding.also(Place::Key(path!["external", need.name]), "critical: the system is down without it");
            }
            findings.push(
                finding
                    .because(
                        "a timeout frees what waits, a breaker spares what is down, and a critical dependency needs a substitute or \
                         a figure to count with (R-RT-17, X-AV-5)",
                    )
                    .fix(fix(&missing)),
            );
        }
    }
}

const NO_TIMEOUT: &str = "no timeout";
const NO_BREAKER: &str = "no breaker";
const UNBACKED: &str = "neither a fallback nor a promised availability";

fn missing(need: &Need, external: &External, is_fallback: bool) -> Vec<&'static str> {
    let mut missing = Vec::new();
    if need.spec.timeout.is_none() {
        missing.push(NO_TIMEOUT);
    }
    if need.spec.breaker.is_none() {
        missing.push(NO_BREAKER);
    }
    if external.critical && !is_fallback && need.spec.fallback.is_none() && external.availability.is_none() {
        missing.push(UNBACKED);
    }
    missing
}

fn fix(missing: &[&str]) -> String {
    let each = missing.iter().map(|what| match *what {
        NO_TIMEOUT => "write `timeout: 10s`, or what its callers can wait",
        NO_BREAKER => "write `breaker: {failures: 5, open: 60s}`",
        _ => "write a `fallback`, the `availability` that its provider promises, or `critical: false` where the system does without it",
    });
    each.collect::<Vec<_>>().join("; ")
}
