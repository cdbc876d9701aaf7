//! Regions and what they run on.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DomainName, LabelKey, LabelValue, Name, ObjectName};
use crate::blueprint::units::{Bytes, Cpu, Duration, Percent};

/// A region: one Kubernetes cluster over some zones.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"role": "primary", "zones": ["zone-a", "zone-b", "zone-c"]}]))]
pub struct Region {
    /// Where the writer of the data is, and where it fails over to.
    pub role: RegionRole,
    /// Whose region it is; decides tables such as load-balancer zone ids.
    #[serde(default)]
    pub provider: Provider,
    /// The zones, as nodes carry them in `topology.kubernetes.io/zone`.
    #[schemars(length(min = 1), inner(regex(pattern = r"^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$")))]
    #[schemars(extend("examples" = [["zone-a", "zone-b", "zone-c"]]))]
    pub zones: Vec<String>,
    /// The context of this region's cluster in the kubeconfig; used in what hagen prints and runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = super::text::FOREIGN_NAME))]
    #[schemars(extend("examples" = ["production"]))]
    pub kube_context: Option<String>,
    /// Whom geolocation DNS sends here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub geo: Option<Geo>,
    /// The load balancer that DNS points to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<LoadBalancer>,
    /// The share of the primary's replicas that always runs in this region; `0%` keeps the services at zero without an autoscaler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["60%"]))]
    pub warm: Option<Percent>,
    /// The nodes that this system's pods may use here: what `check` adds their requests up against (R-K8-14). Nothing is
    /// rendered from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Nodes>,
}

/// The nodes of a region, evenly over its zones.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Nodes {
    /// How many there are; the most that there may be, where a node autoscaler adds them.
    #[schemars(range(min = 1, max = 100_000))]
    pub count: u32,
    /// The CPU that one of them has for pods (`status.allocatable`), without what DaemonSets take.
    pub cpu: Cpu,
    /// The memory that one of them has for pods.
    pub memory: Bytes,
}

/// Where the writer of the data is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RegionRole {
    /// The region that writes.
    Primary,
    /// A region that takes over.
    Secondary,
}

/// Whose region it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    /// Amazon Web Services.
    Aws,
    /// Google Cloud.
    Gcp,
    /// Microsoft Azure.
    Azure,
    /// Own machines, or another provider.
    #[default]
    Other,
}

impl Provider {
    /// Whether an alias record of Route 53 can lead to its load balancers; of `other` nothing is known.
    pub const fn has_route_53_aliases(self) -> bool {
        matches!(self, Self::Aws | Self::Other)
    }
}

/// Whom geolocation DNS sends to a region.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"default": true}]))]
pub struct Geo {
    /// Continents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [["EU", "AF"]]))]
    pub continents: Vec<Continent>,
    /// Countries, as ISO 3166-1 codes of two letters; they win over their continent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(regex(pattern = r"^[A-Z]{2}$")))]
    #[schemars(extend("examples" = [["DE", "FR"]]))]
    pub countries: Vec<String>,
    /// Whether everybody who is mapped nowhere is sent here; exactly one region must say so.
    #[serde(default)]
    pub default: bool,
}

/// A continent, as Route 53 knows them (F-DN-05).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Continent {
    /// Africa.
    Af,
    /// Antarctica.
    An,
    /// Asia.
    As,
    /// Europe.
    Eu,
    /// Oceania.
    Oc,
    /// North America.
    Na,
    /// South America.
    Sa,
}

/// A load balancer in front of a region.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoadBalancer {
    /// Its DNS name, as the provider gives it.
    #[schemars(extend("examples" = ["shop-8c1f0e5d7a92b346.elb.us-east-1.amazonaws.com"]))]
    pub dns_name: DomainName,
    /// Application (ALB) or network (NLB).
    #[serde(default)]
    pub kind: LoadBalancerKind,
    /// Whether it also has IPv6 addresses: DNS gets AAAA records.
    #[serde(default)]
    pub dual_stack: bool,
    /// Its canonical hosted zone id; needed only where hagen's table has no entry for the region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^Z[A-Z0-9]{5,31}$"))]
    #[schemars(extend("examples" = ["Z26RNL4JYFTOTI"]))]
    pub hosted_zone_id: Option<String>,
}

/// The kind of a load balancer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LoadBalancerKind {
    /// Layer 7 (ALB).
    #[default]
    Application,
    /// Layer 4 (NLB).
    Network,
}

/// What all regions run on.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"kubernetes": {"version": "1.36"}}]))]
pub struct Platform {
    /// The Kubernetes version.
    #[serde(default)]
    pub kubernetes: Kubernetes,
    /// The namespace of everything that is rendered; the blueprint's name when it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["shop"]))]
    pub namespace: Option<Name>,
    /// How secrets reach the pods.
    #[serde(default)]
    pub secrets: Secrets,
    /// From where metrics are scraped.
    #[serde(default)]
    pub monitoring: MonitoringAccess,
    /// Names of Secrets with registry credentials, for every pod.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [["registry"]]))]
    pub image_pull_secrets: Vec<ObjectName>,
}

/// The Kubernetes version, the same in all regions.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Kubernetes {
    /// Major and minor version, in quotes; it decides constants such as the node grace period (F-K8-01).
    #[serde(default = "default_kubernetes_version")]
    #[schemars(regex(pattern = r"^1\.(2[89]|[3-9][0-9])$"))]
    #[schemars(extend("examples" = ["1.36"]))]
    pub version: String,
    /// The DNS domain of the clusters: what runs in pods is called NAME.NAMESPACE.svc.DOMAIN.
    #[serde(default = "default_cluster_domain")]
    pub domain: DomainName,
}

fn default_cluster_domain() -> DomainName {
    DomainName::new("cluster.local")
}

fn default_kubernetes_version() -> String {
    "1.36".to_owned()
}

impl Default for Kubernetes {
    fn default() -> Self {
        Self { version: default_kubernetes_version(), domain: default_cluster_domain() }
    }
}

impl Kubernetes {
    /// The minor version.
    pub fn minor(&self) -> u32 {
        self.version.rsplit_once('.').and_then(|(_, minor)| minor.parse().ok()).unwrap_or(36)
    }
}

/// How secrets reach the pods. hagen writes references, never values.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"backend": "external-secrets", "store": "aws-secrets"}]))]
pub struct Secrets {
    /// Who makes the Secret objects.
    #[serde(default)]
    pub backend: SecretsBackend,
    /// The store that External Secrets reads; required with that backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["aws-secrets"]))]
    pub store: Option<ObjectName>,
    /// Whether the store is for one namespace or the whole cluster.
    #[serde(default)]
    pub store_kind: SecretStoreKind,
    /// How often External Secrets reads the store again.
    #[serde(default = "default_refresh")]
    pub refresh: Duration,
}

fn default_refresh() -> Duration {
    Duration::from_secs(3600)
}

impl Default for Secrets {
    fn default() -> Self {
        Self {
            backend: SecretsBackend::default(),
            store: None,
            store_kind: SecretStoreKind::default(),
            refresh: default_refresh(),
        }
    }
}

/// Who makes the Secret objects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SecretsBackend {
    /// Somebody else: pods name the Secret, and it has to be there.
    #[default]
    Reference,
    /// The External Secrets operator: one ExternalSecret for each Secret is rendered.
    ExternalSecrets,
}

/// The kind of an External Secrets store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SecretStoreKind {
    /// For the whole cluster.
    #[default]
    ClusterSecretStore,
    /// For one namespace.
    SecretStore,
}

/// From where metrics are scraped; NetworkPolicies let that namespace in.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MonitoringAccess {
    /// The namespace that Prometheus runs in.
    #[serde(default = "default_monitoring_namespace")]
    pub namespace: Name,
    /// Labels that Prometheus wants on ServiceMonitor, PodMonitor and PrometheusRule objects to pick them up.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("examples" = [{"release": "prometheus"}]))]
    pub labels: BTreeMap<LabelKey, LabelValue>,
}

fn default_monitoring_namespace() -> Name {
    Name::new("monitoring")
}

impl Default for MonitoringAccess {
    fn default() -> Self {
        Self { namespace: default_monitoring_namespace(), labels: BTreeMap::new() }
    }
}
