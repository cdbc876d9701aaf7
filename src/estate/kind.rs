//! What a file is.

use crate::document::{Node, Source};

/// What reads a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The API server.
    Kubernetes,
    /// Patroni.
    Patroni,
    /// etcd.
    Etcd,
    /// PostgreSQL: postgresql.conf and what it includes.
    Postgres,
    /// PostgreSQL: who may log in.
    PgHba,
    /// PgBouncer.
    Pgbouncer,
    /// pgBackRest.
    Pgbackrest,
    /// Redis.
    Redis,
    /// Redis Sentinel.
    Sentinel,
    /// HAProxy.
    Haproxy,
    /// Route 53: a batch of changes.
    Route53Changes,
    /// Route 53: a health check.
    Route53HealthCheck,
    /// Prometheus: rules.
    PrometheusRules,
    /// Alertmanager.
    Alertmanager,
}

impl Kind {
    /// Whether it is written in YAML or JSON; others are read line by line.
    pub const fn is_tree(self) -> bool {
        !matches!(
            self,
            Self::Postgres
                | Self::PgHba
                | Self::Pgbouncer
                | Self::Pgbackrest
                | Self::Redis
                | Self::Sentinel
                | Self::Haproxy
        )
    }
}

/// How a file is read.
pub(super) enum Form {
    /// As YAML or JSON; what it is stands in its trees.
    Yaml,
    /// Line by line.
    Lines(Kind),
    /// Nothing here knows it.
    Unknown,
}

/// The name without its directories, in small letters.
fn base(name: &str) -> String {
    name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase()
}

/// Whether a name says YAML or JSON, so that a file that is none is a finding.
pub(super) fn is_meant(name: &str) -> bool {
    let name = base(name);
    [".yaml", ".yml", ".json"].iter().any(|end| name.ends_with(end))
}

/// How a file is read: by its name where that is one that programs look for, otherwise by what stands in it.
pub(super) fn of(source: &Source) -> Form {
    let name = base(&source.name);
    if is_meant(&source.name) {
        return Form::Yaml;
    }
    let has = |part: &str| name.contains(part);
    let named = match () {
        () if has("pg_hba") => Some(Kind::PgHba),
        () if has("pgbackrest") => Some(Kind::Pgbackrest),
        () if has("pgbouncer") => Some(Kind::Pgbouncer),
        () if has("haproxy") => Some(Kind::Haproxy),
        () if has("sentinel") => Some(Kind::Sentinel),
        () if has("postgresql") && (has(".conf") || has("auto")) => Some(Kind::Postgres),
        () if has("redis") && has(".conf") => Some(Kind::Redis),
        () => None,
    };
    match named.or_else(|| by_lines(&source.text)) {
        Some(kind) => Form::Lines(kind),
        None if looks_like_tree(&source.text) => Form::Yaml,
        None => Form::Unknown,
    }
}

/// The kind whose words most of the lines begin with; two of them must be there.
fn by_lines(text: &str) -> Option<Kind> {
    const WORDS: [(Kind, &[&str]); 7] = [
        (
            Kind::Redis,
            &[
                "port ",
                "appendonly ",
                "appendfsync ",
                "cluster-enabled ",
                "cluster-node-timeout ",
                "maxmemory ",
                "maxmemory-policy ",
                "save ",
                "replicaof ",
                "dir ",
                "requirepass ",
            ],
        ),
        (Kind::Sentinel, &["sentinel monitor ", "sentinel down-after-milliseconds ", "sentinel failover-timeout "]),
        (
            Kind::Postgres,
            &[
                "wal_level",
                "max_wal_senders",
                "hot_standby",
                "shared_buffers",
                "max_connections",
                "synchronous_commit",
                "archive_mode",
                "archive_command",
                "primary_conninfo",
                "max_replication_slots",
                "synchronous_standby_names",
            ],
        ),
        (Kind::PgHba, &["host ", "hostssl ", "local ", "host\t", "hostssl\t", "local\t", "hostnossl "]),
        (Kind::Pgbackrest, &["repo1-", "pg1-", "repo2-", "[global]", "[global:"]),
        (Kind::Pgbouncer, &["[pgbouncer]", "[databases]", "pool_mode", "max_client_conn", "auth_type", "listen_port"]),
        (Kind::Haproxy, &["backend ", "frontend ", "listen ", "defaults", "global"]),
    ];
    let count = |words: &[&str]| {
        text.lines().map(str::trim_start).filter(|line| words.iter().any(|word| line.starts_with(word))).count()
    };
    let counted = WORDS.iter().map(|(kind, words)| (count(words), *kind));
    counted
        .filter(|(count, _)| *count >= 2)
        .max_by_key(|(count, kind)| (*count, std::cmp::Reverse(*kind)))
        .map(|(_, kind)| kind)
}

/// Whether a text of no telling name is worth reading as YAML: its first line with content is a key or a brace.
fn looks_like_tree(text: &str) -> bool {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    first.is_some_and(|line| {
        line.starts_with('{')
            || line == "---"
            || line.split_once(':').is_some_and(|(key, rest)| {
                (rest.is_empty() || rest.starts_with(' ')) && !key.contains(char::is_whitespace)
            })
    })
}

/// What a tree is for.
pub(super) fn of_tree(tree: &Node) -> Option<Kind> {
    let has = |key: &str| tree.get(key).is_some();
    match () {
        () if has("apiVersion") && has("kind") => Some(Kind::Kubernetes),
        () if has("Changes") || has("ChangeBatch") => Some(Kind::Route53Changes),
        () if has("HealthCheckConfig") => Some(Kind::Route53HealthCheck),
        () if has("groups") => Some(Kind::PrometheusRules),
        () if has("route") && has("receivers") => Some(Kind::Alertmanager),
        () if has("scope") || has("bootstrap") && has("postgresql") => Some(Kind::Patroni),
        () if has("initial-cluster") || has("data-dir") && has("listen-client-urls") => Some(Kind::Etcd),
        () => None,
    }
}
