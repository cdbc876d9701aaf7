//! What is to be asked of live sources, and where they are: as the blueprint says it and the rendered files have it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{kubernetes, patroni, redis};
use crate::blueprint::Blueprint;
use crate::render::{ArtifactKind, ArtifactSet};
use crate::state::{Cluster, LiveKind, Server, Wanted, Zone};

/// What is to be asked, and what cannot be, in sentences.
pub struct Reach {
    /// What is to be asked.
    pub wanted: Wanted,
    /// What is rendered, of a kind that was asked for, and has no address that is known.
    pub unreached: Vec<String>,
}

/// What of these kinds can be asked. `endpoints` takes the place of the addresses that are known: by kind and name, or by kind
/// alone.
pub fn reach(
    blueprint: &Blueprint,
    set: &ArtifactSet,
    kinds: &[LiveKind],
    endpoints: &BTreeMap<(LiveKind, Option<String>), Vec<String>>,
) -> Result<Reach, String> {
    let mut reach = Reach { wanted: Wanted::default(), unreached: Vec::new() };
    let asked = |kind: LiveKind| kinds.contains(&kind);
    for (kind, name) in endpoints.keys() {
        let known = names(blueprint, set, *kind);
        if let Some(name) = name.as_ref().filter(|name| !known.contains(name)) {
            let known = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
            return Err(format!(
                "--endpoint {}/{name}: there is none of that name; the blueprint has: {known}",
                kind.name()
            ));
        }
    }
    let given = |kind: LiveKind, name: &str| {
        endpoints.get(&(kind, Some(name.to_owned()))).or_else(|| endpoints.get(&(kind, None))).cloned()
    };
    if asked(LiveKind::Kubernetes) {
        let with_objects = blueprint.regions.iter().filter(|region| kubernetes::has_objects(set, &region.name));
        let several = with_objects.count() > 1;
        for region in &blueprint.regions {
            let objects: Vec<Value> = kubernetes::values(set, &region.name)?;
            if objects.is_empty() {
                continue;
            }
            let context = given(LiveKind::Kubernetes, &region.name).and_then(|contexts| contexts.into_iter().next());
            // The current context is one cluster, and cannot be that of several regions.
            if several && context.is_none() && region.spec.kube_context.is_none() {
                reach.unreached.push(format!(
                    "which cluster is that of {name} is not known: write `regions.{name}.kubeContext`, or `--endpoint \
                     kubernetes/{name}=CONTEXT`, or ask for one `--region`",
                    name = region.name
                ));
                continue;
            }
            reach.wanted.clusters.push(Cluster {
                region: region.name.clone(),
                context: context.or_else(|| region.spec.kube_context.clone()),
                objects,
                kinds: kubernetes::kinds(),
                selector: kubernetes::selector(blueprint),
            });
        }
    }
    if asked(LiveKind::Route53) {
        let id = given(LiveKind::Route53, "").and_then(|zones| zones.into_iter().next());
        reach.wanted.zone = zone(set).map(|zone| Zone { id: id.or(zone.id) });
    }
    if asked(LiveKind::Prometheus) {
        prometheus(blueprint, set, &given, &mut reach);
    }
    if asked(LiveKind::Patroni) {
        for cluster in patroni::servers(set) {
            let (mut server, shown) = (cluster.server, cluster.shown);
            if let Some(addresses) = given(LiveKind::Patroni, &server.name) {
                server.addresses = addresses;
            }
            match server.addresses.is_empty() {
                true => reach.unreached.push(format!(
                    "{shown} runs on Kubernetes, where hagen has no address of it: `patronictl show-config` in one of its \
                     pods shows it, and `--against {}=FILE` takes that",
                    server.name
                )),
                false => reach.wanted.patroni.push(server),
            }
        }
    }
    if asked(LiveKind::Redis) {
        let (servers, inside) = redis::servers(set);
        reach.wanted.redis.extend(servers);
        reach.unreached.extend(inside.into_iter().map(|artifact| {
            format!(
                "the nodes of {artifact} run on Kubernetes, where hagen has no address of them: `redis-cli CONFIG GET '*'` in a \
                 pod shows one, and `--against REGION=FILE` takes that"
            )
        }));
    }
    for kind in kinds.iter().filter(|kind| !is_rendered(set, **kind)) {
        reach.unreached.push(format!("nothing is rendered for {}", kind.name()));
    }
    Ok(reach)
}

/// Whether anything is rendered that a kind of source could show.
pub fn is_rendered(set: &ArtifactSet, kind: LiveKind) -> bool {
    let has = |wanted: ArtifactKind| set.values().any(|artifact| artifact.kind == wanted);
    match kind {
        LiveKind::Kubernetes => has(ArtifactKind::Kubernetes),
        LiveKind::Route53 => has(ArtifactKind::Route53Changes) || has(ArtifactKind::Route53HealthCheck),
        LiveKind::Prometheus => has(ArtifactKind::PrometheusRules),
        LiveKind::Patroni => !patroni::servers(set).is_empty(),
        LiveKind::Redis => redis::is_rendered(set),
    }
}

/// What the sources of a kind are called.
fn names(blueprint: &Blueprint, set: &ArtifactSet, kind: LiveKind) -> Vec<String> {
    let regions = || blueprint.regions.iter().map(|region| region.name.clone());
    match kind {
        LiveKind::Kubernetes => regions().collect(),
        LiveKind::Prometheus => regions().chain(["global".to_owned()]).collect(),
        LiveKind::Patroni => patroni::servers(set).into_iter().map(|rest| rest.server.name).collect(),
        LiveKind::Route53 | LiveKind::Redis => Vec::new(),
    }
}

/// The hosted zone that records are rendered for; health checks may be rendered alone.
fn zone(set: &ArtifactSet) -> Option<Zone> {
    let batch = set.values().find(|artifact| artifact.kind == ArtifactKind::Route53Changes);
    let checks = set.values().any(|artifact| artifact.kind == ArtifactKind::Route53HealthCheck);
    let id = batch.and_then(|artifact| {
        let batch: Value = serde_json::from_str(&artifact.text).ok()?;
        batch.get("HostedZoneId").and_then(Value::as_str).map(str::to_owned)
    });
    (id.is_some() || checks).then_some(Zone { id })
}

/// The Prometheus of each region whose rules are rendered, and that of all regions.
fn prometheus(
    blueprint: &Blueprint,
    set: &ArtifactSet,
    given: &dyn Fn(LiveKind, &str) -> Option<Vec<String>>,
    reach: &mut Reach,
) {
    let rendered = set.values().filter(|artifact| artifact.kind == ArtifactKind::PrometheusRules);
    let mut names: Vec<&str> = rendered.map(|artifact| artifact.region.as_deref().unwrap_or("global")).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let known = blueprint.spec.monitoring.as_ref().and_then(|m| m.prometheus.endpoints.get(name)).cloned();
        match given(LiveKind::Prometheus, name).or_else(|| known.map(|address| vec![address])) {
            Some(addresses) => {
                reach.wanted.prometheus.push(Server { name: name.to_owned(), addresses, tls: false });
            }
            None => reach.unreached.push(format!(
                "where the Prometheus of {name} answers is not known: `--endpoint prometheus/{name}=URL` says it"
            )),
        }
    }
}
