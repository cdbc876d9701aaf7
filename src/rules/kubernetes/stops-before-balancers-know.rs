//! A pod stops taking requests before the balancers have stopped sending them.
//!
//! # What it finds
//! `shutdown.drain` below 5 s of a service that is public or that others call. A service that nobody sends to may stop at
//! once. In files: a workload that a Service with an address of its own selects, without `preStop` in any container, or with one
//! that only sleeps for less than 5 s; a Service whose ports are all for metrics, by their names, does not count. Where an Ingress or a route names a Service that is not in these files, the workload of
//! that name in the same namespace is taken for what it leads to.
//! What a patch of kustomize among the files may change is not judged.
//!
//! # Why it matters
//! Kubernetes tells a pod to stop and takes it off the lists of endpoints at the same time. Until every proxy, kernel table
//! and load balancer has heard of it, requests still arrive; a process that has closed its port by then refuses them. Each
//! rollout, each scale-down and each node drain costs errors.
//!
//! # Example
//! ```yaml
//! services:
//!   api:
//!     exposure: public
//!     shutdown: {drain: 0s}
//! ```
//!
//! # Fix
//! 5 s to 15 s; leave `drain` out for 10 s.
//!
//! # Source
//! facts.md F-K8-11, X-K8-9: Kubernetes, Pod Lifecycle, termination.

use super::objects::at;
use super::probes::pre_stops;
use super::traffic::Traffic;
use super::workloads::{settled, shown};
use crate::blueprint::units::Duration;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8020",
    name: "stops-before-balancers-know",
    group: Group::Kubernetes,
    level: Level::Warning,
    security: false,
    fields: &["services.*.shutdown.drain", "services.*.exposure", "services.*.needs"],
    check: Check::Both(check, files),
};

/// What it takes until the last of them knows, at least.
const LEAST: Duration = Duration::from_secs(5);

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for service in blueprint.services.iter().filter(|service| service.on_kubernetes()) {
        let drain = service.spec.shutdown.drain;
        if drain >= LEAST {
            continue;
        }
        let at = path!["services", service.name];
        let callers = blueprint.callers.get(&format!("services.{}", service.name));
        let caller = callers.and_then(|callers| blueprint.services.get(*callers.first()?));
        let (place, who) = match caller {
            _ if service.is_public() => (Place::Value(at.key("exposure")), "balancers send to it".to_owned()),
            Some(caller) => (
                Place::Key(path!["services", caller.name, "needs", format!("services.{}", service.name)]),
                format!("`{}` sends to it", caller.name),
            ),
            None => continue,
        };
        findings.push(
            RULE.finding(
                Place::Value(at.key("shutdown").key("drain")),
                format!("`{}` stops before everybody has stopped sending to it", service.name),
            )
            .label(format!("{drain} after it is told to stop"))
            .also(place, who)
            .because(format!(
                "endpoints are taken away while the pod is told to stop, not before: for some seconds requests still come, \
                 and {drain} is less than {LEAST} (X-K8-9)"
            ))
            .fix("leave `drain` out for 10s, or write 5s to 15s"),
        );
    }
}

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let (traffic, least) = (Traffic::of(estate), LEAST.secs());
    for workload in settled(estate, &["lifecycle", "terminationGracePeriodSeconds"]) {
        let service = traffic.services(workload).next();
        let by_service = service.map(|service| (service.place(), format!("Service `{}` sends to it", shown(service))));
        let by_route = || traffic.routes(workload).next().map(|route| (route.place.clone(), route.says()));
        let Some((sender, says)) = by_service.or_else(by_route) else { continue };
        let hooks = pre_stops(workload.template);
        // Whatever else a hook does may take long enough.
        if hooks.iter().any(|hook| !hook.only || hook.sleeps.is_none_or(|s| u64::try_from(s).is_ok_and(|s| s >= least)))
        {
            continue;
        }
        let grace = at(workload.template, &["spec", "terminationGracePeriodSeconds"]).filter(|node| !node.is_null());
        let (place, label) = match (hooks.first(), grace) {
            (Some(hook), _) => (Place::Span(hook.node.span), format!("sleeps for less than {LEAST}")),
            (None, Some(node)) => (Place::Span(node.span), "no `preStop` before it".to_owned()),
            (None, None) => (workload.object.place(), "no `preStop`".to_owned()),
        };
        findings.push(
            RULE.finding(
                place,
                format!("`{}` stops before everybody has stopped sending to it", shown(workload.object)),
            )
            .label(label)
            .also(sender, says)
            .because(
                "endpoints are taken away while the pod is told to stop, not before: for some seconds requests still come (X-K8-9)",
            )
            .fix("write `lifecycle: {preStop: {sleep: {seconds: 10}}}`; an image with a shell may run `sleep 10` instead"),
        );
    }
}
