//! Retries at several layers multiply: one request becomes more than four at what fails.
//!
//! # What it finds
//! A chain of calls in which the product of `1 + retries` exceeds 4. Between services of a mesh the factor is 1: there hagen
//! renders retries in the mesh only, and only of what never reached the service, and tells the callers of none. Where services
//! call each other in a circle, the calls of the circle are counted once each. Retries that an ingress, a library or a client
//! makes by itself are not known. In files: an HTTP route of a VirtualService with 1 + `retries.attempts` > 4, where `retryOn` has
//! more than what never reached the service (`connect-failure`, `refused-stream`, `reset-before-request`).
//!
//! # Why it matters
//! Something slow or down gets several times its load at the moment it can bear least, from layers that do not know of each
//! other, and does not come back before they give up.
//!
//! # Example
//! ```yaml
//! services:
//!   gateway:
//!     needs: {services.orders: {timeout: 30s, retries: 2}}     # 3 tries
//!   orders:
//!     needs: {external.payment: {timeout: 9s, retries: 2}}     # 3 × 3 = 9 calls for one request
//! ```
//!
//! # Fix
//! Retry at one layer, the one nearest to what fails, and write `retries: 0` at the others.
//!
//! # Source
//! facts.md X-IS-1, F-IS-07: AWS Builders' Library, "Timeouts, retries and backoff with jitter".

use std::collections::BTreeMap;

use super::mesh::routes;
use crate::blueprint::{NeedTarget, Service};
use crate::document::Path;
use crate::rules::kubernetes::objects::{at, int_at, text_at};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "RT005",
    name: "retries-multiply",
    group: Group::Resilience,
    level: Level::Warning,
    security: false,
    fields: &["services.*.needs.*.retries", "edge.mesh"],
    check: Check::Both(check, files),
};

/// So many calls may one request become.
const MOST: u64 = 4;

/// A call that is tried again: who makes it, of what, and how often at most.
#[derive(Clone, Copy)]
struct Call<'a> {
    caller: usize,
    reference: &'a str,
    tries: u64,
}

/// How often a service may be called for one request, and the call that makes it the most.
#[derive(Clone, Copy)]
struct Reached<'a> {
    times: u64,
    by: Option<Call<'a>>,
}

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let services = &blueprint.services;
    let places: BTreeMap<&str, usize> = services.iter().enumerate().map(|(at, s)| (s.name.as_str(), at)).collect();
    let called = |at: usize| -> Vec<(usize, Call<'_>)> {
        let needs = services[at].needs.iter().filter(|need| need.target == NeedTarget::Service);
        needs
            .filter_map(|need| {
                let tries = tries(blueprint, need);
                Some((*places.get(need.name.as_str())?, Call { caller: at, reference: &need.reference, tries }))
            })
            .collect()
    };
    let mut waiting = vec![0usize; services.len()];
    for at in 0..services.len() {
        for (target, _) in called(at) {
            waiting[target] += 1;
        }
    }
    let mut reached = vec![Reached { times: 1, by: None }; services.len()];
    // Callers before what they call; what is left over calls itself in a circle, and keeps what reached it from outside.
    let mut ready: Vec<usize> = (0..services.len()).filter(|at| waiting[*at] == 0).collect();
    while let Some(at) = ready.pop() {
        for (target, call) in called(at) {
            let times = reached[at].times.saturating_mul(call.tries);
            if times > reached[target].times {
                reached[target] = Reached { times, by: Some(call) };
            }
            waiting[target] -= 1;
            if waiting[target] == 0 {
                ready.push(target);
            }
        }
    }
    for (at, service) in services.iter().enumerate() {
        // Beyond the first call that is too much, everything is.
        if reached[at].times > MOST {
            continue;
        }
        for need in &service.needs {
            let call = Call { caller: at, reference: &need.reference, tries: tries(blueprint, need) };
            if reached[at].times.saturating_mul(call.tries) > MOST {
                findings.push(finding(services, &reached, call));
            }
        }
    }
}

/// How often a need is tried for one request of the service.
fn tries(blueprint: &Blueprint, need: &crate::blueprint::Need) -> u64 {
    let in_mesh = need.target == NeedTarget::Service
        && blueprint.spec.edge.mesh.is_some()
        && blueprint.service(&need.name).is_some_and(Service::on_kubernetes);
    if in_mesh { 1 } else { 1 + u64::from(need.spec.retries.unwrap_or(0)) }
}

fn finding(services: &[Service], reached: &[Reached<'_>], last: Call<'_>) -> Diagnostic {
    let times = reached[last.caller].times.saturating_mul(last.tries);
    let place =
        |call: &Call<'_>| -> Path { path!["services", services[call.caller].name, "needs", call.reference, "retries"] };
    let mut chain = vec![last];
    while let Some(before) = chain.last().and_then(|call| reached[call.caller].by) {
        chain.push(before);
    }
    chain.reverse();
    let retried: Vec<&Call<'_>> = chain.iter().filter(|call| call.tries > 1).collect();
    let factors: Vec<String> = retried.iter().map(|call| format!("(1 + {})", call.tries - 1)).collect();
    let mut finding = RULE
        .finding(Place::Value(place(&last)), format!("one request may become {times} calls of `{}`", last.reference))
        .label(format!("{} tries", last.tries));
    for call in retried.iter().filter(|call| place(call) != place(&last)) {
        let name = &services[call.caller].name;
        finding = finding.also(Place::Value(place(call)), format!("`{name}` tries {} times as well", call.tries));
    }
    finding
        .because(format!(
            "{} = {times}, and {MOST} is the most that something in trouble should get (X-IS-1)",
            factors.join(" × ")
        ))
        .fix(if retried.len() > 1 {
            "try again at one of these layers only, nearest to what fails, and write `retries: 0` at the others"
                .to_owned()
        } else {
            format!("write `retries: {}` or less", (MOST / reached[last.caller].times.max(1)).saturating_sub(1))
        })
}

/// Retries of these cost nothing: the service saw nothing of the request.
const BEFORE: [&str; 3] = ["connect-failure", "refused-stream", "reset-before-request"];

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for (object, route) in routes(estate) {
        let path = ["retries", "attempts"];
        let Some((attempts, written)) = int_at(route, &path).zip(at(route, &path)) else { continue };
        let on = text_at(route, &["retries", "retryOn"]).unwrap_or_default();
        let mut costly = on.split(',').map(str::trim).filter(|one| !one.is_empty() && !BEFORE.contains(one));
        let times = attempts.saturating_add(1);
        if u64::try_from(times).is_ok_and(|times| times <= MOST) || times < 0 || costly.next().is_none() {
            continue;
        }
        findings.push(
            RULE.finding(
                Place::Span(written.span),
                format!("one request may become {times} calls of `{}`", object.name()),
            )
            .label(format!("{times} tries"))
            .because(format!(
                "1 + {attempts} = {times}, and {MOST} is the most that something in trouble should get (X-IS-1)"
            ))
            .fix(format!("write `attempts: {}` or less", MOST - 1)),
        );
    }
}
