//! The public DNS zone.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DomainName, UrlPath};
use crate::blueprint::units::Duration;

/// The public DNS zone and its records, in Route 53.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"zone": "example.com", "hostedZoneId": "Z0931127EXAMPLE"}]))]
pub struct Dns {
    /// The zone's name.
    #[schemars(extend("examples" = ["example.com"]))]
    pub zone: DomainName,
    /// The zone's id in Route 53.
    #[schemars(regex(pattern = r"^Z[A-Z0-9]{5,31}$"))]
    #[schemars(extend("examples" = ["Z0931127EXAMPLE"]))]
    pub hosted_zone_id: String,
    /// The records, by the label in front of the zone's name; `@` is the zone itself.
    #[serde(default)]
    #[schemars(extend("propertyNames" = {"pattern": r"^(@|[a-z0-9_]([-a-z0-9_]{0,61}[a-z0-9])?([.][a-z0-9_]([-a-z0-9_]{0,61}[a-z0-9])?)*)$"}))]
    #[schemars(extend("examples" = [{"api": {"routing": "simple"}}]))]
    pub records: BTreeMap<String, Record>,
}

/// A record that leads to the regions' load balancers.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"routing": "simple"}]))]
pub struct Record {
    /// How the answer is chosen.
    #[serde(default)]
    pub routing: Routing,
    /// How a region that fails is taken out; decided by `strategy` when not given (decision 5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failover: Option<DnsFailover>,
    /// How long resolvers may keep the answer; aliases to load balancers have 60 s in any case (F-DN-08).
    #[serde(default = "default_ttl")]
    pub ttl: Duration,
    /// How a region is seen to be alive.
    #[serde(default)]
    pub health: HealthCheck,
    /// With `failover: gated`: the object whose removal lets the secondary in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<Gate>,
}

fn default_ttl() -> Duration {
    Duration::from_secs(60)
}

/// How an answer is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Routing {
    /// By where the client is (`regions.*.geo`).
    #[default]
    Geolocation,
    /// The primary region, or the secondary when it fails.
    Failover,
    /// The primary region only.
    Simple,
}

/// How a region that fails is taken out of DNS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DnsFailover {
    /// By its health checks alone.
    Automatic,
    /// By its health checks, and only once people have opened the gate.
    Gated,
    /// Never.
    None,
}

/// How Route 53 sees that a region is alive.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"path": "/health/ready", "interval": "10s"}]))]
pub struct HealthCheck {
    /// The path that is asked for.
    #[serde(default = "default_path")]
    pub path: UrlPath,
    /// HTTPS or HTTP.
    #[serde(default)]
    pub protocol: HealthProtocol,
    /// The port; 443 or 80 when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    #[schemars(extend("examples" = [443]))]
    pub port: Option<u16>,
    /// 10 s or 30 s (F-DN-01).
    #[serde(default = "ten_seconds")]
    pub interval: Duration,
    /// So many failures in a row count.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 10))]
    pub failures: u32,
}

fn default_path() -> UrlPath {
    UrlPath::new("/health/ready")
}
fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}
const fn three() -> u32 {
    3
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self {
            path: default_path(),
            protocol: HealthProtocol::default(),
            port: None,
            interval: ten_seconds(),
            failures: three(),
        }
    }
}

/// The protocol of a health check.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HealthProtocol {
    /// HTTPS; the certificate is not validated (F-DN-02).
    #[default]
    Https,
    /// HTTP.
    Http,
}

/// The object whose removal lets a secondary region in: while it is there the secondary is held back.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Gate {
    /// The host that serves it; it must lie outside the primary region.
    #[schemars(extend("examples" = ["gate.example.org"]))]
    pub host: DomainName,
    /// Its path.
    #[schemars(extend("examples" = ["/open"]))]
    pub path: UrlPath,
}
