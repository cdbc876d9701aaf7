//! What every topic is built from: the blueprint, the region, the overrides, and the scopes of what runs there.

use super::promql::{Labels, Scope, labels, regex};
use super::time::page_latency;
use crate::blueprint::raw::{Monitoring, Severity};
use crate::blueprint::units::Duration;
use crate::blueprint::{Blueprint, Postgres, Redis, Region, Service, names};
use crate::render::patroni::ETCD_METRICS;

/// A region with its monitoring.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The blueprint.
    pub blueprint: &'a Blueprint,
    /// Its monitoring.
    pub monitoring: &'a Monitoring,
    /// The region.
    pub region: &'a Region,
}

impl Context<'_> {
    /// The time threshold of an alert: that of its override, or what was derived.
    pub fn above(&self, alert: &str, derived: Duration) -> Duration {
        self.monitoring.alerts.get(alert).and_then(|o| o.above).unwrap_or(derived)
    }

    /// How long the condition of an alert must hold: as its override says, or as derived.
    pub fn hold(&self, alert: &str, derived: Duration) -> Duration {
        self.monitoring.alerts.get(alert).and_then(|o| o.hold).unwrap_or(derived)
    }

    /// How loud an alert is: as its override says, or as derived.
    pub fn severity(&self, alert: &str, derived: Severity) -> Severity {
        self.monitoring.alerts.get(alert).and_then(|o| o.severity).unwrap_or(derived)
    }

    /// Which of the two it is, for the explanation of the threshold.
    pub fn why(&self, alert: &str, derived: impl Into<String>) -> String {
        if self.monitoring.alerts.get(alert).is_some_and(|o| o.above.is_some()) {
            format!("monitoring.alerts.{alert}.above")
        } else {
            derived.into()
        }
    }

    /// How long a page of a critical alert with this hold takes at most (X-PR-1).
    pub fn page(&self, hold: Duration) -> Duration {
        page_latency(self.monitoring.interval, hold, Severity::Critical)
    }

    /// The window that rates are taken over: at least four scrapes, and at least five minutes.
    pub fn window(&self) -> String {
        Duration::from_secs((self.monitoring.interval.secs() * 4).div_ceil(60).max(5) * 60).go()
    }

    /// Whether anything of this system runs on Kubernetes here.
    pub fn uses_kubernetes(&self) -> bool {
        let b = self.blueprint;
        b.services.iter().any(Service::on_kubernetes)
            || b.postgres_in(self.region).next().is_some()
            || b.redis.iter().any(|r| r.on_kubernetes() && r.in_region(self.region))
    }

    /// Objects of the namespace, as kube-state-metrics tells of them.
    pub fn namespace(&self) -> Scope {
        Scope::default().is("namespace", &self.blueprint.namespace).instance(&[])
    }

    /// Labels of alerts about a data store.
    pub fn about(&self, component: &str, cluster: &str) -> Labels {
        labels(&[("component", component), ("cluster", cluster)])
    }

    /// A scope of pods on Kubernetes whose names match, with one instance for each of `pods`.
    fn pods(&self, pattern: String, pods: impl Iterator<Item = String>, port: u16) -> Scope {
        self.pods_of(Scope::default(), pattern, pods, port)
    }

    /// The same with further matchers in front.
    fn pods_of(&self, base: Scope, pattern: String, pods: impl Iterator<Item = String>, port: u16) -> Scope {
        let scope = base.is("namespace", &self.blueprint.namespace).like("pod", pattern);
        pods.enumerate().fold(scope, |scope, (at, pod)| {
            let instance = format!("10.0.{}.{}:{port}", at / 250, at % 250 + 1);
            scope.instance(&[("pod", &pod), ("instance", &instance)])
        })
    }

    /// A scope of a data store on hosts.
    fn hosts(&self, job: &str, cluster: &str) -> Scope {
        Scope::default().is("job", job).is(names::REGION_LABEL, &self.region.name).is(names::CLUSTER_LABEL, cluster)
    }

    /// Patroni's own metrics of a cluster, one instance for each member.
    pub fn patroni(&self, cluster: &Postgres) -> Scope {
        let scope = cluster.scope();
        let with_name = |base: Scope, at: usize, name: &str| {
            base.instance(&[("name", name), ("instance", &format!("10.1.0.{}:8008", at + 1))])
        };
        if cluster.on_kubernetes() {
            let base = Scope::default().is("namespace", &self.blueprint.namespace).is("scope", &scope);
            return cluster.pods(self.region).enumerate().fold(base, |base, (at, name)| with_name(base, at, &name));
        }
        let base = Scope::default().is(names::REGION_LABEL, &self.region.name).is("scope", &scope);
        cluster.members(self.region).iter().enumerate().fold(base, |base, (at, m)| with_name(base, at, &m.name))
    }

    /// postgres_exporter of a cluster, one instance for each member.
    pub fn postgres(&self, cluster: &Postgres) -> Scope {
        let object = cluster.object();
        if cluster.on_kubernetes() {
            let pods = cluster.pods(self.region);
            return self.pods(format!("{}-[0-9]+", regex(&object)), pods, cluster.spec.ports.exporter);
        }
        let base = self.hosts(JOB_POSTGRES, &cluster.name);
        cluster
            .members(self.region)
            .iter()
            .fold(base, |base, m| base.instance(&[("instance", &m.name), (names::ZONE_LABEL, &m.zone)]))
    }

    /// pgbackrest_exporter of a cluster: every member tells the same.
    pub fn pgbackrest(&self, cluster: &Postgres) -> Scope {
        let stanza = names::stanza(&cluster.name);
        if cluster.on_kubernetes() {
            let object = cluster.object();
            return Scope::default()
                .is("namespace", &self.blueprint.namespace)
                .like("pod", format!("{}-[0-9]+", regex(&object)))
                .is("stanza", &stanza)
                .instance(&[("pod", &names::pod(&object, 0)), ("instance", "10.0.0.1:9854")]);
        }
        self.hosts(JOB_PGBACKREST, &cluster.name).is("stanza", &stanza).instance(&[("instance", "pg-1")])
    }

    /// pgbouncer_exporter of a cluster, one instance for each pool.
    pub fn pool(&self, cluster: &Postgres) -> Scope {
        let object = names::postgres_pool(&cluster.name);
        if cluster.on_kubernetes() {
            let pods = (0..cluster.spec.pool.replicas).map(|at| format!("{object}-5d4f8c7b9d-{at:05}"));
            return self.pods(format!("{}-[a-z0-9]+-[a-z0-9]+", regex(&object)), pods, names::PORT_PGBOUNCER_EXPORTER);
        }
        let base = self.hosts(JOB_PGBOUNCER, &cluster.name);
        cluster.routers(self.region).iter().fold(base, |base, r| base.instance(&[("instance", &r.name)]))
    }

    /// HAProxy in front of a cluster; on Kubernetes with an instance for each of the two that there are at least.
    pub fn router(&self, cluster: &Postgres) -> Scope {
        if cluster.on_kubernetes() {
            let object = names::postgres_router(&cluster.name);
            let pods = (0..2).map(|at| format!("{object}-5d4f8c7b9d-{at:05}"));
            let pattern = format!("{}-[a-z0-9]+-[a-z0-9]+", regex(&object));
            return self.pods(pattern, pods, cluster.spec.router.metrics_port);
        }
        let base = self.hosts(JOB_HAPROXY, &cluster.name);
        cluster.routers(self.region).iter().fold(base, |base, r| base.instance(&[("instance", &r.name)]))
    }

    /// The etcd members of a cluster.
    pub fn etcd(&self, cluster: &Postgres) -> Scope {
        let object = names::postgres_etcd(&cluster.name);
        if cluster.on_kubernetes() {
            let pods = cluster.etcd_pods(self.region);
            return self.pods(format!("{}-[0-9]+", regex(&object)), pods, ETCD_METRICS);
        }
        let base = self.hosts(JOB_ETCD, &cluster.name);
        cluster.etcd(self.region).iter().fold(base, |base, m| base.instance(&[("instance", &m.name)]))
    }

    /// redis_exporter of a cluster, one instance for each node in the order of placement.
    pub fn redis(&self, cluster: &Redis) -> Scope {
        let nodes = cluster.nodes(self.region);
        if cluster.on_kubernetes() {
            return self.redis_pods(cluster, cluster.spec.is_sentinel().then_some(JOB_REDIS));
        }
        let base = self.hosts(JOB_REDIS, &cluster.name);
        nodes.iter().fold(base, |base, n| base.instance(&[("instance", &n.name), (names::ZONE_LABEL, &n.zone)]))
    }

    /// The pods of a store. Under Sentinel the exporter in each is asked twice, and only the job tells the figures apart.
    fn redis_pods(&self, store: &Redis, job: Option<&str>) -> Scope {
        let nodes = store.nodes(self.region);
        let pods = nodes.iter().map(|node| names::pod(&node.name, 0));
        let base = job.map_or_else(Scope::default, |job| Scope::default().is("job", job));
        self.pods_of(base, format!("{}-[0-9]+-0", regex(&store.object())), pods, store.spec.ports.exporter)
    }

    /// redis_exporter, asked for the sentinels of a store: one instance for each.
    pub fn sentinels(&self, store: &Redis) -> Scope {
        if store.on_kubernetes() {
            return self.redis_pods(store, Some(JOB_SENTINEL));
        }
        let base = self.hosts(JOB_SENTINEL, &store.name);
        let each = store.sentinels(self.region);
        each.iter().fold(base, |base, s| base.instance(&[("instance", &s.name), (names::ZONE_LABEL, &s.zone)]))
    }

    /// The pods of a service.
    pub fn service(&self, service: &Service) -> Scope {
        let pod = format!("{}-5d4f8c7b9d-abcde", service.name);
        let pattern = format!("{}-[a-z0-9]+-[a-z0-9]+", regex(&service.name));
        self.pods(pattern, std::iter::once(pod), service.metrics_port())
    }
}

/// The scrape job of Patroni's REST API on hosts.
pub const JOB_PATRONI: &str = "patroni";
/// The scrape job of postgres_exporter on hosts.
pub const JOB_POSTGRES: &str = "postgres";
/// The scrape job of pgbackrest_exporter on hosts.
pub const JOB_PGBACKREST: &str = "pgbackrest";
/// The scrape job of pgbouncer_exporter on hosts.
pub const JOB_PGBOUNCER: &str = "pgbouncer";
/// The scrape job of HAProxy on hosts.
pub const JOB_HAPROXY: &str = "haproxy";
/// The scrape job of etcd on hosts.
pub const JOB_ETCD: &str = "etcd";
/// The scrape job of redis_exporter on hosts; in pods where it is asked for a sentinel, too.
pub const JOB_REDIS: &str = names::JOB_REDIS;
/// The scrape job of redis_exporter, asked for a sentinel.
pub const JOB_SENTINEL: &str = names::JOB_SENTINEL;
