//! A region of Cloud Run that fails is not taken out.
//!
//! # What it finds
//! A service with `platform: cloud-run` in several regions, without a readiness probe or without an instance that always
//! runs in each (`warm: 0%`): service health judges a region by the share of instances whose readiness probe succeeds.
//!
//! # Why it matters
//! Without both the load balancer has nothing to go by and keeps sending to the region that fails, until somebody edits it.
//!
//! # Example
//! ```yaml
//! services:
//!   web: {platform: cloud-run, port: 8080}   # no probes.readiness
//! ```
//!
//! # Fix
//! `probes: {readiness: {http: /ready}}`, and `warm` above 0 %.
//!
//! # Source
//! facts.md F-MS-06: Cloud Run, Configure service health.

use crate::blueprint::raw::ServicePlatform;
use crate::blueprint::units::Percent;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "RB016",
    name: "serverless-region-never-leaves",
    group: Group::Runbooks,
    level: Level::Warning,
    security: false,
    fields: &["services.*.platform", "services.*.probes.readiness", "regions.*.warm"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    if blueprint.regions.len() < 2 {
        return;
    }
    let cold = blueprint.regions.iter().find(|region| region.warm() == Percent::whole(0));
    for service in blueprint.services.iter().filter(|service| service.spec.platform == ServicePlatform::CloudRun) {
        let at = path!["services", service.name];
        let finding = |title: String| {
            RULE.finding(Place::Value(at.key("platform")), title)
                .because("a region counts as healthy while 60 % of its instances pass the readiness probe; there must be both (F-MS-06)")
        };
        if service.spec.probes.readiness.is_none() {
            findings.push(
                finding(format!("no region of `{}` is taken out when it fails", service.name))
                    .rests_on(at.key("probes").key("readiness"))
                    .fix("write `probes: {readiness: {http: PATH}}`"),
            );
        } else if let Some(region) = cold {
            findings.push(
                finding(format!("nothing tells whether `{}` would run in {}", service.name, region.name))
                    .also(Place::Value(path!["regions", region.name, "warm"]), "no instance before the event")
                    .fix("keep one there: a `warm` above 0%"),
            );
        }
    }
}
