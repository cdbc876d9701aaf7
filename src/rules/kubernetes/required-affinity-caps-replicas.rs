//! Required anti-affinity over zones caps how many pods can ever run.
//!
//! # What it finds
//! A workload whose pods must not share a zone with one another (`requiredDuringSchedulingIgnoredDuringExecution` over the
//! zone label, a selector that matches its own pods), and that may have more pods, by its replicas or by its autoscaler, than
//! a region commonly has zones, three; how many there are is not in these files. A template without labels, which the API
//! server does not take (K8001), counts where the selector names the workload: as soon as it has labels, they are kept apart.
//! What a patch of kustomize among the files may change is not judged.
//!
//! # Why it matters
//! Each zone takes one pod. Every pod beyond that stays Pending: the autoscaler asks for more and nothing comes, exactly under
//! load; and after the loss of a zone its pod has nowhere to go.
//!
//! # Example
//! ```yaml
//! spec:
//!   replicas: 10
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
//! facts.md F-K8-10, X-K8-7; Kubernetes, Assigning Pods to Nodes.

use super::objects::at;
use super::workloads::{ZONES, settled, shown};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8003",
    name: "required-affinity-caps-replicas",
    group: Group::Kubernetes,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for workload in settled(estate, &["affinity"]) {
        let Some(key) = workload.zone_term().and_then(|term| at(term, &["topologyKey"])) else { continue };
        let Some(most) = workload.most().filter(|most| most.count > ZONES) else { continue };
        let (count, beyond) = (most.count, most.count - ZONES);
        findings.push(
            RULE.finding(
                Place::Span(key.span),
                format!("`{}` may have {count} pods, and each needs a zone of its own", shown(workload.object)),
            )
            .label("one pod in each zone")
            .also(most.place, most.what)
            .because(format!(
                "{count} pods at the most, one per zone by required anti-affinity: with {ZONES} zones {beyond} can never be \
                 scheduled (X-K8-7), and after the loss of a zone its pod has nowhere to go"
            ))
            .fix(
                "spread instead: topologySpreadConstraints over the zone with maxSkew 1, DoNotSchedule and nodeTaintsPolicy \
                 Honor; anti-affinity over kubernetes.io/hostname",
            ),
        );
    }
}
