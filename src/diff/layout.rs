//! The declared layout of a Redis Cluster (roles.json) against what the cluster has: who serves which slots, and who copies whom.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Change, Comparison, Difference, Graded, Risk, What};
use crate::document::Path;
use crate::render::ArtifactSet;
use crate::state::{Layout, Member};

/// A declared layout.
struct Declared {
    region: Option<String>,
    artifact: String,
    origin: Option<Path>,
    value: Value,
    /// Whether scripts beside it do the work; jobs do it otherwise.
    by_script: bool,
}

impl Declared {
    /// Whether Sentinel decides over the roles.
    fn watched(&self) -> bool {
        self.value.get("sentinels").is_some()
    }

    fn items(&self, key: &str) -> impl Iterator<Item = &Value> {
        self.value.get(key).and_then(Value::as_array).into_iter().flatten()
    }

    /// The names of the declared nodes, by host and port.
    fn names(&self) -> BTreeMap<(String, u16), String> {
        let name = |node: &Value| {
            let port = u16::try_from(node.get("port")?.as_u64()?).ok()?;
            Some(((text(node, "host")?.to_owned(), port), text(node, "name")?.to_owned()))
        };
        self.items("nodes").filter_map(name).collect()
    }
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

fn declared(set: &ArtifactSet) -> Vec<Declared> {
    let read = |artifact: &crate::render::Artifact| {
        Some(Declared {
            region: artifact.region.clone(),
            artifact: artifact.path.clone(),
            origin: artifact.origins.first().cloned(),
            value: serde_json::from_str(&artifact.text).ok()?,
            by_script: set.contains_key(&artifact.path.replace("roles.json", "failback.sh")),
        })
    };
    set.values().filter(|artifact| artifact.path.ends_with("/roles.json")).filter_map(read).collect()
}

/// Compares the layout of a living cluster with the declared one that has most of its nodes.
pub fn compare(set: &ArtifactSet, live: &Layout) -> Result<Comparison, String> {
    let all = declared(set);
    let of_region = all.iter().filter(|one| live.name.as_ref().is_none_or(|name| one.region.as_ref() == Some(name)));
    let mut counted: Vec<(usize, &Declared)> = of_region.map(|one| (known(one, live).len(), one)).collect();
    counted.sort_by_key(|(count, one)| (std::cmp::Reverse(*count), one.artifact.clone()));
    let Some((_, declared)) = counted.first().filter(|(count, _)| *count > 0) else {
        let some: Vec<String> = live.nodes.iter().take(3).map(address).collect();
        return Err(format!("{}: no rendered cluster of Redis has its nodes: {}", live.source, some.join(", ")));
    };
    let changes = changes(declared, live);
    if changes.is_empty() {
        return Ok(Comparison { same: 1, ..Comparison::default() });
    }
    let difference = Difference {
        region: declared.region.clone(),
        artifact: declared.artifact.clone(),
        subject: format!("Layout of {}", text(&declared.value, "cluster").unwrap_or_default()),
        what: What::Changed,
        changes,
        origin: declared.origin.clone(),
        moved_from: None,
    };
    Ok(Comparison { differences: vec![difference], ..Comparison::default() })
}

fn address(member: &Member) -> String {
    format!("{}:{}", member.hosts.last().map_or("?", String::as_str), member.port)
}

/// The declared names of living nodes, by their ids.
fn known<'l>(declared: &Declared, live: &'l Layout) -> BTreeMap<&'l str, String> {
    let names = declared.names();
    let name = |member: &'l Member| {
        let found = member.hosts.iter().find_map(|host| names.get(&(host.clone(), member.port)));
        found.map(|name| (member.id.as_str(), name.clone()))
    };
    live.nodes.iter().filter_map(name).collect()
}

fn change(at: String, before: Option<Value>, after: Option<Value>, graded: Graded) -> Change {
    let what = match (&before, &after) {
        (None, _) => What::Missing,
        (_, None) => What::Foreign(None),
        _ => What::Changed,
    };
    Change { at, what, before, after, owner: None, graded }
}

/// The nodes that are missing, have failed, or are nobody's.
fn membership(
    declared: &Declared,
    live: &Layout,
    names: &BTreeMap<&str, String>,
    by_name: &BTreeMap<&str, &Member>,
) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut push = |at, before, after, graded| changes.push(change(at, before, after, graded));
    for node in declared.items("nodes") {
        let name = text(node, "name").unwrap_or_default();
        let at = format!("nodes[{name}]");
        match by_name.get(name) {
            None => {
                let graded = Graded::new(Risk::Reload, "the shard has a copy less than was promised")
                    .by(if declared.watched() {
                        "start it: with its old directory or an empty one it comes back by itself"
                    } else {
                        "start it: with its old directory it comes back by itself; the README tells how an empty one is taken in"
                    });
                push(at, None, Some(node.clone()), graded);
            }
            Some(member) if member.failed => {
                let graded = Graded::new(Risk::None, "the others found that it does not answer");
                push(format!("{at}.state"), Some(Value::from("failed")), Some(Value::from("ok")), graded);
            }
            Some(_) => {}
        }
    }
    for member in live.nodes.iter().filter(|member| !names.contains_key(member.id.as_str())) {
        let graded = Graded::new(Risk::Reload, "it is no node of the blueprint, and a member of the cluster").by(
            if declared.watched() {
                "once it is stopped: `SENTINEL RESET` on one sentinel after another"
            } else {
                "once it serves no slots: `CLUSTER FORGET` its id on every node"
            },
        );
        push(format!("nodes[{}]", address(member)), Some(Value::from(member.id.clone())), None, graded);
    }
    changes
}

fn changes(declared: &Declared, live: &Layout) -> Vec<Change> {
    let names = known(declared, live);
    let by_name: BTreeMap<&str, &Member> =
        live.nodes.iter().filter_map(|member| Some((names.get(member.id.as_str())?.as_str(), member))).collect();
    let called = |member: &Member| names.get(member.id.as_str()).cloned().unwrap_or_else(|| address(member));
    let mut changes = Vec::new();
    let mut push = |at, before, after, graded| changes.push(change(at, before, after, graded));
    for shard in declared.items("shards") {
        let number = shard.get("shard").and_then(Value::as_u64).unwrap_or_default();
        let slot = |key: &str| shard.get(key).and_then(Value::as_u64).unwrap_or_default() as u16;
        let (wanted, range) = (text(shard, "primary").unwrap_or_default(), (slot("first"), slot("last")));
        let mut replicas: BTreeSet<String> = shard
            .get("replicas")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|r| Some(r.as_str()?.to_owned()))
            .collect();
        // Who serves the first slot of it is its primary now.
        let serves = |member: &&Member| {
            !member.failed && member.slots.iter().any(|(first, last)| (*first..=*last).contains(&range.0))
        };
        let Some(primary) = live.nodes.iter().find(|member| serves(member) && member.primary.is_none()) else {
            let graded =
                Graded::new(Risk::BriefOutage, "nobody serves these slots: their keys are neither read nor written")
                    .by(if declared.watched() {
                        "start the nodes; README.md tells what to do when every copy is lost"
                    } else {
                        "start the nodes of the shard; bootstrap.sh assigns slots that nobody has"
                    });
            push(format!("shards[{number}].primary"), None, Some(Value::from(wanted)), graded);
            continue;
        };
        let now = called(primary);
        if now != wanted {
            let graded = Graded::new(Risk::Failover, "a failover made another node the primary of the shard").by(
                if declared.watched() {
                    "failback.sh makes the declared node the primary, without losing a write"
                } else if declared.by_script {
                    "failback.sh gives each shard its declared primary, one after the other, without losing a write"
                } else {
                    "the failback job gives each shard its declared primary (README.md beside roles.json)"
                },
            );
            push(
                format!("shards[{number}].primary"),
                Some(Value::from(now.clone())),
                Some(Value::from(wanted)),
                graded,
            );
            replicas.remove(&now);
            replicas.insert(wanted.to_owned());
        }
        let ranges = |all: &[(u16, u16)]| all.iter().map(|(a, b)| format!("{a}-{b}")).collect::<Vec<_>>().join(" ");
        if primary.slots != [range] {
            let graded = Graded::new(Risk::BriefOutage, "slots move: clients are sent on while their keys are copied")
                .by("`redis-cli --cluster reshard`; bootstrap.sh touches no cluster that has another layout");
            let (before, after) = (Value::from(ranges(&primary.slots)), Value::from(ranges(&[range])));
            push(format!("shards[{number}].slots"), Some(before), Some(after), graded);
        }
        let copies: BTreeSet<String> =
            live.nodes.iter().filter(|member| member.primary.as_ref() == Some(&primary.id)).map(called).collect();
        if copies != replicas {
            let graded =
                Graded::new(Risk::Reload, "another node copies the shard, or none does").by(if declared.watched() {
                    "Sentinel makes it follow the primary; bootstrap.sh says what it waits for"
                } else {
                    "`CLUSTER REPLICATE` on the node that should; bootstrap.sh sets it where a node copies nobody"
                });
            push(format!("shards[{number}].replicas"), Some(json!(copies)), Some(json!(replicas)), graded);
        }
    }
    changes.extend(membership(declared, live, &names, &by_name));
    changes
}
