//! Nobody decided whether a network load balancer sends to other zones.
//!
//! # What it finds
//! An NLB that a Service or a Gateway asks for by annotations, with `load_balancing.cross_zone.enabled` neither among its attributes nor
//! among those of its target groups, whichever value it has; the older annotation `…-cross-zone-load-balancing-enabled` decides it, too.
//!
//! # Why it matters
//! Off is the default: the address in each zone sends to targets of that zone only. When all of them are gone, the clients that
//! hold this address wait until DNS takes it away, a health check and a TTL longer than the others; and zones with fewer pods
//! get as much as those with more.
//!
//! # Example
//! ```yaml
//! kind: Service
//! metadata: {annotations: {service.beta.kubernetes.io/aws-load-balancer-type: external}}
//! spec: {type: LoadBalancer}
//! ```
//!
//! # Fix
//! `load_balancing.cross_zone.enabled=true` in `service.beta.kubernetes.io/aws-load-balancer-attributes`; or `false`, where the traffic
//! between zones costs more than that.
//!
//! # Source
//! facts.md R-LB-08, F-LB-03, X-LB-4.

use super::balancers::{NLB, balancers, own, part};
use crate::document::Node;
use crate::rules::kubernetes::services::is_later;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "LB008",
    name: "cross-zone-is-left-to-the-default",
    group: Group::Edge,
    level: Level::Warning,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

const ATTRIBUTE: &str = "load_balancing.cross_zone.enabled";

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for balancer in balancers(estate).iter().filter(|balancer| !balancer.is_application) {
        let text = |name: &str| own(balancer.object, &format!("{NLB}{name}")).and_then(Node::scalar).map(|s| &*s.text);
        let lists = [text("attributes"), text("target-group-attributes")];
        let mut lists = lists.into_iter().flatten();
        let old = text("cross-zone-load-balancing-enabled").is_some();
        if old || lists.any(|list| part(list, ATTRIBUTE).is_some() || is_later(list)) {
            continue;
        }
        findings.push(
            RULE.finding(
                balancer.place(),
                format!(
                    "nobody decided whether the NLB of `{}` sends to other zones",
                    balancer.object.name().escape_debug()
                ),
            )
            .label("cross-zone balancing is off by default")
            .because(
                "the clients of a zone without targets wait for DNS, a TTL longer than the others (X-LB-4, R-LB-08)",
            )
            .fix(format!("write `{ATTRIBUTE}=true` into `{}`", balancer.attributes_key())),
        );
    }
}
