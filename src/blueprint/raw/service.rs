//! Services: what runs, how many of it, what it needs, how it is reached.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AbsolutePath, DomainName, EnvName, Image, Name, Reference, SecretRef, UrlPath};
use crate::blueprint::units::{Bytes, Cpu, Duration, Percent, Rate};

/// A stateless service.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"image": "registry.example.com/team/app:1.4.2@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "port": 8080}]))]
pub struct Service {
    /// The class of targets that it belongs to (`objectives.tiers`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["critical"]))]
    pub tier: Option<Name>,
    /// Where it runs. Only `kubernetes` is rendered.
    #[serde(default)]
    pub platform: ServicePlatform,
    /// Its image, by tag and digest; required on Kubernetes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// The port that it listens on: container, Service and routes.
    #[schemars(range(min = 1))]
    pub port: u16,
    /// How many run.
    #[serde(default)]
    pub replicas: Replicas,
    /// When more are started; without it no HorizontalPodAutoscaler is rendered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscale: Option<Autoscale>,
    /// CPU and memory of one pod.
    #[serde(default)]
    pub resources: Resources,
    /// How it is seen to be alive and ready.
    #[serde(default)]
    pub probes: Probes,
    /// How it stops.
    #[serde(default)]
    pub shutdown: Shutdown,
    /// How its pods are spread.
    #[serde(default)]
    pub spread: Spread,
    /// How a new version replaces the old one.
    #[serde(default)]
    pub rollout: Rollout,
    /// How many pods a node drain may take at once (PodDisruptionBudget `maxUnavailable`).
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 10_000))]
    pub disruption: u32,
    /// How long a pod stays bound to a node that does not answer before it is replaced; derived from the RTO when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["30s"]))]
    pub toleration: Option<Duration>,
    /// How long a pod takes from being scheduled until it is ready, at most: image, process, caches. 30s are taken where
    /// nothing is written. The time that a pod stays bound to a lost node follows from it, and whether probes are patient
    /// enough (R-K8-17).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Duration>,
    /// The load that it has to carry, and how much of it one pod carries: what `check` computes with (R-K8-13). Nothing is
    /// rendered from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<Load>,
    /// Where its sessions live: it keeps none itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["redis.sessions"]))]
    pub sessions: Option<Reference>,
    /// What it calls, by reference: NetworkPolicy, connection settings, timeouts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("examples" = [{"postgres.main": {"timeout": "2s"}}]))]
    pub needs: BTreeMap<Reference, Need>,
    /// Whether the outside may reach it.
    #[serde(default)]
    pub exposure: Exposure,
    /// How the outside reaches it; only for a public service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Route>,
    /// Environment variables with plain values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("examples" = [{"LOG_LEVEL": "info"}]))]
    pub env: BTreeMap<EnvName, super::Verbatim>,
    /// Environment variables from secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("examples" = [{"API_TOKEN": {"secret": "api", "key": "token"}}]))]
    pub secrets: BTreeMap<EnvName, SecretRef>,
    /// How the container is confined.
    #[serde(default)]
    pub security: Security,
    /// Where its metrics are, and which of them its SLO counts.
    #[serde(default)]
    pub metrics: Metrics,
    /// Its own targets; they win over its tier and the global ones.
    #[serde(default)]
    pub objectives: super::Tier,
}

const fn one() -> u32 {
    1
}

/// Where a service runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ServicePlatform {
    /// Kubernetes.
    #[default]
    Kubernetes,
    /// Google Cloud Run.
    CloudRun,
    /// Vercel.
    Vercel,
    /// A provider's edge functions.
    EdgeFunction,
}

/// How many pods run.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"min": 3, "max": 9}]))]
pub struct Replicas {
    /// The number that always runs in the primary region.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 10_000))]
    pub min: u32,
    /// The most that the autoscaler may start; `min` when it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    #[schemars(extend("examples" = [9]))]
    pub max: Option<u32>,
}

const fn three() -> u32 {
    3
}

impl Default for Replicas {
    fn default() -> Self {
        Self { min: three(), max: None }
    }
}

/// The load of a service.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Load {
    /// The requests that a region has to carry at any time, also when it is the only one left: `300/s`.
    pub base: Rate,
    /// The requests that one pod carries, as measured.
    pub per_pod: Rate,
}

/// When more pods are started.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"cpu": "60%"}]))]
pub struct Autoscale {
    /// Mean CPU use, as a share of the request, that is aimed at. 66 % leaves room for the loss of one of three zones (X-K8-6).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["60%"]))]
    pub cpu: Option<Percent>,
    /// Mean memory use, as a share of the request, that is aimed at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["80%"]))]
    pub memory: Option<Percent>,
    /// How long the load must have been lower before pods are taken away.
    #[serde(default = "default_scale_down")]
    pub scale_down_stabilization: Duration,
    /// How long the load must have been higher before pods are added.
    #[serde(default = "default_scale_up")]
    pub scale_up_stabilization: Duration,
}

fn default_scale_down() -> Duration {
    Duration::from_secs(300)
}

fn default_scale_up() -> Duration {
    Duration::from_secs(0)
}

/// CPU and memory of one pod.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"requests": {"cpu": "250m", "memory": "256Mi"}}]))]
pub struct Resources {
    /// What is reserved.
    #[serde(default)]
    pub requests: Requests,
    /// What may not be exceeded.
    #[serde(default)]
    pub limits: Limits,
}

/// What is reserved for a pod.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Requests {
    /// CPU.
    #[serde(default = "default_cpu")]
    pub cpu: Cpu,
    /// Memory.
    #[serde(default = "default_memory")]
    pub memory: Bytes,
}

fn default_cpu() -> Cpu {
    Cpu::from_millis(100)
}

fn default_memory() -> Bytes {
    Bytes::new(128 << 20)
}

impl Default for Requests {
    fn default() -> Self {
        Self { cpu: default_cpu(), memory: default_memory() }
    }
}

/// What a pod may not exceed.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"memory": "256Mi"}]))]
pub struct Limits {
    /// CPU; better left out: a limit throttles although the node is idle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["2"]))]
    pub cpu: Option<Cpu>,
    /// Memory; the request when it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Bytes>,
}

#[expect(clippy::derivable_impls, reason = "the defaults stand on the fields")]
impl Default for Resources {
    fn default() -> Self {
        Self { requests: Requests::default(), limits: Limits::default() }
    }
}

/// How a service is seen to be alive and ready.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"readiness": {"http": "/health/ready"}, "liveness": {"http": "/health/live"}}]))]
pub struct Probes {
    /// Whether it may receive traffic; a TCP connection to the port when it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readiness: Option<Probe>,
    /// Whether it must be restarted; must not ask its dependencies (R-K8-18).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liveness: Option<Probe>,
    /// Whether it has started; the liveness probe asked for five minutes when it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub startup: Option<Probe>,
}

/// An HTTP probe.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"http": "/health/ready", "period": "10s"}]))]
pub struct Probe {
    /// The path that answers 200 to 399; a TCP connection when it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<UrlPath>,
    /// The time from one question to the next.
    #[serde(default = "ten_seconds")]
    pub period: Duration,
    /// How long an answer may take (F-K8-04: Kubernetes' own default of 1 s is short).
    #[serde(default = "two_seconds")]
    pub timeout: Duration,
    /// So many failures in a row count: 3 for readiness, 6 for liveness, which must be slower (R-K8-16), 60 for startup, when it
    /// is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    #[schemars(extend("examples" = [3]))]
    pub failures: Option<u32>,
    /// The time before the first question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["5s"]))]
    pub initial_delay: Option<Duration>,
    /// What the answer depends on beside the process, by reference: `[postgres.main]`. A probe that asks what all pods share
    /// fails in all of them at once (R-K8-19). What `check` goes by; nothing is rendered from it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<Reference>,
}

fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

fn two_seconds() -> Duration {
    Duration::from_secs(2)
}

/// How a service stops.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"drain": "15s"}]))]
pub struct Shutdown {
    /// How long it goes on serving after it was told to stop, until no balancer sends to it any more.
    #[serde(default = "ten_seconds")]
    pub drain: Duration,
    /// The whole time it gets; drain + longest request + 5 s when it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["90s"]))]
    pub grace: Option<Duration>,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { drain: ten_seconds(), grace: None }
    }
}

/// How pods are spread.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spread {
    /// Over the zones.
    #[serde(default = "hard")]
    pub zone: SpreadMode,
    /// Over the nodes.
    #[serde(default = "soft")]
    pub node: SpreadMode,
}

fn hard() -> SpreadMode {
    SpreadMode::Hard
}

fn soft() -> SpreadMode {
    SpreadMode::Soft
}

impl Default for Spread {
    fn default() -> Self {
        Self { zone: hard(), node: soft() }
    }
}

/// How strictly pods are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SpreadMode {
    /// A pod that would unbalance the spread waits.
    Hard,
    /// The spread is a wish.
    Soft,
    /// Not spread.
    None,
}

/// How a new version replaces the old one.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rollout {
    /// How many pods may be missing.
    #[serde(default = "one")]
    pub max_unavailable: u32,
    /// How many pods may be there in addition.
    #[serde(default = "one")]
    pub max_surge: u32,
}

impl Default for Rollout {
    fn default() -> Self {
        Self { max_unavailable: 1, max_surge: 1 }
    }
}

/// One thing that a service calls.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"timeout": "2s", "retries": 1}]))]
pub struct Need {
    /// Through the pool or directly; only for PostgreSQL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
    /// Whether a secondary region reads from its own standby instead of the writer; only for PostgreSQL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<ReadFrom>,
    /// The longest that one call may take, retries included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["2s"]))]
    pub timeout: Option<Duration>,
    /// The longest that one try may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["500ms"]))]
    pub per_try: Option<Duration>,
    /// How many times a failed call is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 10))]
    #[schemars(extend("examples" = [1]))]
    pub retries: Option<u32>,
    /// How many connections one pod keeps open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    #[schemars(extend("examples" = [10]))]
    pub pool_size: Option<u32>,
    /// When calls are no longer tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaker: Option<Breaker>,
    /// What is called instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["external.openai"]))]
    pub fallback: Option<Reference>,
    /// How many calls may be under way at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    #[schemars(extend("examples" = [20]))]
    pub bulkhead: Option<u32>,
}

/// The way to PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Via {
    /// Through the connection pool.
    Pool,
    /// To the primary itself.
    Direct,
}

/// Where a secondary region reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReadFrom {
    /// From the writer, in the primary region.
    Primary,
    /// From the standby in its own region; it lags.
    Local,
}

/// When calls are no longer tried.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"failures": 5, "open": "30s"}]))]
pub struct Breaker {
    /// So many failures in a row open it.
    #[schemars(range(min = 1))]
    #[schemars(extend("examples" = [5]))]
    pub failures: u32,
    /// How long it stays open.
    #[schemars(extend("examples" = ["30s"]))]
    pub open: Duration,
}

/// Whether the outside may reach a service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Exposure {
    /// Only from inside the namespace.
    #[default]
    Internal,
    /// From the outside, through its route.
    Public,
}

/// How the outside reaches a service.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"host": "shop.example.com", "path": "/"}]))]
pub struct Route {
    /// The host name; that of the only DNS record when it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["shop.example.com"]))]
    pub host: Option<DomainName>,
    /// The path prefix.
    #[serde(default = "root")]
    pub path: UrlPath,
    /// The longest that a request may take.
    #[serde(default = "sixty_seconds")]
    pub timeout: Duration,
    /// Requests of one client address; needs `edge.ingress: nginx`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["100/s"]))]
    pub rate_limit: Option<Rate>,
    /// Connections of one client address; needs `edge.ingress: nginx`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    #[schemars(extend("examples" = [20]))]
    pub connections: Option<u32>,
}

fn root() -> UrlPath {
    UrlPath::new("/")
}

fn sixty_seconds() -> Duration {
    Duration::from_secs(60)
}

/// How a container is confined (pod security `restricted`).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Security {
    /// The user id that it runs as.
    #[serde(default = "default_user")]
    #[schemars(range(min = 1))]
    pub run_as_user: u32,
    /// Directories that it may write to; each becomes an `emptyDir`, the rest is read-only.
    #[serde(default = "default_writable")]
    #[schemars(extend("examples" = [["/tmp"]]))]
    pub writable: Vec<AbsolutePath>,
}

const fn default_user() -> u32 {
    10_001
}

fn default_writable() -> Vec<AbsolutePath> {
    vec![AbsolutePath::new("/tmp")]
}

impl Default for Security {
    fn default() -> Self {
        Self { run_as_user: default_user(), writable: default_writable() }
    }
}

/// The metrics of a service.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"path": "/metrics", "requests": "http_requests_total"}]))]
pub struct Metrics {
    /// The path that Prometheus reads.
    #[serde(default = "metrics_path")]
    pub path: UrlPath,
    /// The port, when it is not the service's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    #[schemars(extend("examples" = [9090]))]
    pub port: Option<u16>,
    /// The counter of requests that the SLO is computed from; without it the service has no SLO alerts unless a mesh counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[a-zA-Z_:][a-zA-Z0-9_:]*$"))]
    #[schemars(extend("examples" = ["http_requests_total"]))]
    pub requests: Option<String>,
    /// The label of that counter that holds the status code.
    #[serde(default = "code_label")]
    #[schemars(regex(pattern = r"^[a-zA-Z_][a-zA-Z0-9_]*$"))]
    pub code: String,
}

fn metrics_path() -> UrlPath {
    UrlPath::new("/metrics")
}

fn code_label() -> String {
    "code".to_owned()
}

impl Default for Metrics {
    fn default() -> Self {
        Self { path: metrics_path(), port: None, requests: None, code: code_label() }
    }
}

/// Something of others that this system calls.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"url": "https://api.example.com"}]))]
pub struct External {
    /// Its address.
    pub url: super::Url,
    /// The availability that its provider promises.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["99.5%"]))]
    pub availability: Option<Percent>,
    /// Whether the system is down without it.
    #[serde(default = "yes")]
    pub critical: bool,
    /// The credential for it, as an environment variable of the services that need it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [{"secret": "payments", "key": "api-key"}]))]
    pub credential: Option<SecretRef>,
}

const fn yes() -> bool {
    true
}
