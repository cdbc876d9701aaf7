//! Backups whose age or failure nobody would notice.
//!
//! # What it finds
//! An override turns off an alert about the WAL archive or the age of backups; or a Redis is backed up and no Pushgateway is
//! named that its job could tell its success to. PostgreSQL tells its age by pgbackrest_exporter, which may be there without
//! being named. Without `monitoring` nothing is said.
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

use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "AL009",
    name: "backups-are-not-watched",
    group: Group::Alerts,
    level: Level::Error,
    security: false,
    fields: &["monitoring.alerts.*.enabled", "monitoring.exporters.pushgateway", "redis.*.backup"],
    check: Check::Blueprint(check),
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
