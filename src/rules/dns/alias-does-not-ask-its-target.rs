//! An alias record that should fail over never does, because it does not ask its target.
//!
//! # What it finds
//! An alias with `Failover`, `GeoLocation`, `Region` (latency) or `Weight`, with `EvaluateTargetHealth: false` and without
//! `HealthCheckId`. What is answered when nothing else is left may go without: a `SECONDARY`, and the default location; and so
//! may a weight of 0. By latency and weight, and for CloudFront, which cannot be asked, it is a warning. In its own files
//! `verify` refuses it.
//!
//! # Why it matters
//! Route 53 asks neither the load balancer nor a health check: the region counts as healthy while nothing in it answers, and
//! keeps its share of the clients.
//!
//! # Example
//! ```json
//! {"Name": "api.example.com", "Type": "A", "SetIdentifier": "primary", "Failover": "PRIMARY",
//!  "AliasTarget": {"HostedZoneId": "Z32O12XQLNTSW2", "DNSName": "api-1a2b.eu-west-1.elb.amazonaws.com",
//!                  "EvaluateTargetHealth": false}}
//! ```
//!
//! # Fix
//! `"EvaluateTargetHealth": true`; for CloudFront, which cannot be asked, a `HealthCheckId`.
//!
//! # Source
//! facts.md F-DN-04, F-DN-07, F-DN-15: Route 53 documentation, values of alias records; API reference, AliasTarget (no
//! `EvaluateTargetHealth` for CloudFront).

use super::records::{plain, sets};
use crate::rules::kubernetes::objects::{at, text_at};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "DN008",
    name: "alias-does-not-ask-its-target",
    group: Group::Dns,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for (_, set) in sets(estate) {
        let Some(policy) =
            set.policy().filter(|entry| matches!(&*entry.key, "Failover" | "GeoLocation" | "Region" | "Weight"))
        else {
            continue;
        };
        let Some(target) = set.alias() else { continue };
        let path = ["EvaluateTargetHealth"];
        let Some(asks) = at(target, &path).filter(|_| text_at(target, &path) == Some("false")) else { continue };
        if set.is_judged() || set.is_last() || set.is_unused() {
            continue;
        }
        let edge = text_at(target, &["DNSName"]).is_some_and(|name| plain(name).ends_with(".cloudfront.net"));
        let fix = if edge {
            "create a health check of what stands behind CloudFront, which cannot be asked, and write its id as `HealthCheckId`"
        } else {
            "write `\"EvaluateTargetHealth\": true`"
        };
        let mut finding = RULE
            .finding(
                Place::Span(asks.span),
                format!("a record of `{}` counts as healthy for ever", set.name().escape_debug()),
            )
            .label("its target is not asked")
            .also(Place::Span(policy.key_span), "and nothing else decides on it")
            .because("an alias reacts only with EvaluateTargetHealth or a health check of its own (F-DN-07)")
            .fix(fix);
        if edge || matches!(&*policy.key, "Region" | "Weight") {
            finding.level = Level::Warning;
        }
        findings.push(finding);
    }
}
