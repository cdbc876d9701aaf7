//! A circuit breaker stands where Istio has no field for one.
//!
//! # What it finds
//! `outlierDetection` in a VirtualService, at any depth, or in a DestinationRule beside `trafficPolicy` instead of in it. Read
//! in hand-written files.
//!
//! # Why it matters
//! It is an unknown field there: the API server drops it or refuses the object. Nothing is ever left out, although the file
//! says so.
//!
//! # Example
//! ```yaml
//! kind: VirtualService
//! spec:
//!   http:
//!     - outlierDetection: {consecutive5xxErrors: 5}
//! ```
//!
//! # Fix
//! Write a DestinationRule for the host, with `trafficPolicy.outlierDetection`.
//!
//! # Source
//! facts.md F-IS-01: Istio, destination_rule.proto and virtual_service.proto.

use super::mesh::{entries, of_istio};
use crate::rules::kubernetes::objects::at;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "RT001",
    name: "circuit-breaker-stands-in-a-route",
    group: Group::Resilience,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let virtual_services = of_istio(estate, "VirtualService")
        .flat_map(|object| entries(object.node, "outlierDetection").into_iter().map(move |entry| (object, entry)));
    let beside = of_istio(estate, "DestinationRule").filter_map(|object| {
        Some((object, at(object.node, &["spec"]).and_then(|spec| spec.entry("outlierDetection"))?))
    });
    for (object, entry) in virtual_services.chain(beside) {
        let own = object.kind() == "DestinationRule";
        findings.push(
            RULE.finding(Place::Span(entry.key_span), format!("the circuit breaker of `{}` does not exist", object.name()))
                .label("no field of Istio's here")
                .also(object.place(), format!("a {}", object.kind()))
                .because("outlierDetection is a field of a DestinationRule's trafficPolicy; anywhere else it is unknown, and nothing is ever left out (F-IS-01)")
                .fix(if own {
                    "move it into spec.trafficPolicy"
                } else {
                    "move it into the trafficPolicy of a DestinationRule for the host"
                }),
        );
    }
}
