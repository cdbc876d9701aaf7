//! Who waits for whom, and how long: the longest request that a service has to finish, and budgets that do not fit into
//! each other.

use std::collections::BTreeMap;

use super::Resolver;
use crate::blueprint::units::Duration;
use crate::blueprint::{Service, raw};
use crate::diagnostics::{Diagnostic, Place};
use crate::document::Path;
use crate::path;

/// Who waits for what with a timeout: by reference, each caller and how long. Made once: to ask every service about every
/// other took as long as everything else together.
pub(super) type Waits<'a> = BTreeMap<&'a str, Vec<(&'a raw::Name, Duration)>>;

/// Who waits for what in a blueprint.
pub(super) fn waits(spec: &raw::Blueprint) -> Waits<'_> {
    let mut waits = Waits::new();
    for (caller, service) in &spec.services {
        for (reference, need) in &service.needs {
            if let Some(timeout) = need.timeout {
                waits.entry(reference.as_str()).or_default().push((caller, timeout));
            }
        }
    }
    waits
}

/// The services that wait for a service, each with how long, in the order of their names.
fn waiting<'a>(waits: &Waits<'a>, name: &str) -> impl Iterator<Item = (&'a raw::Name, Duration)> {
    waits.get(format!("services.{name}").as_str()).into_iter().flatten().copied()
}

/// The longest that a request may take, and why: what a caller waits (as long as somebody waits for the answer, it is
/// worth finishing), the timeout of the slowest thing that it waits for itself, or that of its route.
pub(super) fn longest(waits: &Waits<'_>, name: &str, spec: &raw::Service) -> (Duration, String) {
    let callers = waiting(waits, name).map(|(caller, wait)| (wait, format!("{caller} waits for it")));
    let needs = spec.needs.iter().filter_map(|(name, need)| need.timeout.map(|t| (t, format!("needs of {name}"))));
    let route = spec.route.as_ref().map(|route| (route.timeout, "route.timeout".to_owned()));
    // Of equals the last one is named: what the service says of itself.
    let longest = callers.chain(needs).chain(route).max_by_key(|(timeout, _)| *timeout);
    longest.unwrap_or((Duration::from_secs(30), "30s where no timeout is written".to_owned()))
}

impl Resolver<'_> {
    /// A call and the one that is made instead must both fit into what the caller waits, or the second is never answered
    /// in time (R-RT-14).
    pub(super) fn fallbacks_fit(&mut self, services: &[Service]) {
        for service in services {
            let Some((waits, whose, by)) = self.least_patient(service) else { continue };
            let at = path!["services", &service.name, "needs"];
            for need in &service.needs {
                let Some((first, fallback)) = need.spec.timeout.zip(need.spec.fallback.as_ref()) else { continue };
                let instead = service.needs.iter().find(|other| other.reference == fallback.as_str());
                let Some(second) = instead.and_then(|instead| instead.spec.timeout) else { continue };
                let both = Duration::from_millis(first.millis().saturating_add(second.millis()));
                if both <= waits {
                    continue;
                }
                let (first_at, second_at) =
                    (at.key(&need.reference).key("timeout"), at.key(fallback.as_str()).key("timeout"));
                self.problems.push(
                    Diagnostic::warning(
                        "BP132",
                        Place::Value(first_at),
                        format!("with its fallback this takes {both}, and {by} waits {waits}"),
                    )
                    .label(format!("{first} until it is given up"))
                    .also(Place::Value(second_at), format!("then {second} for `{fallback}`"))
                    .also(whose.clone(), format!("waits {waits}"))
                    .because("the caller has gone before the fallback answers: outer timeouts hold inner ones (R-RT-14, X-IS-3)")
                    .fix(format!("shorten one of the two until both take {waits} or less, or let the caller wait longer")),
                );
            }
        }
    }

    /// Who waits least for a service: how long, where that is written, and who it is.
    fn least_patient(&self, service: &Service) -> Option<(Duration, Place, String)> {
        let reference = format!("services.{}", service.name);
        let at = |caller: &raw::Name| -> Path { path!["services", caller.as_str(), "needs", &reference, "timeout"] };
        let callers = waiting(&self.waits, &service.name)
            .map(|(caller, wait)| (wait, Place::Value(at(caller)), format!("`{caller}`")));
        let route = service.spec.route.as_ref().map(|route| {
            let here = path!["services", &service.name, "route", "timeout"];
            (route.timeout, Place::Value(here), "the route".to_owned())
        });
        route.into_iter().chain(callers).min_by_key(|(wait, _, _)| *wait)
    }
}
