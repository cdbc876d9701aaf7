//! An availability objective above what the providers of critical dependencies promise together.
//!
//! # What it finds
//! A service needs external services that are `critical`, that promise an `availability` and that it has no `fallback` for,
//! and the product of these promises is below its own objective. One whose promise is not written counts as always there,
//! so that the real product may be lower; a need with a fallback is left out.
//!
//! # Why it matters
//! The product is the ceiling: even if nothing of one's own ever fails, the objective is not kept. (A promise is not an
//! availability either: it pays credits.)
//!
//! # Example
//! ```yaml
//! objectives: {availability: 99.95%}
//! external:
//!   payment: {url: "https://pay.example.org", availability: 99.9%}
//! ```
//!
//! # Fix
//! A fallback, work that can wait in a queue (`critical: false`), or an objective below the product.
//!
//! # Source
//! facts.md X-AV-2, X-AV-5: The Calculus of Service Availability.

use crate::blueprint::units::{Percent, exact_decimal};
use crate::blueprint::{NeedTarget, Service};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "TG003",
    name: "objective-above-what-is-bought",
    group: Group::Targets,
    level: Level::Warning,
    security: false,
    fields: &[
        "external.*.availability",
        "external.*.critical",
        "services.*.needs.*.fallback",
        "objectives.availability",
    ],
    check: Check::Blueprint(check),
};

/// 100 %, in the parts that a percentage is counted in.
const WHOLE: u128 = 100_000_000;

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for service in &blueprint.services {
        let Some(objective) = service.targets.availability else { continue };
        let bought = bought(blueprint, service);
        let product = bought.iter().fold(WHOLE, |product, (_, share)| product * u128::from(share.micro()) / WHOLE);
        let Some((weakest, share)) = bought.iter().min_by_key(|(_, share)| *share) else { continue };
        if product >= u128::from(objective.micro()) {
            continue;
        }
        let shown = exact_decimal(u64::try_from(product / 10_000).unwrap_or_default(), 100);
        let factors: Vec<String> = bought.iter().map(|(_, share)| share.to_string()).collect();
        let product = if factors.len() > 1 { format!("{} = {shown}%", factors.join(" × ")) } else { factors.concat() };
        let reference = format!("external.{weakest}");
        findings.push(
            RULE.finding(
                Place::Key(path!["services", service.name, "needs", reference]),
                format!("`{}` cannot keep {objective}: what it needs promises {shown}% together", service.name),
            )
            .label("it is down without it")
            .also(Place::Value(path!["external", weakest, "availability"]), format!("promises {share}"))
            .because(format!("{product} < {objective} (X-AV-2)"))
            .fix(
                "give the need a `fallback`, let the work wait without it (`critical: false`), or lower the objective",
            ),
        );
    }
}

/// What a service needs of others and is down without, with what they promise.
fn bought<'a>(blueprint: &'a Blueprint, service: &'a Service) -> Vec<(&'a str, Percent)> {
    let alone = |need: &&'a crate::blueprint::Need| need.target == NeedTarget::External && need.spec.fallback.is_none();
    let promise = |need: &'a crate::blueprint::Need| {
        let external = blueprint.spec.external.get(need.name.as_str()).filter(|external| external.critical)?;
        Some((need.name.as_str(), external.availability?))
    };
    service.needs.iter().filter(alone).filter_map(promise).collect()
}
