//! A spread constraint asks for more zones than there are, or asks so where it may not.
//!
//! # What it finds
//! `minDomains` of a constraint that is not `DoNotSchedule`, which the API server rejects. And `minDomains` over zones above the
//! two that are left of three, where more pods may run than two zones take by `maxSkew`; how many zones there are is not in
//! these files: three are commonly taken. Pods with volumes of their own are left out of the latter: they do not change the
//! zone anyway.
//! What a patch of kustomize among the files may change is not judged.
//!
//! # Why it matters
//! With fewer zones than `minDomains` the emptiest counts as zero, and no zone takes more than `maxSkew` pods: after the loss of
//! a zone its pods stay Pending, although the others have room.
//!
//! # Example
//! ```yaml
//! topologySpreadConstraints:
//!   - maxSkew: 1
//!     minDomains: 3
//!     topologyKey: topology.kubernetes.io/zone
//!     whenUnsatisfiable: DoNotSchedule
//! ```
//!
//! # Fix
//! `minDomains` of the zones that are left when one is lost, or none.
//!
//! # Source
//! facts.md F-K8-09: Kubernetes, Pod Topology Spread Constraints.

use super::objects::{at, text_at};
use super::workloads::{Workload, ZONES, is_zone, number, settled, shown, whole_number};
use crate::document::Node;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8026",
    name: "min-domains-cannot-be-met",
    group: Group::Kubernetes,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for workload in settled(estate, &["topologySpreadConstraints"]) {
        for constraint in workload.spread() {
            findings.extend(rejected(workload, constraint).or_else(|| too_many(workload, constraint)));
        }
    }
}

/// `minDomains` of a preference.
fn rejected(workload: &Workload<'_>, constraint: &Node) -> Option<Diagnostic> {
    let node = constraint.get("minDomains").filter(|node| !node.is_null())?;
    let action = constraint.get("whenUnsatisfiable");
    if text_at(constraint, &["whenUnsatisfiable"]) == Some("DoNotSchedule") {
        return None;
    }
    let mut found = RULE
        .finding(Place::Span(node.span), format!("`minDomains` of `{}` is rejected", shown(workload.object)))
        .label("only with `DoNotSchedule`");
    if let Some(action) = action {
        found = found.also(Place::Span(action.span), "a preference");
    }
    Some(
        found
            .because("a preference has no least number of domains; the API server takes none of the object (F-K8-09)")
            .fix("leave `minDomains` out, or write `whenUnsatisfiable: DoNotSchedule`"),
    )
}

/// More than are left of three zones.
fn too_many(workload: &Workload<'_>, constraint: &Node) -> Option<Diagnostic> {
    let node = constraint.get("minDomains")?;
    let domains = whole_number(node).filter(|domains| *domains >= ZONES)?;
    let skew = number(constraint, &["maxSkew"], 1)?.max(1);
    let zone = text_at(constraint, &["topologyKey"]).is_some_and(is_zone);
    if !zone || workload.has_own_volumes() || !workload.is_own(constraint) {
        return None;
    }
    let left = ZONES - 1;
    let most = workload.most().filter(|most| most.count > left.saturating_mul(skew))?;
    Some(
        RULE.finding(
            Place::Span(node.span),
            format!("after the loss of a zone pods of `{}` stay Pending", shown(workload.object)),
        )
        .label(format!("{domains} zones are needed"))
        .also(most.place, most.what)
        .also(at(constraint, &["maxSkew"]).map_or_else(|| workload.object.place(), |node| Place::Span(node.span)), {
            format!("then a zone takes {skew} at the most")
        })
        .because(format!(
            "with {left} of {ZONES} zones the emptiest counts as 0, and {left} × {skew} pods are all that start (F-K8-09)"
        ))
        .fix(format!("write `minDomains: {left}`, or leave it out")),
    )
}
