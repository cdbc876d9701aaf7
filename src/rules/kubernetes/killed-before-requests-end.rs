//! A pod is killed before the requests that it has taken can end.
//!
//! # What it finds
//! `shutdown.grace` is written and less than `drain` and the longest request together. The longest request is what its
//! route allows, what the slowest of its needs may take, or what a caller waits for it, whichever is longest; where none of
//! these is written, nothing is said. In files: `terminationGracePeriodSeconds`, 30 s where it is not written, below what `preStop`
//! sleeps and the longest time that a route to the workload gives a request: `proxy-read-timeout` of an Ingress for nginx,
//! `timeout` of a VirtualService, `timeouts.request` of an HTTPRoute. Where the Service in between is not in these files, the
//! workload of its name counts. More than ten minutes are those of streams, which clients open again, and are not judged.
//! What a patch of kustomize among the files may change is not judged.
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

use super::objects::at;
use super::probes::pre_stops;
use super::traffic::Traffic;
use super::workloads::{number, settled, shown};
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
    check: Check::Both(check, files),
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

/// Seconds: what a route allows beyond is no request.
const STREAM: i64 = 600;

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let traffic = Traffic::of(estate);
    for workload in settled(estate, &["lifecycle", "terminationGracePeriodSeconds"]) {
        let timed = traffic.routes(workload).filter_map(|route| Some((route, route.timeout.clone()?)));
        let Some((route, (longest, place))) =
            timed.filter(|(_, (timeout, _))| *timeout <= STREAM).max_by_key(|(_, (timeout, _))| *timeout)
        else {
            continue;
        };
        let path = ["spec", "terminationGracePeriodSeconds"];
        let Some(grace) = number(workload.template, &path, 30) else { continue };
        let hooks = pre_stops(workload.template);
        let slept = hooks.iter().filter_map(|hook| Some((hook.sleeps?, hook))).max_by_key(|(seconds, _)| *seconds);
        let drain = slept.map_or(0, |(seconds, _)| seconds);
        let needed = drain + longest;
        if grace >= needed {
            continue;
        }
        let written = at(workload.template, &path).filter(|node| !node.is_null());
        let mut found = RULE
            .finding(
                written.map_or_else(|| workload.object.place(), |node| Place::Span(node.span)),
                format!("`{}` is killed before its requests have ended", shown(workload.object)),
            )
            .label(if written.is_some() {
                format!("{grace} s and then SIGKILL")
            } else {
                format!("{grace} s by default, and then SIGKILL")
            })
            .also(place, format!("a request may take {longest} s"))
            .also(route.place.clone(), route.says());
        if let Some((seconds, hook)) = slept {
            found = found.also(Place::Span(hook.node.span), format!("{seconds} s until the last request has come"));
        }
        findings.push(
            found
                .because(format!("preStop {drain} s + longest request {longest} s = {needed} s > {grace} s (X-K8-9)"))
                .fix(format!("write `terminationGracePeriodSeconds: {}` or more", needed + 5)),
        );
    }
}
