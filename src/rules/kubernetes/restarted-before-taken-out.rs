//! A slow pod is restarted before it is taken out of the balancer.
//!
//! # What it finds
//! Liveness may give a pod up, after `(failures − 1) × period` at the soonest, when readiness has not yet done so, after
//! `failures × period + timeout` at the latest. A probe that is not written counts with what is rendered for it. In files both
//! must be written, and what they leave out counts with Kubernetes' defaults: every 10 s, 1 s for the answer, 3 failures. A
//! liveness probe with a `terminationGracePeriodSeconds` of its own is meant as a fence, to end a process that must not live
//! on, and is not judged.
//! What a patch of kustomize among the files may change is not judged.
//!
//! # Why it matters
//! A pod that answers too slowly needs less to do; readiness gives it that. A restart throws its work and its caches away
//! and hands its load to the others, which are the next to be slow.
//!
//! # Example
//! ```yaml
//! services:
//!   api:
//!     probes:
//!       readiness: {http: /ready, period: 10s, failures: 3}   # out after 32 s at the latest
//!       liveness: {http: /live, period: 10s, failures: 3}     # killed after 20 s at the soonest
//! ```
//!
//! # Fix
//! More `failures` for liveness, or a faster readiness probe: `period: 5s`.
//!
//! # Source
//! facts.md X-K8-2, X-K8-3 (arithmetic on F-K8-04).

use super::probes::Probe;
use super::times::Times;
use super::workloads::{containers, running, shown_container};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8016",
    name: "restarted-before-taken-out",
    group: Group::Kubernetes,
    level: Level::Warning,
    security: false,
    fields: &["services.*.probes.readiness", "services.*.probes.liveness"],
    check: Check::Both(check, files),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for service in blueprint.services.iter().filter(|service| service.on_kubernetes()) {
        let (ready, live) = (Times::readiness(service), Times::liveness(service));
        if live.soonest() > ready.latest() {
            continue;
        }
        let at = path!["services", service.name, "probes"];
        let written = service.spec.probes.liveness.is_some();
        // Where only readiness is written, it is readiness that is slower than what is rendered beside it.
        let (here, other) = if written { ("liveness", "readiness") } else { ("readiness", "liveness") };
        let words = [
            format!("killed after {} s at the soonest", live.soonest()),
            format!("taken out after {} s at the latest", ready.latest()),
        ];
        let (label, also) = if written { (&words[0], &words[1]) } else { (&words[1], &words[0]) };
        let failures = ready.latest() / live.period + 2;
        let finding = RULE
            .finding(
                Place::Value(at.key(here).key(if written { "failures" } else { "period" })),
                format!("`{}` may be restarted before it is taken out of the balancer", service.name),
            )
            .label(label)
            .also(Place::Value(at.key(other)), also)
            .because(format!(
                "liveness gives up after ({} − 1) × {} s = {} s, readiness after {} × {} s + {} s = {} s (X-K8-2, X-K8-3)",
                live.failures,
                live.period,
                live.soonest(),
                ready.failures,
                ready.period,
                ready.timeout,
                ready.latest()
            ))
            .fix(format!("write `failures: {failures}` for liveness, or let readiness ask more often"));
        findings.push(if written { finding.edit(at.key(here).key("failures"), failures) } else { finding });
    }
}

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for (object, template) in running(estate, &["livenessProbe", "readinessProbe", "startupProbe"]) {
        for container in containers(template) {
            let (ready, live) = (Probe::of(container, "readinessProbe"), Probe::of(container, "livenessProbe"));
            let Some((ready, live)) = ready.zip(live) else { continue };
            if live.written("terminationGracePeriodSeconds").is_some() {
                continue;
            }
            findings.extend(pair(&shown_container(object, container), ready, live));
        }
    }
}

fn pair(whose: &str, ready: Probe<'_>, live: Probe<'_>) -> Option<Diagnostic> {
    let (soonest, latest) = (live.soonest()?, ready.latest()?);
    if soonest > latest {
        return None;
    }
    let needed = latest / live.period()? + 2;
    Some(
        RULE.finding(
            live.place_of("failureThreshold"),
            format!("`{whose}` may be restarted before it is taken out of the balancer"),
        )
        .label(format!("killed after {soonest} s at the soonest"))
        .also(ready.place(), format!("taken out after {latest} s at the latest"))
        .because(format!(
            "liveness gives up after ({} − 1) × {} s = {soonest} s, readiness after {} × {} s + {} s = {latest} s (X-K8-2, X-K8-3)",
            live.failures()?,
            live.period()?,
            ready.failures()?,
            ready.period()?,
            ready.timeout()?
        ))
        .fix(format!("write `failureThreshold: {needed}` for liveness, or let readiness ask more often")),
    )
}
