//! A pod stays bound to a lost node for longer than the recovery time objective allows.
//!
//! # What it finds
//! `toleration` is written, and the time to see that the node is gone (40 s or 50 s by the version of Kubernetes, and its
//! monitor period of 5 s), the toleration, and the start of the new pod (`start`, else 30 s) are more than the RTO of a
//! node's loss. Without an RTO nothing is said. Where `toleration` is left out, it is derived so that they fit; an RTO that
//! not even a toleration of zero meets is for the assessment.
//!
//! # Why it matters
//! Until the toleration ends, the replacement is not even created. Traffic goes to the other pods sooner, but the capacity
//! is missing until then.
//!
//! # Example
//! ```yaml
//! objectives: {rto: 5m}
//! services:
//!   api:
//!     toleration: 300s   # Kubernetes' own default: 55 s + 300 s + 30 s
//! ```
//!
//! # Fix
//! Leave `toleration` out, or write what the RTO leaves.
//!
//! # Source
//! facts.md X-K8-5, F-K8-01, F-K8-02: Kubernetes, Nodes; Taints and Tolerations.

use crate::blueprint::raw::Scenario;
use crate::blueprint::service::{START, seen};
use crate::blueprint::units::Duration;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8022",
    name: "bound-to-a-lost-node",
    group: Group::Kubernetes,
    level: Level::Warning,
    security: false,
    fields: &["services.*.toleration", "services.*.start", "objectives.scenarios", "platform.kubernetes.version"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let kubernetes = &blueprint.spec.platform.kubernetes;
    let seen = seen(kubernetes.minor());
    for service in blueprint.services.iter().filter(|service| service.on_kubernetes()) {
        let Some(toleration) = service.spec.toleration.filter(|toleration| toleration.secs() > 0) else { continue };
        let targets = blueprint.targets(&service.spec.objectives, service.spec.tier.as_ref(), Some(Scenario::NodeLoss));
        let Some(rto) = targets.rto else { continue };
        let start = service.spec.start.unwrap_or(START);
        let sum =
            Duration::from_millis(seen.millis().saturating_add(toleration.millis()).saturating_add(start.millis()));
        if sum <= rto {
            continue;
        }
        let left = Duration::from_secs(rto.millis().saturating_sub(seen.millis() + start.millis()) / 1000);
        let at = path!["services", service.name, "toleration"];
        findings.push(
            RULE.finding(
                Place::Value(at.clone()),
                format!("a lost node keeps a pod of `{}` for longer than the RTO of {rto}", service.name),
            )
            .label(format!("{toleration} until it is replaced"))
            .also(Place::Value(path!["platform", "kubernetes", "version"]), format!("{seen} until the loss is seen"))
            .because(format!("{seen} to see it + {toleration} + {start} to start = {sum} > {rto} (X-K8-5)"))
            .fix(if left.secs() > 0 {
                format!("leave `toleration` out, or write {left} or less")
            } else {
                "leave `toleration` out: `0s` is derived, all that the RTO leaves".to_owned()
            })
            .edit(at, left.min(Duration::from_secs(60))),
        );
    }
}
