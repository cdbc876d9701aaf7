//! What live sources are to be asked, and where they are: values, made from the blueprint and from what it renders to.

use std::time::Duration;

use serde_json::Value;

/// A kind of live source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum LiveKind {
    /// The API server of each region's cluster, by kubeconfig and context.
    Kubernetes,
    /// The hosted zone and the health checks, with the credentials that the AWS SDK finds.
    Route53,
    /// The rules that each Prometheus has loaded.
    Prometheus,
    /// The dynamic configuration of each Patroni cluster on hosts.
    Patroni,
    /// The settings of each node of Redis on hosts.
    Redis,
}

impl LiveKind {
    /// Its name, as `--live` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Route53 => "route53",
            Self::Prometheus => "prometheus",
            Self::Patroni => "patroni",
            Self::Redis => "redis",
        }
    }
}

/// All that is to be asked.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The clusters of Kubernetes.
    pub clusters: Vec<Cluster>,
    /// The hosted zone, where records or health checks are rendered.
    pub zone: Option<Zone>,
    /// Each Prometheus.
    pub prometheus: Vec<Server>,
    /// Each cluster of Patroni.
    pub patroni: Vec<Server>,
    /// Each node of Redis.
    pub redis: Vec<Server>,
}

/// A cluster of Kubernetes.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Its region.
    pub region: String,
    /// The context in the kubeconfig; the current one, or that of the pod that hagen runs in, where there is none.
    pub context: Option<String>,
    /// The rendered objects.
    pub objects: Vec<Value>,
    /// The kinds of which something may be left over, beside those of the objects: version of the API and kind.
    pub kinds: Vec<(String, String)>,
    /// The labels that all of hagen's objects of this blueprint carry: a selector.
    pub selector: String,
}

/// A hosted zone of Route 53.
#[derive(Debug, Clone)]
pub struct Zone {
    /// Its id; health checks alone where there is none.
    pub id: Option<String>,
}

/// A server that answers at one of several addresses.
#[derive(Debug, Clone)]
pub struct Server {
    /// What it is known by: a region, `global`, `REGION/SCOPE`.
    pub name: String,
    /// Where it answers: URLs, or `HOST:PORT`; the first that answers is taken.
    pub addresses: Vec<String>,
    /// Whether it wants TLS, where its address does not say so.
    pub tls: bool,
}

/// How sources are asked.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// The longest that one request may take.
    pub timeout: Duration,
}
