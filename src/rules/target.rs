//! A target that applies to an item, with the place where it is written (decision 4).

use crate::blueprint::units::Duration;
use crate::blueprint::{Blueprint, raw};
use crate::document::Path;
use crate::path;

/// Something that has targets of its own.
pub struct Item<'a> {
    /// Its own targets.
    pub own: &'a raw::Tier,
    /// The class that it belongs to.
    pub tier: Option<&'a raw::Name>,
    /// Where it is written.
    pub at: Path,
}

/// A target and where it is written.
pub struct Written {
    /// The figure.
    pub value: Duration,
    /// The place.
    pub at: Path,
}

/// The recovery time objective of an item in a scenario, or outside of any.
pub fn rto(blueprint: &Blueprint, item: &Item<'_>, scenario: Option<raw::Scenario>) -> Option<Written> {
    let found = chain(blueprint, item, scenario).into_iter().find_map(|(target, at)| Some((target.rto?, at)));
    found.map(|(value, at)| Written { value, at: at.key("rto") })
}

/// The recovery point objective of an item in a scenario, or outside of any.
pub fn rpo(blueprint: &Blueprint, item: &Item<'_>, scenario: Option<raw::Scenario>) -> Option<Written> {
    let found = chain(blueprint, item, scenario).into_iter().find_map(|(target, at)| Some((target.rpo?, at)));
    found.map(|(value, at)| Written { value, at: at.key("rpo") })
}

/// The targets that may apply, the one that counts first: its own, its tier's for the scenario, the global one for the
/// scenario, its tier's, the global one.
fn chain(blueprint: &Blueprint, item: &Item<'_>, scenario: Option<raw::Scenario>) -> Vec<(raw::Target, Path)> {
    let objectives = &blueprint.spec.objectives;
    let tier = item.tier.and_then(|name| objectives.tiers.get_key_value(name));
    let named = scenario.map(|scenario| (scenario, name(scenario)));
    let in_scenario = |of: &std::collections::BTreeMap<raw::Scenario, raw::Target>, at: Path| {
        let (scenario, name) = named.as_ref()?;
        of.get(scenario).map(|target| (*target, at.key("scenarios").key(name)))
    };
    let general = |of: &raw::Tier| raw::Target { rto: of.rto, rpo: of.rpo };
    let own = item.at.key("objectives");
    let of_tier = |name: &raw::Name| path!["objectives", "tiers", name];
    let mut chain = Vec::with_capacity(6);
    chain.extend(in_scenario(&item.own.scenarios, own.clone()));
    chain.push((general(item.own), own));
    chain.extend(tier.and_then(|(name, tier)| in_scenario(&tier.scenarios, of_tier(name))));
    chain.extend(in_scenario(&objectives.scenarios, path!["objectives"]));
    chain.extend(tier.map(|(name, tier)| (general(tier), of_tier(name))));
    chain.push((raw::Target { rto: objectives.rto, rpo: objectives.rpo }, path!["objectives"]));
    chain
}

/// How a scenario is written.
fn name(scenario: raw::Scenario) -> String {
    let written = serde_json::to_value(scenario).unwrap_or_default();
    written.as_str().unwrap_or_default().to_owned()
}
