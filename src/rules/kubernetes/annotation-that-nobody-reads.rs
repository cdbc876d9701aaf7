//! An annotation below the prefix of ingress-nginx is none that the controller knows.
//!
//! # What it finds
//! A key below `nginx.ingress.kubernetes.io/` of an Ingress that no release of ingress-nginx since 1.0 reads. The names stand in
//! `annotations.txt`; those that a later release dropped (OpenTracing, InfluxDB, the global rate limit) are
//! among them.
//!
//! # Why it matters
//! The controller ignores it without a word: what it was to set up never existed. A health check that way is the usual case:
//! ingress-nginx has none, it sends to the endpoints that readiness probes leave.
//!
//! # Example
//! ```yaml
//! metadata:
//!   annotations:
//!     nginx.ingress.kubernetes.io/health-check-path: /ready
//! ```
//!
//! # Fix
//! Remove it, or write the name that exists.
//!
//! # Source
//! facts.md R-K8-30, F-LB-06: ingress-nginx, annotations.md and annotations-risk.md.

use super::ingress_nginx::own;
use super::objects::of_kind;
use crate::diagnostics::nearest;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8030",
    name: "annotation-that-nobody-reads",
    group: Group::Kubernetes,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

/// The annotations of ingress-nginx, without their prefix, one a line.
const KNOWN: &str = include_str!("annotations.txt");

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for ingress in of_kind(estate, "Ingress") {
        for (name, entry) in own(ingress) {
            if KNOWN.lines().any(|known| known == name) || super::services::is_later(name) {
                continue;
            }
            let near = nearest(name, KNOWN.lines());
            let why = if name.contains("health") {
                "it is ignored: ingress-nginx has no health checks, it sends to the endpoints that readiness probes leave (F-LB-06)"
            } else {
                "it is ignored without a word: what it says never takes effect (R-K8-30)"
            };
            findings.push(
                RULE.finding(
                    Place::Span(entry.key_span),
                    format!("ingress-nginx knows no annotation `{}`", name.escape_debug()),
                )
                .label("nobody reads it")
                .also(ingress.place(), "of this Ingress")
                .because(why)
                .fix(near.map_or_else(|| "remove it".to_owned(), |near| format!("did you mean `{near}`?"))),
            );
        }
    }
}
