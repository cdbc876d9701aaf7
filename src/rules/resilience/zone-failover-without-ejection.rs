//! Traffic is to leave a zone that fails, and nothing tells that it fails.
//!
//! # What it finds
//! A DestinationRule with `loadBalancer.localityLbSetting`, not switched off and not for `distribute` alone, in a policy without
//! `outlierDetection`; that of the whole host counts for its subsets. Read in hand-written files; hagen writes both for every
//! service of two pods or more.
//!
//! # Why it matters
//! Envoy prefers its own zone, and takes another one only as pods are left out for their errors. Without `outlierDetection`
//! none ever is: pods that are ready and answer nothing but errors keep all requests of their zone.
//!
//! # Example
//! ```yaml
//! trafficPolicy:
//!   loadBalancer:
//!     localityLbSetting: {enabled: true, failoverPriority: [topology.kubernetes.io/zone]}
//! ```
//!
//! # Fix
//! `outlierDetection` in the same `trafficPolicy`: `consecutive5xxErrors`, `interval`, `baseEjectionTime`, `maxEjectionPercent`.
//!
//! # Source
//! facts.md R-RT-16: Istio, destination_rule.proto.

use super::mesh::{Policy, of_istio, policies};
use crate::document::node::Entry;
use crate::rules::kubernetes::objects::{at, text_at};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "RT016",
    name: "zone-failover-without-ejection",
    group: Group::Resilience,
    level: Level::Warning,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for object in of_istio(estate, "DestinationRule") {
        for policy in policies(object) {
            let Some(setting) = failover(policy) else { continue };
            if [Some(policy.node), policy.above]
                .into_iter()
                .flatten()
                .any(|node| node.get("outlierDetection").is_some())
            {
                continue;
            }
            findings.push(
                RULE.finding(
                    Place::Span(setting.key_span),
                    format!("requests to `{}` never leave a zone whose pods fail", object.name()),
                )
                .label("which zone is taken instead")
                .also(Place::Span(policy.node.span), "no outlierDetection in this policy")
                .because("another zone is taken only as pods of the own one are left out, and nothing leaves them out (R-RT-16)")
                .fix("write `outlierDetection` into the same policy"),
            );
        }
    }
}

/// What says that traffic goes to another zone when the own one fails.
fn failover(policy: Policy<'_>) -> Option<&Entry> {
    let setting = at(policy.node, &["loadBalancer"])?.entry("localityLbSetting")?;
    let off = text_at(&setting.value, &["enabled"]) == Some("false");
    let has = |key: &str| setting.value.get(key).is_some();
    let shares = has("distribute") && !has("failover") && !has("failoverPriority");
    (!off && !shares).then_some(setting)
}
