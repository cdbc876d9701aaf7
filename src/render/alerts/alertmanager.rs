//! Alertmanager: who is told what, and what is not told because something larger explains it.
//!
//! A severity goes to the first contact of the escalation that a machine can reach; the order behind stands in the
//! alerts' annotations and in the runbooks. Secrets are files, never values.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::global::{WATCHDOG, readable};
use super::time::group_wait;
use crate::blueprint::Blueprint;
use crate::blueprint::raw::{Monitoring, Operations, SecretRef, Severity};
use crate::blueprint::units::Duration;

/// The configuration, for the template.
#[derive(Serialize)]
pub struct Config {
    global: Value,
    has_global: bool,
    /// Who is told of a critical alert, or that nobody is.
    critical: String,
    /// The same for a warning.
    warning: String,
    /// What the dead-man's switch needs; `None` without one.
    dead_man: Option<String>,
    route: Value,
    inhibit: Vec<Inhibit>,
    receivers: Value,
}

#[derive(Serialize)]
struct Inhibit {
    comment: &'static str,
    rule: Value,
}

/// A receiver that tells nobody.
const NOBODY: &str = "nobody";

/// A way to reach people: the integration and its settings.
#[derive(Clone)]
struct Channel {
    integration: &'static str,
    settings: Value,
    words: String,
}

/// The ways that critical alerts take, and those that warnings take.
fn ways(operations: &Operations) -> (Vec<Channel>, Vec<Channel>) {
    let (pager, mail, chat) = (pager(operations), mail(operations), chat(operations));
    let warning = chat.iter().chain(&mail).cloned().collect();
    // Without a pager of its own a critical alert goes to whatever there is.
    let first = if pager.is_some() { &pager } else { &mail };
    (first.iter().chain(&chat).cloned().collect(), warning)
}

/// Whether a critical alert has nowhere to go.
pub fn reaches_nobody(blueprint: &Blueprint) -> bool {
    ways(&blueprint.spec.operations).0.is_empty()
}

/// The configuration of Alertmanager.
pub fn config(blueprint: &Blueprint, monitoring: &Monitoring) -> Config {
    let operations = &blueprint.spec.operations;
    let (critical, warning) = ways(operations);
    let mut receivers = vec![json!({"name": NOBODY})];
    for (name, channels) in [("critical", &critical), ("warning", &warning)] {
        if !channels.is_empty() {
            receivers.push(receiver(name, channels));
        }
    }
    let switches = switches(blueprint, monitoring);
    receivers.extend(switches.iter().map(|switch| {
        let file = &switch.file;
        if monitoring.alertmanager.minor() >= 26 {
            json!({"name": switch.receiver, "webhook_configs": [{"url_file": file, "send_resolved": false}]})
        } else {
            // Before 0.26 no webhook reads its address from a file. The one integration that does posts JSON to it; from 0.26
            // on that one takes every answer in plain text but `ok` for a failure, so it is none for later versions.
            json!({"name": switch.receiver, "slack_configs": [{"api_url_file": file, "send_resolved": false}]})
        }
    }));
    let dead_man = operations.dead_man.as_ref().map(|dead_man| {
        let each: Vec<String> = switches.iter().map(|switch| format!("{} to the address in {}", switch.whose, switch.file)).collect();
        format!(
            "{WATCHDOG} goes outside every {}, and what is there alarms when it stops: {}. One address for several would hear the others when one is silent.",
            dead_man.interval,
            each.join(", ")
        )
    });
    let global = globals(operations, &receivers);
    Config {
        has_global: global.as_object().is_some_and(|map| !map.is_empty()),
        global,
        critical: who("A critical alert", &critical, "page"),
        warning: who("A warning", &warning, "tell"),
        dead_man,
        route: route(operations, &switches, !critical.is_empty(), !warning.is_empty()),
        inhibit: inhibit(),
        receivers: Value::Array(receivers),
    }
}

/// A dead-man's switch with an address of its own.
struct Switch {
    receiver: String,
    file: String,
    /// The region whose it is; empty: that of the Prometheus above the regions, which carries none.
    region: String,
    whose: String,
}

/// The switches that go outside: that of the Prometheus above the regions, which misses those of the regions itself
/// (`RegionWatchdogMissing`), and that of each region that it does not read.
fn switches(blueprint: &Blueprint, monitoring: &Monitoring) -> Vec<Switch> {
    let Some(dead_man) = &blueprint.spec.operations.dead_man else { return Vec::new() };
    let file = dead_man.url_file.as_str();
    let readable = readable(blueprint, monitoring);
    let alone = readable.is_empty() && blueprint.regions.len() == 1;
    let mut switches = Vec::new();
    if !readable.is_empty() {
        let (receiver, whose) = ("dead-man".to_owned(), "that of the Prometheus above the regions".to_owned());
        switches.push(Switch { receiver, file: file.to_owned(), region: String::new(), whose });
    }
    for region in blueprint.regions.iter().filter(|r| !readable.iter().any(|(known, _)| known.name == r.name)) {
        let name = &region.name;
        switches.push(Switch {
            receiver: if alone { "dead-man".to_owned() } else { format!("dead-man-{name}") },
            file: if alone { file.to_owned() } else { format!("{file}-{name}") },
            region: name.clone(),
            whose: format!("that of {name}"),
        });
    }
    switches
}

fn who(what: &str, channels: &[Channel], verb: &str) -> String {
    if channels.is_empty() {
        return format!(
            "{what} reaches NOBODY: operations.escalation names no contact that Alertmanager can {verb} (a phone number is for people: it cannot call)."
        );
    }
    let words: Vec<&str> = channels.iter().map(|channel| channel.words.as_str()).collect();
    format!("{what} goes to {}.", words.join(" and "))
}

fn file(operations: &Operations, secret: &SecretRef) -> String {
    let directory = operations.secrets_directory.as_str().trim_end_matches('/');
    format!("{directory}/{}/{}", secret.secret, secret.key)
}

/// The first contact of the escalation that a machine can page.
fn pager(operations: &Operations) -> Option<Channel> {
    let order = operations.escalation.iter().filter_map(|name| operations.contacts.get(name).map(|c| (name, c)));
    let mut found = order.filter_map(|(name, contact)| contact.pagerduty.as_ref().map(|key| (name, key)));
    found.next().map(|(name, key)| Channel {
        integration: "pagerduty_configs",
        settings: json!({
            "routing_key_file": file(operations, key),
            "severity": "{{ if .CommonLabels.severity }}{{ .CommonLabels.severity }}{{ else }}error{{ end }}",
            "description": "{{ .CommonLabels.alertname }}: {{ .CommonAnnotations.summary }}",
            "details": {
                "escalation": "{{ .CommonAnnotations.escalation }}",
                "runbook": "{{ .CommonAnnotations.runbook_url }}",
            },
        }),
        words: format!("the pager of {name}"),
    })
}

fn mail(operations: &Operations) -> Option<Channel> {
    operations.smtp.as_ref()?;
    let order = operations.escalation.iter().filter_map(|name| operations.contacts.get(name).map(|c| (name, c)));
    let mut found = order.filter_map(|(name, contact)| contact.email.as_ref().map(|address| (name, address)));
    found.next().map(|(name, address)| Channel {
        integration: "email_configs",
        settings: json!({"to": address, "send_resolved": true}),
        words: format!("the mailbox of {name}"),
    })
}

fn chat(operations: &Operations) -> Option<Channel> {
    let (slack, channel) = (operations.slack.as_ref()?, operations.channels.incidents.as_ref()?);
    Some(Channel {
        integration: "slack_configs",
        settings: json!({
            "api_url_file": slack.url_file,
            "channel": channel,
            "send_resolved": true,
            "title": "{{ .Status | toUpper }} {{ .CommonLabels.alertname }} {{ .CommonLabels.region }}",
            "text": "{{ range .Alerts }}{{ .Annotations.summary }}\n{{ .Annotations.runbook_url }}\n{{ end }}",
        }),
        words: format!("the chat channel {channel}"),
    })
}

fn receiver(name: &str, channels: &[Channel]) -> Value {
    let mut map = Map::new();
    map.insert("name".to_owned(), json!(name));
    for channel in channels {
        map.insert(channel.integration.to_owned(), json!([channel.settings]));
    }
    Value::Object(map)
}

fn globals(operations: &Operations, receivers: &[Value]) -> Value {
    let mut map = Map::new();
    let mails = receivers.iter().any(|r| r.get("email_configs").is_some());
    if let Some(smtp) = operations.smtp.as_ref().filter(|_| mails) {
        map.insert("smtp_smarthost".to_owned(), json!(smtp.host));
        map.insert("smtp_from".to_owned(), json!(smtp.from));
        if let Some(username) = &smtp.username {
            map.insert("smtp_auth_username".to_owned(), json!(username));
        }
        if let Some(password) = &smtp.password {
            map.insert("smtp_auth_password_file".to_owned(), json!(file(operations, password)));
        }
    }
    Value::Object(map)
}

fn route(operations: &Operations, switches: &[Switch], critical: bool, warning: bool) -> Value {
    let to = |there: bool, name: &str| if there { name.to_owned() } else { NOBODY.to_owned() };
    let severity = |name: &str, receiver: String, wait: Severity, repeat: &str| {
        json!({
            "matchers": [format!("severity=\"{name}\"")],
            "receiver": receiver,
            "group_wait": group_wait(wait).go(),
            "repeat_interval": repeat,
        })
    };
    let mut routes = Vec::new();
    let watchdog = format!("alertname=\"{WATCHDOG}\"");
    if let Some(dead_man) = &operations.dead_man {
        routes.extend(switches.iter().map(|switch| {
            json!({
                "matchers": [watchdog, format!("region=\"{}\"", switch.region)],
                "receiver": switch.receiver,
                "group_wait": "0s",
                "group_interval": dead_man.interval.go(),
                // Looked at once an interval: were it as long, every other message would be taken for a repetition (seen).
                "repeat_interval": Duration::from_millis(dead_man.interval.millis() * 9 / 10).go(),
            })
        }));
    }
    routes.push(json!({"matchers": [watchdog], "receiver": NOBODY}));
    routes.push(severity("critical", to(critical, "critical"), Severity::Critical, "1h"));
    routes.push(severity("warning", to(warning, "warning"), Severity::Warning, "12h"));
    json!({
        // What no severity matches, and what is for the record only.
        "receiver": NOBODY,
        "group_by": ["alertname", "system", "region", "cluster", "service"],
        "group_wait": "30s",
        "group_interval": "5m",
        "repeat_interval": "12h",
        "routes": routes,
    })
}

/// An alert that explains others: while it fires they are not told.
struct Cause {
    comment: &'static str,
    name: &'static str,
    explains: &'static [&'static str],
    /// The labels that cause and effect share.
    within: &'static [&'static str],
}

const IN_REGION: &[&str] = &["system", "region"];
const IN_CLUSTER: &[&str] = &["system", "region", "cluster"];
const IN_PART: &[&str] = &["system", "region", "component", "cluster"];
const IN_SERVICE: &[&str] = &["system", "region", "service"];

/// What explains what: pairs, never whole severities. That a backup or a snapshot is overdue explains nothing and must
/// silence nothing; and what is worth a page of its own is not muted, unless the same person is already up for its cause.
const CAUSES: [Cause; 16] = [
    Cause {
        comment: "A Prometheus that cannot be read shows no dead-man's switch either.",
        name: "RegionMonitoringDown",
        explains: &["RegionWatchdogMissing"],
        within: IN_REGION,
    },
    Cause {
        comment: "A region that does not serve explains its services; its data stores still speak for themselves.",
        name: "RegionEndpointDown",
        explains: &[
            "ServiceDown",
            "ServiceReplicasMissing",
            "ServiceMetricsAbsent",
            "ErrorBudgetBurn14x",
            "ErrorBudgetBurn6x",
            "ErrorBudgetBurn3x",
            "ErrorBudgetBurn1x",
        ],
        within: IN_REGION,
    },
    Cause {
        comment: "Nothing is known of a region's Kubernetes: that its services are missing is not known either.",
        name: "KubeStateMetricsAbsent",
        explains: &["ServiceDown", "NodeZonesUnknown"],
        within: IN_REGION,
    },
    Cause {
        comment: "A lost zone explains nodes, pods and members that are missing; that they fit nowhere else is still told.",
        name: "ZoneLost",
        explains: &[
            "NodeNotReady",
            "PodNotReady",
            "StatefulSetReplicasMissing",
            "ServiceReplicasMissing",
            "TargetDown",
            "PatroniMemberMissing",
            "PostgresServerDown",
            "PostgresStandbysMissing",
            "PgbouncerMissing",
            "EtcdMemberMissing",
            "RedisNodeDown",
            "RedisReplicaMissing",
            "RedisReplicaLinkDown",
            "StoreDiskUnknown",
        ],
        within: IN_REGION,
    },
    Cause {
        comment: "A volume that is nearly full has been filling.",
        name: "StoreDiskNearlyFull",
        explains: &["StoreDiskFilling"],
        within: IN_PART,
    },
    Cause {
        comment: "Without a leader members are missing, and no router can know a primary.",
        name: "PostgresLeaderMissing",
        explains: &["PostgresServerDown", "PatroniMemberMissing", "PostgresStandbysMissing", "HaproxyPrimaryMissing"],
        within: IN_CLUSTER,
    },
    Cause {
        comment: "No pool answers: that some are missing says less.",
        name: "PgbouncerDown",
        explains: &["PgbouncerMissing"],
        within: IN_CLUSTER,
    },
    Cause {
        comment: "Without a quorum of the consensus store members are missing, and Patroni runs in failsafe mode.",
        name: "EtcdQuorumLost",
        explains: &["EtcdMemberMissing", "EtcdMemberWithoutLeader", "EtcdLeaderChanges", "PatroniFailsafeActive"],
        within: IN_CLUSTER,
    },
    Cause {
        comment: "A shard that is lost has lost its nodes.",
        name: "RedisSlotsNotServed",
        explains: &["RedisNodeDown", "RedisReplicaMissing", "RedisReplicaLinkDown", "RedisSlotsFailed"],
        within: IN_CLUSTER,
    },
    Cause {
        comment: "A cluster that refuses commands has lost nodes.",
        name: "RedisClusterDown",
        explains: &["RedisNodeDown", "RedisReplicaMissing", "RedisReplicaLinkDown"],
        within: IN_CLUSTER,
    },
    Cause {
        comment: "A primary that is missing is a node that is down.",
        name: "RedisPrimaryCount",
        explains: &["RedisNodeDown", "RedisReplicaLinkDown"],
        within: IN_CLUSTER,
    },
    Cause {
        comment: "A node that does not answer is the replica that its primary misses.",
        name: "RedisNodeDown",
        explains: &["RedisReplicaMissing"],
        within: IN_CLUSTER,
    },
    Cause {
        comment: "A service without any pod has too few, and counts nothing.",
        name: "ServiceDown",
        explains: &["ServiceReplicasMissing", "ServiceMetricsAbsent"],
        within: IN_SERVICE,
    },
    Cause {
        comment: "The fastest burn says what the slower ones say.",
        name: "ErrorBudgetBurn14x",
        explains: &["ErrorBudgetBurn6x", "ErrorBudgetBurn3x", "ErrorBudgetBurn1x"],
        within: IN_SERVICE,
    },
    Cause {
        comment: "So does the second.",
        name: "ErrorBudgetBurn6x",
        explains: &["ErrorBudgetBurn3x", "ErrorBudgetBurn1x"],
        within: IN_SERVICE,
    },
    Cause {
        comment: "And the third.",
        name: "ErrorBudgetBurn3x",
        explains: &["ErrorBudgetBurn1x"],
        within: IN_SERVICE,
    },
];

/// The names of all causes, and of what each explains.
#[cfg(test)]
pub fn causes() -> Vec<(&'static str, &'static [&'static str], &'static [&'static str])> {
    CAUSES.iter().map(|cause| (cause.name, cause.explains, cause.within)).collect()
}

fn inhibit() -> Vec<Inhibit> {
    let one = |cause: &Cause| {
        let source = format!("alertname=\"{}\"", cause.name);
        let target = format!("alertname=~\"{}\"", cause.explains.join("|"));
        // An equal label that both lack is equal, too: what is about a cluster or a service must name it.
        let named = cause.within.iter().filter(|label| matches!(**label, "cluster" | "service"));
        let named: Vec<String> = named.map(|label| format!("{label}!=\"\"")).collect();
        let sources: Vec<&String> = std::iter::once(&source).chain(&named).collect();
        Inhibit {
            comment: cause.comment,
            rule: json!({"source_matchers": sources, "target_matchers": [target], "equal": cause.within}),
        }
    };
    CAUSES.iter().map(one).collect()
}
