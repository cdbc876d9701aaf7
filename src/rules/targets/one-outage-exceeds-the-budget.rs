//! A single outage that keeps the recovery time objective breaks the availability objective.
//!
//! # What it finds
//! An RTO longer than the error budget of the availability that applies beside it: `(100 % − availability) × window`, with
//! the window of `monitoring.slo` (30 days where none is written). Looked at are the general RTO and that of a region's
//! loss: of the system, of each tier that a service has, of each service. Other scenarios are left out: the loss of a pod,
//! a node or a zone costs a part of the requests only, and wrong data is no matter of availability.
//!
//! # Why it matters
//! Both figures are promised, and they contradict each other: an outage that is handled as planned breaks the promise.
//!
//! # Example
//! ```yaml
//! objectives:
//!   availability: 99.95%   # 21.6 minutes in 30 days
//!   rto: 30m
//! ```
//!
//! # Fix
//! A shorter RTO, a lower availability, or a longer window; where a region is lost once in years and that is meant, waive it.
//!
//! # Source
//! facts.md X-AV-6 (arithmetic).

use std::collections::BTreeMap;

use crate::blueprint::raw::{Scenario, Target, Tier};
use crate::blueprint::units::{Duration, Percent};
use crate::document::Path;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "TG002",
    name: "one-outage-exceeds-the-budget",
    group: Group::Targets,
    level: Level::Warning,
    security: false,
    fields: &[
        "objectives.availability",
        "objectives.rto",
        "objectives.scenarios",
        "objectives.tiers",
        "services.*.objectives",
        "monitoring.slo.window",
    ],
    check: Check::Blueprint(check),
};

/// An availability and where it stands.
type Availability = Option<(Percent, Path)>;

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let objectives = &blueprint.spec.objectives;
    let monitoring = blueprint.spec.monitoring.as_ref();
    let window = monitoring.map_or(Duration::from_secs(30 * 86_400), |monitoring| monitoring.slo.window);
    let at = path!["objectives"];
    let of = |availability: Option<Percent>, at: &Path| availability.map(|share| (share, at.key("availability")));
    let system = of(objectives.availability, &at);
    let mut judge = |rto: Option<Duration>, scenarios: &BTreeMap<Scenario, Target>, at: &Path, with: &Availability| {
        let region = scenarios.get(&Scenario::RegionLoss).and_then(|target| target.rto);
        for (rto, place) in [(rto, at.key("rto")), (region, at.key("scenarios").key("region-loss").key("rto"))] {
            if let (Some(rto), Some((availability, whose))) = (rto, with) {
                findings.extend(exceeds(rto, place, *availability, whose, window));
            }
        }
    };
    judge(objectives.rto, &objectives.scenarios, &at, &system);
    let mut tiers: BTreeMap<&str, Availability> = BTreeMap::new();
    for service in &blueprint.services {
        let tier = service.spec.tier.as_ref().and_then(|name| Some((name, objectives.tiers.get(name)?)));
        let mut inherited = system.clone();
        if let Some((name, tier)) = tier {
            let here = at.key("tiers").key(name);
            inherited = of(tier.availability, &here).or(inherited);
            if tiers.insert(name.as_str(), inherited.clone()).is_none() {
                judge(tier.rto, &tier.scenarios, &here, &inherited);
            }
        }
        let own: &Tier = &service.spec.objectives;
        let here = path!["services", service.name, "objectives"];
        judge(own.rto, &own.scenarios, &here, &of(own.availability, &here).or(inherited));
    }
}

fn exceeds(rto: Duration, place: Path, availability: Percent, whose: &Path, window: Duration) -> Option<Diagnostic> {
    let parts = u128::from(window.millis()) * u128::from(availability.complement_micro());
    let budget = Duration::from_millis(u64::try_from(parts / 100_000_000).ok()?);
    if rto <= budget {
        return None;
    }
    // In whole seconds, for people.
    let shown = Duration::from_secs(budget.millis() / 1000);
    Some(
        RULE.finding(Place::Value(place), format!("one outage of {rto} breaks the availability of {availability}"))
            .label(format!("{rto} are promised"))
            .also(Place::Value(whose.clone()), format!("leaves {shown} in {window}"))
            .because(format!("(100% − {availability}) × {window} = {shown} < {rto} (X-AV-6)"))
            .fix(format!("promise {shown} or less, or an availability that holds {rto}")),
    )
}
