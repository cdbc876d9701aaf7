//! What a data store is promised in a scenario, and where that is written: the same order as [`Blueprint::targets`].

use crate::blueprint::raw::{Name, Scenario, Tier};
use crate::blueprint::units::Duration;
use crate::blueprint::{Blueprint, Postgres, Redis};
use crate::document::Path;
use crate::path;

/// What is promised: how long it may take, or how much may be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Objective {
    /// Recovery time.
    Rto,
    /// Recovery point.
    Rpo,
}

/// A target that holds for a store.
#[derive(Debug, Clone)]
pub struct Promise {
    /// The scenario that it holds in.
    pub scenario: Scenario,
    /// The target.
    pub time: Duration,
    /// Where it is written.
    pub at: Path,
}

/// The losses that another member of the same cluster makes up for.
pub const FAILOVER: [Scenario; 4] = [Scenario::PrimaryLoss, Scenario::ZoneLoss, Scenario::NodeLoss, Scenario::PodLoss];

/// A store, with what decides its targets.
pub struct Store<'a> {
    at: Path,
    own: &'a Tier,
    tier: Option<&'a Name>,
}

impl<'a> From<&'a Postgres> for Store<'a> {
    fn from(cluster: &'a Postgres) -> Self {
        let spec = &cluster.spec;
        Self { at: path!["postgres", cluster.name], own: &spec.objectives, tier: spec.tier.as_ref() }
    }
}

impl<'a> From<&'a Redis> for Store<'a> {
    fn from(cluster: &'a Redis) -> Self {
        let spec = &cluster.spec;
        Self { at: path!["redis", cluster.name], own: &spec.objectives, tier: spec.tier.as_ref() }
    }
}

/// The target of a store in a scenario.
pub fn promise<'a>(
    blueprint: &Blueprint,
    store: impl Into<Store<'a>>,
    objective: Objective,
    scenario: Scenario,
) -> Option<Promise> {
    let store = store.into();
    let all = &blueprint.spec.objectives;
    let (own_at, all_at) = (store.at.key("objectives"), path!["objectives"]);
    let tier = store.tier.and_then(|name| Some((all_at.key("tiers").key(name), all.tiers.get(name)?)));
    let of = |rto, rpo| if objective == Objective::Rto { rto } else { rpo };
    let named = |at: &Path| at.key("scenarios").key(name(scenario));
    let chain = [
        store.own.scenarios.get(&scenario).map(|t| (of(t.rto, t.rpo), named(&own_at))),
        Some((of(store.own.rto, store.own.rpo), own_at.clone())),
        tier.as_ref().and_then(|(at, tier)| tier.scenarios.get(&scenario).map(|t| (of(t.rto, t.rpo), named(at)))),
        all.scenarios.get(&scenario).map(|t| (of(t.rto, t.rpo), named(&all_at))),
        tier.as_ref().map(|(at, tier)| (of(tier.rto, tier.rpo), at.clone())),
        Some((of(all.rto, all.rpo), all_at.clone())),
    ];
    let (time, at) = chain.into_iter().flatten().find_map(|(time, at)| Some((time?, at)))?;
    let field = if objective == Objective::Rto { "rto" } else { "rpo" };
    Some(Promise { scenario, time, at: at.key(field) })
}

/// The strictest target of a store in any of some scenarios: the first of them where several are equal.
pub fn strictest<'a, S: Into<Store<'a>> + Copy>(
    blueprint: &Blueprint,
    store: S,
    objective: Objective,
    scenarios: &[Scenario],
) -> Option<Promise> {
    let promises = scenarios.iter().filter_map(|scenario| promise(blueprint, store, objective, *scenario));
    promises.min_by_key(|promise| promise.time)
}

/// A scenario as it is written.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blueprint::load::{Input, parse};
    use crate::loading::load;

    #[test]
    fn a_promise_is_the_target_of_the_model_with_its_place() {
        let text = include_str!("../../blueprints/agentic-platform.yaml").to_owned();
        let loaded = load(&parse(vec![Input { name: "b.yaml".into(), text, directory: None }]), 0, None);
        let blueprint = loaded.blueprint.unwrap();
        let cluster = blueprint.postgres("main").unwrap();
        let at = |scenario| promise(&blueprint, cluster, Objective::Rpo, scenario).unwrap().at.to_string();
        assert_eq!(at(Scenario::ZoneLoss), "postgres.main.objectives.scenarios.zone-loss.rpo");
        assert_eq!(at(Scenario::RegionLoss), "objectives.scenarios.region-loss.rpo");
        assert_eq!(at(Scenario::DataCorruption), "objectives.tiers.critical.rpo");
        for scenario in FAILOVER.into_iter().chain([Scenario::RegionLoss, Scenario::DataCorruption]) {
            let targets = blueprint.targets(&cluster.spec.objectives, cluster.spec.tier.as_ref(), Some(scenario));
            let time = |objective| promise(&blueprint, cluster, objective, scenario).map(|promise| promise.time);
            assert_eq!((time(Objective::Rto), time(Objective::Rpo)), (targets.rto, targets.rpo));
        }
        let strictest = strictest(&blueprint, cluster, Objective::Rpo, &FAILOVER).unwrap();
        assert_eq!((strictest.scenario, strictest.time.millis()), (Scenario::ZoneLoss, 0));
    }
}
