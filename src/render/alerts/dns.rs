//! What the outside sees: public hosts by their name, and each region's own balancer.
//!
//! Route 53's own health is in no exporter that hagen has seen run; these probes ask the same path from here.

use super::context::Context;
use super::model::{Alert, constant};
use super::probes::{Probe, probes};
use super::promql::{Scope, labels};
use crate::blueprint::names;
use crate::blueprint::raw::Severity;
use crate::path;

/// The alerts about the public hosts, and remarks on what is left out.
pub fn alerts(context: &Context<'_>) -> (Vec<Alert>, Vec<String>) {
    let probes = probes(context);
    let mut remarks = Vec::new();
    if probes.is_empty() && context.blueprint.spec.dns.is_some() {
        remarks.push(
            "monitoring.exporters.blackbox is not given, so the public hosts are not asked from anywhere".to_owned(),
        );
    }
    (probes.iter().map(|probe| unreachable(context, probe)).collect(), remarks)
}

/// The series of one probe.
pub fn scope(context: &Context<'_>, probe: &Probe) -> Scope {
    Scope::default()
        .is(names::REGION_LABEL, &context.region.name)
        .is("host", &probe.host)
        .is("probe", probe.kind)
        .instance(&[("instance", &probe.url)])
}

fn unreachable(context: &Context<'_>, probe: &Probe) -> Alert {
    let scope = scope(context, probe);
    let metric = scope.metric("probe_success");
    let with = |up: u64| vec![constant(scope.series("probe_success", 0, &[]), up)];
    let (name, component, summary, description) = if probe.kind == "public" {
        (
            "PublicEndpointDown",
            "edge",
            format!("{} does not answer", probe.host),
            "Asked by its public name, as every client does: DNS, certificate, balancer or what is behind it fails, or blackbox_exporter is gone.".to_owned(),
        )
    } else {
        (
            "RegionEndpointDown",
            "region",
            format!("{} does not answer for {}", context.region.name, probe.host),
            "Asked at this region's own balancer, whatever DNS says: the region does not serve, or blackbox_exporter is gone. Route 53 asks the same path and takes the region out if it sees the same (F-DN-01).".to_owned(),
        )
    };
    let mut fires = scope.equalities();
    fires.remove(names::REGION_LABEL);
    fires.remove("probe");
    let mut gone = scope.equalities();
    // The rule's own label `region` says the same.
    gone.remove(names::REGION_LABEL);
    Alert::new(name, Severity::Critical, format!("max by (host) ({metric}) == 0\nor\nabsent({metric})"))
        .minutes(1)
        .about(labels(&[("component", component)]), &path!["dns", "records"])
        .says(summary, description)
        .because("every question within a minute failed")
        .fires("no answer", with(0), fires)
        .silent("it answers", with(1))
        .fires_without_series(gone)
}
