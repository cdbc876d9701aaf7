//! A service waits longer for something than anybody waits for the service.
//!
//! # What it finds
//! A need whose `timeout` is longer than the longest that any caller waits: the route of a public service, and the `timeout` of
//! every service that needs it. It stays silent where nobody is known to wait, or where one of the callers writes no timeout. A
//! need and its fallback together are BP132; whether several needs are called one after the other is not known, nor whether a
//! service also works for nobody, as on a queue: waive it there with that reason.
//!
//! # Why it matters
//! When the caller has given up, the rest of the work is for nobody: connections, threads and locks stay taken, and the caller's
//! next try adds to them.
//!
//! # Example
//! ```yaml
//! services:
//!   api:
//!     exposure: public
//!     route: {path: /, timeout: 30s}
//!     needs: {postgres.main: {timeout: 60s}}
//! ```
//!
//! # Fix
//! A shorter timeout inside, or a longer one outside: client > edge > service > database.
//!
//! # Source
//! facts.md X-IS-3.

use std::collections::BTreeMap;

use crate::blueprint::Service;
use crate::blueprint::units::Duration;
use crate::document::Path;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "RT014",
    name: "inner-timeout-outlives-its-caller",
    group: Group::Resilience,
    level: Level::Error,
    security: false,
    fields: &["services.*.needs.*.timeout", "services.*.route.timeout"],
    check: Check::Blueprint(check),
};

/// The longest that anybody waits for a service; `None` where one of them does not say.
type Longest<'a> = BTreeMap<&'a str, Option<(Duration, Path, &'a str)>>;

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let longest = longest(blueprint);
    for service in &blueprint.services {
        let Some(Some((waits, place, who))) = longest.get(service.name.as_str()) else { continue };
        for need in &service.needs {
            let Some(timeout) = need.spec.timeout.filter(|timeout| timeout > waits) else { continue };
            let at = path!["services", service.name, "needs", need.reference, "timeout"];
            let late = Duration::from_millis(timeout.millis() - waits.millis());
            let by = if *who == service.name { "its route".to_owned() } else { format!("`{who}`") };
            findings.push(
                RULE.finding(
                    Place::Value(at),
                    format!("`{}` works on for `{}` when nobody waits any more", service.name, need.reference),
                )
                .label(format!("{timeout} > {waits}"))
                .also(Place::Value(place.clone()), format!("{by} waits {waits}, and nobody waits longer"))
                .because(format!(
                    "{timeout} - {waits} = {late} of work for nobody: outer timeouts hold inner ones (X-IS-3)"
                ))
                .fix(format!("write `timeout: {waits}` or less, or let the caller wait longer")),
            );
        }
    }
}

fn longest(blueprint: &Blueprint) -> Longest<'_> {
    let mut longest = Longest::new();
    let mut add = |name, wait: Option<(Duration, Path, _)>| {
        let known = longest.entry(name).or_insert_with(|| wait.clone());
        *known = known.take().zip(wait).map(|(known, wait)| if wait.0 > known.0 { wait } else { known });
    };
    for service in &blueprint.services {
        if let (true, Some(route)) = (service.is_public(), &service.spec.route) {
            let at = path!["services", service.name, "route", "timeout"];
            add(service.name.as_str(), Some((route.timeout, at, service.name.as_str())));
        }
        for (name, wait) in calls(service) {
            add(name, wait);
        }
    }
    longest
}

/// The services that a service calls, each with how long it waits. Of a fallback that is no need nothing is known.
fn calls(service: &Service) -> impl Iterator<Item = (&str, Option<(Duration, Path, &str)>)> {
    let needs = service.needs.iter().filter_map(|need| {
        let name = need.reference.strip_prefix("services.")?;
        let at = path!["services", service.name, "needs", need.reference, "timeout"];
        Some((name, need.spec.timeout.map(|timeout| (timeout, at, service.name.as_str()))))
    });
    let fallbacks = service.needs.iter().filter_map(|need| {
        let fallback = need.spec.fallback.as_ref()?.as_str();
        let name = fallback.strip_prefix("services.")?;
        (!service.needs.iter().any(|other| other.reference == fallback)).then_some((name, None))
    });
    needs.chain(fallbacks)
}
