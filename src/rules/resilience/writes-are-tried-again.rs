//! Requests that the service may have carried out already are sent again.
//!
//! # What it finds
//! An HTTP route of a VirtualService whose `retries.retryOn` has `5xx`, `gateway-error`, `reset`, `retriable-4xx` or
//! `retriable-status-codes`, and that takes requests of every method: it has no `match`, or one of its matches names no method
//! or one that writes (POST, PATCH, CONNECT). Read in hand-written files; hagen renders retries only of what never reached
//! the service.
//!
//! # Why it matters
//! An answer 5xx and a connection that was reset say nothing of whether the request was carried out. A payment, an order or a
//! message sent again is there twice.
//!
//! # Example
//! ```yaml
//! http:
//!   - route: [{destination: {host: orders}}]
//!     retries: {attempts: 2, retryOn: "5xx,reset"}
//! ```
//!
//! # Fix
//! `retryOn: reset-before-request,connect-failure,refused-stream`, or a route of its own for GET and HEAD. Where the service
//! knows requests again by an idempotency key, waive this with that reason.
//!
//! # Source
//! facts.md F-IS-07: AWS Builders' Library, "Timeouts, retries and backoff with jitter".

use super::mesh::routes;
use crate::document::Node;
use crate::rules::kubernetes::objects::{at, int_at, list_at, text_at};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "RT006",
    name: "writes-are-tried-again",
    group: Group::Resilience,
    level: Level::Warning,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

/// Conditions under which a request may have been carried out.
const AFTER: [&str; 5] = ["5xx", "gateway-error", "reset", "retriable-4xx", "retriable-status-codes"];

/// Methods that may be sent twice (RFC 9110: safe or idempotent).
const HARMLESS: [&str; 6] = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"];

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for (object, route) in routes(estate) {
        let path = ["retries", "retryOn"];
        let Some((written, on)) = at(route, &path).zip(text_at(route, &path)) else { continue };
        let after: Vec<&str> = on.split(',').map(str::trim).filter(|condition| AFTER.contains(condition)).collect();
        if after.is_empty() || int_at(route, &["retries", "attempts"]) == Some(0) || only_harmless(route) {
            continue;
        }
        findings.push(
            RULE.finding(Place::Span(written.span), format!("`{}` may get a write twice", object.name()))
                .label(format!("also of what may have been carried out: {}", after.join(", ")))
                .also(Place::Span(route.span), "requests of every method")
                .because("neither an answer nor a reset says that nothing was done; what is sent again is done again (R-RT-06)")
                .fix("write `retryOn: reset-before-request,connect-failure,refused-stream`, or give GET and HEAD a route of their own"),
        );
    }
}

/// Whether a route takes only methods that may be sent twice.
fn only_harmless(route: &Node) -> bool {
    let mut matches = list_at(route, &["match"]).peekable();
    matches.peek().is_some()
        && matches.all(|one| {
            let exact = text_at(one, &["method", "exact"]).is_some_and(|method| HARMLESS.contains(&method));
            let any = text_at(one, &["method", "regex"]).is_some_and(|regex| {
                let methods = regex.trim_matches(['^', '$', '(', ')']);
                methods.split('|').all(|method| HARMLESS.contains(&method))
            });
            exact || any
        })
}
