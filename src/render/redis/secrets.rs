//! Who may log in: the roles of the ACL with their rules, and the files that hold their passwords. No password is known here.

use serde::Serialize;

use super::settings::{APPLICATION_USER, EXPORTER_FILE, MONITOR_USER, OPERATOR_USER, REPLICATION_USER, SECRETS_FILE};
use crate::blueprint::Redis;
use crate::blueprint::raw::SecretRef;

/// The roles of the ACL and the files that hold their passwords.
#[derive(Debug, Serialize)]
pub(super) struct Secrets {
    cluster: String,
    users: String,
    users_new: String,
    secrets: &'static str,
    secrets_new: String,
    logins: Vec<Login>,
    replication: &'static str,
    replication_file: String,
    /// The environment file of redis_exporter's unit, where it has one.
    exporter: Option<ExporterFile>,
}

/// The environment file of redis_exporter: systemd reads no other form.
#[derive(Debug, Serialize)]
struct ExporterFile {
    file: &'static str,
    new: String,
    password: String,
}

/// A role of the ACL.
#[derive(Debug, Serialize)]
struct Login {
    user: &'static str,
    file: String,
    rules: &'static str,
    purpose: &'static str,
}

/// The roles of a cluster.
pub(super) fn secrets(redis: &Redis) -> Secrets {
    let login =
        |user, reference: &SecretRef, rules, purpose| Login { user, file: reference.key.clone(), rules, purpose };
    Secrets {
        cluster: redis.name.clone(),
        users: redis.users.key.clone(),
        users_new: format!("{}.new", redis.users.key),
        secrets: SECRETS_FILE,
        secrets_new: format!("{SECRETS_FILE}.new"),
        logins: vec![
            login(APPLICATION_USER, &redis.password, "~* &* +@all -@admin -@dangerous +info", "the services"),
            login(REPLICATION_USER, &redis.replication, "+psync +replconf +ping", "replicas, towards their primary"),
            login(
                OPERATOR_USER,
                &redis.operator,
                "~* &* +@all -flushall -flushdb -debug",
                "bootstrap.sh, failback.sh, backups, people",
            ),
            login(
                MONITOR_USER,
                &redis.monitoring,
                "+ping +info +config|get +slowlog|get +slowlog|len +latency|latest +latency|histogram +cluster|info +cluster|nodes +cluster|slots +client|setname +dbsize",
                "redis_exporter",
            ),
        ],
        replication: REPLICATION_USER,
        replication_file: redis.replication.key.clone(),
        exporter: (!redis.on_kubernetes()).then(|| ExporterFile {
            file: EXPORTER_FILE,
            new: format!("{EXPORTER_FILE}.new"),
            password: redis.monitoring.key.clone(),
        }),
    }
}
