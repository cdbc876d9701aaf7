//! An alias record names a hosted zone that is not that of the load balancer.
//!
//! # What it finds
//! `AliasTarget.HostedZoneId` beside a `DNSName` of an AWS load balancer, when it is not the id of the region and kind that
//! the name tells, in the table of canonical ids. Where the table has none for them, an id is a finding only if it is known to
//! belong elsewhere; where the name tells no region (DN004), if the table has it for no region at all. In a blueprint BP075
//! refuses it.
//!
//! # Why it matters
//! Route 53 rejects the record, and the whole batch with it, or the alias leads to something else.
//!
//! # Example
//! ```json
//! {"HostedZoneId": "Z35SXDOTRQ7X7K", "DNSName": "api-1a2b.eu-west-1.elb.amazonaws.com", "EvaluateTargetHealth": true}
//! ```
//!
//! # Fix
//! The canonical id of the load balancer: `aws elbv2 describe-load-balancers`, `CanonicalHostedZoneId`. It is not the id of
//! your own hosted zone.
//!
//! # Source
//! facts.md R-DN-03, section 5: the ids of load balancers by region.

use super::records::{Balancer, balancer, sets};
use crate::blueprint::dns::zones::{load_balancer, owner};
use crate::blueprint::raw::LoadBalancerKind;
use crate::rules::kubernetes::objects::{at, text_at};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "DN003",
    name: "alias-names-another-zone",
    group: Group::Dns,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for (_, set) in sets(estate) {
        let Some(target) = set.alias() else { continue };
        let Some((node, id)) = at(target, &["HostedZoneId"]).zip(text_at(target, &["HostedZoneId"])) else { continue };
        let Some((written, name)) = at(target, &["DNSName"]).zip(text_at(target, &["DNSName"])) else { continue };
        let Some(said) = balancer(name) else { continue };
        let Some((why, fix)) = fault(&said, id) else { continue };
        findings.push(
            RULE.finding(
                Place::Span(node.span),
                format!("the alias of `{}` names another hosted zone", set.name().escape_debug()),
            )
            .label("not that of the load balancer")
            .also(Place::Span(written.span), "the load balancer")
            .because(why)
            .fix(fix),
        );
    }
}

/// What is wrong with an id beside the name of a load balancer, and what would be right.
fn fault(said: &Balancer, id: &str) -> Option<(String, String)> {
    let looked_up = || "write what `aws elbv2 describe-load-balancers` shows as CanonicalHostedZoneId".to_owned();
    let word = |kind: LoadBalancerKind| if kind == LoadBalancerKind::Network { "network" } else { "application" };
    let owner = owner(id);
    let belongs = owner.map(|(region, kind)| format!("; it is that of {} load balancers in {region}", word(kind)));
    let belongs = belongs.unwrap_or_default();
    match said {
        Balancer::In(region, kind) => match load_balancer(region, *kind) {
            Some(known) if known == id => None,
            Some(known) => Some((
                format!("{} load balancers in {region} have {known} (R-DN-03){belongs}", word(*kind)),
                format!("write `\"HostedZoneId\": \"{known}\"`"),
            )),
            None if owner.is_some() => {
                Some((format!("it does not belong to {region} (R-DN-03){belongs}"), looked_up()))
            }
            None => None,
        },
        Balancer::Nowhere if owner.is_none() => Some((
            "no region's load balancers are known to have it (R-DN-03); one's own hosted zone is not what is asked for here"
                .to_owned(),
            looked_up(),
        )),
        Balancer::Nowhere => None,
    }
}
