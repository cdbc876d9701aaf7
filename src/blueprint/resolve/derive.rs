//! Targets that apply to an item (decision 4), while the model is still being built.

use super::Resolver;
use crate::blueprint::units::Duration;
use crate::blueprint::{Targets, raw};

impl Resolver<'_> {
    /// The targets of an item outside of any scenario.
    pub(super) fn targets(&self, own: &raw::Tier, tier: Option<&raw::Name>) -> Targets {
        let objectives = &self.spec.objectives;
        let tier = tier.and_then(|name| objectives.tiers.get(name));
        Targets {
            availability: own.availability.or_else(|| tier.and_then(|t| t.availability)).or(objectives.availability),
            rto: own.rto.or_else(|| tier.and_then(|t| t.rto)).or(objectives.rto),
            rpo: own.rpo.or_else(|| tier.and_then(|t| t.rpo)).or(objectives.rpo),
        }
    }

    /// The RTO of an item in a scenario.
    pub(super) fn scenario_rto(
        &self,
        own: &raw::Tier,
        tier: Option<&raw::Name>,
        scenario: raw::Scenario,
    ) -> Option<Duration> {
        let objectives = &self.spec.objectives;
        let tier = tier.and_then(|name| objectives.tiers.get(name));
        own.scenarios
            .get(&scenario)
            .and_then(|t| t.rto)
            .or(own.rto)
            .or_else(|| tier.and_then(|t| t.scenarios.get(&scenario)).and_then(|t| t.rto))
            .or_else(|| objectives.scenarios.get(&scenario).and_then(|t| t.rto))
            .or_else(|| tier.and_then(|t| t.rto))
            .or(objectives.rto)
    }
}
