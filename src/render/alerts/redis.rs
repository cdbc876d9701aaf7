//! Redis: nodes, slots, primaries and where they are, replicas, memory, persistence.

use std::collections::BTreeMap;

use super::context::Context;
use super::model::{Alert, Series, constant};
use super::postgres::both;
use super::promql::{Labels, Scope, labels, quote};
use crate::blueprint::placement::{Node, SLOTS};
use crate::blueprint::raw::{AppendFsync, Severity, Usage};
use crate::blueprint::units::Duration;
use crate::blueprint::{Redis, names};
use crate::document::Path;
use crate::path;

/// One cluster in a region.
struct Cluster<'a> {
    context: Context<'a>,
    spec: &'a Redis,
    nodes: Vec<Node>,
    scope: Scope,
    labels: Labels,
    origin: Path,
}

impl Cluster<'_> {
    fn alert(&self, name: &'static str, severity: Severity, expr: String) -> Alert {
        Alert::new(name, severity, expr).about(self.labels.clone(), &self.origin)
    }

    /// A series for each node, with these values in turn; the last one for all further nodes.
    fn of_nodes(&self, metric: &str, values: &[u64]) -> Vec<Series> {
        let value = |at: usize| values.get(at).or(values.last()).copied().unwrap_or(0);
        (0..self.scope.count()).map(|at| constant(self.scope.series(metric, at, &[]), value(at))).collect()
    }

    /// The roles, with these nodes as primaries.
    fn roles(&self, primary: impl Fn(&Node) -> bool) -> Vec<Series> {
        let role = |node: &Node| if primary(node) { "master" } else { "slave" };
        let series = |(at, node)| constant(self.scope.series("redis_instance_info", at, &[("role", role(node))]), 1);
        self.nodes.iter().enumerate().map(series).collect()
    }

    fn instance(&self, at: usize) -> Labels {
        self.scope.labels_of(at)
    }

    fn name(&self) -> &str {
        &self.spec.name
    }
}

/// The alerts about the Redis clusters of a region, and remarks on what is left out.
pub fn alerts(context: &Context<'_>) -> (Vec<Alert>, Vec<String>) {
    let (mut alerts, mut remarks) = (Vec::new(), Vec::new());
    for spec in context.blueprint.redis.iter().filter(|r| r.in_region(context.region)) {
        if !spec.is_rendered() {
            remarks.push(format!(
                "redis.{}: its provider runs it, and hagen knows no exporter of its figures: no alerts",
                spec.name
            ));
            continue;
        }
        let cluster = Cluster {
            context: *context,
            spec,
            nodes: spec.nodes(context.region),
            scope: context.redis(spec),
            labels: context.about("redis", &spec.name),
            origin: path!["redis", &spec.name],
        };
        if cluster.nodes.is_empty() {
            continue;
        }
        alerts.push(nodes(&cluster));
        alerts.push(primaries(&cluster));
        if spec.spec.is_sentinel() {
            alerts.extend(super::sentinel::alerts(context, spec));
        } else {
            alerts.extend(slots(&cluster));
            match zones(&cluster) {
                Ok(zones) => alerts.extend(zones),
                Err(remark) => remarks.push(remark),
            }
        }
        if spec.spec.replicas_per_shard > 0 {
            alerts.extend(replicas(&cluster));
        }
        alerts.push(memory(&cluster));
        alerts.extend(persistence(&cluster));
    }
    (alerts, remarks)
}

fn nodes(cluster: &Cluster<'_>) -> Alert {
    let up = cluster.scope.metric("redis_up");
    let count = cluster.nodes.len();
    cluster
        .alert("RedisNodeDown", Severity::Warning, format!("(sum({up}) or vector(0)) < {count}"))
        .minutes(2)
        .says(
            format!("Fewer nodes of Redis {} answer than declared", cluster.name()),
            "A node does not answer its exporter, or the exporter is gone (its own `up` stays 1 when only Redis is down). Its shard has no copy left, or fewer than declared.",
        )
        .because(format!("{count} nodes are declared"))
        .fires("one is down", cluster.of_nodes("redis_up", &[0, 1]), Labels::new())
        .silent("all answer", cluster.of_nodes("redis_up", &[1]))
        .fires_without_series(Labels::new())
}

fn primaries(cluster: &Cluster<'_>) -> Alert {
    let info = cluster.scope.select("redis_instance_info", &["role=\"master\""]);
    let shards = cluster.spec.spec.shards() as usize;
    let mut gone = cluster.scope.equalities();
    gone.insert("role".to_owned(), "master".to_owned());
    let is_primary = |node: &Node| node.index < shards;
    let one_less = cluster.roles(|node| is_primary(node) && node.index > 0);
    let one_less = if shards == 1 { cluster.roles(|_| true) } else { one_less };
    let fires = if shards == 1 && cluster.nodes.len() == 1 { None } else { Some(one_less) };
    let alert = cluster
        .alert("RedisPrimaryCount", Severity::Critical, format!("count({info}) != {shards}\nor\nabsent({info})"))
        .hold(failover(cluster))
        .says(
            format!("Redis {} has not {}", cluster.name(), if cluster.spec.spec.is_sentinel() { "exactly one primary" } else { "as many primaries as shards" }),
            if cluster.spec.spec.is_sentinel() {
                "None: the primary is gone and no replica was promoted. More: a node that was cut off still believes to be one; what it accepts is lost (X-RD-4)."
            } else {
                "Fewer: a shard has lost its primary and nobody took over, or the exporter of one is gone. More: a node that was cut off still believes to be one; what it accepts is lost (X-RD-4)."
            },
        )
        .because(format!("{shards} primaries are declared; a failover takes at most {}", cluster.spec.failover_why()))
        .silent("as many as declared", cluster.roles(is_primary))
        .fires_without_series(gone);
    match fires {
        Some(series) => alert.fires("another number", series, Labels::new()),
        None => alert,
    }
}

/// A failover within a shard, in whole minutes.
fn failover(cluster: &Cluster<'_>) -> Duration {
    Duration::from_secs(cluster.spec.failover_bound().millis().div_ceil(60_000) * 60)
}

fn slots(cluster: &Cluster<'_>) -> Vec<Alert> {
    let name = cluster.name();
    let ok = cluster.scope.metric("redis_cluster_slots_ok");
    let fail = cluster.scope.metric("redis_cluster_slots_fail");
    let state = cluster.scope.metric("redis_cluster_state");
    let all = u64::from(SLOTS);
    let lost = all / u64::from(cluster.spec.spec.shards());
    let hold = failover(cluster);
    vec![
        cluster
            .alert("RedisSlotsNotServed", Severity::Critical, format!("min({ok}) < {all}\nor\nabsent({ok})"))
            .hold(hold)
            .says(
                format!("Redis {name} does not serve all slots"),
                "A whole shard is lost, for longer than a failover takes: the keys of its slots can be neither read nor written, while the cluster's state may still say ok (R-AL-23).",
            )
            .because(format!("{all} slots; a failover takes at most 1.5 x nodeTimeout + 3 s (X-RD-2)"))
            .fires("a shard is lost", cluster.of_nodes("redis_cluster_slots_ok", &[all - lost]), Labels::new())
            .silent("all are served", cluster.of_nodes("redis_cluster_slots_ok", &[all]))
            .fires_without_series(cluster.scope.equalities()),
        cluster
            .alert("RedisSlotsFailed", Severity::Critical, format!("max({fail}) > 0"))
            .hold(hold)
            .says(
                format!("A node of Redis {name} holds slots for failed"),
                "A majority of the primaries agrees that the owner of these slots is dead, and no replica was promoted.",
            )
            .because("no slot fails for longer than a failover (X-RD-2)")
            .fires("a shard is lost", cluster.of_nodes("redis_cluster_slots_fail", &[lost]), Labels::new())
            .silent("none has failed", cluster.of_nodes("redis_cluster_slots_fail", &[0])),
        cluster
            .alert("RedisClusterDown", Severity::Critical, format!("min({state}) == 0"))
            .hold(hold)
            .says(
                format!("Redis {name} refuses all commands"),
                "A node sees no majority of the primaries, or slots are not covered while full coverage is required: its clients get CLUSTERDOWN (F-RD-11).",
            )
            .because("cluster_state is ok on every node")
            .fires("no majority", cluster.of_nodes("redis_cluster_state", &[0, 1]), Labels::new())
            .silent("ok everywhere", cluster.of_nodes("redis_cluster_state", &[1])),
    ]
}

/// An alert for each zone that may come to hold half of the primaries: its loss would stop the cluster (R-RD-06).
fn zones(cluster: &Cluster<'_>) -> Result<Vec<Alert>, String> {
    let mut at_home: BTreeMap<&str, usize> = BTreeMap::new();
    for zone in &cluster.context.region.spec.zones {
        at_home.insert(zone, 0);
    }
    for node in cluster.nodes.iter().filter(|node| node.is_primary()) {
        *at_home.entry(&node.zone).or_default() += 1;
    }
    let shards = cluster.spec.spec.shards() as usize;
    let half = shards.div_ceil(2);
    if let Some((zone, count)) = at_home.iter().find(|(_, count)| **count >= half) {
        return Err(format!(
            "redis.{}: RedisPrimariesInOneZone is left out: {zone} holds {count} of {shards} primaries as declared, so it would always fire (X-RD-5)",
            cluster.name()
        ));
    }
    let alerts = at_home.keys().filter_map(|zone| {
        let here: Vec<&Node> = cluster.nodes.iter().filter(|node| node.zone == *zone).collect();
        // A zone with fewer nodes than that can never hold so many primaries.
        (here.len() >= half).then(|| one_zone(cluster, zone, &here, half))
    });
    Ok(alerts.collect())
}

fn one_zone(cluster: &Cluster<'_>, zone: &str, here: &[&Node], half: usize) -> Alert {
    // On Kubernetes a node's zone follows from its name: each is bound to one. On hosts the scrape configuration says it.
    let selector = if cluster.spec.on_kubernetes() {
        let pods: Vec<String> = here.iter().map(|node| format!("{}-0", super::promql::regex(&node.name))).collect();
        format!("pod=~{}", quote(&pods.join("|")))
    } else {
        format!("{}={}", names::ZONE_LABEL, quote(zone))
    };
    let info = cluster.scope.select("redis_instance_info", &["role=\"master\"", &selector]);
    let back = if cluster.spec.on_kubernetes() {
        let job = names::redis_failback(cluster.name());
        let namespace = &cluster.context.blueprint.namespace;
        format!("`kubectl --namespace {namespace} create job --from=cronjob/{job} {job}-1`")
    } else {
        format!("`sh failback.sh` in {}/redis/{}", cluster.context.region.name, cluster.name())
    };
    let mut alert = cluster
        .alert("RedisPrimariesInOneZone", Severity::Warning, format!("count({info}) >= {half}"))
        .minutes(10)
        .says(
            format!("Zone {zone} holds half of the primaries of Redis {}", cluster.name()),
            format!(
                "After a failover they gathered there: if this zone is lost next, the others have no majority and the cluster stops. Give the primaries back: {back}."
            ),
        )
        .because(format!("{half} of {} primaries in one zone leave no majority (R-RD-06, X-RD-6)", cluster.spec.spec.shards()))
        .fires("they gathered here", cluster.roles(|node| node.zone == zone), Labels::new())
        .silent("as declared", cluster.roles(Node::is_primary));
    alert.labels.insert("zone".to_owned(), zone.to_owned());
    alert
}

fn replicas(cluster: &Cluster<'_>) -> Vec<Alert> {
    let name = cluster.name();
    let wanted = cluster.spec.spec.replicas_per_shard;
    let connected = cluster.scope.metric("redis_connected_slaves");
    let primary = cluster.scope.select("redis_instance_info", &["role=\"master\""]);
    let link = cluster.scope.metric("redis_master_link_up");
    let lag = cluster.scope.metric("redis_connected_slave_lag_seconds");
    let most = cluster.context.above("RedisReplicaLag", Duration::from_secs(10));
    let with = |replicas: u64| {
        both(
            cluster.roles(|node| node.index == 0),
            vec![constant(cluster.scope.series("redis_connected_slaves", 0, &[]), replicas)],
        )
    };
    let replica = cluster.nodes.len() - 1;
    let master = [("master_host", "10.0.0.1"), ("master_port", "6379")];
    let linked = |up: u64| vec![constant(cluster.scope.series("redis_master_link_up", replica, &master), up)];
    let mut of_link = cluster.instance(replica);
    of_link.extend(labels(&master));
    let slave = [("slave_ip", "10.0.0.9"), ("slave_port", "6379"), ("slave_state", "online")];
    let lagging =
        |seconds: u64| vec![constant(cluster.scope.series("redis_connected_slave_lag_seconds", 0, &slave), seconds)];
    vec![
        cluster
            .alert("RedisReplicaMissing", Severity::Warning, format!("{connected} < {wanted}\nand on (instance)\n{primary}"))
            .minutes(5)
            .says(
                format!("A primary of Redis {name} has too few replicas"),
                "{{ $labels.instance }} has fewer replicas than declared: if it dies too, its slots are lost (X-RD-5).",
            )
            .because(format!("redis.{name}.replicasPerShard = {wanted}"))
            .fires("one less", with(u64::from(wanted) - 1), cluster.instance(0))
            .silent("as declared", with(u64::from(wanted))),
        cluster
            .alert("RedisReplicaLinkDown", Severity::Warning, format!("{link} == 0"))
            .minutes(2)
            .says(
                format!("A replica of Redis {name} has lost its primary"),
                "{{ $labels.instance }} receives nothing from {{ $labels.master_host }}: what is written meanwhile is on one node only.",
            )
            .because("the link is up; after a failover it comes back within a minute")
            .fires("the link is down", linked(0), of_link)
            .silent("it is up", linked(1)),
        cluster
            .alert("RedisReplicaLag", Severity::Warning, format!("max({lag}) > {}", super::rules::seconds(most)))
            .minutes(2)
            .timed()
            .says(
                format!("A replica of Redis {name} answers late"),
                "Its last acknowledgement is older than that: a failover to it loses what it has not received (X-RD-4). A dead replica has no such row: RedisReplicaMissing sees that one.",
            )
            .because(cluster.context.why("RedisReplicaLag", "10 s: min-replicas-max-lag's default; a healthy replica acknowledges each second"))
            .fires("it is late", lagging(most.secs() * 3), Labels::new())
            .silent("one second", lagging(most.secs().min(1))),
    ]
}

fn memory(cluster: &Cluster<'_>) -> Alert {
    let used = cluster.scope.metric("redis_memory_used_bytes");
    let most = cluster.scope.metric("redis_memory_max_bytes");
    let bytes = cluster.spec.spec.memory.get();
    let with = |used: u64| {
        both(
            vec![constant(cluster.scope.series("redis_memory_used_bytes", 0, &[]), used)],
            vec![constant(cluster.scope.series("redis_memory_max_bytes", 0, &[]), bytes)],
        )
    };
    let follows = match cluster.spec.eviction {
        crate::blueprint::raw::Eviction::Noeviction => "At the limit every write fails (noeviction).",
        _ => "At the limit keys are evicted.",
    };
    cluster
        .alert("RedisMemoryHigh", Severity::Warning, format!("{used} / ({most} > 0) > 0.9"))
        .minutes(5)
        .says(
            format!("Redis {} is nearly full", cluster.name()),
            format!("{{{{ $labels.instance }}}} has used nine tenths of maxmemory. {follows}"),
        )
        .because(format!("90 % of redis.{}.memory", cluster.name()))
        .fires("95 %", with(bytes / 100 * 95), cluster.instance(0))
        .silent("1 %", with(bytes / 100))
}

fn persistence(cluster: &Cluster<'_>) -> Vec<Alert> {
    let spec = &cluster.spec.spec;
    let mut failing = Vec::new();
    if !spec.persistence.snapshots.is_empty() {
        failing.push("redis_rdb_last_bgsave_status");
    }
    if spec.persistence.append_fsync != AppendFsync::Never {
        failing.push("redis_aof_last_write_status");
    }
    let Some(first) = failing.first() else {
        return Vec::new();
    };
    let each: Vec<String> = failing.iter().map(|metric| format!("{} == 0", cluster.scope.metric(metric))).collect();
    let severity = if spec.usage == Usage::Cache { Severity::Warning } else { Severity::Critical };
    let ok: Vec<Series> = failing.iter().flat_map(|metric| cluster.of_nodes(metric, &[1])).collect();
    vec![
        cluster
            .alert("RedisPersistenceFailing", severity, each.join("\nor\n"))
            .minutes(5)
            .says(
                format!("A node of Redis {} cannot write to its disk", cluster.name()),
                "{{ $labels.instance }} failed to write its snapshot or its append-only file. If it restarts as primary it comes back older or empty, and its replicas copy that (measured).",
            )
            .because("the last write succeeded")
            .fires("the last write failed", cluster.of_nodes(first, &[0, 1]), cluster.instance(0))
            .silent("all succeeded", ok),
    ]
}
