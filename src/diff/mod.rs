//! What is rendered against what is deployed: which difference is one, how dangerous it is, and how it is carried out.
//!
//! Values in, values out: what is deployed was read before ([`crate::state`]), and is printed elsewhere ([`crate::report`]).

mod change;
mod files;
mod kubernetes;
mod mask;
mod path;
mod patroni;
mod redis;
mod route53;

use crate::blueprint::Blueprint;
use crate::render::{ArtifactSet, Selection};
use crate::state::{Deployed, State};

pub use change::{Change, Difference, Graded, Risk, What};
pub use mask::Masks;
pub use path::Step;

/// What is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Whether labels, annotations and other harmless things are shown that others wrote.
    pub unmanaged: bool,
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
}

impl Comparison {
    /// The highest risk of all differences.
    pub fn risk(&self) -> Option<Risk> {
        self.differences.iter().map(Difference::risk).max()
    }

    fn add(&mut self, other: Self) {
        self.differences.extend(other.differences);
        self.unknown.extend(other.unknown);
        self.same += other.same;
    }
}

/// What all sources show of Route 53.
fn dns(state: &State) -> route53::Live<'_> {
    let mut live = route53::Live::default();
    for deployed in &state.deployed {
        match deployed {
            Deployed::Records(source, records) => {
                live.records.extend(records.iter().map(|record| (source.as_str(), record)));
            }
            Deployed::HealthChecks(source, checks) => {
                live.checks.get_or_insert_default().extend(checks.iter().map(|check| (source.as_str(), check)));
            }
            Deployed::Tree(_) | Deployed::Kubernetes(_) | Deployed::Patroni(_) | Deployed::Redis(_) => {}
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
) -> Result<Comparison, String> {
    let mut all = Comparison::default();
    for deployed in &state.deployed {
        all.add(match deployed {
            Deployed::Tree(tree) => files::compare(set, selection, tree)?,
            Deployed::Kubernetes(dump) => kubernetes::compare(blueprint, set, selection, dump, previous, options)?,
            Deployed::Patroni(live) => patroni::compare(set, live)?,
            Deployed::Redis(live) => redis::compare(set, live)?,
            // These are looked at together: records name checks.
            Deployed::Records(..) | Deployed::HealthChecks(..) => continue,
        });
    }
    let dns = dns(state);
    if !dns.records.is_empty() || dns.checks.is_some() {
        all.add(route53::compare(set, &dns)?);
    }
    all.differences.sort_by(|a, b| a.key().cmp(&b.key()));
    let mut masks = Masks::default();
    all.differences.iter_mut().for_each(|difference| masks.hide(difference));
    Ok(all)
}
