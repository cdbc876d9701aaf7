//! Prometheus, SLOs, alerts.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Url;
use crate::blueprint::units::Duration;

/// Prometheus, SLOs and alerts.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"runbooks": "https://runbooks.example.com"}]))]
pub struct Monitoring {
    /// How Prometheus gets its rules.
    #[serde(default)]
    pub prometheus: Prometheus,
    /// What sends the alerts out.
    #[serde(default)]
    pub alertmanager: Alertmanager,
    /// The time from one scrape and one evaluation to the next.
    #[serde(default = "thirty_seconds")]
    pub interval: Duration,
    /// Service level objectives.
    #[serde(default)]
    pub slo: Slo,
    /// Whether dashboards are wanted. None are rendered yet: `true` is answered with a warning.
    #[serde(default)]
    pub dashboards: bool,
    /// Where runbooks are read: every alert's `runbook_url` is this address, `/` and the alert's name.
    #[schemars(extend("examples" = ["https://runbooks.example.com"]))]
    pub runbooks: Url,
    /// Alerts that differ from what hagen derives, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("propertyNames" = {"pattern": "^[A-Z][A-Za-z0-9]*$"}))]
    #[schemars(extend("examples" = [{"ServiceDown": {"severity": "warning"}}]))]
    pub alerts: BTreeMap<String, AlertOverride>,
    /// Where the exporters of what runs on Kubernetes come from.
    #[serde(default)]
    pub exporters: Exporters,
}

fn thirty_seconds() -> Duration {
    Duration::from_secs(30)
}

/// How Prometheus gets its rules.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Prometheus {
    /// By its operator, or as files.
    #[serde(default)]
    pub flavour: Flavour,
    /// Where each region's Prometheus answers to the one that looks at all regions: `HOST:PORT`, by region. Without it the
    /// rules over all regions are left out, for nothing would see what they ask for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("additionalProperties" = {"type": "string", "pattern": super::text::HOST_PORT}))]
    #[schemars(extend("examples" = [{"us-east-1": "prometheus.us-east-1.example.com:9090"}]))]
    pub endpoints: BTreeMap<String, String>,
}

/// How Prometheus gets its rules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Flavour {
    /// The Prometheus operator: PrometheusRule, ServiceMonitor, PodMonitor.
    #[default]
    Operator,
    /// Rule files and a scrape configuration.
    Files,
}

/// What sends the alerts out.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Alertmanager {
    /// Its version, in quotes; all from 0.28 on get the same configuration. 0.25 cannot read a webhook's address from a file,
    /// 0.26 and 0.27 can, but end when what stands there answers with an error.
    #[serde(default = "default_alertmanager")]
    #[schemars(regex(pattern = r"^0\.(2[5-9]|[3-9][0-9])$"))]
    pub version: String,
}

fn default_alertmanager() -> String {
    "0.35".to_owned()
}

impl Default for Alertmanager {
    fn default() -> Self {
        Self { version: default_alertmanager() }
    }
}

impl Alertmanager {
    /// The minor version.
    pub fn minor(&self) -> u32 {
        self.version.split_once('.').and_then(|(_, minor)| minor.parse().ok()).unwrap_or(35)
    }
}

/// Service level objectives.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Slo {
    /// The window that the error budget is for.
    #[serde(default = "thirty_days")]
    pub window: Duration,
    /// The burn rates that alert.
    #[serde(default)]
    pub burn_rates: BurnRates,
}

fn thirty_days() -> Duration {
    Duration::from_secs(30 * 86_400)
}

impl Default for Slo {
    fn default() -> Self {
        Self { window: thirty_days(), burn_rates: BurnRates::default() }
    }
}

/// The burn rates that alert.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BurnRates {
    /// 14.4 over 1 h and 6 over 6 h page; 3 over 1 d and 1 over 3 d make a ticket (F-PR-06).
    #[default]
    Standard,
}

/// An alert that differs from what hagen derives.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"severity": "warning"}]))]
pub struct AlertOverride {
    /// How long the condition must hold.
    #[serde(rename = "for", default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["5m"]))]
    pub hold: Option<Duration>,
    /// The threshold, where the alert's is a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["1m"]))]
    pub above: Option<Duration>,
    /// How loud it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// `false` leaves it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [false]))]
    pub enabled: Option<bool>,
}

/// How loud an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Wakes somebody.
    Critical,
    /// A ticket for the working day.
    Warning,
    /// For the record.
    Info,
}

/// Images of the exporters that run beside the data stores on Kubernetes; what has none is expected to be there already.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exporters {
    /// postgres_exporter, beside every PostgreSQL member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postgres: Option<super::Image>,
    /// pgbouncer_exporter, beside every pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pgbouncer: Option<super::Image>,
    /// redis_exporter, beside every Redis node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redis: Option<super::Image>,
    /// pgbackrest_exporter, beside every PostgreSQL member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pgbackrest: Option<super::Image>,
    /// Where blackbox_exporter answers: `blackbox-exporter.monitoring:9115`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = super::text::HOST_PORT))]
    #[schemars(extend("examples" = ["blackbox-exporter.monitoring:9115"]))]
    pub blackbox: Option<String>,
    /// Where the Pushgateway answers that jobs push their results to: `pushgateway.monitoring:9091`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = super::text::HOST_PORT))]
    #[schemars(extend("examples" = ["pushgateway.monitoring:9091"]))]
    pub pushgateway: Option<String>,
    /// Alertmanagers, with `flavour: files`: `HOST:PORT`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(regex(pattern = super::text::HOST_PORT)))]
    #[schemars(extend("examples" = [["alertmanager.monitoring:9093"]]))]
    pub alertmanagers: Vec<String>,
}
