//! A rendered redis.conf against what a living node says of itself: `CONFIG GET '*'`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Change, Comparison, Difference, Graded, Risk, What};
use crate::document::{Path, Source, plain, yaml};
use crate::render::{Artifact, ArtifactKind, ArtifactSet};
use crate::state::{Node, Server};

/// A rendered node.
struct Rendered {
    region: Option<String>,
    artifact: String,
    origin: Option<Path>,
    settings: BTreeMap<String, String>,
}

/// What a node is known by, as far as it is rendered.
const IDENTITY: [&str; 7] = [
    "bind",
    "cluster-announce-hostname",
    "cluster-announce-ip",
    "cluster-announce-port",
    "port",
    "replica-announce-ip",
    "tls-port",
];

/// Directives that `CONFIG GET` does not show as they are written.
const UNSEEN: [&str; 6] = ["include", "loadmodule", "masterauth", "rename-command", "requirepass", "user"];

/// Compares a living node with the rendered one of the same address.
pub fn compare(set: &ArtifactSet, live: &Node) -> Result<Comparison, String> {
    let all = rendered(set);
    let fits = |rendered: &&Rendered| {
        IDENTITY
            .iter()
            .all(|key| rendered.settings.get(*key).is_none_or(|value| live.settings.get(*key) == Some(value)))
            && live.name.as_ref().is_none_or(|name| rendered.region.as_deref() == Some(name))
    };
    let found: Vec<&Rendered> = all.iter().filter(fits).collect();
    let [rendered] = found[..] else {
        let of = |key: &str| live.settings.get(key).map_or("nothing", String::as_str);
        return Err(format!(
            "{}: {} rendered nodes of Redis announce `{}` and listen at `{}` port {}{}",
            live.source,
            if found.is_empty() { "no".to_owned() } else { found.len().to_string() },
            if of("cluster-announce-hostname").is_empty() {
                of("cluster-announce-ip")
            } else {
                of("cluster-announce-hostname")
            },
            of("bind"),
            of("port"),
            if found.len() > 1 { "; write REGION=PATH" } else { "" }
        ));
    };
    let mut changes = Vec::new();
    for (name, value) in rendered.settings.iter().filter(|(name, _)| !UNSEEN.contains(&name.as_str())) {
        let found = live.settings.get(name);
        if found.is_some_and(|found| normal(name, found) == normal(name, value)) {
            continue;
        }
        let what = if found.is_some() { What::Changed } else { What::Missing };
        changes.push(Change {
            at: name.clone(),
            what,
            before: found.map(|found| Value::from(found.as_str())),
            after: Some(Value::from(value.as_str())),
            owner: None,
            graded: risk(name, value),
        });
    }
    if changes.is_empty() {
        return Ok(Comparison { same: 1, ..Comparison::default() });
    }
    let node = ["cluster-announce-hostname", "cluster-announce-ip", "bind"]
        .into_iter()
        .find_map(|key| rendered.settings.get(key));
    let port = ["cluster-announce-port", "port"]
        .into_iter()
        .find_map(|key| rendered.settings.get(key).filter(|port| *port != "0"));
    let difference = Difference {
        region: rendered.region.clone(),
        artifact: rendered.artifact.clone(),
        subject: format!(
            "Redis node {}:{}",
            node.map_or("", String::as_str),
            port.or_else(|| rendered.settings.get("tls-port")).map_or("", String::as_str)
        ),
        what: What::Changed,
        changes,
        origin: rendered.origin.clone(),
        moved_from: None,
    };
    Ok(Comparison { differences: vec![difference], ..Comparison::default() })
}

/// Whether nodes are rendered.
pub fn is_rendered(set: &ArtifactSet) -> bool {
    !rendered(set).is_empty()
}

/// The rendered nodes on hosts as live sources, and the files of those that run on Kubernetes.
pub fn servers(set: &ArtifactSet) -> (Vec<Server>, Vec<String>) {
    let hosts: BTreeSet<&str> = set
        .values()
        .filter(|artifact| artifact.kind == ArtifactKind::Redis && !artifact.path.ends_with("/sentinel.conf"))
        .map(|artifact| artifact.path.as_str())
        .collect();
    let (mut servers, mut inside) = (Vec::new(), Vec::new());
    for node in rendered(set) {
        if !hosts.contains(node.artifact.as_str()) {
            if !inside.contains(&node.artifact) {
                inside.push(node.artifact);
            }
            continue;
        }
        let of = |key: &str| node.settings.get(key).filter(|value| !matches!(value.as_str(), "" | "0"));
        let host = ["cluster-announce-hostname", "replica-announce-ip", "cluster-announce-ip"]
            .into_iter()
            .find_map(of)
            .or_else(|| of("bind"))
            .and_then(|hosts| hosts.split_whitespace().next());
        let (port, tls) = (of("tls-port").or_else(|| of("port")), of("tls-port").is_some());
        if let (Some(host), Some(port)) = (host, port) {
            let bracketed = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
            let name = node.region.clone().unwrap_or_default();
            servers.push(Server { name, addresses: vec![format!("{bracketed}:{port}")], tls });
        }
    }
    (servers, inside)
}

fn rendered(set: &ArtifactSet) -> Vec<Rendered> {
    let mut all = Vec::new();
    for artifact in set.values() {
        match artifact.kind {
            // What Sentinel is started with is a state of its own, which it writes while it runs.
            ArtifactKind::Redis if artifact.path.ends_with("/sentinel.conf") => {}
            ArtifactKind::Redis => all.push(node(artifact, &artifact.text)),
            ArtifactKind::Kubernetes if artifact.text.contains("redis.conf: |") => {
                let source = Source::new(artifact.path.clone(), artifact.text.clone());
                for object in yaml::parse_foreign(&source, 0).0.iter().map(plain::json) {
                    if let Some(text) = object.pointer("/data/redis.conf").and_then(Value::as_str) {
                        all.push(node(artifact, text));
                    }
                }
            }
            _ => {}
        }
    }
    all
}

/// The directives of a node; those that stand several times, such as `save`, as one.
fn node(artifact: &Artifact, text: &str) -> Rendered {
    let mut settings: BTreeMap<String, String> = BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let value = value.trim().trim_matches('"');
        settings
            .entry(name.to_ascii_lowercase())
            .and_modify(|known| {
                known.push(' ');
                known.push_str(value);
            })
            .or_insert_with(|| value.to_owned());
    }
    Rendered {
        region: artifact.region.clone(),
        artifact: artifact.path.clone(),
        origin: artifact.origins.first().cloned(),
        settings,
    }
}

/// A value as it is compared: sizes in bytes, classes of clients by name.
fn normal(name: &str, value: &str) -> String {
    let words: Vec<String> =
        value.split_whitespace().map(|word| bytes(word).unwrap_or_else(|| word.to_owned())).collect();
    if name != "client-output-buffer-limit" {
        return words.join(" ");
    }
    let mut classes: Vec<String> = words.chunks(4).map(|class| class.join(" ").replace("slave ", "replica ")).collect();
    classes.sort();
    classes.join(" ")
}

fn bytes(word: &str) -> Option<String> {
    let end = word.find(|c: char| !c.is_ascii_digit()).filter(|end| *end > 0)?;
    let number: u64 = word[..end].parse().ok()?;
    let scale: u64 = match word[end..].to_ascii_lowercase().as_str() {
        "k" => 1000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return None,
    };
    Some(number.checked_mul(scale)?.to_string())
}

/// What a server cannot set while it runs: every setting of which Redis 7.0 answers that it can't set an immutable config.
const AT_START: [&str; 31] = [
    "aclfile",
    "always-show-logo",
    "aof_rewrite_cpulist",
    "appenddirname",
    "appendfilename",
    "bgsave_cpulist",
    "bio_cpulist",
    "cluster-config-file",
    "cluster-enabled",
    "cluster-port",
    "daemonize",
    "databases",
    "disable-thp",
    "enable-debug-command",
    "enable-module-command",
    "enable-protected-configs",
    "io-threads",
    "io-threads-do-reads",
    "logfile",
    "pidfile",
    "rdbchecksum",
    "server_cpulist",
    "set-proc-title",
    "socket-mark-id",
    "supervised",
    "syslog-enabled",
    "syslog-facility",
    "syslog-ident",
    "tcp-backlog",
    "unixsocket",
    "unixsocketperm",
];

fn risk(name: &str, value: &str) -> Graded {
    let set = || format!("`CONFIG SET {name} '{value}'` on the node; the file is for its next start");
    match name {
        "maxmemory-policy" if value != "noeviction" => {
            Graded::new(Risk::DataLoss, "keys are evicted from then on when memory is full").by(set())
        }
        "maxmemory" => {
            Graded::new(Risk::Reload, "below what is used, keys are evicted or writes refused, by `maxmemory-policy`")
                .by(set())
        }
        "appendonly" | "save" => {
            Graded::new(Risk::Reload, "what a restart brings back is another thing from then on").by(set())
        }
        name if AT_START.contains(&name) => Graded::new(Risk::RollingRestart, "the server reads it when it starts")
            .by("one node at a time, replicas before primaries"),
        _ => Graded::new(Risk::Reload, "the server takes it over while it runs").by(set()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_as_redis_reads_them() {
        for (name, a, b) in [
            ("maxmemory", "2gb", "2147483648"),
            ("auto-aof-rewrite-min-size", "64mb", "67108864"),
            (
                "client-output-buffer-limit",
                "replica 1gb 512mb 60 normal 0 0 0",
                "normal 0 0 0 slave 1073741824 536870912 60",
            ),
        ] {
            assert_eq!(normal(name, a), normal(name, b), "{name}");
        }
        assert_ne!(normal("maxmemory", "2g"), normal("maxmemory", "2gb"));
    }
}
