//! Route 53: what the service refuses, or takes and answers wrongly, although the AWS CLI and moto accept it.

use std::collections::BTreeMap;

use super::Fault;
use super::tree::Node;

/// The fields that choose a routing policy.
const POLICIES: [&str; 7] =
    ["Weight", "Region", "GeoLocation", "Failover", "MultiValueAnswer", "CidrRoutingConfig", "GeoProximityLocation"];

/// The record sets of one name and type: their policy, and their identifiers.
type Set<'a> = (Option<&'a str>, Vec<String>);

/// Checks a change batch.
pub fn changes(node: &Node<'_>, faults: &mut Vec<Fault>) {
    let mut sets: BTreeMap<(String, String), Set<'_>> = BTreeMap::new();
    let mut characters = 0;
    for change in node.at(&["ChangeBatch"]).map_or(&[][..], |batch| batch.list("Changes")) {
        let Some(record) = change.get("ResourceRecordSet") else { continue };
        let text = |key: &str| record.text_at(&[key]).unwrap_or_default().to_owned();
        characters += 2 * record
            .list("ResourceRecords")
            .iter()
            .filter_map(|r| r.text_at(&["Value"]))
            .map(str::len)
            .sum::<usize>();
        let policies: Vec<&str> = POLICIES.into_iter().filter(|policy| record.get(policy).is_some()).collect();
        let (name, kind) = (text("Name").trim_end_matches('.').to_ascii_lowercase(), text("Type"));
        if policies.len() > 1 {
            faults.push(Fault::at(
                record.line,
                format!("{name} {kind}: one routing policy only, not {} (R-DN-06)", policies.join(" and ")),
            ));
        }
        let set = record.get("SetIdentifier").is_some();
        if set == policies.is_empty() {
            faults.push(Fault::at(
                record.line,
                format!("{name} {kind}: a SetIdentifier belongs to a routing policy, and to nothing else"),
            ));
        }
        let alias = record.get("AliasTarget").is_some();
        if alias && record.get("MultiValueAnswer").is_some() {
            faults.push(Fault::at(record.line, format!("{name} {kind}: a multivalue answer cannot be an alias")));
        }
        // A geolocation record may do without by choice (`failover: none`): then nothing fails over, and nothing claims to.
        let judged = record.get("Failover").is_some();
        let evaluates =
            record.at(&["AliasTarget", "EvaluateTargetHealth"]).map(|n| &n.value) == Some(&super::Value::Bool(true));
        let checked = record.get("HealthCheckId").is_some();
        let last_resort = record.text_at(&["Failover"]) == Some("SECONDARY");
        if judged && alias && !evaluates && !checked && !last_resort {
            faults.push(Fault::at(
                record.line,
                format!("{name} {kind}: an alias that looks at no health never fails over (R-DN-08)"),
            ));
        }
        if judged && !alias && !checked && !last_resort {
            faults.push(Fault::at(
                record.line,
                format!("{name} {kind}: without a health check it always counts as healthy (R-DN-07)"),
            ));
        }
        let seen = sets.entry((name.clone(), kind.clone())).or_default();
        let policy = policies.first().copied();
        if !seen.1.is_empty() && seen.0 != policy {
            faults.push(Fault::at(
                record.line,
                format!("{name} {kind}: all records of a name have the same routing policy (R-DN-06)"),
            ));
        }
        let identifier = text("SetIdentifier");
        if seen.1.contains(&identifier) {
            faults.push(Fault::at(record.line, format!("{name} {kind}: the same record stands twice in the batch")));
        }
        seen.0 = policy;
        seen.1.push(identifier);
    }
    if characters > 32_000 {
        faults.push(Fault::at(
            node.line,
            "more than 32,000 characters of values in one batch, an UPSERT counting twice (F-DN-12)",
        ));
    }
}

/// Checks a health check.
pub fn health_check(node: &Node<'_>, faults: &mut Vec<Fault>) {
    let Some(config) = node.get("HealthCheckConfig") else { return };
    let kind = config.text_at(&["Type"]).unwrap_or_default();
    let has = |key: &str| config.get(key).is_some();
    let mut wrong = |message: String| faults.push(Fault::at(config.line, message));
    match kind {
        "CALCULATED" => {
            if !has("ChildHealthChecks") || !has("HealthThreshold") {
                wrong("a calculated check needs its children and a threshold".to_owned());
            }
            if has("FullyQualifiedDomainName") || has("RequestInterval") || has("Port") {
                wrong("a calculated check asks nobody itself".to_owned());
            }
        }
        "CLOUDWATCH_METRIC" | "RECOVERY_CONTROL" => {}
        _ => {
            if !has("FullyQualifiedDomainName") && !has("IPAddress") {
                wrong("a check needs a name or an address to ask".to_owned());
            }
            if kind.ends_with("STR_MATCH") != has("SearchString") {
                wrong("a SearchString belongs to a STR_MATCH check, and to nothing else".to_owned());
            }
            if kind == "TCP" && has("ResourcePath") {
                wrong("a TCP check has no path".to_owned());
            }
            if kind.starts_with("HTTPS")
                && config.get("EnableSNI").map(|n| &n.value) == Some(&super::Value::Bool(false))
            {
                wrong("an HTTPS check without SNI gets the certificate of somebody else".to_owned());
            }
        }
    }
}
