//! A pod is killed while it still starts.
//!
//! # What it finds
//! `start` of a service is declared, and its startup probe gives up earlier: `initialDelay + failures × period < start`.
//! Where no startup probe is written, five minutes are rendered. Without `start` nothing is said. In files: a liveness probe
//! without a startup probe that gives up in less than five minutes, by `initialDelaySeconds + failures × period`; how long a
//! start takes is not in these files, and a start after a failure is slower than any that was measured before.
//! What a patch of kustomize among the files may change is not judged.
//!
//! # Why it matters
//! Starts are slowest after a failure, when images are pulled by everybody and caches are cold. A probe that is only
//! patient enough on a quiet day turns the recovery into a loop of restarts, with longer and longer pauses (back-off up to
//! 300 s).
//!
//! # Example
//! ```yaml
//! services:
//!   api:
//!     start: 90s
//!     probes:
//!       startup: {http: /live, period: 5s, failures: 12}   # gives up after 60 s
//! ```
//!
//! # Fix
//! More `failures`: a startup probe that succeeds early costs nothing.
//!
//! # Source
//! facts.md F-K8-04, X-K8-1: Kubernetes, Configure Liveness, Readiness and Startup Probes.

use super::probes::Probe;
use super::workloads::{containers, running, shown_container};
use crate::blueprint::service::STARTUP;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8017",
    name: "killed-while-it-starts",
    group: Group::Kubernetes,
    level: Level::Warning,
    security: false,
    fields: &["services.*.probes.startup", "services.*.start"],
    check: Check::Both(check, files),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for service in blueprint.services.iter().filter(|service| service.on_kubernetes()) {
        let Some(start) = service.spec.start else { continue };
        let written = service.spec.probes.startup.as_ref();
        let (delay, period, failures) = match written {
            Some(probe) => (
                probe.initial_delay.map_or(0, |delay| delay.secs()),
                probe.period.secs().max(1),
                u64::from(probe.failures.unwrap_or(STARTUP.failures)),
            ),
            None => (0, u64::from(STARTUP.period), u64::from(STARTUP.failures)),
        };
        let patience = delay + failures * period;
        if patience >= start.secs() {
            continue;
        }
        let needed = start.secs().saturating_sub(delay).div_ceil(period);
        let at = path!["services", service.name];
        let startup = at.key("probes").key("startup");
        let place = if written.is_some() { startup.key("failures") } else { at.key("start") };
        let mut finding = RULE
            .finding(Place::Value(place), format!("`{}` may be killed while it still starts", service.name))
            .label(format!("gives up after {patience} s"))
            .because(format!(
                "{delay} s + {failures} × {period} s = {patience} s, and a start takes up to {start} (X-K8-1)"
            ))
            .fix(format!("write `startup: {{period: {period}s, failures: {needed}}}` or more"));
        if written.is_some() {
            finding = finding
                .also(Place::Value(at.key("start")), format!("takes up to {start}"))
                .edit(startup.key("failures"), needed);
        } else {
            finding = finding.rests_on(startup);
        }
        findings.push(finding);
    }
}

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let enough = i64::from(STARTUP.period) * i64::from(STARTUP.failures);
    for (object, template) in running(estate, &["livenessProbe", "readinessProbe", "startupProbe"]) {
        for container in containers(template) {
            let Some(live) = Probe::of(container, "livenessProbe") else { continue };
            if Probe::of(container, "startupProbe").is_some() {
                continue;
            }
            let figures = live.delay().zip(live.failures()).zip(live.period());
            let Some(((delay, failures), period)) = figures else { continue };
            let patience = delay + failures * period;
            if patience >= enough {
                continue;
            }
            let whose = shown_container(object, container);
            findings.push(
                RULE.finding(live.place(), format!("`{whose}` may be killed while it still starts"))
                    .label(format!("gives up after {patience} s, and there is no startup probe"))
                    .because(format!(
                        "{delay} s + {failures} × {period} s = {patience} s for a start that may have to pull the image and fill \
                         caches first; each kill makes the next wait longer (X-K8-1)"
                    ))
                    .fix(format!(
                        "write a `startupProbe` with `periodSeconds: {}` and `failureThreshold: {}`: it costs nothing where the \
                         start is quick",
                        STARTUP.period, STARTUP.failures
                    )),
            );
        }
    }
}
