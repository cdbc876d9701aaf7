//! etcd, where Patroni keeps its leader key: quorum, members, changes of leader, space, disk.

use super::context::Context;
use super::model::{Alert, Series, Values, constant, grows};
use super::postgres::both;
use super::promql::{Labels, Scope, labels};
use crate::blueprint::placement::majority;
use crate::blueprint::raw::Severity;
use crate::blueprint::units::Duration;
use crate::path;

/// The alerts about the etcd clusters of a region.
pub fn alerts(context: &Context<'_>) -> Vec<Alert> {
    let mut alerts = Vec::new();
    for cluster in context.blueprint.postgres.iter().filter(|p| p.is_rendered() && p.role(context.region).is_some()) {
        if cluster.etcd_count(context.region) == 0 {
            continue;
        }
        let scope = context.etcd(cluster);
        let origin = path!["postgres", &cluster.name, "consensus"];
        let about = context.about("etcd", &cluster.name);
        let own = [
            quorum(&cluster.name, &scope),
            leaderless(&cluster.name, &scope),
            members(&cluster.name, &scope),
            changes(&cluster.name, &scope),
            space(&cluster.name, &scope),
        ];
        alerts.extend(own.into_iter().map(|alert| alert.about(about.clone(), &origin)));
        alerts.push(disk(context, &cluster.name, &scope).about(about, &origin));
    }
    alerts
}

fn of_members(scope: &Scope, metric: &str, values: &[u64]) -> Vec<Series> {
    let value = |at: usize| values.get(at).or(values.last()).copied().unwrap_or(0);
    (0..scope.count()).map(|at| constant(scope.series(metric, at, &[]), value(at))).collect()
}

fn instance(scope: &Scope, at: usize) -> Labels {
    labels(&[("instance", &scope.labels_of(at).remove("instance").unwrap_or_default())])
}

fn quorum(name: &str, scope: &Scope) -> Alert {
    let leader = scope.metric("etcd_server_has_leader");
    let (count, majority) = (scope.count(), majority(scope.count()));
    // So many know a leader, of all that there are; the others answer that they know none.
    let know = |knowing: usize| -> Vec<Series> {
        let values: Vec<u64> = (0..count).map(|at| u64::from(at < knowing)).collect();
        of_members(scope, "etcd_server_has_leader", &values)
    };
    let mut alert = Alert::new("EtcdQuorumLost", Severity::Critical, format!("(count({leader} == 1) or vector(0)) < {majority}"))
        .minutes(1)
        .says(
            format!("The etcd of PostgreSQL {name} has no quorum"),
            "Fewer members than a majority know a leader, or none answers at all. Without quorum Patroni can promote nobody; without failsafe mode the primary stops writing (X-PT-5).",
        )
        .because(format!("{majority} of {count} members are a majority"))
        .fires("the survivor knows none", vec![constant(scope.series("etcd_server_has_leader", 0, &[]), 0)], Labels::new())
        .fires("one less than a majority knows one", know(majority - 1), Labels::new())
        .silent("all know one", know(count))
        .fires_without_series(Labels::new());
    if count > majority {
        alert = alert.silent("a majority knows one, the others do not", know(majority));
    }
    alert
}

/// One member that is cut off from the others: the majority goes on without it.
fn leaderless(name: &str, scope: &Scope) -> Alert {
    let leader = scope.metric("etcd_server_has_leader");
    let own = instance(scope, 0);
    Alert::new("EtcdMemberWithoutLeader", Severity::Warning, format!("min by (instance) ({leader}) == 0"))
        .minutes(2)
        .says(
            format!("A member of the etcd of PostgreSQL {name} knows no leader"),
            "{{ $labels.instance }} is cut off from the others, or has just been started and is not taken in. It counts for no majority; Patroni asks another member.",
        )
        .because("every member knows a leader")
        .fires("one knows none", of_members(scope, "etcd_server_has_leader", &[0, 1]), own)
        .silent("all know one", of_members(scope, "etcd_server_has_leader", &[1]))
}

fn members(name: &str, scope: &Scope) -> Alert {
    let leader = scope.metric("etcd_server_has_leader");
    let count = scope.count();
    let mut one_less = of_members(scope, "etcd_server_has_leader", &[1]);
    one_less.pop();
    Alert::new("EtcdMemberMissing", Severity::Warning, format!("(count({leader}) or vector(0)) < {count}"))
        .minutes(3)
        .says(
            format!("Fewer etcd members of PostgreSQL {name} answer than declared"),
            format!("{count} members bear the loss of {}; one is already gone or is not scraped.", (count - 1) / 2),
        )
        .because(format!("{count} members are declared"))
        .fires("one is gone", one_less, Labels::new())
        .silent("all answer", of_members(scope, "etcd_server_has_leader", &[1]))
        .fires_without_series(Labels::new())
}

fn changes(name: &str, scope: &Scope) -> Alert {
    let seen = scope.metric("etcd_server_leader_changes_seen_total");
    let series = |values: Values| -> Vec<Series> {
        let one = |at| Series {
            name: scope.series("etcd_server_leader_changes_seen_total", at, &[]),
            values: values.clone(),
        };
        (0..scope.count()).map(one).collect()
    };
    Alert::new("EtcdLeaderChanges", Severity::Warning, format!("max(increase({seen}[15m])) > 3"))
        .minutes(5)
        .says(
            format!("The etcd of PostgreSQL {name} changes its leader again and again"),
            "More than three changes within 15 minutes: a slow disk or a bad network. Each change can cost Patroni its leader key.",
        )
        .because("3 in 15 minutes")
        .fires("a change every other minute", series(Values::Grows("0.5".to_owned())), Labels::new())
        .silent("none", series(Values::Constant("1".to_owned())))
}

fn space(name: &str, scope: &Scope) -> Alert {
    let used = scope.metric("etcd_mvcc_db_total_size_in_bytes");
    let most = scope.metric("etcd_server_quota_backend_bytes");
    let with = |bytes: u64| {
        both(
            vec![constant(scope.series("etcd_mvcc_db_total_size_in_bytes", 0, &[]), bytes)],
            vec![constant(scope.series("etcd_server_quota_backend_bytes", 0, &[]), 1000)],
        )
    };
    Alert::new(
        "EtcdSpaceLow",
        Severity::Warning,
        format!("max by (instance) ({used})\n/ on (instance)\nmax by (instance) ({most})\n> 0.8"),
    )
    .minutes(10)
    .says(
        format!("The etcd of PostgreSQL {name} is nearly full"),
        "{{ $labels.instance }} has used four fifths of its quota. A full etcd accepts no writes: Patroni can no longer renew its leader key. Compact and defragment.",
    )
    .because("80 % of the quota")
    .fires("nine tenths", with(900), instance(scope, 0))
    .silent("nearly nothing", with(3))
}

fn disk(context: &Context<'_>, name: &str, scope: &Scope) -> Alert {
    let limit = context.above("EtcdDiskSlow", Duration::from_millis(100));
    let bucket = scope.metric("etcd_disk_wal_fsync_duration_seconds_bucket");
    let expr = format!(
        "histogram_quantile(0.99, sum by (instance, le) (rate({bucket}[{}]))) > {}",
        context.window(),
        super::rules::seconds(limit)
    );
    // Everything falls into the bucket that ends at twice the limit, or into one far below it.
    let into = |upper: u64| -> Vec<Series> {
        let edges = [limit.millis() / 100, limit.millis() / 10, limit.millis(), limit.millis() * 2];
        let le = |millis: u64| super::rules::seconds(Duration::from_millis(millis.max(1)));
        let series = |le: &str, by: u64| {
            grows(scope.series("etcd_disk_wal_fsync_duration_seconds_bucket", 0, &[("le", le)]), by)
        };
        let mut all: Vec<Series> =
            edges.iter().map(|edge| series(&le(*edge), if *edge >= upper { 600 } else { 0 })).collect();
        all.push(series("+Inf", 600));
        all
    };
    Alert::new("EtcdDiskSlow", Severity::Warning, expr)
        .minutes(5)
        .timed()
        .says(
            format!("The etcd of PostgreSQL {name} waits for its disk"),
            "One of a hundred writes of {{ $labels.instance }} takes longer than that to reach the disk: its heartbeats are late, and the next step is a change of leader.",
        )
        .because(context.why("EtcdDiskSlow", "100 ms: etcd's heartbeat interval"))
        .fires("the disk is slow", into(limit.millis() * 2), instance(scope, 0))
        .silent("it is fast", into(limit.millis() / 10))
}
