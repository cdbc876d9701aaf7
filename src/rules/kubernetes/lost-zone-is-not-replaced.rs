//! After the loss of a zone its pod has nowhere to go, because the others hold one each already.
//!
//! # What it finds
//! A Deployment whose pods must not share a zone with one another (as in K8003), and that always has more pods, by its replicas or
//! by the least of its autoscaler, than zones are left when one of three is lost. How many zones there are is not in these
//! files: three are commonly taken, and with a fourth that is free the pod would find room. Pods of a StatefulSet
//! on a lost node are not replaced at all and are left out.
//! What a patch of kustomize among the files may change is not judged.
//!
//! # Why it matters
//! Who counts on a replacement in another zone waits for it until the lost one is back, and serves that long with what is
//! left.
//!
//! # Example
//! ```yaml
//! spec:
//!   replicas: 3
//!   template:
//!     spec:
//!       affinity:
//!         podAntiAffinity:
//!           requiredDuringSchedulingIgnoredDuringExecution:
//!             - topologyKey: topology.kubernetes.io/zone
//! ```
//!
//! # Fix
//! Spread instead: `topologySpreadConstraints` with `maxSkew: 1`, `whenUnsatisfiable: DoNotSchedule` and
//! `nodeTaintsPolicy: Honor` over the zone; anti-affinity over `kubernetes.io/hostname` where two pods must not share a node.
//!
//! # Source
//! facts.md X-K8-7, F-K8-10; Kubernetes, Assigning Pods to Nodes.

use super::objects::at;
use super::workloads::{ZONES, settled, shown};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8004",
    name: "lost-zone-is-not-replaced",
    group: Group::Kubernetes,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for workload in settled(estate, &["affinity"]).filter(|workload| workload.object.kind() == "Deployment") {
        let Some(key) = workload.zone_term().and_then(|term| at(term, &["topologyKey"])) else { continue };
        let Some(least) = workload.least().filter(|least| least.count >= ZONES) else { continue };
        findings.push(
            RULE.finding(
                Place::Span(key.span),
                format!("a lost zone takes a pod of `{}` that no other zone may start", shown(workload.object)),
            )
            .label("one pod in each zone")
            .also(least.place, least.what)
            .because(format!(
                "one pod per zone by required anti-affinity: of {ZONES} zones {} are left for {} pods (X-K8-7)",
                ZONES - 1,
                least.count
            ))
            .fix(
                "spread instead: topologySpreadConstraints over the zone with maxSkew 1, DoNotSchedule and nodeTaintsPolicy \
                 Honor; anti-affinity over kubernetes.io/hostname",
            ),
        );
    }
}
