//! A recovery from the loss of a region is promised, and there is no other region.
//!
//! # What it finds
//! With a single region: a target that is declared for `region-loss`, in `objectives`, in a tier that something has, on a
//! service or on a data store; or a strategy that needs a second region (`active-passive`, `pilot-light`). A general RTO
//! promises nothing for the loss of a region, and `backup-and-restore` may rebuild it anywhere.
//!
//! # Why it matters
//! "The backup region" that nobody has declared has no cluster, no network, no secrets and no quota. It is built in the
//! outage.
//!
//! # Example
//! ```yaml
//! objectives: {scenarios: {region-loss: {rto: 30m}}}
//! regions: {us-east-1: {role: primary, zones: [a, b, c]}}   # the only one
//! ```
//!
//! # Fix
//! Declare the second region, or take the target back: in an environment with one region, `region-loss: null`.
//!
//! # Source
//! facts.md R-RB-08.

use std::collections::BTreeSet;

use crate::blueprint::raw::{Scenario, Strategy, Tier};
use crate::document::Path;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "RB008",
    name: "no-region-to-fail-over-to",
    group: Group::Runbooks,
    level: Level::Error,
    security: false,
    fields: &["regions", "strategy", "objectives.scenarios", "objectives.tiers"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let [region] = blueprint.regions.as_slice() else { return };
    let also = |finding: Diagnostic| {
        finding
            .also(Place::Key(path!["regions", region.name]), "the only region")
            .because("a region that is not declared has no files, no cluster and no capacity: it would be built in the outage (R-RB-08)")
    };
    for at in declared(blueprint) {
        findings.push(
            also(RULE.finding(Place::Key(at), "a target for the loss of a region, and no other region"))
                .label("promised")
                .fix("declare a second region, or take the target back"),
        );
    }
    let strategy = match blueprint.spec.strategy {
        Strategy::ActivePassive => "active-passive",
        Strategy::PilotLight => "pilot-light",
        Strategy::ActiveActive | Strategy::BackupAndRestore => return,
    };
    findings.push(
        also(RULE.finding(Place::Value(path!["strategy"]), format!("`{strategy}` needs a second region")))
            .fix("declare the region that takes over, or leave `strategy` out"),
    );
}

/// Where targets for the loss of a region are declared.
fn declared(blueprint: &Blueprint) -> Vec<Path> {
    let objectives = &blueprint.spec.objectives;
    let mut all = Vec::new();
    let in_scenarios = |at: &Path| at.key("scenarios").key("region-loss");
    if objectives.scenarios.contains_key(&Scenario::RegionLoss) {
        all.push(in_scenarios(&path!["objectives"]));
    }
    let mut tiers = BTreeSet::new();
    let mut own = |section: &str, name: &str, own: &Tier, tier: Option<&str>| {
        tiers.extend(tier.map(str::to_owned));
        if own.scenarios.contains_key(&Scenario::RegionLoss) {
            all.push(in_scenarios(&path![section, name, "objectives"]));
        }
    };
    for item in &blueprint.services {
        own("services", &item.name, &item.spec.objectives, item.spec.tier.as_ref().map(|tier| tier.as_str()));
    }
    for item in &blueprint.postgres {
        own("postgres", &item.name, &item.spec.objectives, item.spec.tier.as_ref().map(|tier| tier.as_str()));
    }
    for item in &blueprint.redis {
        own("redis", &item.name, &item.spec.objectives, item.spec.tier.as_ref().map(|tier| tier.as_str()));
    }
    for (name, tier) in objectives.tiers.iter().filter(|(name, _)| tiers.contains(name.as_str())) {
        if tier.scenarios.contains_key(&Scenario::RegionLoss) {
            all.push(in_scenarios(&path!["objectives", "tiers", name]));
        }
    }
    all
}
