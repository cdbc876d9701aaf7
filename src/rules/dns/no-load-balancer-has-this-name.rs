//! An alias record leads to a name that no load balancer has.
//!
//! # What it finds
//! An `AliasTarget.DNSName` below `elb.amazonaws.com` without a region: an application load balancer is called
//! `NAME-HASH.REGION.elb.amazonaws.com`, a network one `NAME-HASH.elb.REGION.amazonaws.com`. A name that is filled in later
//! (`${…}`) is not judged. In a blueprint BP055 refuses it.
//!
//! # Why it matters
//! The name does not exist: the record is rejected, or answers nothing.
//!
//! # Example
//! ```json
//! {"HostedZoneId": "Z35SXDOTRQ7X7K", "DNSName": "us-east-alb.elb.amazonaws.com", "EvaluateTargetHealth": true}
//! ```
//!
//! # Fix
//! The name of the load balancer: `aws elbv2 describe-load-balancers`, `DNSName`.
//!
//! # Source
//! facts.md R-DN-04, section 5: the names of load balancers.

use super::records::{Balancer, balancer, sets};
use crate::rules::kubernetes::objects::{at, text_at};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "DN004",
    name: "no-load-balancer-has-this-name",
    group: Group::Dns,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for (_, set) in sets(estate) {
        let Some(target) = set.alias() else { continue };
        let Some((node, name)) = at(target, &["DNSName"]).zip(text_at(target, &["DNSName"])) else { continue };
        if balancer(name) != Some(Balancer::Nowhere) {
            continue;
        }
        findings.push(
            RULE.finding(
                Place::Span(node.span),
                format!("the alias of `{}` leads to a name that no load balancer has", set.name().escape_debug()),
            )
            .label("no region in it")
            .because("AWS names them NAME-HASH.REGION.elb.amazonaws.com, network ones NAME-HASH.elb.REGION.amazonaws.com (R-DN-04)")
            .fix("write what `aws elbv2 describe-load-balancers` shows as DNSName"),
        );
    }
}
