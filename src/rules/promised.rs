//! What is promised to an item in a scenario, and where that is written: the same order as [`Blueprint::targets`].

use std::collections::BTreeMap;

use crate::blueprint::raw::{Name, Scenario, Target, Tier};
use crate::blueprint::units::Duration;
use crate::blueprint::{Blueprint, Postgres, Redis, Service};
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

/// A target and where it is written.
#[derive(Debug, Clone)]
pub struct Written {
    /// The figure.
    pub value: Duration,
    /// The place.
    pub at: Path,
}

impl Written {
    /// Both.
    pub fn pair(self) -> (Duration, Path) {
        (self.value, self.at)
    }
}

/// Something that has targets, with what decides them.
pub struct Item<'a> {
    /// Where it is written; the root for the whole system.
    pub at: Path,
    own: Option<&'a Tier>,
    tier: Option<&'a Name>,
}

impl Item<'_> {
    /// The whole system.
    pub const fn system() -> Self {
        Self { at: Path::root(), own: None, tier: None }
    }
}

/// An item of a section.
macro_rules! item {
    ($($kind:ty => $section:literal),*) => {$(
        impl<'a> From<&'a $kind> for Item<'a> {
            fn from(item: &'a $kind) -> Self {
                let at = path![$section, item.name];
                Self { at, own: Some(&item.spec.objectives), tier: item.spec.tier.as_ref() }
            }
        }
    )*};
}

item!(Service => "services", Postgres => "postgres", Redis => "redis");

/// The recovery time objective of an item in a scenario, or outside of any.
pub fn rto(blueprint: &Blueprint, item: &Item<'_>, scenario: Option<Scenario>) -> Option<Written> {
    target(blueprint, item, Objective::Rto, scenario)
}

/// The recovery point objective of an item in a scenario, or outside of any.
pub fn rpo(blueprint: &Blueprint, item: &Item<'_>, scenario: Option<Scenario>) -> Option<Written> {
    target(blueprint, item, Objective::Rpo, scenario)
}

/// The target that counts: the first one written of the item's own for the scenario, its own, its tier's for the scenario, the
/// global one for the scenario, its tier's, the global one.
fn target(blueprint: &Blueprint, item: &Item<'_>, objective: Objective, scenario: Option<Scenario>) -> Option<Written> {
    let all = &blueprint.spec.objectives;
    let (own_at, all_at) = (item.at.key("objectives"), path!["objectives"]);
    let tier = item.tier.and_then(|name| Some((all_at.key("tiers").key(name), all.tiers.get(name)?)));
    let of = |rto, rpo| if objective == Objective::Rto { rto } else { rpo };
    let in_scenario = |targets: &BTreeMap<Scenario, Target>, at: &Path| {
        let scenario = scenario?;
        let target = targets.get(&scenario)?;
        Some((of(target.rto, target.rpo), at.key("scenarios").key(name(scenario))))
    };
    let chain = [
        item.own.and_then(|own| in_scenario(&own.scenarios, &own_at)),
        item.own.map(|own| (of(own.rto, own.rpo), own_at.clone())),
        tier.as_ref().and_then(|(at, tier)| in_scenario(&tier.scenarios, at)),
        in_scenario(&all.scenarios, &all_at),
        tier.as_ref().map(|(at, tier)| (of(tier.rto, tier.rpo), at.clone())),
        Some((of(all.rto, all.rpo), all_at.clone())),
    ];
    let (value, at) = chain.into_iter().flatten().find_map(|(value, at)| Some((value?, at)))?;
    let field = if objective == Objective::Rto { "rto" } else { "rpo" };
    Some(Written { value, at: at.key(field) })
}

/// The target of a store in a scenario.
pub fn promise<'a>(
    blueprint: &Blueprint,
    store: impl Into<Item<'a>>,
    objective: Objective,
    scenario: Scenario,
) -> Option<Promise> {
    let Written { value: time, at } = target(blueprint, &store.into(), objective, Some(scenario))?;
    Some(Promise { scenario, time, at })
}

/// The strictest target of a store in any of some scenarios: the first of them where several are equal.
pub fn strictest<'a, S: Into<Item<'a>> + Copy>(
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
