//! Backups: their age by type, repositories, the WAL archive, snapshots of Redis, restores that were tried.
//!
//! pgbackrest_exporter says nothing where there is no backup or the repository cannot be read: every age has `absent` beside it.

use super::context::Context;
use super::model::{Alert, Series, Values, constant, grows};
use super::postgres::{Cluster, both};
use super::promql::{Labels, Scope, labels};
use super::rules::seconds;
use super::time::{gap_without, half_as_much_again, longest_gap};
use crate::blueprint::raw::{Cron, PostgresBackup, Scenario, Severity};
use crate::blueprint::units::Duration;
use crate::blueprint::{BackupType, names};
use crate::path;

/// The alerts about backups in a region, and remarks on what is left out.
pub fn alerts(context: &Context<'_>) -> (Vec<Alert>, Vec<String>) {
    let (mut alerts, mut remarks) = (Vec::new(), Vec::new());
    for cluster in context.blueprint.postgres.iter().filter_map(|spec| Cluster::new(context, spec)) {
        let Some(backup) = &cluster.spec.spec.backup else {
            continue;
        };
        let mut own = vec![archive_failing(&cluster, backup), archive_stopped(&cluster, backup)];
        own.extend(ages(&cluster, backup));
        own.push(repositories(&cluster, backup));
        if pushes(context) {
            own.extend(jobs(&cluster, backup));
        }
        // The region that writes archives and backs up; one that stands by only reads.
        alerts.extend(own.into_iter().map(|alert| cluster.where_written(alert)));
        if !pushes(context) {
            remarks.push(format!("postgres.{}: monitoring.exporters.pushgateway is not given, so the results of hagen's own jobs (each repository, restore verification) cannot be seen", cluster.spec.name));
        }
    }
    for redis in context.blueprint.redis.iter().filter(|r| r.is_rendered() && r.in_region(context.region)) {
        if let Some(backup) = &redis.spec.backup {
            if pushes(context) {
                alerts.push(snapshots(context, &redis.name, redis.spec.shards(), &backup.snapshot));
            } else {
                remarks.push(format!(
                    "redis.{}: monitoring.exporters.pushgateway is not given, so the age of snapshots cannot be seen",
                    redis.name
                ));
            }
        }
    }
    (alerts, remarks)
}

/// Whether jobs have a place to push their results to.
pub fn pushes(context: &Context<'_>) -> bool {
    context.monitoring.exporters.pushgateway.is_some()
}

/// What jobs push, of one cluster: another system's may bear the same name and push to the same gateway.
fn pushed(context: &Context<'_>, cluster: &str) -> Scope {
    Scope::default().is("namespace", &context.blueprint.namespace).is("cluster", cluster).instance(&[])
}

/// `time()` is 0 at the start of a test: so old, or just now.
fn age(name: String, seconds: i128) -> Series {
    constant(name, -seconds)
}

/// The smallest RPO that the archive has to keep: of the loss of data that only a backup brings back, and of a region's
/// loss where no other region has a copy.
fn rpo(cluster: &Cluster<'_>) -> Option<Duration> {
    let spec = &cluster.spec.spec;
    let of = |scenario| cluster.context.blueprint.targets(&spec.objectives, spec.tier.as_ref(), Some(scenario)).rpo;
    let region = spec.cross_region.is_none().then_some(Scenario::RegionLoss);
    let all = [Some(Scenario::DataCorruption), region];
    all.into_iter().flatten().filter_map(of).filter(|rpo| rpo.millis() > 0).min()
}

/// What the archive may lack before a page still comes within the RPO.
struct Budget {
    /// The RPO, where one is written.
    rpo: Option<Duration>,
    /// How long the archiver may have been still when the condition becomes true; `None`: no page comes in time.
    still: Option<Duration>,
}

impl Budget {
    /// What the RPO leaves beside a page after this hold.
    fn new(cluster: &Cluster<'_>, hold: Duration) -> Self {
        let rpo = rpo(cluster);
        let latency = cluster.context.page(hold).millis();
        let left = rpo.map(|rpo| rpo.millis().saturating_sub(latency + 1000) / 1000);
        Self { rpo, still: left.filter(|seconds| *seconds > 0).map(Duration::from_secs) }
    }
}

fn archive_failing(cluster: &Cluster<'_>, backup: &PostgresBackup) -> Alert {
    let name = &cluster.spec.name;
    let (window, timeout) = (cluster.context.window(), backup.archive_timeout);
    let failed = cluster.exporter.metric("pg_stat_archiver_failed_count");
    // A segment is at most archiveTimeout old when its first attempt fails; the longest hold that keeps the sum below the RPO.
    let fits =
        |hold: &Duration| Budget::new(cluster, *hold).still.is_some_and(|still| still.millis() >= timeout.millis());
    let hold = [120, 90, 60, 30, 0].map(Duration::from_secs).into_iter().find(fits);
    let Budget { rpo, .. } = Budget::new(cluster, Duration::from_secs(0));
    let held = hold.unwrap_or(Duration::from_secs(if rpo.is_some() { 60 } else { 120 }));
    let held = cluster.context.hold("PostgresArchiveFailing", held);
    let latency = cluster.context.page(held);
    let sum = Duration::from_millis(timeout.millis() + latency.millis());
    let threshold = match rpo {
        None => "no failure (R-AL-09); no RPO rests on the archive".to_owned(),
        Some(rpo) if sum.millis() < rpo.millis() => {
            format!(
                "no failure (R-AL-09); archiveTimeout {timeout} + {latency} until the page (X-PR-1) = {sum} < RPO {rpo} (R-AL-05)"
            )
        }
        Some(rpo) => format!(
            "no failure (R-AL-09); it cannot protect the RPO {rpo}: archiveTimeout {timeout} + {latency} until the page (X-PR-1) = {sum} (R-AL-05)"
        ),
    };
    let counting = |by: u64| {
        let series =
            |at| grows(cluster.exporter.series("pg_stat_archiver_failed_count", at, &[]), if at == 0 { by } else { 0 });
        (0..cluster.members).map(series).collect::<Vec<_>>()
    };
    cluster
        .alert("PostgresArchiveFailing", Severity::Critical, format!("max(increase({failed}[{window}])) > 0"))
        .hold(held)
        .says(
            format!("PostgreSQL {name} cannot archive its WAL"),
            "archive_command fails: nothing reaches the backup repository, and the WAL piles up on the primary's disk. A hung command does not count as failure: PostgresArchiveStopped sees that one.",
        )
        .because(threshold)
        .fires("it fails again and again", counting(13), Labels::new())
        .silent("it never fails", counting(0))
}

/// Two segments of WAL: once so much was written, one has been completed and handed to the archiver.
const TWO_SEGMENTS: u64 = 32 << 20;

fn archive_stopped(cluster: &Cluster<'_>, backup: &PostgresBackup) -> Alert {
    let (name, hold) = (&cluster.spec.name, Duration::from_secs(60));
    let last = cluster.exporter.metric("pg_stat_archiver_last_archive_age");
    let replica = cluster.exporter.metric("pg_replication_is_replica");
    // An idle primary archives nothing between checkpoints (5 min): well above that, and above three timeouts.
    let derived = Duration::from_secs((backup.archive_timeout.secs() * 3).max(600));
    let limit = cluster.context.above("PostgresArchiveStopped", derived);
    // One that writes hands over a segment whenever it is full, so much sooner: there the RPO can be kept.
    let Budget { rpo, still } = Budget::new(cluster, hold);
    let busy =
        still.filter(|still| still.millis() > backup.archive_timeout.millis() && still.millis() < limit.millis());
    let mut expr = format!("max({last} and on (instance) {replica} == 0) > {}", seconds(limit));
    if let Some(still) = busy {
        let location = format!("(max({}) > 0)[{}:]", cluster.patroni.metric("patroni_xlog_location"), still.go());
        expr.push_str(&format!(
            "\nor\n(\n  max({last} and on (instance) {replica} == 0) > {}\n  and on ()\n  max_over_time({location}) - min_over_time({location}) > {TWO_SEGMENTS}\n)",
            seconds(still)
        ));
    }
    // A row without a value, or none, is a primary that has never archived; other members' rows must not hide it.
    expr.push_str(&format!(
        "\nor\ncount({replica} == 0 unless on (instance) {last} >= 0) > 0\nor on ()\nabsent({last})"
    ));
    let idle = format!(
        "max(3 x archiveTimeout {}, 10m): an idle primary archives only after a checkpoint",
        backup.archive_timeout
    );
    let why = match (busy, rpo) {
        (Some(still), Some(rpo)) => {
            let latency = cluster.context.page(hold);
            format!(
                "{still} for a primary that has meanwhile written two segments: + {latency} until the page (X-PR-1) < RPO {rpo} (R-AL-05); otherwise {idle}, which cannot protect the RPO"
            )
        }
        (None, Some(rpo)) => format!("{idle}; it cannot protect the RPO {rpo} (R-AL-05)"),
        (_, None) => idle,
    };
    let primary = || cluster.of_servers("pg_replication_is_replica", &[0, 1]);
    let aged = |seconds: &str| {
        both(primary(), vec![constant(cluster.exporter.series("pg_stat_archiver_last_archive_age", 0, &[]), seconds)])
    };
    let location = |by: u64| Series {
        name: cluster.patroni.series("patroni_xlog_location", 0, &[]),
        values: Values::Grows(by.to_string()),
    };
    let mut alert = cluster
        .alert("PostgresArchiveStopped", Severity::Critical, expr)
        .hold(hold)
        .timed()
        .says(
            format!("PostgreSQL {name} has archived nothing for too long"),
            "The archiver fails or hangs, or has never archived anything. What was written since then is in no backup (X-PG-1).",
        )
        .because(cluster.context.why("PostgresArchiveStopped", why))
        .fires("it hangs", aged(&(limit.secs() + 60).to_string()), Labels::new())
        .silent("it archived just now", both(aged(&limit.secs().min(15).to_string()), vec![location(TWO_SEGMENTS)]))
        .fires("it has never archived", aged("NaN"), Labels::new())
        .fires("it has no row", primary(), Labels::new())
        .fires_without_series(cluster.exporter.equalities());
    if cluster.members > 1 {
        let row = constant(cluster.exporter.series("pg_stat_archiver_last_archive_age", 1, &[]), 5);
        alert = alert.fires("another member has a row", both(primary(), vec![row]), Labels::new());
    }
    if let Some(still) = busy {
        let age = (still.secs() + 30).to_string();
        alert = alert
            .fires("it hangs while much is written", both(aged(&age), vec![location(TWO_SEGMENTS)]), Labels::new())
            .silent("nothing is written", both(aged(&age), vec![location(1000)]));
    }
    alert
}

fn ages(cluster: &Cluster<'_>, backup: &PostgresBackup) -> Vec<Alert> {
    let scope = cluster.context.pgbackrest(cluster.spec);
    let one = |(own, cron): (BackupType, &Cron)| {
        let (kind, larger) = (own.word(), own.larger(backup));
        let name = match own {
            BackupType::Full => "PostgresFullBackupOverdue",
            BackupType::Differential => "PostgresDifferentialBackupOverdue",
            BackupType::Incremental => "PostgresIncrementalBackupOverdue",
        };
        let gap = gap_without(cron, &larger);
        let limit = cluster.context.above(name, half_as_much_again(gap));
        let metric =
            scope.select("pgbackrest_backup_since_last_completion_seconds", &[&format!("backup_type=\"{kind}\"")]);
        let series = |seconds: u64| {
            vec![constant(
                scope.series(
                    "pgbackrest_backup_since_last_completion_seconds",
                    0,
                    &[("backup_type", kind), ("block_incr", "n")],
                ),
                seconds,
            )]
        };
        let mut gone = scope.equalities();
        gone.insert("backup_type".to_owned(), kind.to_owned());
        cluster
            .alert(name, Severity::Critical, format!("min({metric}) > {}\nor\nabsent({metric})", seconds(limit)))
            // The exporter asks pgBackRest every ten minutes.
            .minutes(15)
            .timed()
            .says(
                format!("The {kind} backup of PostgreSQL {} is overdue", cluster.spec.name),
                "The last one is too old, there is none, the repository cannot be read, or pgbackrest_exporter is gone. Restores take longer, and end earlier, than promised.",
            )
            .because(cluster.context.why(name, overdue(cron, &larger, gap)))
            .fires("the last one is old", series(limit.secs() + 60), Labels::new())
            .silent("one was made", series(limit.secs() / 3))
            .fires_without_series(gone)
    };
    BackupType::made(backup).map(one).collect()
}

/// From when a backup is overdue. One that a larger one replaces is not made at its times, nor while that one runs: pgBackRest
/// counts the larger one as such a backup, from its end on.
fn overdue(cron: &Cron, larger: &[&Cron], gap: Duration) -> String {
    let limit = half_as_much_again(gap);
    if larger.is_empty() {
        return format!("1.5 x {gap}, the longest time between two runs of `{cron}` (R-AL-09)");
    }
    let times: Vec<String> = larger.iter().map(|larger| format!("`{larger}`")).collect();
    let left = Duration::from_millis(limit.millis().saturating_sub(longest_gap(cron).millis()));
    format!(
        "1.5 x {gap}, the longest time between two runs of `{cron}` without the times of {}, when a larger one is made in its place (R-AL-09); none is made while that one runs either: how long it takes is declared nowhere, and {left} fit",
        times.join(" and ")
    )
}

fn repositories(cluster: &Cluster<'_>, backup: &PostgresBackup) -> Alert {
    let scope = cluster.context.pgbackrest(cluster.spec);
    let metric = scope.metric("pgbackrest_repo_status");
    let count = backup.to.len();
    let with = |last: u64| -> Vec<Series> {
        let status = |key: usize| if key == count { last } else { 0 };
        (1..=count)
            .map(|key| {
                constant(
                    scope.series("pgbackrest_repo_status", 0, &[("repo_key", &key.to_string()), ("cipher", "none")]),
                    status(key),
                )
            })
            .collect()
    };
    cluster
        .alert("PostgresBackupRepositoryBad", Severity::Critical, format!("(count(max by (repo_key) ({metric}) == 0) or vector(0)) < {count}"))
        .minutes(15)
        .says(
            format!("A backup repository of PostgreSQL {} is not in order", cluster.spec.name),
            "Fewer repositories than declared hold a usable backup: one cannot be read, is empty, or the exporter is gone. The copy that a lost region or account calls for may be that one (R-BK-04).",
        )
        .because(format!("{count} destinations in postgres.{}.backup.to", cluster.spec.name))
        .fires("one has no backup", with(2), Labels::new())
        .silent("all are in order", with(0))
        .fires_without_series(Labels::new())
}

fn jobs(cluster: &Cluster<'_>, backup: &PostgresBackup) -> Vec<Alert> {
    let name = &cluster.spec.name;
    let scope = pushed(&cluster.context, name);
    let mut alerts = vec![each_repository(cluster, backup, &scope)];
    if let Some(cron) = &backup.verify {
        let limit = cluster.context.above("RestoreVerificationOverdue", half_as_much_again(longest_gap(cron)));
        let metric = scope.metric(names::METRIC_RESTORE);
        let series = |seconds: i128| vec![age(scope.series(names::METRIC_RESTORE, 0, &[]), seconds)];
        alerts.push(
            cluster
                .alert("RestoreVerificationOverdue", Severity::Warning, format!("time() - max({metric}) > {}\nor\nabsent({metric})", seconds(limit)))
                .minutes(15)
                .timed()
                .says(
                    format!("No backup of PostgreSQL {name} was restored for a test in time"),
                    "A backup that was never restored is a hope (R-BK-13). The job failed, did not run, or could not push its result.",
                )
                .because(cluster.context.why("RestoreVerificationOverdue", format!("1.5 x {}, the longest time between two runs of `{cron}`", longest_gap(cron))))
                .fires("the last one is old", series(i128::from(limit.secs()) + 3600), Labels::new())
                .silent("one was restored", series(0))
                .fires_without_series(scope.equalities()),
        );
    }
    alerts
}

/// The youngest full backup in each repository, on which all others there rest: a second repository that is never written to looks healthy to everything else.
fn each_repository(cluster: &Cluster<'_>, backup: &PostgresBackup, scope: &Scope) -> Alert {
    let name = &cluster.spec.name;
    let limit = cluster.context.above("BackupRepositoryStale", half_as_much_again(longest_gap(&backup.full)));
    let metric = scope.select(names::METRIC_BACKUP, &["type=\"full\""]);
    let count = backup.to.len();
    let of = |kind: &str, last: i128| -> Vec<Series> {
        let old = |key: usize| if key == count { last } else { 0 };
        (1..=count)
            .map(|key| {
                age(scope.series(names::METRIC_BACKUP, 0, &[("repo", &key.to_string()), ("type", kind)]), old(key))
            })
            .collect()
    };
    let stale = i128::from(limit.secs()) + 3600;
    cluster
        .alert(
            "BackupRepositoryStale",
            Severity::Critical,
            format!("(count(time() - max by (repo) ({metric}) <= {}) or vector(0)) < {count}", seconds(limit)),
        )
        .minutes(15)
        .timed()
        .says(
            format!("A repository of PostgreSQL {name} got no full backup in time"),
            "The full backup into one destination failed, was not made, or could not push its result; what smaller ones add there rests on an old one. The other copies do not help where that one is needed (R-BK-04).",
        )
        .because(cluster.context.why("BackupRepositoryStale", format!("1.5 x {}, the longest time between two full backups, in each of {count} repositories", longest_gap(&backup.full))))
        .fires("one is stale", of("full", stale), Labels::new())
        .fires("a smaller one is fresh, the full one is not", both(of("full", stale), of("incr", 0)), Labels::new())
        .silent("all are fresh", of("full", 0))
        .fires_without_series(Labels::new())
}

fn snapshots(context: &Context<'_>, name: &str, shards: u32, cron: &Cron) -> Alert {
    let limit = context.above("RedisSnapshotOverdue", half_as_much_again(longest_gap(cron)));
    let scope = pushed(context, name);
    let metric = scope.metric(names::METRIC_REDIS_SNAPSHOT);
    let with = |last: i128| -> Vec<Series> {
        let old = |shard: u32| if shard + 1 == shards { last } else { 0 };
        (0..shards)
            .map(|shard| {
                age(scope.series(names::METRIC_REDIS_SNAPSHOT, 0, &[("shard", &shard.to_string())]), old(shard))
            })
            .collect()
    };
    Alert::new(
        "RedisSnapshotOverdue",
        Severity::Critical,
        format!("(count(time() - max by (shard) ({metric}) <= {}) or vector(0)) < {shards}", seconds(limit)),
    )
    .minutes(15)
    .timed()
    .about(labels(&[("component", "redis"), ("cluster", name)]), &path!["redis", name, "backup"])
    .says(
        format!("A shard of Redis {name} has no fresh snapshot"),
        "The job failed, did not run, or could not push its result. A snapshot of some shards is no backup of the cluster (R-BK-09).",
    )
    .because(context.why("RedisSnapshotOverdue", format!("1.5 x {}, the longest time between two runs of `{cron}`, in each of {shards} shards", longest_gap(cron))))
    .fires("one shard is old", with(i128::from(limit.secs()) + 3600), Labels::new())
    .silent("all are fresh", with(0))
    .fires_without_series(Labels::new())
}
