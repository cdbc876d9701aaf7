//! Backups: their age by type, repositories, the WAL archive, snapshots of Redis, restores that were tried.
//!
//! pgbackrest_exporter says nothing where there is no backup or the repository cannot be read: every age has `absent` beside it.

use super::context::Context;
use super::model::{Alert, Series, constant, grows};
use super::postgres::{Cluster, both};
use super::promql::{Labels, Scope, labels};
use super::rules::seconds;
use super::time::{half_as_much_again, longest_gap};
use crate::blueprint::raw::{Cron, PostgresBackup, Severity};
use crate::blueprint::units::Duration;
use crate::blueprint::{PostgresRole, names};
use crate::path;

/// The alerts about backups in a region, and remarks on what is left out.
pub fn alerts(context: &Context<'_>) -> (Vec<Alert>, Vec<String>) {
    let (mut alerts, mut remarks) = (Vec::new(), Vec::new());
    for cluster in context.blueprint.postgres.iter().filter_map(|spec| Cluster::new(context, spec)) {
        let Some(backup) = &cluster.spec.spec.backup else {
            continue;
        };
        // The primary region archives and backs up; a standby region only reads.
        if cluster.role != PostgresRole::Primary {
            continue;
        }
        alerts.extend(archive(&cluster, backup));
        alerts.extend(ages(&cluster, backup));
        alerts.push(repositories(&cluster, backup));
        if pushes(context) {
            alerts.extend(jobs(&cluster, backup));
        } else {
            remarks.push(format!("postgres.{}: monitoring.exporters.pushgateway is not given, so the results of hagen's own jobs (each repository, restore verification) cannot be seen", cluster.spec.name));
        }
    }
    for redis in context.blueprint.redis.iter().filter(|r| r.is_rendered() && r.in_region(context.region)) {
        if let Some(backup) = &redis.spec.backup {
            if pushes(context) {
                alerts.push(snapshots(context, &redis.name, redis.spec.shards, &backup.snapshot));
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

/// What jobs push, of one cluster.
fn pushed(cluster: &str) -> Scope {
    Scope::default().is("cluster", cluster).instance(&[])
}

/// `time()` is 0 at the start of a test: so old, or just now.
fn age(name: String, seconds: i128) -> Series {
    constant(name, -seconds)
}

fn archive(cluster: &Cluster<'_>, backup: &PostgresBackup) -> [Alert; 2] {
    let name = &cluster.spec.name;
    let window = cluster.context.window();
    let failed = cluster.exporter.metric("pg_stat_archiver_failed_count");
    let last = cluster.exporter.metric("pg_stat_archiver_last_archive_age");
    let primary = cluster.exporter.metric("pg_replication_is_replica");
    // An idle primary archives nothing between checkpoints (5 min): well above that, and above three timeouts.
    let derived = Duration::from_secs((backup.archive_timeout.secs() * 3).max(600));
    let limit = cluster.context.above("PostgresArchiveStopped", derived);
    let counting = |by: u64| {
        let series =
            |at| grows(cluster.exporter.series("pg_stat_archiver_failed_count", at, &[]), if at == 0 { by } else { 0 });
        (0..cluster.members).map(series).collect::<Vec<_>>()
    };
    let aged = |seconds: u64| {
        both(
            cluster.of_servers("pg_replication_is_replica", &[0, 1]),
            vec![constant(cluster.exporter.series("pg_stat_archiver_last_archive_age", 0, &[]), seconds)],
        )
    };
    [
        cluster
            .alert("PostgresArchiveFailing", Severity::Warning, format!("max(increase({failed}[{window}])) > 0"))
            .minutes(2)
            .says(
                format!("PostgreSQL {name} cannot archive its WAL"),
                "archive_command fails: nothing reaches the backup repository, and the WAL piles up on the primary's disk. A hung command does not count as failure: PostgresArchiveStopped sees that one.",
            )
            .because("no failure (R-AL-09)")
            .fires("it fails again and again", counting(13), Labels::new())
            .silent("it never fails", counting(0)),
        cluster
            .alert(
                "PostgresArchiveStopped",
                Severity::Critical,
                format!("max({last} and on (instance) {primary} == 0) > {}\nor\nabsent({last})", seconds(limit)),
            )
            .minutes(1)
            .timed()
            .says(
                format!("PostgreSQL {name} has archived nothing for too long"),
                "The archiver fails or hangs, or has never archived anything. What was written since then is in no backup (X-PG-1).",
            )
            .because(cluster.context.why(
                "PostgresArchiveStopped",
                format!("max(3 x archiveTimeout {}, 10m): an idle primary archives only after a checkpoint", backup.archive_timeout),
            ))
            .fires("it hangs", aged(limit.secs() + 60), Labels::new())
            .silent("it archived just now", aged(limit.secs().min(15)))
            .fires_without_series(cluster.exporter.equalities()),
    ]
}

fn ages(cluster: &Cluster<'_>, backup: &PostgresBackup) -> Vec<Alert> {
    let scope = cluster.context.pgbackrest(cluster.spec);
    let types = [
        ("PostgresFullBackupOverdue", "full", Some(&backup.full)),
        ("PostgresDifferentialBackupOverdue", "diff", backup.differential.as_ref()),
        ("PostgresIncrementalBackupOverdue", "incr", backup.incremental.as_ref()),
    ];
    let declared = types.into_iter().filter_map(|(name, kind, cron)| cron.map(|cron| (name, kind, cron)));
    let one = |(name, kind, cron): (&'static str, &str, &Cron)| {
        let limit = cluster.context.above(name, half_as_much_again(longest_gap(cron)));
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
            .because(cluster.context.why(name, format!("1.5 x {}, the longest time between two runs of `{cron}` (R-AL-09)", longest_gap(cron))))
            .fires("the last one is old", series(limit.secs() + 60), Labels::new())
            .silent("one was made", series(limit.secs() / 3))
            .fires_without_series(gone)
    };
    declared.map(one).collect()
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
    let scope = pushed(name);
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

/// The youngest backup of any type in each repository: a second repository that is never written to looks healthy to everything else.
fn each_repository(cluster: &Cluster<'_>, backup: &PostgresBackup, scope: &Scope) -> Alert {
    let name = &cluster.spec.name;
    let limit = cluster.context.above("BackupRepositoryStale", half_as_much_again(longest_gap(&backup.full)));
    let metric = scope.metric(names::METRIC_BACKUP);
    let count = backup.to.len();
    let with = |last: i128| -> Vec<Series> {
        let old = |key: usize| if key == count { last } else { 0 };
        (1..=count)
            .map(|key| {
                age(scope.series(names::METRIC_BACKUP, 0, &[("repo", &key.to_string()), ("type", "full")]), old(key))
            })
            .collect()
    };
    cluster
        .alert(
            "BackupRepositoryStale",
            Severity::Critical,
            format!("(count(time() - max by (repo) ({metric}) <= {}) or vector(0)) < {count}", seconds(limit)),
        )
        .minutes(15)
        .timed()
        .says(
            format!("A repository of PostgreSQL {name} got no backup in time"),
            "The job of one destination failed, did not run, or could not push its result. The other copies do not help where that one is needed (R-BK-04).",
        )
        .because(cluster.context.why("BackupRepositoryStale", format!("1.5 x {}, the longest time between two full backups, in each of {count} repositories", longest_gap(&backup.full))))
        .fires("one is stale", with(i128::from(limit.secs()) + 3600), Labels::new())
        .silent("all are fresh", with(0))
        .fires_without_series(Labels::new())
}

fn snapshots(context: &Context<'_>, name: &str, shards: u32, cron: &Cron) -> Alert {
    let limit = context.above("RedisSnapshotOverdue", half_as_much_again(longest_gap(cron)));
    let scope = pushed(name);
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
