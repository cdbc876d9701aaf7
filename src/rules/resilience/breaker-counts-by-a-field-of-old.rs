//! A circuit breaker counts by `consecutiveErrors`, which Istio gave up.
//!
//! # What it finds
//! `consecutiveErrors` in a DestinationRule, or in a VirtualService where it is misplaced as well (RT001). Read in hand-written
//! files.
//!
//! # Why it matters
//! The field is deprecated: newer releases leave it out of account and count by their own default of 5, or refuse the object.
//!
//! # Example
//! ```yaml
//! kind: DestinationRule
//! spec:
//!   trafficPolicy:
//!     outlierDetection: {consecutiveErrors: 3}
//! ```
//!
//! # Fix
//! `consecutive5xxErrors`, or `consecutiveGatewayErrors` where only 502, 503 and 504 are to count.
//!
//! # Source
//! facts.md F-IS-02: Istio, destination_rule.proto.

use super::mesh::{entries, of_istio};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "RT003",
    name: "breaker-counts-by-a-field-of-old",
    group: Group::Resilience,
    level: Level::Warning,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let objects = of_istio(estate, "DestinationRule").chain(of_istio(estate, "VirtualService"));
    for object in objects {
        for entry in entries(object.node, "consecutiveErrors") {
            findings.push(
                RULE.finding(
                    Place::Span(entry.key_span),
                    format!("the circuit breaker of `{}` counts by a field that is given up", object.name()),
                )
                .label("deprecated")
                .because("consecutiveErrors is deprecated; without its successor 5 answers in a row count (F-IS-02)")
                .fix("write `consecutive5xxErrors`"),
            );
        }
    }
}
