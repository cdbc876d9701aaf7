//! The liveness probe asks what other systems answer, so that their outage restarts every pod.
//!
//! # What it finds
//! `probes.liveness.asks` names something; or liveness and readiness ask the same path of a service that has `needs`: an
//! answer that is right for readiness, which may look at dependencies, is wrong for liveness, which must not. A service
//! without `needs` may use one path for both. In files, a warning: both are `httpGet` of the same path and port, and liveness may
//! give up, after `(failures − 1) × period` at the soonest, when readiness has not yet taken the pod out, after
//! `failures × period + timeout` at the latest; what a service needs, and what the path asks, is not in them. One cheap path for
//! both with a higher `failureThreshold` for liveness is what Kubernetes recommends. Whether a port is open tests no dependency
//! and is not judged.
//! What a patch of kustomize among the files may change is not judged.
//!
//! # Why it matters
//! A restart mends a process that hangs. It does not mend a database, and the pods that come back all at once, with cold
//! caches and new connections, keep the database from coming back.
//!
//! # Example
//! ```yaml
//! services:
//!   api:
//!     probes:
//!       readiness: {http: /health}
//!       liveness: {http: /health}
//!     needs: {postgres.main: {via: pool}}
//! ```
//!
//! # Fix
//! Give liveness a path of its own that answers from the process alone; leave `http` out to have the port asked.
//!
//! # Source
//! facts.md X-K8-11: Kubernetes, Liveness, Readiness and Startup Probes.

use super::probes::Probe;
use super::workloads::{containers, running, shown_container};
use crate::blueprint::Service;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8018",
    name: "liveness-asks-dependencies",
    group: Group::Kubernetes,
    level: Level::Error,
    security: false,
    fields: &[
        "services.*.probes.liveness.http",
        "services.*.probes.liveness.asks",
        "services.*.probes.readiness.http",
        "services.*.needs",
    ],
    check: Check::Both(check, files),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for service in blueprint.services.iter().filter(|service| service.on_kubernetes()) {
        findings.extend(asks(service).or_else(|| same_path(service)));
    }
}

fn asks(service: &Service) -> Option<Diagnostic> {
    let asked = &service.spec.probes.liveness.as_ref()?.asks;
    let first = asked.first()?;
    let at = path!["services", service.name, "probes", "liveness", "asks"];
    let all: Vec<&str> = asked.iter().map(|reference| reference.as_str()).collect();
    Some(
        RULE.finding(
            Place::Value(at.index(0)),
            format!("an outage of `{first}` restarts every pod of `{}`", service.name),
        )
        .because(format!(
            "liveness asks {}; when that does not answer, all pods are killed together, and again after each start (X-K8-11)",
            all.join(", ")
        ))
        .fix("let liveness answer from the process alone, and leave `asks` out"),
    )
}

fn same_path(service: &Service) -> Option<Diagnostic> {
    let probes = &service.spec.probes;
    let live = probes.liveness.as_ref()?.http.as_ref()?;
    let ready = probes.readiness.as_ref()?.http.as_ref()?;
    let need = service.needs.first().filter(|_| live.as_str() == ready.as_str())?;
    let at = path!["services", service.name];
    Some(
        RULE.finding(
            Place::Value(at.key("probes").key("liveness").key("http")),
            format!("liveness and readiness of `{}` ask the same", service.name),
        )
        .label("decides on restarts")
        .also(Place::Value(at.key("probes").key("readiness").key("http")), "decides on traffic")
        .also(Place::Key(at.key("needs").key(&need.reference)), "what readiness may look at")
        .because(format!(
            "as soon as `{live}` looks at a dependency for readiness, its outage restarts every pod as well (X-K8-11)"
        ))
        .fix("give liveness a path of its own that answers from the process alone"),
    )
}

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for (object, template) in running(estate, &["livenessProbe", "readinessProbe", "startupProbe"]) {
        for container in containers(template) {
            let probes = Probe::of(container, "livenessProbe").zip(Probe::of(container, "readinessProbe"));
            let Some((liveness, readiness)) = probes else { continue };
            // What cannot be read may be patient enough.
            let patient = liveness.soonest().zip(readiness.latest()).is_none_or(|(soonest, latest)| soonest > latest);
            let asked = liveness.asks(container).zip(readiness.asks(container));
            let Some((live, ready)) = asked.filter(|_| !patient) else { continue };
            if (live.path, live.port, live.host) != (ready.path, ready.port, ready.host) {
                continue;
            }
            let whose = shown_container(object, container);
            let mut found = RULE
                .finding(live.place, format!("liveness and readiness of `{whose}` ask the same"))
                .label("decides on restarts")
                .also(ready.place, "decides on traffic")
                .because(format!(
                    "if `{}` looks at a dependency for readiness, its outage restarts every pod as well, before readiness is \
                     sure to have taken it out (X-K8-11)",
                    live.path.split('?').next().unwrap_or_default().escape_debug()
                ))
                .fix(
                    "give liveness a path of its own that answers from the process alone; where this one does, a higher \
                     `failureThreshold`",
                );
            // Nobody knows here what the path asks.
            found.level = Level::Warning;
            findings.push(found);
        }
    }
}
