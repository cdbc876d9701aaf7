//! People: contacts, escalation, decisions, drills.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AbsolutePath, Name, SecretRef, Url};
use crate::blueprint::units::Duration;

/// People: contacts, escalation, decisions, drills.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"decision": {"regionFailover": "5m"}}]))]
pub struct Operations {
    /// How long people take to decide; part of every manual RTO (X-HU-1).
    #[serde(default)]
    pub decision: Decision,
    /// How long wrong or deleted data may go unnoticed, at most: backups must reach back further (X-PG-4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice_corruption: Option<Duration>,
    /// Who can be reached, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("examples" = [{"on-call": {"email": "on-call@example.com"}}]))]
    pub contacts: BTreeMap<Name, Contact>,
    /// The order in which contacts are called.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [["on-call"]]))]
    pub escalation: Vec<Name>,
    /// Where people talk in an incident.
    #[serde(default)]
    pub channels: Channels,
    /// How often something is rehearsed: `weekly`, `monthly`, `quarterly`, `yearly`, `every 2 months`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("examples" = [{"restore": "monthly"}]))]
    pub drills: BTreeMap<Name, DrillInterval>,
    /// How Alertmanager sends mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smtp: Option<Smtp>,
    /// How Alertmanager reaches Slack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slack: Option<Slack>,
    /// The address outside this system that misses the dead-man's switch when it stops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_man: Option<DeadMan>,
    /// The directory that Alertmanager finds its secrets in, one file for each `SECRET/KEY`.
    #[serde(default = "default_secrets_directory")]
    pub secrets_directory: AbsolutePath,
}

fn default_secrets_directory() -> AbsolutePath {
    AbsolutePath::new("/etc/alertmanager/secrets")
}

impl Default for Operations {
    fn default() -> Self {
        Self {
            decision: Decision::default(),
            notice_corruption: None,
            contacts: BTreeMap::new(),
            escalation: Vec::new(),
            channels: Channels::default(),
            drills: BTreeMap::new(),
            smtp: None,
            slack: None,
            dead_man: None,
            secrets_directory: default_secrets_directory(),
        }
    }
}

/// How long people take to decide.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"regionFailover": "5m"}]))]
pub struct Decision {
    /// To give up a region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["5m"]))]
    pub region_failover: Option<Duration>,
    /// To restore from a backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["10m"]))]
    pub restore: Option<Duration>,
}

/// Somebody who can be reached.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"email": "on-call@example.com"}]))]
pub struct Contact {
    /// The routing key of PagerDuty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [{"secret": "pagerduty", "key": "routing-key"}]))]
    pub pagerduty: Option<SecretRef>,
    /// A mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = super::text::MAIL))]
    #[schemars(extend("examples" = ["on-call@example.com"]))]
    pub email: Option<String>,
    /// A phone number; for runbooks, Alertmanager cannot call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [{"secret": "contacts", "key": "on-call"}]))]
    pub phone: Option<SecretRef>,
    /// How soon they answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["5m"]))]
    pub respond_within: Option<Duration>,
}

/// Where people talk in an incident.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"incidents": "#incidents"}]))]
pub struct Channels {
    /// The chat channel of incidents, with its `#`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^#[a-z0-9_-]{1,80}$"))]
    #[schemars(extend("examples" = ["#incidents"]))]
    pub incidents: Option<String>,
    /// The status page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["https://status.example.com"]))]
    pub status: Option<Url>,
}

/// How Alertmanager sends mail.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"host": "smtp.example.com:587", "from": "alertmanager@example.com"}]))]
pub struct Smtp {
    /// The mail server: `HOST:PORT`.
    #[schemars(regex(pattern = super::text::HOST_PORT))]
    #[schemars(extend("examples" = ["smtp.example.com:587"]))]
    pub host: String,
    /// The sender.
    #[schemars(regex(pattern = super::text::MAIL))]
    #[schemars(extend("examples" = ["alertmanager@example.com"]))]
    pub from: String,
    /// The account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = super::text::FOREIGN_NAME))]
    #[schemars(extend("examples" = ["alertmanager"]))]
    pub username: Option<String>,
    /// Its password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [{"secret": "smtp", "key": "password"}]))]
    pub password: Option<SecretRef>,
}

/// How Alertmanager reaches Slack.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"urlFile": "/etc/alertmanager/secrets/slack/url"}]))]
pub struct Slack {
    /// The file that holds the webhook's address: the address is a credential.
    #[schemars(extend("examples" = ["/etc/alertmanager/secrets/slack/url"]))]
    pub url_file: AbsolutePath,
}

/// The address outside this system that misses the dead-man's switch when it stops.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"urlFile": "/etc/alertmanager/secrets/dead-man/url"}]))]
pub struct DeadMan {
    /// The file that holds the address: it is a credential. A region of several that no Prometheus above them reads has an
    /// address of its own, in the file of this name with `-REGION` behind it: one address for all would hear the others
    /// when one is silent.
    #[schemars(extend("examples" = ["/etc/alertmanager/secrets/dead-man/url"]))]
    pub url_file: AbsolutePath,
    /// How often it is told that all is well.
    #[serde(default = "one_minute")]
    pub interval: Duration,
}

fn one_minute() -> Duration {
    Duration::from_secs(60)
}

/// How often something is rehearsed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct DrillInterval(
    #[schemars(regex(pattern = r"^(weekly|monthly|quarterly|yearly|every [1-9][0-9]? (days|weeks|months))$"))]
    pub  String,
);

impl DrillInterval {
    /// The longest that may lie between two drills, in days; a month counts 31.
    pub fn days(&self) -> u64 {
        match self.0.as_str() {
            "weekly" => 7,
            "monthly" => 31,
            "quarterly" => 92,
            "yearly" => 366,
            other => {
                let mut words = other.split(' ').skip(1);
                let count: u64 = words.next().and_then(|n| n.parse().ok()).unwrap_or(1);
                count
                    * match words.next() {
                        Some("days") => 1,
                        Some("weeks") => 7,
                        _ => 31,
                    }
            }
        }
    }
}
