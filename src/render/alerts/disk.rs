//! Disks of the data stores on Kubernetes: how full their volumes are, and how soon they will be.
//!
//! The kubelet tells of a volume only while a pod has it mounted on a node that answers: what it does not tell is counted.

use super::context::Context;
use super::model::{Alert, Series, Values, constant};
use super::postgres::both;
use super::promql::{Labels, Scope, labels, regex};
use crate::blueprint::names;
use crate::blueprint::raw::Severity;
use crate::document::Path;
use crate::path;

const AVAILABLE: &str = "kubelet_volume_stats_available_bytes";
const CAPACITY: &str = "kubelet_volume_stats_capacity_bytes";

/// The size of the volumes of the tests: in tenths of a percent of it everything is easy to read.
const SIZE: u64 = 1000;

/// When a volume is told of: so little is free, or nothing will be free so soon.
struct Limit {
    name: &'static str,
    severity: Severity,
    /// Percent that are free.
    free: u64,
    /// The trend of so many hours …
    trend: u64,
    /// … ends in so many hours,
    ends: u64,
    /// and no more percent than these are free: a young volume that is filled is no fault.
    at_most: u64,
    minutes: u64,
    why: &'static str,
}

const LIMITS: [Limit; 2] = [
    Limit {
        name: "StoreDiskNearlyFull",
        severity: Severity::Critical,
        free: 10,
        trend: 1,
        ends: 4,
        at_most: 30,
        minutes: 5,
        why: "time for whoever is paged to grow it. The shares are convention: how fast it can be grown is declared nowhere",
    },
    Limit {
        name: "StoreDiskFilling",
        severity: Severity::Warning,
        free: 20,
        trend: 6,
        ends: 72,
        at_most: 50,
        minutes: 15,
        why: "a ticket is for the working day, and a weekend lasts that long. The shares are convention",
    },
];

/// The volumes of a store.
struct Volumes<'a> {
    component: &'static str,
    name: &'a str,
    /// What stops when one is full.
    stops: &'static str,
    origin: Path,
    scope: Scope,
}

/// The alerts about disks in a region, and remarks on what is left out.
pub fn alerts(context: &Context<'_>) -> (Vec<Alert>, Vec<String>) {
    let (b, region) = (context.blueprint, context.region);
    let (mut all, mut remarks) = (Vec::new(), Vec::new());
    let unseen = |store: String| {
        format!(
            "{store}: the disks of hosts are told by node_exporter, which hagen neither renders nor scrapes: nothing here says when one fills"
        )
    };
    for store in b.postgres.iter().filter(|p| p.is_rendered() && p.role(region).is_some()) {
        if !store.on_kubernetes() {
            remarks.push(unseen(format!("postgres.{}", store.name)));
            continue;
        }
        all.push(Volumes {
            component: "postgres",
            name: &store.name,
            stops: "PostgreSQL ends when it cannot write its WAL, and a failover does not help where the others are as full.",
            origin: path!["postgres", &store.name, "storage"],
            scope: claims(context, &store.object(), "", store.member_count(region)),
        });
        all.push(Volumes {
            component: "etcd",
            name: &store.name,
            stops: "An etcd that cannot write gives up its place: Patroni loses its leader key with the majority.",
            origin: path!["postgres", &store.name, "consensus"],
            scope: claims(context, &names::postgres_etcd(&store.name), "", store.etcd_count(region)),
        });
    }
    for store in b.redis.iter().filter(|r| r.is_rendered() && r.in_region(region)) {
        if !store.on_kubernetes() {
            remarks.push(unseen(format!("redis.{}", store.name)));
            continue;
        }
        all.push(Volumes {
            component: "redis",
            name: &store.name,
            stops: "Redis refuses writes when it cannot append them, and needs room for a second file whenever it rewrites the first.",
            origin: path!["redis", &store.name, "storage"],
            scope: claims(context, &store.object(), "-0", store.nodes(region).len()),
        });
    }
    let all = all.iter().filter(|volumes| volumes.scope.count() > 0);
    (all.flat_map(|volumes| of_store(context, volumes)).collect(), remarks)
}

/// The claims of StatefulSets: `data-POD`.
fn claims(context: &Context<'_>, object: &str, suffix: &str, count: usize) -> Scope {
    let scope = Scope::default()
        .is("namespace", &context.blueprint.namespace)
        .like("persistentvolumeclaim", format!("data-{}-[0-9]+{suffix}", regex(object)));
    (0..count)
        .fold(scope, |scope, at| scope.instance(&[("persistentvolumeclaim", &format!("data-{object}-{at}{suffix}"))]))
}

fn of_store(context: &Context<'_>, volumes: &Volumes<'_>) -> Vec<Alert> {
    let about = context.about(volumes.component, volumes.name);
    let mut own: Vec<Alert> = LIMITS.iter().map(|limit| little(volumes, limit)).collect();
    own.push(unknown(volumes));
    own.into_iter().map(|alert| alert.about(about.clone(), &volumes.origin)).collect()
}

fn little(volumes: &Volumes<'_>, limit: &Limit) -> Alert {
    let (scope, count) = (&volumes.scope, volumes.scope.count());
    let (available, capacity) = (scope.metric(AVAILABLE), scope.metric(CAPACITY));
    let by = "by (persistentvolumeclaim)";
    let free = format!("min {by} ({available})\n/ on (persistentvolumeclaim)\nmax {by} ({capacity})");
    let trend = format!("min {by} (predict_linear({available}[{}h], {})) < 0", limit.trend, limit.ends * 3600);
    let expr = format!(
        "{free}\n< 0.{}\nor\n(\n  {trend}\n  and on (persistentvolumeclaim)\n  {}\n  < 0.{}\n)",
        limit.free / 10,
        free.replace('\n', "\n  "),
        limit.at_most / 10
    );
    // The first volume so, all others half empty.
    let with = |first: Values| -> Vec<Series> {
        let one = |at| {
            let values = if at == 0 { first.clone() } else { Values::Constant((SIZE * 6 / 10).to_string()) };
            Series { name: scope.series(AVAILABLE, at, &[]), values }
        };
        let sizes = (0..count).map(|at| constant(scope.series(CAPACITY, at, &[]), SIZE)).collect();
        both((0..count).map(one).collect(), sizes)
    };
    let still = |percent: u64| Values::Constant((percent * SIZE / 100).to_string());
    // It loses three percent of its size in twenty minutes: nothing is left in a few hours.
    let falls = |percent: u64| Values::Falls((percent * SIZE / 100).to_string(), "1.5".to_owned());
    let first = || {
        labels(&[("persistentvolumeclaim", &scope.labels_of(0).remove("persistentvolumeclaim").unwrap_or_default())])
    };
    let short = if limit.severity == Severity::Critical { "is nearly full" } else { "fills" };
    Alert::new(limit.name, limit.severity, expr)
        .minutes(limit.minutes)
        .says(
            format!("A volume of {} {} {short}", volumes.component, volumes.name),
            format!(
                "{{{{ $labels.persistentvolumeclaim }}}} has little room left, or will have none soon. {}",
                volumes.stops
            ),
        )
        .because(format!(
            "less than {} % free, or, once less than {} % are, nothing within {} h by the trend of {} h: {}",
            limit.free, limit.at_most, limit.ends, limit.trend, limit.why
        ))
        .fires("little is free", with(still(limit.free - 5)), first())
        .fires("nothing will be free", with(falls(limit.at_most - 1)), first())
        .silent("much is free", with(still(60)))
        .silent("a volume with room is filled", with(falls(90)))
}

fn unknown(volumes: &Volumes<'_>) -> Alert {
    let (scope, count) = (&volumes.scope, volumes.scope.count());
    let metric = scope.metric(AVAILABLE);
    let told = |shown: usize| -> Vec<Series> {
        (0..shown).map(|at| constant(scope.series(AVAILABLE, at, &[]), SIZE)).collect()
    };
    Alert::new(
        "StoreDiskUnknown",
        Severity::Warning,
        format!("(count(max by (persistentvolumeclaim) ({metric})) or vector(0)) < {count}"),
    )
    .minutes(15)
    .says(
        format!("Not every volume of {} {} is told of", volumes.component, volumes.name),
        "A member does not run, its node is lost, its driver tells nothing, or the kubelets are not scraped (honorLabels: namespace is the claim's): how full that disk is is not known (R-AL-21).",
    )
    .because(format!("{count} volumes are declared"))
    .fires("one is missing", told(count - 1), Labels::new())
    .silent("all are told of", told(count))
    .fires_without_series(Labels::new())
}
