//! Patroni and etcd: what their own validators pass in silence (facts.md §1.7) is refused here: keys that they do not
//! know, timings that contradict each other, settings where Patroni ignores them.

use super::tree::Node;
use super::{FILE_SCHEMAS, Fault, yaml};

/// Parameters that count only in the dynamic configuration (§1.4, R-PG-03).
const CONTROLLED: [&str; 11] = [
    "max_connections",
    "max_locks_per_transaction",
    "max_worker_processes",
    "max_prepared_transactions",
    "wal_level",
    "track_commit_timestamp",
    "max_wal_senders",
    "max_replication_slots",
    "wal_keep_segments",
    "wal_keep_size",
    "wal_log_hints",
];
/// Parameters that Patroni sets itself.
const OWN: [&str; 4] = ["listen_addresses", "port", "cluster_name", "hot_standby"];

/// Checks patroni.yml.
pub fn check(node: &Node<'_>, faults: &mut Vec<Fault>) {
    if let Some(dcs) = node.at(&["bootstrap", "dcs"]) {
        let number = |key: &str| dcs.get(key).and_then(Node::int).unwrap_or_default();
        let (ttl, wait, retry) = (number("ttl"), number("loop_wait"), number("retry_timeout"));
        if wait + 2 * retry > ttl {
            faults.push(Fault::at(
                dcs.line,
                format!("loop_wait {wait} + 2 × retry_timeout {retry} is more than ttl {ttl}: Patroni would change them (F-PT-02)"),
            ));
        }
        if let Some(slots) =
            dcs.at(&["standby_cluster"]).filter(|s| s.get("host").is_none() && s.get("restore_command").is_none())
        {
            faults.push(Fault::at(slots.line, "a standby cluster needs a host or a restore_command"));
        }
    }
    for (key, value) in node.at(&["postgresql", "parameters"]).map_or(&[][..], Node::entries) {
        if CONTROLLED.contains(&key.text.as_ref()) || OWN.contains(&key.text.as_ref()) {
            faults.push(Fault::at(
                value.line,
                format!("`{}` has no effect here: it belongs into bootstrap.dcs (R-PG-03)", key.text),
            ));
        }
    }
    let has_hba =
        [&["bootstrap", "dcs", "postgresql", "pg_hba"][..], &["postgresql", "pg_hba"], &["bootstrap", "pg_hba"]]
            .iter()
            .any(|path| node.at(path).is_some_and(|rules| !rules.items().is_empty()));
    if !has_hba {
        faults.push(Fault::at(node.line, "no pg_hba: replication would be refused (R-PG-17)"));
    }
    for path in [&["bootstrap", "dcs", "postgresql", "pg_hba"][..], &["postgresql", "pg_hba"]] {
        node.at(path).map_or(&[][..], Node::items).iter().for_each(|rule| hba(rule, faults));
    }
    for section in ["restapi", "postgresql"] {
        if let Some(address) = node.at(&[section, "connect_address"]) {
            let text = address.text().unwrap_or_default();
            let host = text.rsplit_once(':').map_or(text, |(host, _)| host);
            if matches!(host, "localhost" | "127.0.0.1" | "0.0.0.0" | "::1" | "[::1]") {
                faults.push(Fault::at(
                    address.line,
                    format!("{section}.connect_address {host} cannot be reached by the others"),
                ));
            }
        }
    }
}

/// Checks one line of pg_hba.
fn hba(rule: &Node<'_>, faults: &mut Vec<Fault>) {
    let text = rule.text().unwrap_or_default();
    let words: Vec<&str> = text.split_whitespace().collect();
    let known = ["local", "host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc"];
    let least = if words.first() == Some(&"local") { 4 } else { 5 };
    let include = words.first().is_some_and(|word| word.starts_with("include"));
    if !include
        && (!words.first().is_some_and(|word| known.contains(word)) || words.len() < least || text.contains('\n'))
    {
        faults.push(Fault::at(rule.line, format!("no line of pg_hba.conf: {text:?}")));
    }
    if words.contains(&"trust") && words.first() != Some(&"local") {
        faults.push(Fault::at(rule.line, "`trust` lets anybody in without a password"));
    }
}

/// Checks a patroni.yml that stands inside of another file.
pub fn embedded(text: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    match yaml::read(text) {
        Err(fault) => faults.push(fault),
        Ok(documents) => {
            for document in &documents {
                FILE_SCHEMAS.check("patroni", document, &mut faults);
                // What comes from the pod's environment need not stand in the file.
                faults.retain(|fault| !fault.message.ends_with("is missing"));
                if faults.is_empty() {
                    check(document, &mut faults);
                }
            }
        }
    }
    faults
}

/// Checks an etcd configuration.
pub fn etcd(node: &Node<'_>, faults: &mut Vec<Fault>) {
    let number = |key: &str| node.get(key).and_then(Node::int);
    let (beat, election) = (number("heartbeat-interval").unwrap_or(100), number("election-timeout").unwrap_or(1000));
    if election < 5 * beat {
        faults.push(Fault::at(
            node.line,
            format!("election-timeout {election} is less than 5 × heartbeat-interval {beat}: etcd refuses to start"),
        ));
    }
    let cluster = node.text_at(&["initial-cluster"]).unwrap_or_default();
    let own = format!("{}=", node.text_at(&["name"]).unwrap_or_default());
    let members: Vec<&str> = cluster.split(',').collect();
    if !members.iter().any(|member| member.starts_with(&own)) {
        faults.push(Fault::at(node.line, "initial-cluster does not name this member"));
    }
    for advertised in node.text_at(&["initial-advertise-peer-urls"]).unwrap_or_default().split(',') {
        if !members.iter().any(|member| member.strip_prefix(&own) == Some(advertised)) {
            faults.push(Fault::at(
                node.line,
                format!("initial-cluster gives this member another address than {advertised}"),
            ));
        }
    }
}
