//! A load balancer is told a policy of TLS that is out of date.
//!
//! # What it finds
//! `alb.ingress.kubernetes.io/ssl-policy`, or `service.beta.kubernetes.io/aws-load-balancer-ssl-negotiation-policy` of a Service or
//! Gateway, with a predefined policy that has no TLS 1.3. Where none is written the controller decides, which no file shows.
//!
//! # Why it matters
//! Every connection takes a round trip more, which is what a failover to a distant region needs least, and the older policies
//! admit ciphers without forward secrecy, or TLS 1.0.
//!
//! # Example
//! ```yaml
//! alb.ingress.kubernetes.io/ssl-policy: ELBSecurityPolicy-TLS-1-2-2017-01
//! ```
//!
//! # Fix
//! `ELBSecurityPolicy-TLS13-1-2-2021-06`: TLS 1.2 and 1.3.
//!
//! # Source
//! facts.md R-LB-06: Elastic Load Balancing documentation, security policies.

use super::balancers::tls_policies;
use crate::rules::kubernetes::objects::objects;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "LB006",
    name: "balancer-without-tls-1-3",
    group: Group::Edge,
    level: Level::Warning,
    security: true,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for object in objects(estate).filter(|object| matches!(object.kind(), "Ingress" | "Service" | "Gateway")) {
        for node in tls_policies(object) {
            let Some(scalar) = node.scalar() else { continue };
            let Some(name) = scalar.text.strip_prefix("ELBSecurityPolicy-") else { continue };
            if name.contains("TLS13") {
                continue;
            }
            findings.push(
                RULE.finding(
                    Place::Span(node.span),
                    format!("the balancer of `{}` does not speak TLS 1.3", object.name().escape_debug()),
                )
                .label("no TLS 1.3 in this policy")
                .because("the policies with TLS 1.3 have TLS13 in their names (R-LB-06)")
                .fix("write `ELBSecurityPolicy-TLS13-1-2-2021-06`"),
            );
        }
    }
}
