//! What is rendered: files with their kind and where they come from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::document::Path;

/// What reads a file, and so how it is read back before it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ArtifactKind {
    /// Kubernetes objects, one or more YAML documents.
    Kubernetes,
    /// A kustomization.yaml.
    Kustomization,
    /// Prometheus rules, as a plain file.
    PrometheusRules,
    /// promtool unit tests.
    PrometheusTests,
    /// A scrape configuration of Prometheus.
    PrometheusConfig,
    /// The configuration of Alertmanager.
    Alertmanager,
    /// The configuration of blackbox_exporter.
    Blackbox,
    /// patroni.yml.
    Patroni,
    /// The configuration of etcd.
    Etcd,
    /// haproxy.cfg.
    Haproxy,
    /// pgbouncer.ini.
    Pgbouncer,
    /// pgbackrest.conf.
    Pgbackrest,
    /// redis.conf or sentinel.conf.
    Redis,
    /// A Route 53 change batch.
    Route53Changes,
    /// A Route 53 health check.
    Route53HealthCheck,
    /// A systemd unit.
    Systemd,
    /// A shell script; it is executable.
    Shell,
    /// A page for people.
    Markdown,
    /// JSON of another form, read by hagen's own scripts.
    Json,
    /// Text of another form.
    Text,
}

impl ArtifactKind {
    /// Its name, in the lock file, in `--only` and `--skip`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Kustomization => "kustomization",
            Self::PrometheusRules => "prometheus-rules",
            Self::PrometheusTests => "prometheus-tests",
            Self::PrometheusConfig => "prometheus-config",
            Self::Alertmanager => "alertmanager",
            Self::Blackbox => "blackbox",
            Self::Patroni => "patroni",
            Self::Etcd => "etcd",
            Self::Haproxy => "haproxy",
            Self::Pgbouncer => "pgbouncer",
            Self::Pgbackrest => "pgbackrest",
            Self::Redis => "redis",
            Self::Route53Changes => "route53-changes",
            Self::Route53HealthCheck => "route53-health-check",
            Self::Systemd => "systemd",
            Self::Shell => "shell",
            Self::Markdown => "markdown",
            Self::Json => "json",
            Self::Text => "text",
        }
    }
}

/// A part of the output that can be picked with `--only` and `--skip`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, clap::ValueEnum)]
pub enum Family {
    /// Kubernetes objects of the services and of the namespace.
    Kubernetes,
    /// PostgreSQL: Patroni, etcd, HAProxy, PgBouncer, pgBackRest.
    #[value(alias = "postgres", alias = "postgresql")]
    Patroni,
    /// Redis.
    Redis,
    /// Route 53.
    #[value(alias = "route53")]
    Dns,
    /// Prometheus and Alertmanager.
    #[value(alias = "prometheus", alias = "monitoring")]
    Alerts,
    /// Pages for people.
    Docs,
}

/// A rendered file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Its path below the output directory, with `/`.
    pub path: String,
    /// What reads it.
    pub kind: ArtifactKind,
    /// The part of the output that it belongs to.
    pub family: Family,
    /// The region that it is for; `None` for what is global.
    pub region: Option<String>,
    /// Its content.
    pub text: String,
    /// The parts of the blueprint that it comes from.
    pub origins: Vec<Path>,
    /// The template that it was made from.
    pub template: &'static str,
}

/// A Kubernetes object in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Object {
    /// Group and version.
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// The namespace; none for what belongs to the whole cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

/// All rendered files, by path.
pub type ArtifactSet = BTreeMap<String, Artifact>;
