//! Who may log in: the roles of the ACL with their rules, and the files that hold their passwords. No password is known here.

use serde::Serialize;

use super::sentinel::SENTINEL_SECRETS;
use super::settings::{
    APPLICATION_USER, EXPORTER_FILE, MONITOR_USER, OPERATOR_USER, REPLICATION_USER, SECRETS_FILE, SENTINEL_USER,
};
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
    /// What the sentinels need, where there are any.
    sentinel: Option<Sentinels>,
}

/// The secret files of the sentinels.
#[derive(Debug, Serialize)]
struct Sentinels {
    users: String,
    users_new: String,
    file: &'static str,
    new: String,
    password: String,
    user: &'static str,
    /// Who may log in to a sentinel.
    logins: Vec<Login>,
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
    let mut secrets = Secrets {
        cluster: redis.name.clone(),
        users: redis.users.key.clone(),
        users_new: format!("{}.new", redis.users.key),
        secrets: SECRETS_FILE,
        secrets_new: format!("{SECRETS_FILE}.new"),
        logins: vec![
            login(
                APPLICATION_USER,
                &redis.password,
                // Clients that know Sentinel ask a node for its role before they trust it.
                if redis.spec.is_sentinel() {
                    "~* &* +@all -@admin -@dangerous +info +role"
                } else {
                    "~* &* +@all -@admin -@dangerous +info"
                },
                "the services",
            ),
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
        sentinel: None,
    };
    if redis.spec.is_sentinel() {
        secrets.logins.push(login(
            SENTINEL_USER,
            &redis.sentinel,
            "&* +ping +info +role +publish +subscribe +multi +exec +slaveof +replicaof +config|rewrite +client|setname +client|kill +script|kill",
            "sentinels, towards the nodes and each other",
        ));
        secrets.sentinel = Some(Sentinels {
            users: redis.sentinel_users.key.clone(),
            users_new: format!("{}.new", redis.sentinel_users.key),
            file: SENTINEL_SECRETS,
            new: format!("{SENTINEL_SECRETS}.new"),
            password: redis.sentinel.key.clone(),
            user: SENTINEL_USER,
            logins: vec![
                login(
                    APPLICATION_USER,
                    &redis.password,
                    "&* +ping +info +role +subscribe +psubscribe +client|setname +sentinel|get-master-addr-by-name +sentinel|master +sentinel|masters +sentinel|replicas +sentinel|slaves +sentinel|sentinels",
                    "the services",
                ),
                login(REPLICATION_USER, &redis.replication, "+ping +sentinel|master", "start.sh of the nodes"),
                login(OPERATOR_USER, &redis.operator, "&* +@all", "bootstrap.sh, failback.sh, people"),
                login(
                    MONITOR_USER,
                    &redis.monitoring,
                    "+ping +info +client|setname +sentinel|masters +sentinel|sentinels +sentinel|slaves +sentinel|replicas +sentinel|ckquorum",
                    "redis_exporter",
                ),
                login(
                    SENTINEL_USER,
                    &redis.sentinel,
                    "&* +ping +publish +client|setname +sentinel|is-master-down-by-addr +sentinel|master +sentinel|replicas",
                    "sentinels, towards each other",
                ),
            ],
        });
    }
    secrets
}
