//! What is rendered against what is deployed: which difference is one, how dangerous it is, and how it is carried out.
//!
//! Values in, values out: what is deployed was read before ([`crate::state`]), and is printed elsewhere ([`crate::report`]).

mod change;
mod files;
mod kubernetes;
mod layout;
mod mask;
mod moved;
mod path;
mod patroni;
mod prometheus;
mod reach;
mod redis;
mod route53;

use std::collections::BTreeSet;

use crate::blueprint::Blueprint;
use crate::render::{ArtifactKind, ArtifactSet, Selection};
use crate::state::{Deployed, Loaded, State};

pub use change::{Change, Difference, Graded, Risk, What};
pub use mask::Masks;
pub use path::Step;
pub use reach::{Reach, is_rendered, reach};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Whether labels, annotations and other harmless things are shown that others wrote.
    pub unmanaged: bool,
    /// The share of the records of a zone that may change at once, in percent.
    pub budget: usize,
}

/// What was compared with what.
#[derive(Debug, Default)]
pub struct Comparison {
    /// The differences, by region and artifact.
    pub differences: Vec<Difference>,
    /// What could not be told from the sources, in sentences.
    pub unknown: Vec<String>,
    /// How many objects and files are as they should be.
    pub same: usize,
    /// The sources that were read and could not be compared, in sentences.
    pub refused: Vec<String>,
    /// What changes more at once than the change budget allows, in sentences: perhaps the wrong zone, or the wrong blueprint.
    pub over_budget: Vec<String>,
    /// What is not hagen's yet, in sentences: what the first apply takes over.
    pub adopted: Vec<String>,
}

impl Comparison {
    /// The highest risk of all differences.
    pub fn risk(&self) -> Option<Risk> {
        self.differences.iter().map(Difference::risk).max()
    }

    /// Whether there was nothing to compare.
    pub const fn is_nothing(&self) -> bool {
        self.same == 0 && self.differences.is_empty()
    }

    /// Whether nothing that is rendered is deployed: a new system, or another one.
    pub fn is_elsewhere(&self) -> bool {
        self.same == 0 && !self.differences.is_empty() && self.differences.iter().all(|d| d.what == What::Missing)
    }

    fn add(&mut self, other: Self) {
        self.differences.extend(other.differences);
        self.unknown.extend(other.unknown);
        self.same += other.same;
        self.refused.extend(other.refused);
        self.over_budget.extend(other.over_budget);
        self.adopted.extend(other.adopted);
    }
}

/// What all sources show of Route 53.
fn dns(state: &State) -> route53::Live<'_> {
    let mut live = route53::Live::default();
    for deployed in &state.deployed {
        match deployed {
            Deployed::Records(source, records) => {
                live.records.get_or_insert_default().extend(records.iter().map(|record| (source.as_str(), record)));
            }
            Deployed::HealthChecks(source, checks) => {
                live.checks.get_or_insert_default().extend(checks.iter().map(|check| (source.as_str(), check)));
            }
            Deployed::Tree(_)
            | Deployed::Kubernetes(_)
            | Deployed::Patroni(_)
            | Deployed::Redis(_)
            | Deployed::Layout(_)
            | Deployed::Rules(_) => {}
        }
    }
    live
}

/// Compares what a blueprint renders to with what is deployed. `previous` is the tree that was rendered before: what stood in it
/// and is rendered no more was hagen's.
pub fn compare(
    blueprint: &Blueprint,
    set: &ArtifactSet,
    selection: &Selection,
    state: &State,
    previous: Option<&crate::state::Tree>,
    options: Options,
) -> Comparison {
    let mut all = Comparison::default();
    let mut take = |compared: Result<Comparison, String>| match compared {
        Ok(compared) => all.add(compared),
        Err(why) => all.refused.push(why),
    };
    for deployed in &state.deployed {
        take(match deployed {
            Deployed::Tree(tree) => files::compare(set, selection, tree),
            Deployed::Patroni(live) => patroni::compare(set, live),
            Deployed::Redis(live) => redis::compare(set, live),
            Deployed::Layout(live) => layout::compare(set, live),
            // These are looked at together: a cluster may have several dumps, a Prometheus several files, and records name checks.
            Deployed::Kubernetes(_) | Deployed::Records(..) | Deployed::HealthChecks(..) | Deployed::Rules(_) => {
                continue;
            }
        });
    }
    let (dumps, refused) = kubernetes::by_region(blueprint, state.deployed.iter().filter_map(Deployed::dump));
    refused.into_iter().for_each(|why| take(Err(why)));
    for (region, dumps) in &dumps {
        take(kubernetes::compare(blueprint, set, selection, (region, dumps), previous, options));
    }
    let regions: BTreeSet<&str> = dumps.keys().map(String::as_str).collect();
    let dns = dns(state);
    let asked = dns.records.is_some() || dns.checks.is_some();
    if asked {
        take(route53::compare(set, &dns, options.budget));
    }
    let rules: Vec<&Loaded> = state.deployed.iter().filter_map(Deployed::rules).collect();
    if !rules.is_empty() {
        take(Ok(prometheus::compare(blueprint, set, &rules)));
    }
    for deployed in &state.deployed {
        if let Deployed::Tree(tree) = deployed
            && tree.blueprint != blueprint.name
        {
            all.unknown.push(format!(
                "{} was rendered from the blueprint `{}`, not from `{}`: is it the right tree?",
                tree.source, tree.blueprint, blueprint.name
            ));
        }
    }
    let unseen = unseen(set, state, &regions, asked);
    all.unknown.extend(unseen);
    all.differences = moved::join(all.differences);
    all.differences.sort_by(|a, b| a.key().cmp(&b.key()));
    let mut masks = Masks::default();
    all.differences.iter_mut().for_each(|difference| masks.hide(difference));
    all
}

/// What is rendered and no source shows, in a sentence: nothing is known of it.
fn unseen(set: &ArtifactSet, state: &State, regions: &BTreeSet<&str>, dns: bool) -> Option<String> {
    if state.deployed.iter().any(|deployed| matches!(deployed, Deployed::Tree(_))) {
        return None;
    }
    let of_objects = set.values().filter(|artifact| artifact.kind == ArtifactKind::Kubernetes);
    let rendered: BTreeSet<&String> = of_objects.filter_map(|artifact| artifact.region.as_ref()).collect();
    let mut parts: Vec<String> = rendered
        .into_iter()
        .filter(|region| !regions.contains(region.as_str()))
        .map(|region| format!("objects of {region}"))
        .collect();
    if !dns && set.values().any(|artifact| artifact.kind == ArtifactKind::Route53Changes) {
        parts.push("Route 53".to_owned());
    }
    let shows = |is: fn(&Deployed) -> bool| state.deployed.iter().any(is);
    let rendered = |kind: ArtifactKind| set.values().any(|artifact| artifact.kind == kind);
    if rendered(ArtifactKind::PrometheusRules) && !shows(|deployed| matches!(deployed, Deployed::Rules(_))) {
        parts.push("the rules that Prometheus has loaded".to_owned());
    }
    if !patroni::servers(set).is_empty() && !shows(|deployed| matches!(deployed, Deployed::Patroni(_))) {
        parts.push("the dynamic configuration of Patroni".to_owned());
    }
    if redis::is_rendered(set) && !shows(|deployed| matches!(deployed, Deployed::Redis(_) | Deployed::Layout(_))) {
        parts.push("the settings and the layout of Redis".to_owned());
    }
    (!parts.is_empty()).then(|| format!("no source shows, and so nothing is known of: {}", parts.join(", ")))
}
