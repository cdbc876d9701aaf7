//! No zone can be taken out of a load balancer by hand.
//!
//! # What it finds
//! An ALB or NLB that an Ingress, a Service or a Gateway asks for by annotations, without `zonal_shift.config.enabled=true` among its
//! attributes. The Ingresses of a group are looked at together; parameters of a class that are not among the files, and attributes that
//! are filled in later, are taken for right.
//!
//! # Why it matters
//! A zone that answers slowly or loses packets passes health checks. Zonal shift takes it out within minutes, with one command
//! that needs none of what is broken; without the attribute the command is refused.
//!
//! # Example
//! ```yaml
//! kind: Ingress
//! metadata:
//!   annotations: {alb.ingress.kubernetes.io/load-balancer-attributes: deletion_protection.enabled=true}
//! spec: {ingressClassName: alb}
//! ```
//!
//! # Fix
//! `zonal_shift.config.enabled=true` in the attributes of the balancer.
//!
//! # Source
//! facts.md R-LB-05, F-LB-05, F-DN-16.

use super::balancers::balancers;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "LB005",
    name: "zone-cannot-be-taken-out",
    group: Group::Edge,
    level: Level::Warning,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

const ATTRIBUTE: &str = "zonal_shift.config.enabled";

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for balancer in balancers(estate).iter().filter(|balancer| balancer.has(ATTRIBUTE, "true") == Some(false)) {
        findings.push(
            RULE.finding(
                balancer.place(),
                format!(
                    "no zone can be taken out of the {} of `{}`",
                    balancer.kind(),
                    balancer.object.name().escape_debug()
                ),
            )
            .label("no zonal shift")
            .because(
                "off is the default (F-LB-05): the command that takes a bad zone out is refused (F-DN-16, R-LB-05)",
            )
            .fix(format!("write `{ATTRIBUTE}=true` into `{}`", balancer.attributes_key())),
        );
    }
}
