//! Backups whose age or failure nobody would notice.
//!
//! # What it finds
//! An override turns off an alert about the WAL archive or the age of backups; or a Redis is backed up and no Pushgateway is
//! named that its job could tell its success to. PostgreSQL tells its age by pgbackrest_exporter, which may be there without
//! being named. Without `monitoring` nothing is said. In files: WAL is archived (`archive_mode` in postgresql.conf or Patroni's
//! parameters), pgBackRest has a repository, or a CronJob is called a backup, and among the files are alerting rules, none of
//! which looks at an archive, a backup or the last success of a CronJob.
//!
//! # Why it matters
//! Backups fail in silence: a key has expired, a bucket is full, a job is suspended. It is noticed at the restore.
//!
//! # Example
//! ```yaml
//! monitoring:
//!   alerts:
//!     PostgresArchiveFailing: {enabled: false}
//! ```
//!
//! # Fix
//! Leave the override out; where it is noise, mend the threshold with `above`. Name `monitoring.exporters.pushgateway`.
//!
//! # Source
//! facts.md F-PG-12, F-PG-16.

use super::written::says_nothing_of;
use crate::document::node::Entry;
use crate::rules::kubernetes::objects::{at, of_kind};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "AL009",
    name: "backups-are-not-watched",
    group: Group::Alerts,
    level: Level::Error,
    security: false,
    fields: &["monitoring.alerts.*.enabled", "monitoring.exporters.pushgateway", "redis.*.backup"],
    check: Check::Both(check, files),
};

/// The alerts, and what is not noticed without each.
const WATCHED: [(&str, &str); 8] = [
    ("BackupRepositoryStale", "that a repository gets no backups any more"),
    ("PostgresArchiveFailing", "that the archive fails"),
    ("PostgresArchiveStopped", "that the archive stands still"),
    ("PostgresBackupRepositoryBad", "that a repository cannot be read"),
    ("PostgresDifferentialBackupOverdue", "that backups are overdue"),
    ("PostgresFullBackupOverdue", "that backups are overdue"),
    ("PostgresIncrementalBackupOverdue", "that backups are overdue"),
    ("RedisSnapshotOverdue", "that snapshots are overdue"),
];

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let Some(monitoring) = &blueprint.spec.monitoring else { return };
    for (name, _) in monitoring.alerts.iter().filter(|(_, own)| own.enabled == Some(false)) {
        let Some((_, what)) = WATCHED.iter().find(|(known, _)| known == name) else { continue };
        findings.push(
            RULE.finding(
                Place::Value(path!["monitoring", "alerts", name, "enabled"]),
                format!("nobody notices {what}"),
            )
            .label("turned off")
            .because("a backup that is not there is found at the restore (F-PG-12, F-PG-16)")
            .fix("leave `enabled` out"),
        );
    }
    if monitoring.exporters.pushgateway.is_some() {
        return;
    }
    for redis in blueprint.redis.iter().filter(|redis| redis.is_rendered() && redis.spec.backup.is_some()) {
        findings.push(
            RULE.finding(
                Place::Key(path!["redis", redis.name, "backup"]),
                format!("nobody notices that the snapshots of Redis `{}` are overdue", redis.name),
            )
            .label("its job has nobody to tell")
            .also(Place::Key(path!["monitoring", "exporters", "pushgateway"]), "no Pushgateway is named")
            .because("the job ends with its pod; only what it pushes is there to be asked for its age (F-PG-16)")
            .fix("name `monitoring.exporters.pushgateway: HOST:PORT`"),
        );
    }
}

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let words = ["archiv", "backup", "backrest", "barman", "wal_g", "walg", "velero"];
    if !says_nothing_of(estate, &words) {
        return;
    }
    let jobs =
        of_kind(estate, "CronJob").find(|job| job.name().contains("backup")).map(|job| (job.place(), "a backup"));
    let jobs = jobs.filter(|_| says_nothing_of(estate, &["kube_cronjob_status_last_successful_time", "kube_job_"]));
    let archived = archive_mode(estate).map(|entry| (Place::Span(entry.value.span), "WAL is archived"));
    let stored = repository(estate).map(|entry| (Place::Span(entry.key_span), "a repository of backups"));
    for (place, what) in [archived, stored, jobs].into_iter().flatten() {
        findings.push(
            RULE.finding(place, "nobody notices when backups fail or stop")
                .label(what)
                .because("no alerting rule among these files looks at their age or at failures of the archive (R-AL-09)")
                .fix("add alerts on `pg_stat_archiver_failed_count`, on the age of the last archived WAL and on the age of the last backup"),
        );
    }
}

/// Where WAL is said to be archived.
fn archive_mode(estate: &Estate) -> Option<&Entry> {
    let on =
        |entry: &&Entry| entry.value.scalar().is_some_and(|scalar| matches!(&*scalar.text, "on" | "always" | "true"));
    let parameters = estate.of(Kind::Patroni).flat_map(|file| {
        let paths: [&[&str]; 2] = [&["postgresql", "parameters"], &["bootstrap", "dcs", "postgresql", "parameters"]];
        paths.into_iter().filter_map(move |path| at(file, path))
    });
    estate.of(Kind::Postgres).chain(parameters).filter_map(|map| map.entry("archive_mode")).find(on)
}

/// The first setting of a repository of pgBackRest.
fn repository(estate: &Estate) -> Option<&Entry> {
    let sections = estate.of(Kind::Pgbackrest).flat_map(|file| file.map().unwrap_or_default());
    sections.flat_map(|section| section.value.map().unwrap_or_default()).find(|entry| entry.key.starts_with("repo"))
}
