//! Targets: availability, RTO, RPO.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Name;
use crate::blueprint::units::{Duration, Percent};

/// The targets of the whole system.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"availability": "99.9%", "rto": "15m", "rpo": "5m"}]))]
pub struct Objectives {
    /// The share of good requests over the SLO window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability: Option<Percent>,
    /// Recovery time objective: how long an outage may last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["15m"]))]
    pub rto: Option<Duration>,
    /// Recovery point objective: how much data, in time, may be lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["5m"]))]
    pub rpo: Option<Duration>,
    /// Named classes of targets, for services and clusters to refer to.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("examples" = [{"critical": {"rto": "15m", "rpo": "5m"}}]))]
    pub tiers: BTreeMap<Name, Tier>,
    /// Tighter or looser targets for one scenario.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("propertyNames" = {"enum": ["pod-loss", "node-loss", "zone-loss", "region-loss", "primary-loss",
        "consensus-loss", "data-corruption", "dependency-loss", "network-partition"]}))]
    #[schemars(extend("examples" = [{"zone-loss": {"rto": "10m", "rpo": "0s"}}]))]
    pub scenarios: BTreeMap<Scenario, Target>,
}

/// A class of targets.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"rto": "15m", "rpo": "5m"}]))]
pub struct Tier {
    /// The share of good requests over the SLO window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability: Option<Percent>,
    /// Recovery time objective.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["15m"]))]
    pub rto: Option<Duration>,
    /// Recovery point objective.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["5m"]))]
    pub rpo: Option<Duration>,
    /// Targets of this tier for one scenario.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("propertyNames" = {"enum": ["pod-loss", "node-loss", "zone-loss", "region-loss", "primary-loss",
        "consensus-loss", "data-corruption", "dependency-loss", "network-partition"]}))]
    #[schemars(extend("examples" = [{"zone-loss": {"rto": "10m", "rpo": "0s"}}]))]
    pub scenarios: BTreeMap<Scenario, Target>,
    /// The value of the Kubernetes PriorityClass of this tier's pods; higher is scheduled first and evicted last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    #[schemars(extend("examples" = [100_000]))]
    pub priority: Option<u32>,
}

/// One target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"rto": "10m", "rpo": "0s"}]))]
pub struct Target {
    /// Recovery time objective.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["10m"]))]
    pub rto: Option<Duration>,
    /// Recovery point objective.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["0s"]))]
    pub rpo: Option<Duration>,
}

/// A failure that targets can be declared for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// A process or pod dies or hangs.
    PodLoss,
    /// A machine is gone.
    NodeLoss,
    /// A whole zone is gone.
    ZoneLoss,
    /// A whole region is gone.
    RegionLoss,
    /// The primary of a database cluster is gone.
    PrimaryLoss,
    /// The consensus store (etcd) has lost its quorum.
    ConsensusLoss,
    /// Data is wrong or deleted, and must come back from a backup.
    DataCorruption,
    /// Something that is called does not answer.
    DependencyLoss,
    /// The network between the parts is split.
    NetworkPartition,
}

/// How the regions share the work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Every region serves; PostgreSQL has one writer.
    #[default]
    ActiveActive,
    /// One region serves, the other runs and waits.
    ActivePassive,
    /// One region serves; in the other only the data stores run.
    PilotLight,
    /// One region serves; the other is rebuilt from backups.
    BackupAndRestore,
}
