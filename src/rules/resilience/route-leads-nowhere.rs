//! An HTTP route of a VirtualService leads nowhere.
//!
//! # What it finds
//! An entry of `spec.http` in a VirtualService that has none of `route` (with at least one destination), `redirect`,
//! `directResponse` and `delegate`. Read in hand-written files.
//!
//! # Why it matters
//! Istio refuses the whole object: none of its timeouts, retries and routes exist, also those of other entries.
//!
//! # Example
//! ```yaml
//! kind: VirtualService
//! spec:
//!   http:
//!     - timeout: 10s            # and no route
//! ```
//!
//! # Fix
//! Give every entry its destination; what is to hold for one route stands in the same entry.
//!
//! # Source
//! facts.md F-IS-05: Istio, virtual_service.proto.

use super::mesh::routes;
use crate::document::{Node, NodeKind};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "RT002",
    name: "route-leads-nowhere",
    group: Group::Resilience,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for (object, route) in routes(estate) {
        let leads = |key: &str| route.get(key).is_some_and(is_something);
        if ["route", "redirect", "directResponse", "direct_response", "delegate"].into_iter().any(leads) {
            continue;
        }
        findings.push(
            RULE.finding(Place::Span(route.span), format!("a route of `{}` has no destination", object.name()))
                .label("no route, redirect, directResponse or delegate")
                .also(object.place(), "refused as a whole")
                .because("Istio takes no HTTP route without a destination (F-IS-05)")
                .fix(format!(
                    "write `route: [{{destination: {{host: {}}}}}]` into this entry, or move what it says to the entry that has one",
                    object.name()
                )),
        );
    }
}

fn is_something(node: &Node) -> bool {
    match &node.kind {
        NodeKind::List(items) => !items.is_empty(),
        NodeKind::Map(entries) => !entries.is_empty(),
        NodeKind::Scalar(_) => false,
    }
}
