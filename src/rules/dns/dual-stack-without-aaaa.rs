//! A load balancer has IPv6 addresses, and no record tells of them.
//!
//! # What it finds
//! In Route 53's change batches an alias of type A to a name that begins with `dualstack.`, without one of type AAAA of the same
//! name and set identifier among the files. In a blueprint AAAA is rendered where all balancers have IPv6, and BP058 warns
//! where only some have.
//!
//! # Why it matters
//! Clients that have only IPv6 find no address, although the load balancer would answer them.
//!
//! # Example
//! ```json
//! {"Name": "api.example.com", "Type": "A",
//!  "AliasTarget": {"HostedZoneId": "Z32O12XQLNTSW2", "DNSName": "dualstack.api-1a2b.eu-west-1.elb.amazonaws.com",
//!                  "EvaluateTargetHealth": true}}
//! ```
//!
//! # Fix
//! The same record once more with `"Type": "AAAA"`.
//!
//! # Source
//! facts.md R-DN-11.

use std::collections::BTreeSet;

use super::records::{plain, sets};
use crate::rules::kubernetes::objects::{at, text_at};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "DN011",
    name: "dual-stack-without-aaaa",
    group: Group::Dns,
    level: Level::Warning,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let known: BTreeSet<(String, Option<&str>)> = sets(estate)
        .filter(|(_, set)| set.kind() == "AAAA")
        .map(|(_, set)| (plain(set.name()), text_at(set.node, &["SetIdentifier"])))
        .collect();
    for (_, set) in sets(estate).filter(|(_, set)| set.kind() == "A") {
        let Some(target) = set.alias() else { continue };
        let Some((node, name)) = at(target, &["DNSName"]).zip(text_at(target, &["DNSName"])) else { continue };
        let dual = plain(name).starts_with("dualstack.");
        if !dual || known.contains(&(plain(set.name()), text_at(set.node, &["SetIdentifier"]))) {
            continue;
        }
        findings.push(
            RULE.finding(
                Place::Span(node.span),
                format!("IPv6 clients find no address of `{}`", set.name().escape_debug()),
            )
            .label("has IPv6 addresses too")
            .also(Place::Span(set.node.get("Type").map_or(set.node.span, |node| node.span)), "only IPv4 is told")
            .because("the load balancer is dual-stack, and there is no AAAA record beside this A (R-DN-11)")
            .fix("add the same record with `\"Type\": \"AAAA\"`"),
        );
    }
}
