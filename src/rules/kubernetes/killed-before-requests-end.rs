//! A pod is killed before the requests that it has taken can end.
//!
//! # What it finds
//! `shutdown.grace` is written and less than `drain` and the longest request together. The longest request is what its
//! route allows, what the slowest of its needs may take, or what a caller waits for it, whichever is longest; where none of
//! these is written, nothing is said.
//!
//! # Why it matters
//! At the end of the grace comes SIGKILL: every request that is under way is cut, in each rollout and each node drain.
//!
//! # Example
//! ```yaml
//! services:
//!   api:
//!     route: {path: /, timeout: 60s}
//!     shutdown: {drain: 10s, grace: 30s}   # 70 s are needed
//! ```
//!
//! # Fix
//! Leave `grace` out: drain, the longest request and 5 s are rendered.
//!
//! # Source
//! facts.md X-K8-9, F-K8-11.

use crate::blueprint::Service;
use crate::blueprint::units::Duration;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8021",
    name: "killed-before-requests-end",
    group: Group::Kubernetes,
    level: Level::Error,
    security: false,
    fields: &[
        "services.*.shutdown.grace",
        "services.*.shutdown.drain",
        "services.*.route.timeout",
        "services.*.needs.*.timeout",
    ],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for service in blueprint.services.iter().filter(|service| service.on_kubernetes()) {
        let Some(grace) = service.spec.shutdown.grace else { continue };
        let (drain, longest) = (service.spec.shutdown.drain, service.longest_request);
        let needed = Duration::from_millis(drain.millis().saturating_add(longest.millis()));
        if grace >= needed {
            continue;
        }
        let Some((place, whose)) = longest_is(blueprint, service) else { continue };
        let at = path!["services", service.name, "shutdown"];
        findings.push(
            RULE.finding(
                Place::Value(at.key("grace")),
                format!("`{}` is killed before its requests have ended", service.name),
            )
            .label(format!("{grace} and then SIGKILL"))
            .also(Place::Value(at.key("drain")), format!("{drain} until the last request has come"))
            .also(place, format!("{whose} {longest}"))
            .because(format!("drain {drain} + longest request {longest} = {needed} > {grace} (X-K8-9)"))
            .fix(format!("leave `grace` out, or write {} or more", Duration::from_secs(needed.secs() + 5))),
        );
    }
}

/// What says how long the longest request takes; `None` where that is a guess.
fn longest_is(blueprint: &Blueprint, service: &Service) -> Option<(Place, &'static str)> {
    let (at, longest) = (path!["services", service.name], service.longest_request);
    if service.spec.route.as_ref().is_some_and(|route| route.timeout == longest) {
        return Some((Place::Value(at.key("route").key("timeout")), "its route waits"));
    }
    if let Some(need) = service.needs.iter().find(|need| need.spec.timeout == Some(longest)) {
        let place = at.key("needs").key(&need.reference).key("timeout");
        return Some((Place::Value(place), "it waits"));
    }
    let reference = format!("services.{}", service.name);
    blueprint.callers.get(&reference)?.iter().find_map(|caller| {
        let caller = blueprint.services.get(*caller)?;
        let need = caller.spec.needs.get(reference.as_str())?;
        let place = path!["services", caller.name, "needs", reference, "timeout"];
        (need.timeout == Some(longest)).then_some((Place::Value(place), "a caller waits"))
    })
}
