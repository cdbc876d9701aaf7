//! A request depends on a single instance, or on a single zone.
//!
//! # What it finds
//! Everything on the way of a request: public services, what they call in turn, and the data stores behind them; data
//! stores that no service needs count, too, for their clients are elsewhere. Of these, in the primary region: a service with
//! one pod, or spread over no zones; a PostgreSQL cluster, a pool or a router with one instance, or with all its hosts in
//! one zone; a Redis without replicas, unless it is a cache or carries messages only. And the region itself, when it has a
//! single zone. What runs elsewhere (managed services, `external`) is not judged, nor a service that no request reaches.
//! In files: a Deployment or StatefulSet of which one pod always runs, by its replicas or by the least of its autoscaler, and that
//! alone takes what an Ingress, a route of the Gateway API or a VirtualService sends to a Service, or what comes to a Service
//! of type LoadBalancer; where the Service is not in these files, the workload of its name counts. And a pool of database
//! connections, known by its image, that is a workload of its own with one pod. A route that several Services share is not
//! judged, nor zones, which these files do not tell.
//! What a patch of kustomize among the files may change is not judged.
//!
//! # Why it matters
//! Whatever is there once is down whenever its node, its zone or its own process is; every rollout and every node drain is
//! an outage.
//!
//! # Example
//! ```yaml
//! postgres:
//!   main:
//!     pool: {replicas: 1}   # every query of every service goes through it
//! ```
//!
//! # Fix
//! Two instances in two zones at least; three zones where a majority has to be left.
//!
//! # Source
//! facts.md R-K8-24 (walk over the single points of failure).

use std::collections::{BTreeMap, BTreeSet};

use super::objects::text_at;
use super::traffic::Traffic;
use super::workloads::{Workload, containers, shown, workloads};
use crate::blueprint::raw::{Manager, PoolKind, SpreadMode, Usage};
use crate::blueprint::{NeedTarget, Postgres, Redis, Region, Service};
use crate::document::Path;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8024",
    name: "one-instance-on-the-way",
    group: Group::Kubernetes,
    level: Level::Error,
    security: false,
    fields: &[
        "regions.*.zones",
        "services.*.replicas.min",
        "services.*.spread.zone",
        "postgres.*.members",
        "postgres.*.hosts",
        "postgres.*.pool.replicas",
        "postgres.*.router.hosts",
        "redis.*.replicasPerShard",
    ],
    check: Check::Both(check, files),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let region = blueprint.primary();
    let (services, stores) = reached(blueprint);
    if services.is_empty() && stores.is_empty() {
        return;
    }
    if let [zone] = region.spec.zones.as_slice() {
        findings.push(
            RULE.finding(
                Place::Value(path!["regions", region.name, "zones"].index(0)),
                format!("everything in {} is in one zone", region.name),
            )
            .label(format!("only `{zone}`"))
            .because(
                "whatever the number of pods and members, the loss of that zone is the loss of the region (R-K8-24)",
            )
            .fix("name the zones that its nodes are in; three, where a majority has to be left"),
        );
    }
    for service in services {
        of_service(service, region, findings);
    }
    for store in stores {
        match store {
            Store::Postgres(cluster) => of_postgres(cluster, region, findings),
            Store::Redis(redis) => of_redis(redis, region, findings),
        }
    }
}

enum Store<'a> {
    Postgres(&'a Postgres),
    Redis(&'a Redis),
}

/// What a request reaches: services from the public ones on, and the stores behind them and behind nobody.
fn reached(blueprint: &Blueprint) -> (Vec<&Service>, Vec<Store<'_>>) {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut ahead: Vec<&Service> = blueprint.services.iter().filter(|service| service.is_public()).collect();
    let mut services = Vec::new();
    let mut needed: BTreeMap<&str, bool> = BTreeMap::new();
    for need in blueprint.services.iter().flat_map(|service| &service.needs) {
        needed.entry(&need.reference).or_insert(false);
    }
    while let Some(service) = ahead.pop() {
        if !seen.insert(&service.name) {
            continue;
        }
        services.push(service);
        for need in &service.needs {
            needed.insert(&need.reference, true);
            if need.target == NeedTarget::Service {
                ahead.extend(blueprint.service(&need.name));
            }
        }
    }
    services.sort_by(|a, b| a.name.cmp(&b.name));
    let counts = |reference: String| needed.get(reference.as_str()).copied().unwrap_or(true);
    let postgres = blueprint.postgres.iter().filter(|store| counts(format!("postgres.{}", store.name)));
    let redis = blueprint.redis.iter().filter(|store| counts(format!("redis.{}", store.name)));
    (services, postgres.map(Store::Postgres).chain(redis.map(Store::Redis)).collect())
}

fn single(at: Path, title: String, why: &str, fix: &str) -> Diagnostic {
    RULE.finding(Place::Value(at), title).because(format!("{why} (R-K8-24)")).fix(fix)
}

fn of_service(service: &Service, region: &Region, findings: &mut Vec<Diagnostic>) {
    let at = path!["services", service.name];
    if !service.on_kubernetes() {
        return;
    }
    if service.spec.replicas.min == 1 {
        let place = at.key("replicas").key("min");
        let finding = single(
            place.clone(),
            format!("requests depend on the one pod of `{}`", service.name),
            "with its node, or while a drain or a crash replaces it, nobody answers",
            "write `min: 3`, or 2 at least",
        );
        let fits = service.spec.replicas.max.is_none_or(|max| max >= 3);
        findings.push(if fits { finding.edit(place, 3) } else { finding });
    } else if service.spec.spread.zone == SpreadMode::None && region.spec.zones.len() > 1 {
        findings.push(
            single(
                at.key("spread").key("zone"),
                format!("the pods of `{}` may all be in one zone", service.name),
                "nothing spreads them, and the scheduler likes nodes that have the image",
                "write `zone: hard`, or leave it out",
            )
            .edit(at.key("spread").key("zone"), "hard"),
        );
    }
}

fn of_postgres(cluster: &Postgres, region: &Region, findings: &mut Vec<Diagnostic>) {
    let (at, name, spec) = (path!["postgres", cluster.name], &cluster.name, &cluster.spec);
    if spec.manager != Manager::Patroni {
        return;
    }
    let three = "have three, in three zones";
    let members = cluster.member_count(region);
    if members == 1 {
        let place = if cluster.on_kubernetes() { at.key("members") } else { at.key("hosts") };
        findings.push(single(
            place,
            format!("PostgreSQL `{name}` has one member"),
            "nothing can take over from it",
            three,
        ));
    }
    let pooled = spec.pool.kind != PoolKind::None;
    if cluster.on_kubernetes() {
        if pooled && spec.pool.image.is_some() && spec.pool.replicas == 1 {
            let place = at.key("pool").key("replicas");
            let why = "with its node nobody reaches a primary that is well";
            findings.push(
                single(place.clone(), format!("PostgreSQL `{name}` has one pool"), why, "have three, one a zone")
                    .edit(place, 3),
            );
        }
        return;
    }
    let zones: BTreeSet<String> = cluster.members(region).into_iter().map(|member| member.zone).collect();
    if members > 1 && zones.len() == 1 && region.spec.zones.len() > 1 {
        let why = "the loss of that zone is the loss of the cluster";
        findings.push(single(
            at.key("hosts"),
            format!("all members of PostgreSQL `{name}` are in one zone"),
            why,
            three,
        ));
    }
    if members > 1 && cluster.routers(region).len() == 1 {
        findings.push(single(
            at.key("router").key("hosts"),
            format!("one host leads all clients to PostgreSQL `{name}`"),
            "with it nobody reaches a primary that is well",
            "name two in two zones, or leave `hosts` out: every member's host is one then",
        ));
    }
}

fn of_redis(redis: &Redis, region: &Region, findings: &mut Vec<Diagnostic>) {
    let (at, spec) = (path!["redis", redis.name], &redis.spec);
    if !redis.is_rendered() || !redis.in_region(region) || matches!(spec.usage, Usage::Cache | Usage::Pubsub) {
        return;
    }
    if spec.replicas_per_shard == 0 {
        let place = at.key("replicasPerShard");
        findings.push(
            single(
                place.clone(),
                format!("each shard of Redis `{}` is there once", redis.name),
                "with a node its share of the keys is gone until that very node is back",
                "write `replicasPerShard: 1`",
            )
            .edit(place, 1),
        );
    }
}

/// Images of pools of database connections, by the last part of their name.
const POOLS: [&str; 6] = ["pgbouncer", "pgcat", "odyssey", "pgpool", "pgpool2", "supavisor"];

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let all = workloads(estate);
    let mut said: BTreeSet<(&str, &str, &str)> = BTreeSet::new();
    let mut say = |workload: &Workload<'_>, who: &str, sender: Option<(Place, String)>| {
        let Some(least) = workload.least() else { return };
        let mut found = RULE
            .finding(least.place, format!("{who} depend on the one pod of `{}`", shown(workload.object)))
            .label(least.what);
        if let Some((place, says)) = sender {
            found = found.also(place, says);
        }
        findings.push(
            found
                .because("with its node, or while a drain or a crash replaces it, nobody answers (R-K8-24)")
                .fix("have two pods at least, in two zones"),
        );
    };
    for (place, says, reached) in Traffic::of(estate).ways(all) {
        // What several workloads answer depends on none of them alone; what is not known is not judged.
        let counts: Option<Vec<i64>> = reached.iter().map(|workload| Some(workload.least()?.count)).collect();
        let one = counts.is_some_and(|counts| counts.iter().fold(0i64, |sum, count| sum.saturating_add(*count)) == 1);
        let single = reached.iter().filter(|_| one).find(|workload| workload.least().is_some_and(|l| l.count == 1));
        let Some(workload) = single else { continue };
        let object = workload.object;
        if said.insert((object.namespace(), object.kind(), object.name())) {
            say(workload, "requests", Some((place, says)));
        }
    }
    for workload in all.iter().filter(|workload| is_pool(workload)) {
        let object = workload.object;
        let one = workload.least().is_some_and(|least| least.count == 1);
        if one && said.insert((object.namespace(), object.kind(), object.name())) {
            say(workload, "all queries of its clients", None);
        }
    }
}

/// Whether a workload is a pool of database connections and nothing else: beside it stand exporters only.
fn is_pool(workload: &Workload<'_>) -> bool {
    let images = containers(workload.template).map(|container| text_at(container, &["image"]).unwrap_or_default());
    let names = images.map(|image| {
        let last = image.rsplit('/').next().unwrap_or_default();
        last.split([':', '@']).next().unwrap_or_default()
    });
    let names: Vec<&str> = names.filter(|name| !name.contains("exporter")).collect();
    !names.is_empty() && names.iter().all(|name| POOLS.contains(name))
}
