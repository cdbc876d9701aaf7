//! What may be written in a blueprint: the types that the JSON Schema, the reading and the reference of fields come from.
//!
//! Nothing here computes. A default that is a constant stands on its field; one that depends on other
//! fields is `Option` here and filled in `resolve`. Every field's doc comment is what editors and
//! `hagen explain` show, so it says what the field means and what it renders into.

mod backup;
mod connections;
mod dns;
mod edge;
mod monitoring;
mod objectives;
mod operations;
mod postgres;
mod redis;
mod region;
mod service;
mod text;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use backup::*;
pub use connections::*;
pub use dns::*;
pub use edge::*;
pub use monitoring::*;
pub use objectives::*;
pub use operations::*;
pub use postgres::*;
pub use redis::*;
pub use region::*;
pub use service::*;
pub use text::*;

/// A high-availability and disaster-recovery blueprint: the one file that everything else is derived from.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Blueprint {
    /// The version of the language.
    pub api_version: ApiVersion,
    /// `Blueprint` is a base, `Overlay` a patch for one.
    pub kind: Kind,
    /// What this system is called and who owns it.
    pub metadata: Metadata,
    /// The targets: availability, RTO and RPO, globally, by tier and by scenario.
    #[serde(default)]
    pub objectives: Objectives,
    /// How the regions share the work.
    #[serde(default)]
    pub strategy: Strategy,
    /// The regions, by name, with their zones; exactly one is primary.
    #[schemars(extend("minProperties" = 1, "propertyNames" = {"pattern": "^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$"}))]
    #[schemars(extend("examples" = [{"home": {"role": "primary", "zones": ["zone-a", "zone-b", "zone-c"]}}]))]
    pub regions: BTreeMap<String, Region>,
    /// What all regions run on: Kubernetes, secrets, monitoring access.
    #[serde(default)]
    pub platform: Platform,
    /// The services, by name.
    #[serde(default)]
    #[schemars(extend("examples" = [{"api": {"image": "registry.example.com/team/app:1.4.2@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "port": 8080}}]))]
    pub services: BTreeMap<Name, Service>,
    /// The PostgreSQL clusters, by name.
    #[serde(default)]
    #[schemars(extend("examples" = [{"main": {"image": "registry.example.com/team/app:1.4.2@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "consensus": {"kind": "kubernetes"}, "pool": {"kind": "none"}, "storage": {"size": "100Gi"}}}]))]
    pub postgres: BTreeMap<Name, Postgres>,
    /// The Redis clusters, by name.
    #[serde(default)]
    #[schemars(extend("examples" = [{"cache": {"image": "registry.example.com/team/app:1.4.2@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "memory": "1Gi"}}]))]
    pub redis: BTreeMap<Name, Redis>,
    /// Services of others that this system calls, by name.
    #[serde(default)]
    #[schemars(extend("examples" = [{"payments": {"url": "https://api.example.com"}}]))]
    pub external: BTreeMap<Name, External>,
    /// Where backups go, by name.
    #[serde(default)]
    #[schemars(extend("examples" = [{"store": {"kind": "s3", "bucket": "my-backups", "region": "us-east-1"}}]))]
    pub backup: BTreeMap<Name, Destination>,
    /// The public DNS zone and its records; without it no DNS files are rendered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns: Option<Dns>,
    /// TLS, ingress and mesh.
    #[serde(default)]
    pub edge: Edge,
    /// Prometheus, SLOs and alerts; without it no alert files are rendered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monitoring: Option<Monitoring>,
    /// People: contacts, escalation, decisions, drills.
    #[serde(default)]
    pub operations: Operations,
    /// How strict the policy check is, and what is waived.
    #[serde(default)]
    pub policy: Policy,
    /// Environments, by name: each a patch (RFC 7386) on this blueprint, chosen with `--environment`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("examples" = [{"staging": {"objectives": {"availability": "99.5%"}}}]))]
    pub environments: BTreeMap<Name, Patch>,
}

/// The version of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ApiVersion {
    /// The first version.
    #[serde(rename = "hagen.dev/v1")]
    V1,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Kind {
    /// A whole blueprint.
    Blueprint,
    /// A patch for a blueprint; no field is required.
    Overlay,
}

/// What a system is called and who owns it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"name": "shop", "owner": "shop-team"}]))]
pub struct Metadata {
    /// The system's name: the default namespace, and a label on everything that is rendered.
    #[schemars(extend("examples" = ["shop"]))]
    pub name: Name,
    /// The team that owns the system; a label on alerts.
    #[schemars(regex(pattern = text::LINE))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["shop-team"]))]
    pub owner: Option<String>,
    /// One sentence for readers; it becomes an annotation of the namespace.
    #[schemars(regex(pattern = text::LINE))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["The shop of example.com."]))]
    pub description: Option<String>,
    /// Labels to put on every Kubernetes object.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("examples" = [{"team": "shop"}]))]
    pub labels: BTreeMap<LabelKey, LabelValue>,
}

/// How strict the policy check is, and what is waived.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"failOn": "warning"}]))]
pub struct Policy {
    /// The lowest level that fails `hagen check`.
    #[serde(default)]
    pub fail_on: PolicyLevel,
    /// Levels that differ from a rule's default, by rule id or by group (`backup: warning`); an id wins over its group. The
    /// rules of your own are `rego.PACKAGE.RULE`, and all of a package or all at all its beginning (`rego.main`, `rego`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("propertyNames" = {"pattern": r"^([A-Z]{2}|K8)[0-9]{3}$|^[a-z]+$|^rego(\.[A-Za-z0-9_-]+)+$"}))]
    #[schemars(extend("examples" = [{"RD006": "warning"}]))]
    pub levels: BTreeMap<String, PolicyLevel>,
    /// Findings that are accepted for a time, each with its reason.
    ///
    /// The same can be a comment, in the blueprint and in files that are written by hand:
    /// `# hagen: waive K8012 reason="the peak is known" owner=shop-team until=2027-06-30`.
    /// A comment on the line of a field holds for that field and all below it, so that one on `services:` holds for all services;
    /// one on a line of its own is for the next line that is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waive: Vec<Waiver>,
}

/// A level of the policy check.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyLevel {
    /// Not reported.
    Off,
    /// Worth knowing.
    Info,
    /// Likely to hurt.
    Warning,
    /// Refutes a target or fails in the real system.
    #[default]
    Error,
}

impl Waiver {
    /// The path that it holds for.
    pub fn path(&self) -> Result<crate::document::Path, crate::document::PathError> {
        self.at.parse()
    }
}

/// A finding that is accepted for a time. No part may be missing.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"rule": "PG032", "at": "postgres.main.pool", "reason": "the pools are never full at once", "owner": "shop-team", "until": "2027-06-30"}]))]
pub struct Waiver {
    /// The rule's id; that of a rule of your own is `rego.PACKAGE.RULE`.
    #[schemars(regex(pattern = r"^[A-Z]{2}[0-9]{3}$|^K8[0-9]{3}$|^rego(\.[A-Za-z0-9_-]+){2,}$"))]
    #[schemars(extend("examples" = ["PG032"]))]
    pub rule: String,
    /// The path in the blueprint that it holds for, with everything below it.
    #[schemars(regex(pattern = text::LINE))]
    #[schemars(extend("examples" = ["postgres.main.pool"]))]
    pub at: String,
    /// Why it is acceptable.
    #[schemars(regex(pattern = text::LINE))]
    #[schemars(extend("examples" = ["the pools are never full at once"]))]
    pub reason: String,
    /// Who answers for it.
    #[schemars(regex(pattern = text::LINE))]
    #[schemars(extend("examples" = ["shop-team"]))]
    pub owner: String,
    /// The last day on which it holds.
    #[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    #[schemars(extend("examples" = ["2027-06-30"]))]
    pub until: String,
}
