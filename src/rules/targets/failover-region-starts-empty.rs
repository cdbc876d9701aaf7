//! The region that is to take over has too few pods before the event.
//!
//! # What it finds
//! With `strategy: active-active` or `active-passive`, a secondary region with `warm: 0%`: these strategies promise that it
//! runs. And, where `load` of a service is declared, a secondary region whose least pods do not carry its `base`. With
//! `pilot-light` and `backup-and-restore` the services are meant to be started in the event.
//!
//! # Why it matters
//! When a region is lost, everybody asks for capacity in the next one. Nodes, images and caches that have to come first are
//! part of the recovery time, and none of them is certain that day.
//!
//! # Example
//! ```yaml
//! strategy: active-passive
//! regions:
//!   eu-west-1: {role: secondary, warm: 0%}
//! ```
//!
//! # Fix
//! A `warm` that carries the load, or the strategy that is really meant: `pilot-light`.
//!
//! # Source
//! facts.md R-TG-15, X-GEN.

use crate::blueprint::Region;
use crate::blueprint::raw::Strategy;
use crate::blueprint::units::Percent;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "TG015",
    name: "failover-region-starts-empty",
    group: Group::Targets,
    level: Level::Warning,
    security: false,
    fields: &["regions.*.warm", "strategy", "services.*.load", "services.*.replicas.min"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let strategy = match blueprint.spec.strategy {
        Strategy::ActiveActive => "active-active",
        Strategy::ActivePassive => "active-passive",
        Strategy::PilotLight | Strategy::BackupAndRestore => return,
    };
    let on_kubernetes = || blueprint.services.iter().filter(|service| service.on_kubernetes());
    for region in blueprint.regions.iter().filter(|region| !region.is_primary()) {
        let at = path!["regions", region.name, "warm"];
        if region.warm() == Percent::whole(0) {
            if on_kubernetes().next().is_some() {
                findings.push(
                    RULE.finding(Place::Value(at), format!("{} is to take over and runs nothing", region.name))
                        .label("no pod before the event")
                        .also(Place::Value(path!["strategy"]), format!("{strategy}: it runs"))
                        .because("nodes, images and caches come first then, and everybody asks for them on that day (R-TG-15)")
                        .fix("write `warm: 50%` or what carries the load, or `strategy: pilot-light`"),
                );
            }
            continue;
        }
        for service in on_kubernetes() {
            findings.extend(too_few(service, region));
        }
    }
}

fn too_few(service: &crate::blueprint::Service, region: &Region) -> Option<Diagnostic> {
    let load = service.spec.load.filter(|load| load.per_pod.per_minute() > 0)?;
    let pods = u64::from(service.replicas(region).0);
    if pods * load.per_pod.per_minute() >= load.base.per_minute() {
        return None;
    }
    let needed = load.base.per_minute().div_ceil(load.per_pod.per_minute());
    Some(
        RULE.finding(
            Place::Value(path!["services", service.name, "load"]),
            format!("{} does not carry the load of `{}` when it is alone", region.name, service.name),
        )
        .label(format!("{} need {needed} pods of {}", load.base, load.per_pod))
        .also(Place::Value(path!["regions", region.name, "warm"]), format!("{pods} always run here"))
        .also(
            Place::Value(path!["services", service.name, "replicas", "min"]),
            format!("{} in the primary region", service.spec.replicas.min),
        )
        .because(format!(
            "{pods} × {} is less than {}; the rest has to be started in the event (R-TG-15)",
            load.per_pod, load.base
        ))
        .fix(format!("keep {needed} pods there: raise `warm` or `replicas.min`")),
    )
}
