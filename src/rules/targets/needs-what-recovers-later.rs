//! A service promises to recover sooner than what it needs.
//!
//! # What it finds
//! The RTO of a service is shorter than that of a service or data store that it needs without a `fallback`. A Redis that is
//! a cache is left out: its keys are elsewhere. External services have no RTO: TG011 asks for them.
//!
//! # Why it matters
//! The service cannot serve before its dependency does, so that only the longer of the two is true; whoever reads the
//! shorter one plans with a number that cannot be.
//!
//! # Example
//! ```yaml
//! services:
//!   checkout: {objectives: {rto: 15m}, needs: {postgres.orders: {via: pool}}}
//! postgres:
//!   orders: {objectives: {rto: 4h}}
//! ```
//!
//! # Fix
//! The same tier for both, or a fallback with which the service goes on.
//!
//! # Source
//! facts.md R-TG-10.

use crate::blueprint::raw::Usage;
use crate::blueprint::{Need, NeedTarget};
use crate::document::Path;
use crate::rules::prelude::*;
use crate::rules::promised::{self, Item, Written};

pub static RULE: Rule = Rule {
    id: "TG010",
    name: "needs-what-recovers-later",
    group: Group::Targets,
    level: Level::Warning,
    security: false,
    fields: &["services.*.objectives.rto", "services.*.needs", "objectives.tiers"],
    check: Check::Blueprint(check),
};

type Timed = (crate::blueprint::units::Duration, Path);

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for service in &blueprint.services {
        let Some((own, whose)) = promised::rto(blueprint, &service.into(), None).map(Written::pair) else { continue };
        for need in service.needs.iter().filter(|need| need.spec.fallback.is_none()) {
            let Some((later, place)) = of(blueprint, need).filter(|(later, _)| *later > own) else { continue };
            let at = path!["services", service.name, "needs", need.reference];
            findings.push(
                RULE.finding(
                    Place::Key(at),
                    format!("`{}` promises to be back before `{}` that it needs", service.name, need.reference),
                )
                .label("needed to serve")
                .also(Place::Value(whose.clone()), format!("its own RTO: {own}"))
                .also(Place::Value(place), format!("that of `{}`: {later}", need.reference))
                .because(format!("it serves again {later} after the outage at the latest, not {own} (R-TG-10)"))
                .fix("give both the same RTO, or the need a `fallback`"),
            );
        }
    }
}

/// The RTO of what is needed.
fn of(blueprint: &Blueprint, need: &Need) -> Option<Timed> {
    let item: Item<'_> = match need.target {
        NeedTarget::Service => blueprint.service(&need.name)?.into(),
        NeedTarget::Postgres => blueprint.postgres(&need.name)?.into(),
        NeedTarget::Redis => blueprint.redis(&need.name).filter(|redis| redis.spec.usage != Usage::Cache)?.into(),
        NeedTarget::External => return None,
    };
    promised::rto(blueprint, &item, None).map(Written::pair)
}
