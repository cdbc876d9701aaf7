//! Each apply of a manifest sets the number of pods that an autoscaler has found.
//!
//! # What it finds
//! `spec.replicas` above zero on what a HorizontalPodAutoscaler, or a ScaledObject of KEDA, of the same namespace scales. Zero
//! switches autoscaling off and may be meant.
//! What a patch of kustomize among the files may change is not judged.
//!
//! # Why it matters
//! A deployment at the busiest hour takes the service back to what the manifest says. The pods that are too many are stopped
//! at once, and the autoscaler starts them again one step after the other.
//!
//! # Example
//! ```yaml
//! kind: Deployment
//! metadata: {name: api}
//! spec:
//!   replicas: 3   # and an autoscaler between 3 and 10
//! ```
//!
//! # Fix
//! Leave `replicas` out. In a cluster where it was applied once, take it out of the last applied configuration first, or the
//! removal itself scales to one pod.
//!
//! # Source
//! facts.md F-K8-06: Kubernetes, Horizontal Pod Autoscaling, migrating to it.

use super::objects::at;
use super::workloads::{settled, shown, whole_number};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8010",
    name: "apply-resets-the-autoscaler",
    group: Group::Kubernetes,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for workload in settled(estate, &["replicas"]) {
        let Some(scaler) = workload.scaler else { continue };
        let Some(node) = at(workload.object.node, &["spec", "replicas"]) else { continue };
        let Some(replicas) = whole_number(node).filter(|replicas| *replicas > 0) else { continue };
        if scaler.object.namespace() != workload.object.namespace() {
            continue;
        }
        let mut found = RULE
            .finding(
                Place::Span(node.span),
                format!("each apply sets `{}` back to {replicas} pods", shown(workload.object)),
            )
            .label("whatever the load");
        if let Some((most, place)) = scaler.most() {
            found = found.also(place, format!("the autoscaler may have started {most}"));
        }
        findings.push(
            found
                .because("an apply writes `replicas`, and what the autoscaler had found is gone (F-K8-06)")
                .fix("leave `replicas` out"),
        );
    }
}
