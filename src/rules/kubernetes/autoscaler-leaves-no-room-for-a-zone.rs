//! An autoscaler aims so high that the loss of one zone overloads the pods that are left.
//!
//! # What it finds
//! `autoscale.cpu` above `100 % × (Z − 1) / Z`, with Z zones in the region: when one zone is lost, the same load meets
//! `(Z − 1) / Z` of the pods, and their use rises to `target × Z / (Z − 1)` of the request. Memory is left out: most of what
//! a process holds does not follow its load. In files: more than 66 % of the CPU request in a HorizontalPodAutoscaler, for the
//! three zones that a region commonly has, as these files do not say how many there are. Where no metric is written, Kubernetes
//! aims at 80 % of the CPU request.
//!
//! # Why it matters
//! Above 100 % of its request a pod gets only what its node has to spare. New pods help once they are scheduled, pulled and
//! started, and that is exactly when every other service asks for nodes as well.
//!
//! # Example
//! ```yaml
//! services:
//!   api:
//!     autoscale: {cpu: 70%}   # three zones: 70 % becomes 105 % when one is lost
//! ```
//!
//! # Fix
//! With three zones aim at 66 % or less, with two at 50 %; or raise `replicas.min` and keep the pods idle instead.
//!
//! # Source
//! facts.md X-K8-6 (arithmetic); the controller's formula: Kubernetes, Horizontal Pod Autoscaling, algorithm details (F-K8-06).

use super::scalers::Scaler;
use super::workloads::ZONES;
use crate::blueprint::units::{Percent, exact_decimal};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8012",
    name: "autoscaler-leaves-no-room-for-a-zone",
    group: Group::Kubernetes,
    level: Level::Warning,
    security: false,
    fields: &["services.*.autoscale.cpu", "regions.*.zones"],
    check: Check::Both(check, files),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    // The region with the fewest zones loses the largest share; with one zone nothing is left, whatever the target.
    let Some(region) = blueprint.regions.iter().min_by_key(|region| region.spec.zones.len()) else { return };
    let zones = region.spec.zones.len() as u64;
    if zones < 2 {
        return;
    }
    let most = 100 * (zones - 1) / zones;
    for service in blueprint.services.iter().filter(|service| service.on_kubernetes()) {
        let target = service.spec.autoscale.as_ref().and_then(|autoscale| autoscale.cpu);
        let Some(target) = target.filter(|target| *target > Percent::whole(most)) else { continue };
        let at = path!["services", service.name, "autoscale", "cpu"];
        let left = zones - 1;
        let after = shown(target, zones);
        findings.push(
            RULE.finding(
                Place::Value(at.clone()),
                format!("the loss of one zone takes `{}` to {after} of its CPU request", service.name),
            )
            .label(format!("{target} with {zones} zones"))
            .also(Place::Value(path!["regions", region.name, "zones"]), format!("{left} of {zones} are left"))
            .because(format!(
                "the same load on {left} of {zones} pods is {target} × {zones}/{left} = {after} of the request, until new \
                 pods have started (X-K8-6)"
            ))
            .fix(format!("aim at {most}% or less"))
            .edit(at, format!("{most}%")),
        );
    }
}

/// What a target rises to when one of so many zones is lost: to a tenth of a percent, rounded up, so that more than 100 % is
/// never shown as 100 %.
fn shown(target: Percent, zones: u64) -> String {
    const TENTH: u64 = 100_000;
    let left = zones.saturating_sub(1).max(1);
    let tenths = target.micro().saturating_mul(zones).div_ceil(left.saturating_mul(TENTH));
    format!("{}%", exact_decimal(tenths, 10))
}

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let left = ZONES - 1;
    for scaler in Scaler::horizontal(estate) {
        for metric in scaler.metrics().into_iter().filter(|metric| metric.resource == "cpu") {
            let Some(target) = metric.target.filter(|target| *target > 100 * left / ZONES) else { continue };
            let after = shown(Percent::whole(target.unsigned_abs()), ZONES.unsigned_abs());
            findings.push(
                RULE.finding(
                    metric.place,
                    format!("the loss of one zone takes `{}` to {after} of its CPU request", scaler.name.escape_debug()),
                )
                .label(if metric.is_default {
                    format!("no metric is written: {target}% of the CPU request")
                } else {
                    format!("{target}%, with {ZONES} zones as is common")
                })
                .because(format!(
                    "the same load on {left} of {ZONES} pods is {target}% × {ZONES}/{left} = {after} of the request, until new \
                     pods have started (X-K8-6)"
                ))
                .fix(format!("aim at {}% or less, with two zones at 50%", 100 * left / ZONES)),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Percent, shown};

    #[test]
    fn more_than_all_is_never_shown_as_all() {
        assert_eq!(shown(Percent::whole(70), 3), "105%");
        assert_eq!(shown(Percent::whole(67), 3), "100.5%");
        assert_eq!(shown("66.67%".parse().unwrap(), 3), "100.1%");
    }
}
