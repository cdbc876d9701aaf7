//! A probe waits for its answer as long as the next question is away, or longer.
//!
//! # What it finds
//! `timeout` of a readiness or liveness probe at or above its `period`. Startup probes are left out: there only the sum
//! counts (K8017).
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
    check: Check::Blueprint(check),
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
