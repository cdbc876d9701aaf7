//! The recovery time objective that applies to an item, with where it is written: the first one of decision 4.

use crate::blueprint::raw::{Name, Scenario, Target, Tier};
use crate::blueprint::units::Duration;
use crate::blueprint::{Blueprint, Postgres, Redis, Service};
use crate::document::Path;
use crate::path;

/// What targets are asked for.
pub struct Item<'a> {
    at: Path,
    own: Option<&'a Tier>,
    tier: Option<&'a Name>,
}

impl Item<'_> {
    /// The whole system.
    pub fn system() -> Self {
        Self { at: Path::root(), own: None, tier: None }
    }
}

impl<'a> From<&'a Service> for Item<'a> {
    fn from(item: &'a Service) -> Self {
        let (own, tier) = (Some(&item.spec.objectives), item.spec.tier.as_ref());
        Self { at: path!["services", item.name, "objectives"], own, tier }
    }
}

impl<'a> From<&'a Postgres> for Item<'a> {
    fn from(item: &'a Postgres) -> Self {
        let (own, tier) = (Some(&item.spec.objectives), item.spec.tier.as_ref());
        Self { at: path!["postgres", item.name, "objectives"], own, tier }
    }
}

impl<'a> From<&'a Redis> for Item<'a> {
    fn from(item: &'a Redis) -> Self {
        let (own, tier) = (Some(&item.spec.objectives), item.spec.tier.as_ref());
        Self { at: path!["redis", item.name, "objectives"], own, tier }
    }
}

/// The name of a scenario, as it is written.
pub const fn name(scenario: Scenario) -> &'static str {
    match scenario {
        Scenario::PodLoss => "pod-loss",
        Scenario::NodeLoss => "node-loss",
        Scenario::ZoneLoss => "zone-loss",
        Scenario::RegionLoss => "region-loss",
        Scenario::PrimaryLoss => "primary-loss",
        Scenario::ConsensusLoss => "consensus-loss",
        Scenario::DataCorruption => "data-corruption",
        Scenario::DependencyLoss => "dependency-loss",
        Scenario::NetworkPartition => "network-partition",
    }
}

/// The RTO of an item in a scenario, or in general, and its place.
pub fn rto(blueprint: &Blueprint, item: &Item<'_>, scenario: Option<Scenario>) -> Option<(Duration, Path)> {
    let objectives = &blueprint.spec.objectives;
    let here = path!["objectives"];
    let tier = item.tier.and_then(|name| Some((objectives.tiers.get(name)?, here.key("tiers").key(name))));
    let of = |target: Option<&Target>, at: &Path| {
        let scenario = scenario?;
        Some((target?.rto?, at.key("scenarios").key(name(scenario)).key("rto")))
    };
    let plain = |rto: Option<Duration>, at: &Path| Some((rto?, at.key("rto")));
    let asked = |tier: &'_ Tier, at: &Path| scenario.and_then(|scenario| of(tier.scenarios.get(&scenario), at));
    let own = item.own.and_then(|own| asked(own, &item.at).or_else(|| plain(own.rto, &item.at)));
    own.or_else(|| tier.as_ref().and_then(|(tier, at)| asked(tier, at)))
        .or_else(|| scenario.and_then(|scenario| of(objectives.scenarios.get(&scenario), &here)))
        .or_else(|| tier.as_ref().and_then(|(tier, at)| plain(tier.rto, at)))
        .or_else(|| plain(objectives.rto, &here))
}
