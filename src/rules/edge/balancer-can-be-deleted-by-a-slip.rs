//! A load balancer may be deleted by a slip.
//!
//! # What it finds
//! An ALB or NLB that an Ingress, a Service or a Gateway asks for by annotations, without `deletion_protection.enabled=true` among
//! its attributes. The Ingresses of a group are looked at together; parameters of a class that are not among the files, and attributes
//! that are filled in later, are taken for right.
//!
//! # Why it matters
//! The balancer goes with its object: a namespace that is deleted, a chart that is removed, a name that changes. The next one
//! has another name, and every DNS record and allowlist that leads to the old one leads nowhere.
//!
//! # Example
//! ```yaml
//! kind: Ingress
//! metadata: {annotations: {alb.ingress.kubernetes.io/scheme: internet-facing}}
//! spec: {ingressClassName: alb}
//! ```
//!
//! # Fix
//! `deletion_protection.enabled=true` in the attributes of the balancer.
//!
//! # Source
//! facts.md R-LB-04, F-LB-05.

use super::balancers::balancers;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "LB004",
    name: "balancer-can-be-deleted-by-a-slip",
    group: Group::Edge,
    level: Level::Warning,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

const ATTRIBUTE: &str = "deletion_protection.enabled";

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for balancer in balancers(estate).iter().filter(|balancer| balancer.has(ATTRIBUTE, "true") == Some(false)) {
        findings.push(
            RULE.finding(
                balancer.place(),
                format!(
                    "the {} of `{}` can be deleted by a slip",
                    balancer.kind(),
                    balancer.object.name().escape_debug()
                ),
            )
            .label("no deletion protection")
            .because(
                "off is the default (F-LB-05); a new balancer has another name, and DNS leads to the old one (R-LB-04)",
            )
            .fix(format!("write `{ATTRIBUTE}=true` into `{}`", balancer.attributes_key())),
        );
    }
}
