//! PostgreSQL under Patroni: leader, synchronous standbys, members, connections, pools, router.
//!
//! What lags, and what is archived, is in `replication` and `backup`.

use super::context::Context;
use super::model::{Alert, Series, Values, constant};
use super::promql::{Labels, Scope, labels};
use crate::blueprint::raw::{CrossRegionMode, Replication, Severity};
use crate::blueprint::units::Duration;
use crate::blueprint::{Postgres, PostgresRole};
use crate::document::Path;
use crate::path;

/// One cluster in a region.
pub struct Cluster<'a> {
    /// The region.
    pub context: Context<'a>,
    /// The cluster.
    pub spec: &'a Postgres,
    /// What it is here.
    pub role: PostgresRole,
    /// Its members here.
    pub members: usize,
    /// Patroni's metrics.
    pub patroni: Scope,
    /// postgres_exporter's metrics.
    pub exporter: Scope,
    /// Labels of its alerts.
    pub labels: Labels,
    /// Where it is written.
    pub origin: Path,
}

impl<'a> Cluster<'a> {
    /// A cluster in the region, when Patroni runs it there.
    pub fn new(context: &Context<'a>, spec: &'a Postgres) -> Option<Self> {
        // A subscriber is a cluster of its own, with a leader of its own.
        let role = spec.role(context.region).filter(|_| spec.is_rendered())?;
        let members = spec.member_count(context.region);
        (members > 0).then(|| Self {
            context: *context,
            spec,
            role,
            members,
            patroni: context.patroni(spec),
            exporter: context.postgres(spec),
            labels: context.about("postgres", &spec.name),
            origin: path!["postgres", &spec.name],
        })
    }

    /// `sum by (scope)` of one of Patroni's metrics.
    pub fn sum(&self, metric: &str) -> String {
        format!("sum by (scope) ({})", self.patroni.metric(metric))
    }

    /// The label that Patroni's aggregates keep.
    pub fn scope(&self) -> Labels {
        labels(&[("scope", &self.spec.scope())])
    }

    /// A series of Patroni for each member, with these values in turn; the last one for all further members.
    pub fn of_members(&self, metric: &str, values: &[u64]) -> Vec<Series> {
        let value = |at: usize| values.get(at).or(values.last()).copied().unwrap_or(0);
        (0..self.members).map(|at| constant(self.patroni.series(metric, at, &[]), value(at))).collect()
    }

    /// The same of postgres_exporter.
    pub fn of_servers(&self, metric: &str, values: &[u64]) -> Vec<Series> {
        let value = |at: usize| values.get(at).or(values.last()).copied().unwrap_or(0);
        (0..self.members).map(|at| constant(self.exporter.series(metric, at, &[]), value(at))).collect()
    }

    /// An alert about this cluster.
    pub fn alert(&self, name: &'static str, severity: Severity, expr: String) -> Alert {
        Alert::new(name, severity, expr).about(self.labels.clone(), &self.origin)
    }

    fn name(&self) -> &str {
        &self.spec.name
    }

    /// Whether this region can change its role: a standby that is promoted, a primary that others took over from.
    fn can_change(&self) -> bool {
        let cross = self.spec.spec.cross_region.as_ref();
        self.role != PostgresRole::Subscriber && cross.is_some_and(|c| c.mode == CrossRegionMode::StreamingStandby)
    }

    /// What tells whether this region writes: how it is asked, and the metric.
    fn tells_who_writes(&self) -> (&'static str, &'static str) {
        // Where it writes as declared, nothing known of its role must not silence the alert.
        if self.role == PostgresRole::Standby {
            ("and", "patroni_primary")
        } else {
            ("unless", "patroni_standby_leader")
        }
    }

    /// An expression that is empty where another region writes.
    pub fn only_where_written(&self, expr: &str) -> String {
        if !self.can_change() {
            return expr.to_owned();
        }
        let (how, metric) = self.tells_who_writes();
        format!("(\n{expr}\n)\n{how} on ()\nmax({}) == 1", self.patroni.metric(metric))
    }

    /// The series by which a region that can take over writes.
    pub fn writes(&self) -> Vec<Series> {
        let other = self.can_change() && self.role == PostgresRole::Standby;
        if other { self.of_members("patroni_primary", &[1, 0]) } else { Vec::new() }
    }

    /// An alert that holds for the region that writes, whichever that is at the moment: a promoted region is watched from
    /// its promotion on, not from the next render on, and the one that it took over from is not alarmed about.
    pub fn where_written(&self, mut alert: Alert) -> Alert {
        if !self.can_change() {
            return alert;
        }
        let (standby, metric) = (self.role == PostgresRole::Standby, self.tells_who_writes().1);
        alert.expr = self.only_where_written(&alert.expr);
        let of_role = |value: u64| self.of_members(metric, &[value, 0]);
        let fired = alert.tests.iter().find(|case| !case.fires.is_empty() && !case.series.is_empty()).cloned();
        if standby {
            for case in &mut alert.tests {
                case.series.extend(of_role(1));
            }
        }
        match fired {
            Some(case) => alert.silent("this region stands by", both(case.series, of_role(u64::from(!standby)))),
            None => alert,
        }
    }
}

/// All alerts about the clusters of a region, without lag and backups.
pub fn alerts(context: &Context<'_>) -> Vec<Alert> {
    let mut alerts = Vec::new();
    for cluster in context.blueprint.postgres.iter().filter_map(|spec| Cluster::new(context, spec)) {
        alerts.push(leader(&cluster));
        alerts.extend(synchronous(&cluster));
        alerts.extend(members(&cluster));
        alerts.extend(state(&cluster));
        alerts.push(connections(&cluster));
        if cluster.spec.has_pool() {
            alerts.extend(pools(&cluster));
        }
        // On Kubernetes without an image of HAProxy Patroni's role label leads to the primary.
        if cluster.spec.has_router() {
            let router = router(&cluster);
            // In the region that writes as declared it asks for a primary: there is none once another has taken over.
            let standby = cluster.role == PostgresRole::Standby;
            alerts.push(if standby { router } else { cluster.where_written(router) });
        }
    }
    alerts
}

/// Two lists of series as one.
pub fn both(mut a: Vec<Series>, b: Vec<Series>) -> Vec<Series> {
    a.extend(b);
    a
}

fn leader(cluster: &Cluster<'_>) -> Alert {
    let f = &cluster.spec.spec.failover;
    // X-PT-1: a failover takes ttl + loopWait + 2 s at most; the alert must outlive it.
    let failover = f.ttl.secs() + f.loop_wait.secs() + 2;
    // After a failover between regions the same member is leader in the other role: both count.
    let (leader, standby) = (cluster.sum("patroni_primary"), cluster.sum("patroni_standby_leader"));
    let expr = format!("{leader} + {standby} != 1\nor\nabsent({})", cluster.patroni.metric("patroni_primary"));
    let as_declared = |primary: &[u64], standby: &[u64]| {
        both(cluster.of_members("patroni_primary", primary), cluster.of_members("patroni_standby_leader", standby))
    };
    let healthy =
        if cluster.role == PostgresRole::Standby { as_declared(&[0], &[1, 0]) } else { as_declared(&[1, 0], &[0]) };
    cluster
        .alert("PostgresLeaderMissing", Severity::Critical, expr)
        .hold(Duration::from_secs(failover.div_ceil(60) * 60))
        .says(
            format!("PostgreSQL {} has not exactly one leader", cluster.name()),
            "No member holds the leader key, or more than one believes so, for longer than a failover takes: nothing can be written (or, in a standby region, nothing is received).",
        )
        .because(format!("a failover takes at most ttl {} + loopWait {} + 2 s = {failover} s (X-PT-1)", f.ttl, f.loop_wait))
        .fires("nobody holds the key", as_declared(&[0], &[0]), cluster.scope())
        .silent("one leader", healthy)
        .fires_without_series(cluster.patroni.equalities())
}

fn synchronous(cluster: &Cluster<'_>) -> Option<Alert> {
    let spec = &cluster.spec.spec;
    // A standby cluster ignores synchronous_mode (F-PT-17) until it is promoted.
    if !spec.replication.is_synchronous() || cluster.members < 2 {
        return None;
    }
    let metric =
        if spec.replication == Replication::Quorum { "patroni_quorum_standby" } else { "patroni_sync_standby" };
    let wanted = u64::from(spec.synchronous_nodes).min(cluster.members as u64 - 1);
    let expr = format!("{} < {wanted}\nor\nabsent({})", cluster.sum(metric), cluster.patroni.metric(metric));
    let follows = match spec.replication {
        Replication::SynchronousStrict => "Every commit waits until a standby is back: writes stand still (X-PT-12).",
        Replication::Quorum => {
            "The quorum that a commit waits for is smaller than declared: the promise of no loss is weaker or gone (X-PT-13)."
        }
        _ => {
            "The primary goes on alone: what is written now is lost with it, and Patroni promotes nobody if it dies (X-PT-11, R-PG-07)."
        }
    };
    let mut healthy = vec![0];
    healthy.extend(std::iter::repeat_n(1, usize::try_from(wanted).unwrap_or(1)));
    healthy.push(0);
    let alert = cluster
        .alert("PostgresSynchronousStandbyMissing", Severity::Critical, expr)
        .minutes(1)
        .says(format!("PostgreSQL {} has too few synchronous standbys", cluster.name()), follows)
        .because(format!(
            "postgres.{}.synchronousNodes = {wanted}; a new one is chosen within loopWait",
            cluster.name()
        ))
        .fires("none is synchronous", cluster.of_members(metric, &[0]), cluster.scope())
        .silent("as many as declared", cluster.of_members(metric, &healthy))
        .fires_without_series(cluster.patroni.equalities());
    Some(cluster.where_written(alert))
}

fn members(cluster: &Cluster<'_>) -> Vec<Alert> {
    let n = cluster.members as u64;
    let patroni = format!("(count({}) or vector(0)) < {n}", cluster.patroni.metric("patroni_postgres_running"));
    let servers = format!("(sum({}) or vector(0)) < {n}", cluster.exporter.metric("pg_up"));
    let mut one_less = cluster.of_members("patroni_postgres_running", &[1]);
    one_less.pop();
    let name = cluster.name();
    vec![
        cluster
            .alert("PatroniMemberMissing", Severity::Warning, patroni)
            .minutes(5)
            .says(
                format!("Fewer members of PostgreSQL {name} answer than declared"),
                "A member's Patroni does not answer, or is not scraped: one failure less can be borne, and no alert that rests on its metrics can fire.",
            )
            .because(format!("{n} members are declared"))
            .fires("one member is gone", one_less, Labels::new())
            .silent("all answer", cluster.of_members("patroni_postgres_running", &[1]))
            .fires_without_series(Labels::new()),
        cluster
            .alert("PostgresServerDown", Severity::Warning, servers)
            .minutes(5)
            .says(
                format!("Fewer servers of PostgreSQL {name} are up than declared"),
                "A server does not accept connections, or its exporter is gone; every other figure of it is gone with it. Patroni takes care of the primary; a standby that stays down leaves no candidate.",
            )
            .because(format!("{n} members are declared"))
            .fires("one server is down", cluster.of_servers("pg_up", &[0, 1]), Labels::new())
            .silent("all are up", cluster.of_servers("pg_up", &[1]))
            .fires_without_series(Labels::new()),
    ]
}

fn state(cluster: &Cluster<'_>) -> Vec<Alert> {
    let name = cluster.name();
    let worst = |metric: &str| format!("max by (scope) ({}) == 1", cluster.patroni.metric(metric));
    let mut alerts = vec![
        cluster
            .alert("PatroniPaused", Severity::Warning, worst("patroni_is_paused"))
            .minutes(15)
            .says(
                format!("Automatic failover of PostgreSQL {name} is switched off"),
                "Patroni is paused: if the primary dies, nobody takes over until people resume it (patronictl resume).",
            )
            .because("a maintenance that is over within 15 minutes is nobody's business")
            .fires("paused", cluster.of_members("patroni_is_paused", &[1]), cluster.scope())
            .silent("not paused", cluster.of_members("patroni_is_paused", &[0])),
    ];
    if cluster.spec.spec.failover.failsafe {
        alerts.push(
            cluster
                .alert("PatroniFailsafeActive", Severity::Critical, worst("patroni_failsafe_mode_is_active"))
                .minutes(1)
                .says(
                    format!("PostgreSQL {name} runs without its consensus store"),
                    "The primary goes on only because it still reaches all members (F-PT-08): the loss of any one of them stops the writes. Bring the consensus store back first.",
                )
                .because("failsafe mode is active at all")
                .fires("failsafe is active", cluster.of_members("patroni_failsafe_mode_is_active", &[1, 0]), cluster.scope())
                .silent("the store is there", cluster.of_members("patroni_failsafe_mode_is_active", &[0])),
        );
    }
    if cluster.members > 1 {
        alerts.extend(timelines(cluster));
    }
    alerts
}

fn timelines(cluster: &Cluster<'_>) -> [Alert; 2] {
    let name = cluster.name();
    let metric = cluster.patroni.metric("patroni_postgres_timeline");
    let differ = format!("count by (scope) (count_values by (scope) (\"timeline\", {metric} > 0)) > 1");
    let over = format!(
        "max by (scope) (max_over_time({metric}[15m]))\n-\nmin by (scope) (min_over_time(({metric} > 0)[15m:]))\n> 0"
    );
    let failover: Vec<Series> = (0..cluster.members)
        .map(|at| Series {
            name: cluster.patroni.series("patroni_postgres_timeline", at, &[]),
            values: Values::Changes("1".to_owned(), 12, "2".to_owned()),
        })
        .collect();
    [
        cluster
            .alert("PostgresTimelinesDiffer", Severity::Warning, differ)
            .minutes(5)
            .says(
                format!("Members of PostgreSQL {name} are on different timelines"),
                "A member did not follow the last failover: it is no standby any more and must be rewound or cloned again.",
            )
            .because("after a failover all members are on one timeline within minutes")
            .fires("one stayed behind", cluster.of_members("patroni_postgres_timeline", &[2, 1, 2]), cluster.scope())
            .silent("one timeline", cluster.of_members("patroni_postgres_timeline", &[2])),
        cluster
            .alert("PostgresFailoverHappened", Severity::Info, over)
            .says(
                format!("PostgreSQL {name} has a new leader"),
                "A failover or switchover took place within the last 15 minutes. For the record: ask why.",
            )
            .because("the timeline rose")
            .fires("the timeline rises", failover, cluster.scope())
            .silent("the timeline stays", cluster.of_members("patroni_postgres_timeline", &[2])),
    ]
}

fn connections(cluster: &Cluster<'_>) -> Alert {
    let used = cluster.exporter.metric("pg_stat_activity_count");
    let most = cluster.exporter.metric("pg_settings_max_connections");
    let expr = format!("sum by (instance) ({used})\n/ on (instance)\nmax by (instance) ({most})\n> 0.8");
    let with = |count: u64| {
        let busy = constant(
            cluster.exporter.series("pg_stat_activity_count", 0, &[("datname", "app"), ("state", "active")]),
            count,
        );
        both(vec![busy], vec![constant(cluster.exporter.series("pg_settings_max_connections", 0, &[]), 100)])
    };
    let instance = cluster.exporter.labels_of(0).remove("instance").unwrap_or_default();
    cluster
        .alert("PostgresConnectionsHigh", Severity::Warning, expr)
        .minutes(5)
        .says(
            format!("PostgreSQL {} is running out of connections", cluster.name()),
            "More than 80 % of max_connections of {{ $labels.instance }} are in use: soon clients are refused (X-PG-6).",
        )
        .because("80 % of max_connections (X-PG-6)")
        .fires("85 of 100", with(85), labels(&[("instance", &instance)]))
        .silent("9 of 100", with(9))
}

fn pools(cluster: &Cluster<'_>) -> Vec<Alert> {
    let pool = cluster.context.pool(cluster.spec);
    let (name, count, database) = (cluster.name(), pool.count(), &cluster.spec.database);
    let up = |values: &[u64]| -> Vec<Series> {
        let value = |at: usize| values.get(at).or(values.last()).copied().unwrap_or(0);
        (0..count).map(|at| constant(pool.series("pgbouncer_up", at, &[]), value(at))).collect()
    };
    let clients = |metric: &str, value: u64| {
        vec![constant(pool.series(metric, 0, &[("database", database), ("user", "app")]), value)]
    };
    // The first pool so, all others idle.
    let saturation = |active: u64| -> Vec<Series> {
        let of = |at: usize| {
            let size = pool.series("pgbouncer_databases_pool_size", at, &[("database", database), ("name", database)]);
            let busy = pool.series(
                "pgbouncer_pools_server_active_connections",
                at,
                &[("database", database), ("user", "app")],
            );
            [constant(size, 25), constant(busy, if at == 0 { active } else { 0 })]
        };
        (0..count).flat_map(of).collect()
    };
    let answering = pool.metric("pgbouncer_up");
    let wait = cluster.context.above("PgbouncerClientsWait", Duration::from_secs(5));
    let waiting =
        format!("max by (database) ({}) > {}", pool.metric("pgbouncer_pools_client_maxwait_seconds"), wait.secs());
    // Each PgBouncer by itself: its clients wait, however idle the others are.
    let full = format!(
        "sum by (instance, database) ({})\n/ on (instance, database)\nlabel_replace(sum by (instance, name) ({}), \"database\", \"$1\", \"name\", \"(.+)\")\n>= 0.9",
        pool.metric("pgbouncer_pools_server_active_connections"),
        pool.metric("pgbouncer_databases_pool_size")
    );
    let of_database = labels(&[("database", database)]);
    let mut of_pool = of_database.clone();
    of_pool.extend(pool.labels_of(0).remove("instance").map(|instance| ("instance".to_owned(), instance)));
    vec![
        cluster
            .alert("PgbouncerDown", Severity::Critical, format!("(sum({answering}) or vector(0)) < 1"))
            .minutes(1)
            .says(format!("No pool of PostgreSQL {name} answers"), "No PgBouncer accepts connections, or none is scraped: services that go through the pool reach no database.")
            .because("none of the declared pools is up")
            .fires("all are down", up(&[0]), Labels::new())
            .silent("all are up", up(&[1]))
            .fires_without_series(Labels::new()),
        cluster
            .alert("PgbouncerMissing", Severity::Warning, format!("(sum({answering}) or vector(0)) < {count}"))
            .minutes(5)
            .says(format!("Fewer pools of PostgreSQL {name} answer than declared"), "A PgBouncer is down or is not scraped: the others carry its connections.")
            .because(format!("{count} pools are declared"))
            .fires("one is down", up(&[0, 1]), Labels::new())
            .silent("all are up", up(&[1]))
            .fires_without_series(Labels::new()),
        cluster
            .alert("PgbouncerClientsWait", Severity::Warning, waiting)
            .minutes(2)
            .timed()
            .says(format!("Clients wait for a connection to PostgreSQL {name}"), "The oldest waiting client of database {{ $labels.database }} waits longer than that: the pool is full, or the server does not answer.")
            .because(cluster.context.why("PgbouncerClientsWait", "5 s: a small part of every request's timeout"))
            .fires("the oldest waits", clients("pgbouncer_pools_client_maxwait_seconds", wait.secs() + 16), of_database.clone())
            .silent("nobody waits", clients("pgbouncer_pools_client_maxwait_seconds", 0)),
        cluster
            .alert("PgbouncerPoolSaturated", Severity::Warning, full)
            .minutes(5)
            .says(format!("A pool of PostgreSQL {name} is nearly full"), "Of the server connections that {{ $labels.instance }} may open to database {{ $labels.database }}, nine tenths are busy: the next burst waits (X-PG-6).")
            .because("90 % of postgres.*.pool.size")
            .fires("24 of 25", saturation(24), of_pool)
            .silent("3 of 25", saturation(3)),
    ]
}

fn router(cluster: &Cluster<'_>) -> Alert {
    let scope = cluster.context.router(cluster.spec);
    let active = scope.select("haproxy_backend_active_servers", &["proxy=\"primary\""]);
    let expr = format!("min by (instance) ({active}) < 1\nor\nabsent({active})");
    let with = |servers: u64| -> Vec<Series> {
        let series =
            |at| constant(scope.series("haproxy_backend_active_servers", at, &[("proxy", "primary")]), servers);
        (0..scope.count()).map(series).collect()
    };
    let f = &cluster.spec.spec.failover;
    let failover = f.ttl.secs() + f.loop_wait.secs() + 2 + 3 * cluster.spec.spec.router.interval.secs();
    let mut gone = scope.equalities();
    gone.insert("proxy".to_owned(), "primary".to_owned());
    // In a standby region the router asks for the leader, in whichever role: it is up there before and after a promotion.
    let (summary, description) = if cluster.role == PostgresRole::Standby {
        (
            format!("The router of PostgreSQL {} knows no leader in this standby region", cluster.name()),
            "HAProxy finds no member that says it leads here (as the standby leader, or as the primary after a promotion), for longer than a failover and its checks take: reads through it fail now, and so would writes after a promotion.",
        )
    } else {
        (
            format!("The router of PostgreSQL {} knows no primary", cluster.name()),
            "HAProxy finds no member that says it is the primary, for longer than a failover and its checks take: clients of the router cannot write.",
        )
    };
    let mut alert = cluster
        .alert("HaproxyPrimaryMissing", Severity::Critical, expr)
        .hold(Duration::from_secs(failover.div_ceil(60) * 60))
        .says(summary, description)
        .because(format!("a failover and three checks take at most {failover} s (X-PT-1, X-PT-7)"))
        .silent("one server is active", with(1))
        .fires_without_series(gone);
    let fires = (0..scope.count())
        .map(|at| labels(&[("instance", &scope.labels_of(at).remove("instance").unwrap_or_default())]));
    alert.tests.push(super::model::Case { name: "no server is active", series: with(0), fires: fires.collect() });
    alert
}
