//! Rendered record sets and health checks against those of Route 53.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Change, Comparison, Difference, Graded, Risk, What};
use crate::document::Path;
use crate::render::{ArtifactKind, ArtifactSet};

/// What sources show of Route 53.
#[derive(Debug, Default)]
pub struct Live<'a> {
    /// The record sets, with the source that each comes from; none when no source shows any, not even that there are none.
    pub records: Option<Vec<(&'a str, &'a Value)>>,
    /// The health checks, likewise; none when no source shows any.
    pub checks: Option<Vec<(&'a str, &'a Value)>>,
}

/// What a record set is known by: name, type, set identifier.
type Key = (String, String, String);

struct Rendered {
    value: Value,
    artifact: String,
    zone: String,
    origin: Option<Path>,
}

/// Compares what is rendered for Route 53 with what it has.
pub fn compare(set: &ArtifactSet, live: &Live<'_>, budget: usize) -> Result<Comparison, String> {
    let (records, checks) = rendered(set)?;
    let mut all = Comparison::default();
    // The ids of Route 53, by the references that hagen knows its checks by.
    let references: BTreeMap<&str, String> = live
        .checks
        .iter()
        .flatten()
        .filter_map(|(_, check)| Some((text(check, "Id")?, format!("@{}@", reference(check)?))))
        .collect();
    if let Some(live) = &live.checks {
        of_checks(&checks, live, &references, &mut all);
    } else if !checks.is_empty() {
        all.unknown.push(
            "no source shows health checks (`aws route53 list-health-checks`): whether they are as rendered is not known"
                .to_owned(),
        );
    }
    if let Some(there) = &live.records {
        of_records(&records, (live, there), &references, &mut all);
        all.over_budget.extend(over(&records, there, &all.differences, budget));
    } else if !records.is_empty() {
        all.unknown.push(
            "no source shows record sets (`aws route53 list-resource-record-sets`): whether they are as rendered is not known"
                .to_owned(),
        );
    }
    Ok(all)
}

/// So few records may all change: a share of them says nothing.
const FEW: usize = 10;

/// Whether more of the records that are there change or go than the budget allows: octoDNS refuses such a plan as well (more
/// than 30 %, from 10 records on).
fn over(
    rendered: &BTreeMap<Key, Rendered>,
    there: &[(&str, &Value)],
    differences: &[Difference],
    budget: usize,
) -> Option<String> {
    let own: BTreeSet<(&str, &str)> = rendered.keys().map(|(name, kind, _)| (&**name, &**kind)).collect();
    let keys: BTreeSet<Key> = there.iter().map(|(_, record)| key(record)).collect();
    let there = keys.iter().filter(|(name, kind, _)| own.contains(&(&**name, &**kind))).count();
    let of_record =
        |what: &What| differences.iter().filter(|d| d.subject.starts_with("Record ") && d.what == *what).count();
    let (changed, gone) = (of_record(&What::Changed), of_record(&What::Left));
    let touched = changed + gone;
    (there >= FEW && touched * 100 > there * budget).then(|| {
        format!(
            "of {there} record sets {changed} would change and {gone} are left over: {} %, more than the change budget of {budget} %. \
             Is it the right zone, and the right blueprint? `--change-budget {}` lets it pass",
            touched * 100 / there,
            (touched * 100).div_ceil(there)
        )
    })
}

/// The rendered record sets, and the rendered health checks by their references.
type Both = (BTreeMap<Key, Rendered>, BTreeMap<String, Rendered>);

fn rendered(set: &ArtifactSet) -> Result<Both, String> {
    let (mut records, mut checks) = (BTreeMap::new(), BTreeMap::new());
    for artifact in set.values() {
        let parse =
            || serde_json::from_str::<Value>(&artifact.text).map_err(|error| format!("{}: {error}", artifact.path));
        let whole = |value: Value, zone: &str| Rendered {
            value,
            artifact: artifact.path.clone(),
            zone: zone.to_owned(),
            origin: artifact.origins.first().cloned(),
        };
        match artifact.kind {
            ArtifactKind::Route53Changes => {
                let batch = parse()?;
                let zone = text(&batch, "HostedZoneId").unwrap_or_default();
                let changes = batch.pointer("/ChangeBatch/Changes").and_then(Value::as_array);
                for record in changes.into_iter().flatten().filter_map(|change| change.get("ResourceRecordSet")) {
                    records.insert(key(record), whole(record.clone(), zone));
                }
            }
            ArtifactKind::Route53HealthCheck => {
                let check = parse()?;
                if let Some(reference) = text(&check, "CallerReference") {
                    checks.insert(reference.to_owned(), whole(check.clone(), ""));
                }
            }
            _ => {}
        }
    }
    Ok((records, checks))
}

fn of_checks(
    rendered: &BTreeMap<String, Rendered>,
    live: &[(&str, &Value)],
    references: &BTreeMap<&str, String>,
    all: &mut Comparison,
) {
    let by_reference: BTreeMap<&str, &Value> =
        live.iter().filter_map(|(_, check)| Some((reference(check)?, *check))).collect();
    let subject = |check: &Value| {
        let config = check.get("HealthCheckConfig").unwrap_or(&Value::Null);
        let about = text(config, "FullyQualifiedDomainName").or_else(|| text(config, "Type")).unwrap_or_default();
        format!("Health check of {about} ({})", text(check, "CallerReference").unwrap_or_default())
    };
    for (reference, wanted) in rendered {
        let difference = |what, changes| Difference {
            region: None,
            artifact: wanted.artifact.clone(),
            subject: subject(&wanted.value),
            what,
            changes,
            origin: wanted.origin.clone(),
            moved_from: None,
        };
        let Some(found) = by_reference.get(reference.as_str()) else {
            let graded = Graded::new(Risk::None, "it is new: no record asks it yet");
            let change = change(String::new(), What::Missing, None, Some(wanted.value.clone()), graded);
            all.differences.push(difference(What::Missing, vec![change]));
            continue;
        };
        let config = |check: &Value| filled(check.get("HealthCheckConfig").cloned().unwrap_or_default(), references);
        let mut changes = Vec::new();
        leaves("", &config(&wanted.value), &config(found), &mut |at, before, after| {
            let graded = Graded::new(Risk::DnsVisible, "it decides which region answers");
            // Route 53 has no way to change what a check asks with.
            let graded = match at.as_str() {
                "Type" | "RequestInterval" | "MeasureLatency" => Graded::new(
                    Risk::DnsVisible,
                    "Route 53 cannot change this of a check that is there",
                )
                .by("make a new check, let the records use it, delete the old one: apply.sh does so for a new reference"),
                _ => graded,
            };
            changes.push(change(at, what(before, after), before.cloned(), after.cloned(), graded));
        });
        if changes.is_empty() {
            all.same += 1;
        } else {
            all.differences.push(difference(What::Changed, changes));
        }
    }
    // What the references of this blueprint and environment begin with: `hagen-4f47376f-`.
    let prefixes: BTreeSet<&str> = rendered.keys().filter_map(|reference| prefix(reference)).collect();
    for (source, check) in live {
        let Some(reference) = reference(check) else { continue };
        let own = prefix(reference).is_some_and(|prefix| prefixes.contains(prefix));
        if own && !rendered.contains_key(reference) {
            let graded = Graded::new(Risk::Metadata, "no rendered record asks it; it costs and may alarm");
            let change = change(String::new(), What::Left, Some((*check).clone()), None, graded);
            all.differences.push(Difference {
                region: None,
                artifact: (*source).to_owned(),
                subject: subject(check),
                what: What::Left,
                changes: vec![change],
                origin: None,
                moved_from: None,
            });
        }
    }
}

fn of_records(
    rendered: &BTreeMap<Key, Rendered>,
    (live, there): (&Live<'_>, &[(&str, &Value)]),
    references: &BTreeMap<&str, String>,
    all: &mut Comparison,
) {
    let by_key: BTreeMap<Key, &Value> = there.iter().map(|(_, record)| (key(record), *record)).collect();
    let names: BTreeSet<(&str, &str)> = by_key.keys().map(|(name, kind, _)| (&**name, &**kind)).collect();
    for (known, wanted) in rendered {
        let difference = |what, changes| Difference {
            region: None,
            artifact: wanted.artifact.clone(),
            subject: shown(known),
            what,
            changes,
            origin: wanted.origin.clone(),
            moved_from: None,
        };
        let Some(found) = by_key.get(known) else {
            let graded = if names.contains(&(&*known.0, &*known.1)) {
                Graded::new(Risk::DnsVisible, "the name has other answers already").by(
                    "where the old ones have another routing policy: delete them and create the new ones in one batch",
                )
            } else {
                Graded::new(Risk::None, "it is new: the name has no answer yet")
            };
            let change = change(String::new(), What::Missing, None, Some(wanted.value.clone()), graded);
            all.differences.push(difference(What::Missing, vec![change]));
            continue;
        };
        let side = |record: &Value, own: bool| record_of(record, &wanted.zone, own, live.checks.is_some(), references);
        let mut changes = Vec::new();
        leaves("", &side(&wanted.value, true), &side(found, false), &mut |at, before, after| {
            let policy =
                ["Failover", "GeoLocation", "Weight", "Region", "MultiValueAnswer"].iter().any(|p| at.starts_with(p));
            let graded = Graded::new(Risk::DnsVisible, kept(found));
            let graded = if policy && (before.is_none() || after.is_none()) {
                graded.by(
                    "another routing policy: delete the old records of the name and create the new ones in one batch",
                )
            } else {
                graded
            };
            changes.push(change(at, what(before, after), before.cloned(), after.cloned(), graded));
        });
        if changes.is_empty() {
            all.same += 1;
        } else {
            all.differences.push(difference(What::Changed, changes));
        }
    }
    // Other answers of names that are rendered. What else is in a zone is not hagen's.
    let own: BTreeSet<(&str, &str)> = rendered.keys().map(|(name, kind, _)| (&**name, &**kind)).collect();
    for (source, record) in there {
        let known = key(record);
        if own.contains(&(&*known.0, &*known.1)) && !rendered.contains_key(&known) {
            let graded = Graded::new(Risk::DnsVisible, "it still answers beside what is rendered")
                .by("delete it once nothing has to answer there: apply.sh deletes nothing");
            let change = change(String::new(), What::Left, Some((*record).clone()), None, graded);
            all.differences.push(Difference {
                region: None,
                artifact: (*source).to_owned(),
                subject: shown(&known),
                what: What::Left,
                changes: vec![change],
                origin: None,
                moved_from: None,
            });
        }
    }
}

/// How long clients keep the old answer.
fn kept(record: &Value) -> String {
    match record.get("TTL").and_then(Value::as_u64) {
        Some(ttl) => format!("clients keep the old answer for up to {ttl} s"),
        None => "clients keep the old answer for as long as its target says: 60 s for a load balancer".to_owned(),
    }
}

fn what(before: Option<&Value>, after: Option<&Value>) -> What {
    match (before, after) {
        (None, _) => What::Missing,
        // A record set is written as a whole: what is not rendered goes.
        _ => What::Changed,
    }
}

fn change(at: String, what: What, before: Option<Value>, after: Option<Value>, graded: Graded) -> Change {
    Change { at, what, before, after, owner: None, graded }
}

fn shown((name, kind, identifier): &Key) -> String {
    match identifier.as_str() {
        "" => format!("Record {name} {kind}"),
        identifier => format!("Record {name} {kind} [{identifier}]"),
    }
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

/// A name as Route 53 compares it: in small letters, with the escape of `*` undone, without the last dot.
fn name(text: &str) -> String {
    text.trim_end_matches('.').to_ascii_lowercase().replace("\\052", "*")
}

fn key(record: &Value) -> Key {
    let part = |key| text(record, key).unwrap_or_default();
    (name(part("Name")), part("Type").to_owned(), part("SetIdentifier").to_owned())
}

/// What hagen knows a check by. A number behind it is that of a check made anew: Route 53 takes no reference twice.
fn reference(check: &Value) -> Option<&str> {
    let whole = text(check, "CallerReference")?;
    let end = whole.match_indices('-').nth(2).map_or(whole.len(), |(at, _)| at);
    if whole.starts_with("hagen-") { whole.get(..end) } else { Some(whole) }
}

fn prefix(reference: &str) -> Option<&str> {
    let end = reference.strip_prefix("hagen-")?.find('-')?;
    reference.get(.."hagen-".len() + end + 1)
}

/// A record set without what is only written differently.
fn record_of(record: &Value, zone: &str, rendered: bool, checks: bool, references: &BTreeMap<&str, String>) -> Value {
    let mut record = record.clone();
    let Some(map) = record.as_object_mut() else { return record };
    for key in ["Name", "Type", "SetIdentifier"] {
        map.remove(key);
    }
    if let Some(Value::Array(values)) = map.get_mut("ResourceRecords") {
        values.sort_by_key(Value::to_string);
        if values.is_empty() {
            map.remove("ResourceRecords");
        }
    }
    if let Some(Value::String(id)) = map.get_mut("HealthCheckId") {
        if !checks {
            // Which check it is cannot be known; that there is one can.
            *id = "a health check".to_owned();
        } else if !rendered && let Some(reference) = references.get(id.as_str()) {
            *id = reference.clone();
        }
    }
    if let Some(Value::Object(alias)) = map.get_mut("AliasTarget") {
        if let Some(Value::String(target)) = alias.get_mut("DNSName") {
            *target = name(target).trim_start_matches("dualstack.").to_owned();
        }
        // A name of the same zone: its id is another one in a zone for rehearsals.
        let inside =
            alias.get("DNSName").and_then(Value::as_str).is_some_and(|target| !target.ends_with(".amazonaws.com"));
        let own = alias.get("HostedZoneId").and_then(Value::as_str) == Some(zone);
        if inside && (own || !rendered) {
            alias.insert("HostedZoneId".to_owned(), Value::from("its own zone"));
        }
    }
    record
}

/// The configuration of a check with what Route 53 fills in, and its children by hagen's references.
fn filled(mut config: Value, references: &BTreeMap<&str, String>) -> Value {
    let Some(map) = config.as_object_mut() else { return config };
    let kind = map.get("Type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let asks = kind.starts_with("HTTP") || kind == "TCP";
    let mut put = |key: &str, value: Value| {
        if map.get(key).is_none_or(Value::is_null) {
            map.insert(key.to_owned(), value);
        }
    };
    put("Inverted", false.into());
    put("Disabled", false.into());
    if asks {
        put("RequestInterval", 30.into());
        put("FailureThreshold", 3.into());
        put("MeasureLatency", false.into());
        put("EnableSNI", kind.starts_with("HTTPS").into());
    }
    if let Some(Value::Array(children)) = map.get_mut("ChildHealthChecks") {
        for child in children.iter_mut() {
            if let Some(reference) = child.as_str().and_then(|id| references.get(id)) {
                *child = Value::from(reference.clone());
            }
        }
        children.sort_by_key(Value::to_string);
    }
    map.retain(|_, value| !matches!(value, Value::Null) && value.as_array().is_none_or(|items| !items.is_empty()));
    config
}

/// The leaves that differ: where, what is deployed, what is rendered.
fn leaves(at: &str, wanted: &Value, live: &Value, found: &mut impl FnMut(String, Option<&Value>, Option<&Value>)) {
    let (Value::Object(a), Value::Object(b)) = (wanted, live) else {
        if wanted != live {
            found(at.to_owned(), Some(live), Some(wanted));
        }
        return;
    };
    let below = |key: &str| if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") };
    for (key, value) in a {
        match b.get(key) {
            Some(other) => leaves(&below(key), value, other, found),
            None => found(below(key), None, Some(value)),
        }
    }
    for (key, value) in b.iter().filter(|(key, _)| !a.contains_key(*key)) {
        found(below(key), Some(value), None);
    }
}
