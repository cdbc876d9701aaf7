//! The namespace, the priorities of the tiers, and the policies that close the network before services open it.

use std::collections::BTreeSet;

use serde::Serialize;

use super::common::{self, Labels};
use super::mesh;
use crate::blueprint::units::Duration;
use crate::blueprint::{Blueprint, Region, names, raw};
use crate::path;
use crate::render::Jobs;

/// The highest priority that is given where none is written; an RTO takes its seconds off.
const HIGHEST_PRIORITY: u64 = 1_000_000;
/// The priority of a tier without an RTO.
const LOWEST_PRIORITY: u64 = 1_000;

#[derive(Serialize)]
struct Context {
    namespace: String,
    labels: Labels,
    namespace_labels: Labels,
    description: Option<String>,
    priorities: Vec<Priority>,
    /// The pods that answer the kubelet through the mesh.
    ambient: bool,
    sidecars: bool,
}

#[derive(Serialize)]
struct Priority {
    name: String,
    tier: String,
    value: u64,
    description: String,
}

/// `00-namespace.yaml`.
pub(super) fn job(blueprint: &Blueprint, region: &Region, jobs: &mut Jobs<'_>) {
    let mut origins = vec![path!["platform", "namespace"], path!["metadata"]];
    let priorities = priorities(blueprint, region);
    origins.extend(priorities.iter().map(|p| path!["objectives", "tiers", &p.tier]));
    let labels = common::base_labels(blueprint, region);
    let mut namespace_labels = labels.clone();
    for mode in ["enforce", "audit", "warn"] {
        namespace_labels.insert(format!("pod-security.kubernetes.io/{mode}"), "restricted".to_owned());
        namespace_labels.insert(format!("pod-security.kubernetes.io/{mode}-version"), "latest".to_owned());
    }
    if blueprint.spec.edge.ingress == raw::Ingress::Alb {
        // A pod counts as ready only once the balancer sends to it, so that a rollout never outruns the target group.
        namespace_labels.insert("elbv2.k8s.aws/pod-readiness-gate-inject".to_owned(), "enabled".to_owned());
    }
    let context = Context {
        namespace: blueprint.namespace.clone(),
        labels,
        namespace_labels,
        description: blueprint.spec.metadata.description.clone(),
        priorities,
        ambient: mesh::is_ambient(blueprint),
        sidecars: mesh::has_sidecars(blueprint),
    };
    super::push(jobs, region, ("00-namespace".to_owned(), "kubernetes/namespace.yaml.tera"), &context, origins);
}

/// The PriorityClasses of the tiers that anything on Kubernetes belongs to in this region.
fn priorities(blueprint: &Blueprint, region: &Region) -> Vec<Priority> {
    let services = super::services(blueprint).map(|s| &s.spec.tier);
    let postgres = blueprint.postgres.iter().filter(|p| p.on_kubernetes() && p.role(region).is_some());
    let redis = blueprint.redis.iter().filter(|r| r.on_kubernetes() && r.in_region(region));
    let tiers: BTreeSet<&raw::Name> = services
        .chain(postgres.map(|p| &p.spec.tier))
        .chain(redis.map(|r| &r.spec.tier))
        .filter_map(Option::as_ref)
        .collect();
    let of = |name: &raw::Name| {
        let tier = blueprint.spec.objectives.tiers.get(name)?;
        let value = tier.priority.map_or_else(|| default_priority(tier.rto), u64::from);
        let rto = tier.rto.map_or_else(|| "no RTO of its own".to_owned(), |rto| format!("RTO {rto}"));
        Some(Priority {
            name: names::priority_class(&blueprint.namespace, name.as_str()),
            tier: name.to_string(),
            value,
            description: format!("Tier {name} of {}: {rto}.", blueprint.name),
        })
    };
    tiers.into_iter().filter_map(of).collect()
}

/// The shorter the RTO, the higher. It depends on the tier's own RTO alone: the value of a PriorityClass is immutable,
/// so another tier must not shift it.
fn default_priority(rto: Option<Duration>) -> u64 {
    rto.map_or(LOWEST_PRIORITY, |rto| HIGHEST_PRIORITY.saturating_sub(rto.secs()).max(LOWEST_PRIORITY + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shorter_rto_has_the_higher_priority() {
        let of = |secs| default_priority(Some(Duration::from_secs(secs)));
        assert!(of(60) > of(900) && of(900) > of(3600) && of(30 * 86_400) > default_priority(None));
    }
}
