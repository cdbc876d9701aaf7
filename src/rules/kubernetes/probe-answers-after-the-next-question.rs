//! A probe waits for its answer as long as the next question is away, or longer.
//!
//! # What it finds
//! `timeout` of a readiness or liveness probe at or above its `period`. Startup probes are left out: there only the sum
//! counts (K8017). In files: `timeoutSeconds` at or above `periodSeconds`, or not written, which is 1 s: a pause of the garbage
//! collector then counts as a failure. A blueprint has 2 s where nothing is written.
//! What a patch of kustomize among the files may change is not judged.
//!
//! # Why it matters
//! Kubernetes asks one question at a time, so the real period becomes the timeout, and every figure that rests on the
//! period (how soon a hanging pod is taken out, how soon it is restarted) is wrong exactly when pods are slow.
//!
//! # Example
//! ```yaml
//! services:
//!   api:
//!     probes:
//!       readiness: {http: /ready, period: 2s, timeout: 2s}
//! ```
//!
//! # Fix
//! A longer `period`, or a `timeout` of 1 s to 3 s below it.
//!
//! # Source
//! facts.md F-K8-04: Kubernetes, Configure Liveness, Readiness and Startup Probes.

use super::objects::Object;
use super::probes::Probe;
use super::workloads::{containers, running, shown_container};
use crate::blueprint::service::{LIVENESS, READINESS};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8015",
    name: "probe-answers-after-the-next-question",
    group: Group::Kubernetes,
    level: Level::Warning,
    security: false,
    fields: &[
        "services.*.probes.readiness.timeout",
        "services.*.probes.readiness.period",
        "services.*.probes.liveness.timeout",
        "services.*.probes.liveness.period",
    ],
    check: Check::Both(check, files),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for service in blueprint.services.iter().filter(|service| service.on_kubernetes()) {
        let probes = &service.spec.probes;
        let asked = [("readiness", &probes.readiness, READINESS), ("liveness", &probes.liveness, LIVENESS)];
        for (name, probe, default) in asked {
            let Some(probe) = probe.as_ref().filter(|probe| probe.timeout >= probe.period) else { continue };
            let at = path!["services", service.name, "probes", name];
            let failures = probe.failures.unwrap_or(default.failures);
            findings.push(
                RULE.finding(
                    Place::Value(at.key("timeout")),
                    format!("the {name} probe of `{}` waits as long as to its next question", service.name),
                )
                .label(format!("waits {}", probe.timeout))
                .also(Place::Value(at.key("period")), format!("asks every {}", probe.period))
                .because(format!(
                    "{} ≥ {}: one question waits for the other, and {failures} failures take longer than {failures} × {} (F-K8-04)",
                    probe.timeout, probe.period, probe.period
                ))
                .fix(format!("ask less often than every {}, or wait less", probe.timeout)),
            );
        }
    }
}

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for (object, template) in running(estate, &["livenessProbe", "readinessProbe", "startupProbe"]) {
        for container in containers(template) {
            for (name, key) in [("readiness", "readinessProbe"), ("liveness", "livenessProbe")] {
                let Some(probe) = Probe::of(container, key) else { continue };
                findings.extend(of_probe(object, &shown_container(object, container), name, probe));
            }
        }
    }
}

fn of_probe(object: Object<'_>, whose: &str, name: &str, probe: Probe<'_>) -> Option<Diagnostic> {
    let (period, timeout) = (probe.period()?, probe.timeout()?);
    if probe.written("timeoutSeconds").is_none() {
        return Some(
            RULE.finding(probe.place(), format!("the {name} probe of `{whose}` waits 1 s for its answer"))
                .label("`timeoutSeconds` is missing")
                .because("the default is 1 s, which a pause of the garbage collector or a busy node exceeds (F-K8-04)")
                .fix(if period > 2 {
                    "write `timeoutSeconds: 2`, or what the slowest good answer takes"
                } else {
                    "ask every 5 s, and write `timeoutSeconds: 2`"
                }),
        );
    }
    if timeout < period {
        return None;
    }
    let place = probe.written("periodSeconds").map_or_else(|| object.place(), |node| Place::Span(node.span));
    Some(
        RULE.finding(
            probe.place_of("timeoutSeconds"),
            format!("the {name} probe of `{whose}` waits as long as to its next question"),
        )
        .label(format!("waits {timeout} s"))
        .also(place, format!("asks every {period} s"))
        .because(format!(
            "{timeout} s ≥ {period} s: one question waits for the other, and {} failures take longer than {} × {period} s (F-K8-04)",
            probe.failures()?,
            probe.failures()?
        ))
        .fix(format!("ask less often than every {timeout} s, or wait less")),
    )
}
