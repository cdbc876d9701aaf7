//! The rendered dynamic configuration of Patroni against that of a living cluster.
//!
//! `bootstrap.dcs` makes a cluster and is never read again (facts.md R-PG-34): what differs is changed with `patronictl edit-config`.

use serde_json::Value;

use super::{Change, Comparison, Difference, Graded, Risk, What};
use crate::document::{Path, Source, plain, yaml};
use crate::render::{Artifact, ArtifactKind, ArtifactSet};
use crate::state::{Dynamic, Server};

/// The rendered configuration of a cluster in a region.
struct Rendered {
    region: Option<String>,
    scope: String,
    artifact: String,
    origin: Option<Path>,
    dcs: Value,
}

/// Compares the configuration of a living cluster with the rendered one.
pub fn compare(set: &ArtifactSet, live: &Dynamic) -> Result<Comparison, String> {
    let all = rendered(set);
    let fits = |rendered: &&Rendered| {
        live.name.as_ref().is_none_or(|name| {
            let (region, scope) =
                name.split_once('/').map_or((name.as_str(), None), |(region, scope)| (region, Some(scope)));
            let by_region =
                rendered.region.as_deref() == Some(region) && scope.is_none_or(|scope| scope == rendered.scope);
            by_region || scope.is_none() && rendered.scope == *name
        })
    };
    let found: Vec<&Rendered> = all.iter().filter(fits).collect();
    let [rendered] = found[..] else {
        let names: Vec<String> = all
            .iter()
            .map(|rendered| {
                format!("{}/{}={}", rendered.region.as_deref().unwrap_or_default(), rendered.scope, live.source)
            })
            .collect();
        return Err(match names.len() {
            0 => format!("{}: the configuration of Patroni, and none is rendered", live.source),
            _ => format!("{}: of which cluster is it? Write one of: {}", live.source, names.join(", ")),
        });
    };
    let mut changes = Vec::new();
    walk(&mut Vec::new(), &rendered.dcs, &live.config, &mut changes);
    if changes.is_empty() {
        return Ok(Comparison { same: 1, ..Comparison::default() });
    }
    let difference = Difference {
        region: rendered.region.clone(),
        artifact: rendered.artifact.clone(),
        subject: format!("Dynamic configuration of {}", rendered.scope),
        what: What::Changed,
        changes,
        origin: rendered.origin.clone(),
        moved_from: None,
    };
    Ok(Comparison { differences: vec![difference], ..Comparison::default() })
}

/// A rendered cluster as a live source.
pub struct Rest {
    /// Its name, and where the REST API of its members answers; nowhere that is known where it runs on Kubernetes.
    pub server: Server,
    /// What it is called in a sentence.
    pub shown: String,
}

/// All rendered clusters, with the addresses of their members' REST API.
pub fn servers(set: &ArtifactSet) -> Vec<Rest> {
    let members: Vec<(Option<&str>, Value)> = set
        .values()
        .filter(|artifact| artifact.kind == ArtifactKind::Patroni)
        .flat_map(|artifact| {
            documents(&artifact.path, &artifact.text).into_iter().map(|config| (artifact.region.as_deref(), config))
        })
        .collect();
    let text = |config: &Value, pointer: &str| config.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let rest = |rendered: Rendered| {
        let own = members.iter().filter(|(region, config)| {
            *region == rendered.region.as_deref() && text(config, "/scope").as_ref() == Some(&rendered.scope)
        });
        let address = |config: &Value| {
            let scheme = if config.pointer("/restapi/certfile").is_some() { "https" } else { "http" };
            Some(format!("{scheme}://{}", text(config, "/restapi/connect_address")?))
        };
        let addresses = own.filter_map(|(_, config)| address(config)).collect();
        let name = format!("{}/{}", rendered.region.as_deref().unwrap_or_default(), rendered.scope);
        Rest { shown: format!("Patroni of {name}"), server: Server { name, addresses, tls: false } }
    };
    rendered(set).into_iter().map(rest).collect()
}

fn rendered(set: &ArtifactSet) -> Vec<Rendered> {
    let mut all: Vec<Rendered> = Vec::new();
    for artifact in set.values() {
        match artifact.kind {
            // All members of a cluster have the same.
            ArtifactKind::Patroni => add(artifact, &artifact.text, &mut all),
            ArtifactKind::Kubernetes if artifact.text.contains("patroni.yml: |") => {
                for object in documents(&artifact.path, &artifact.text) {
                    if let Some(text) = object.pointer("/data/patroni.yml").and_then(Value::as_str) {
                        add(artifact, text, &mut all);
                    }
                }
            }
            _ => {}
        }
    }
    all
}

fn add(artifact: &Artifact, text: &str, all: &mut Vec<Rendered>) {
    for config in documents(&artifact.path, text) {
        let (Some(scope), Some(dcs)) = (config.get("scope").and_then(Value::as_str), config.pointer("/bootstrap/dcs"))
        else {
            continue;
        };
        if all.iter().any(|known| known.region == artifact.region && known.scope == scope) {
            continue;
        }
        all.push(Rendered {
            region: artifact.region.clone(),
            scope: scope.to_owned(),
            artifact: artifact.path.clone(),
            origin: artifact.origins.first().cloned(),
            dcs: dcs.clone(),
        });
    }
}

fn documents(path: &str, text: &str) -> Vec<Value> {
    let source = Source::new(path.to_owned(), text.to_owned());
    yaml::parse_foreign(&source, 0).0.iter().map(plain::json).collect()
}

fn walk(path: &mut Vec<String>, wanted: &Value, live: &Value, changes: &mut Vec<Change>) {
    let (Value::Object(a), Value::Object(b)) = (wanted, live) else {
        if !same(wanted, live) {
            changes.push(change(path, What::Changed, Some(live), Some(wanted)));
        }
        return;
    };
    for (key, value) in a {
        path.push(key.clone());
        match b.get(key).filter(|value| !value.is_null()) {
            Some(other) => walk(path, value, other, changes),
            None if value.is_null() => {}
            None => changes.push(change(path, What::Missing, None, Some(value))),
        }
        path.pop();
    }
    for (key, value) in b.iter().filter(|(key, value)| !a.contains_key(*key) && !value.is_null()) {
        path.push(key.clone());
        changes.push(change(path, What::Foreign(None), Some(value), None));
        path.pop();
    }
}

/// Whether two values are one to Patroni and PostgreSQL: `on` is true, `10` is 10.
fn same(a: &Value, b: &Value) -> bool {
    let text = |value: &Value| match value {
        Value::String(text) => text.to_ascii_lowercase(),
        other => other.to_string(),
    };
    let truth = |text: String| match text.as_str() {
        "on" | "yes" => "true".to_owned(),
        "off" | "no" => "false".to_owned(),
        _ => text,
    };
    a == b || !(a.is_object() || b.is_object()) && truth(text(a)) == truth(text(b))
}

fn change(path: &[String], what: What, before: Option<&Value>, after: Option<&Value>) -> Change {
    let at = path.join(".");
    // What a shell or a terminal would take for something else stands in no command.
    let plain = at.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    let graded = risk(path, &what).by(match (after, &what) {
        _ if !plain => "`patronictl edit-config`".to_owned(),
        (Some(value), _) if !value.is_object() => format!("`patronictl edit-config --set {at}={}`", shown(value)),
        (_, What::Foreign(_)) => format!("`patronictl edit-config --set {at}=null`, unless somebody needs it"),
        _ => "`patronictl edit-config`".to_owned(),
    });
    Change { at, what, before: before.cloned(), after: after.cloned(), owner: None, graded }
}

fn shown(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if text.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '%' | '$' | '`')) {
        "…".to_owned()
    } else {
        text
    }
}

/// Parameters that PostgreSQL reads when it starts: context `postmaster` in what `postgres --describe-config` of 15 prints, and
/// those that 16 to 18 added (documentation, "Server Configuration").
const AT_START: [&str; 67] = [
    "archive_mode",
    "autovacuum_freeze_max_age",
    "autovacuum_max_workers",
    "autovacuum_multixact_freeze_max_age",
    "autovacuum_worker_slots",
    "bonjour",
    "bonjour_name",
    "cluster_name",
    "commit_timestamp_buffers",
    "data_directory",
    "data_sync_retry",
    "dynamic_shared_memory_type",
    "event_source",
    "external_pid_file",
    "hba_file",
    "hot_standby",
    "huge_page_size",
    "huge_pages",
    "ident_file",
    "io_max_combine_limit",
    "io_max_concurrency",
    "io_method",
    "jit_provider",
    "listen_addresses",
    "logging_collector",
    "max_active_replication_origins",
    "max_connections",
    "max_files_per_process",
    "max_locks_per_transaction",
    "max_logical_replication_workers",
    "max_notify_queue_pages",
    "max_pred_locks_per_transaction",
    "max_prepared_transactions",
    "max_replication_slots",
    "max_wal_senders",
    "max_worker_processes",
    "min_dynamic_shared_memory",
    "multixact_member_buffers",
    "multixact_offset_buffers",
    "notify_buffers",
    "old_snapshot_threshold",
    "port",
    "recovery_target",
    "recovery_target_action",
    "recovery_target_inclusive",
    "recovery_target_lsn",
    "recovery_target_name",
    "recovery_target_time",
    "recovery_target_timeline",
    "recovery_target_xid",
    "reserved_connections",
    "serializable_buffers",
    "shared_buffers",
    "shared_memory_type",
    "shared_preload_libraries",
    "subtransaction_buffers",
    "superuser_reserved_connections",
    "track_activity_query_size",
    "track_commit_timestamp",
    "transaction_buffers",
    "unix_socket_directories",
    "unix_socket_group",
    "unix_socket_permissions",
    "wal_buffers",
    "wal_decode_buffer_size",
    "wal_level",
    "wal_log_hints",
];

fn risk(path: &[String], what: &What) -> Graded {
    let keys: Vec<&str> = path.iter().map(String::as_str).collect();
    match keys[..] {
        ["standby_cluster", ..] => Graded::new(
            Risk::Failover,
            "without it the cluster promotes itself; with it, it follows another one and its data may be copied anew",
        ),
        ["slots", _] if *what == What::Missing => {
            Graded::new(Risk::Reload, "the primary makes the slot, and keeps WAL for it from then on")
        }
        ["slots", _, ..] => {
            Graded::new(Risk::Recreate, "a slot that goes is dropped: who streams from it may have to be built anew")
        }
        ["pause"] => Graded::new(Risk::Reload, "while it is paused there is no failover by itself"),
        ["postgresql", "parameters", name, ..] if AT_START.contains(&name) => Graded::new(
            Risk::BriefOutage,
            "PostgreSQL reads it when it starts: members wait with `Pending restart`, and the primary is restarted too",
        ),
        ["synchronous_mode" | "synchronous_mode_strict" | "synchronous_node_count", ..] => {
            Graded::new(Risk::Reload, "what an acknowledged commit is worth changes within a loop of Patroni")
        }
        _ => Graded::new(Risk::Reload, "members take it over within a loop of Patroni"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn truths_and_numbers_are_compared_as_patroni_reads_them() {
        for (a, b) in [(json!("on"), json!(true)), (json!(10), json!("10")), (json!("off"), json!(false))] {
            assert!(same(&a, &b), "{a} {b}");
        }
        for (a, b) in [(json!("1GB"), json!("2GB")), (json!({}), json!("{}")), (json!(1), json!(true))] {
            assert!(!same(&a, &b), "{a} {b}");
        }
    }
}
