//! A hard spread over zones waits for a lost zone instead of starting its pods in the others.
//!
//! # What it finds
//! A topology spread constraint of a Deployment over zones with `whenUnsatisfiable: DoNotSchedule` and without
//! `nodeTaintsPolicy: Honor`, where more pods may run than the zones that are left take by `maxSkew`: two of three, the number
//! that a region commonly has; how many the cluster has is not in these files. Pods of a StatefulSet on a lost node are not
//! replaced at all and are left out.
//! What a patch of kustomize among the files may change is not judged.
//!
//! # Why it matters
//! As long as the nodes of the lost zone are known to the cluster, the zone counts as one with no pods, and no other may have
//! more than `maxSkew` above that: the lost pods stay Pending until somebody deletes the nodes.
//!
//! # Example
//! ```yaml
//! topologySpreadConstraints:
//!   - maxSkew: 1
//!     topologyKey: topology.kubernetes.io/zone
//!     whenUnsatisfiable: DoNotSchedule
//! ```
//!
//! # Fix
//! `nodeTaintsPolicy: Honor`: nodes that are not reachable have a taint, and their zone no longer counts.
//!
//! # Source
//! facts.md F-K8-15: measured, 4 of 6 pods without and 6 of 6 with it, Kubernetes 1.36.

use super::objects::{at, text_at};
use super::workloads::{ZONES, is_zone, number, settled, shown};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8036",
    name: "spread-waits-for-a-lost-zone",
    group: Group::Kubernetes,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let left = ZONES - 1;
    for workload in
        settled(estate, &["topologySpreadConstraints"]).filter(|workload| workload.object.kind() == "Deployment")
    {
        for constraint in workload.spread() {
            let zone = text_at(constraint, &["topologyKey"]).is_some_and(is_zone);
            let honors = text_at(constraint, &["nodeTaintsPolicy"]) == Some("Honor");
            if !zone || honors || !workload.is_own(constraint) {
                continue;
            }
            let hard = at(constraint, &["whenUnsatisfiable"])
                .filter(|_| text_at(constraint, &["whenUnsatisfiable"]) == Some("DoNotSchedule"));
            let Some((hard, skew)) = hard.zip(number(constraint, &["maxSkew"], 1)) else { continue };
            let skew = skew.max(1);
            let Some(most) = workload.most().filter(|most| most.count > left.saturating_mul(skew)) else { continue };
            findings.push(
                RULE.finding(
                    Place::Span(hard.span),
                    format!("pods of `{}` in a lost zone are not started in the others", shown(workload.object)),
                )
                .label("waits for the zone to come back")
                .also(most.place, most.what)
                .because(format!(
                    "the lost zone counts with 0 pods while its nodes are known, and maxSkew {skew} gives the {left} others of \
                     {ZONES} no more than {skew} each (F-K8-15)"
                ))
                .fix("write `nodeTaintsPolicy: Honor`"),
            );
        }
    }
}
