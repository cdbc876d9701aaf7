//! Rendered rules of Prometheus against those that it has loaded: `/api/v1/rules`, or rule files.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Change, Comparison, Difference, Graded, Risk, What};
use crate::blueprint::Blueprint;
use crate::document::{Path, Source, plain, yaml};
use crate::render::{ArtifactKind, ArtifactSet};
use crate::state::Loaded;

/// A rendered group.
struct Group {
    rules: Vec<Rule>,
    interval: Option<u64>,
    artifact: String,
    origin: Option<Path>,
}

/// A rule, with its times in seconds and its expression as the parser prints it.
#[derive(Clone)]
struct Rule {
    name: String,
    labels: Map<String, Value>,
    fields: Map<String, Value>,
}

impl Rule {
    /// What it is known by in its group: alerts of one name differ by their labels.
    fn key(&self) -> (String, String) {
        let labels: BTreeMap<&String, &Value> = self.labels.iter().collect();
        (self.name.clone(), serde_json::to_string(&labels).unwrap_or_default())
    }
}

/// Compares the rules of each region with those of its sources.
pub fn compare(blueprint: &Blueprint, set: &ArtifactSet, live: &[&Loaded]) -> Comparison {
    let mut all = Comparison::default();
    let mut sources: BTreeMap<Option<String>, Vec<&Loaded>> = BTreeMap::new();
    for loaded in live {
        match region(blueprint, set, loaded) {
            Ok(region) => sources.entry(region).or_default().push(loaded),
            Err(why) => all.refused.push(why),
        }
    }
    for (region, sources) in sources {
        of_region(blueprint, set, region, &sources, &mut all);
    }
    all
}

/// The region that a source is of: the one that people named, or that of the labels of its alerts; none for the global one.
fn region(blueprint: &Blueprint, set: &ArtifactSet, loaded: &Loaded) -> Result<Option<String>, String> {
    let rendered: BTreeSet<Option<String>> = set
        .values()
        .filter(|artifact| artifact.kind == ArtifactKind::PrometheusRules)
        .map(|artifact| artifact.region.clone())
        .collect();
    let named = loaded.name.as_ref().map(|name| (name != "global").then(|| name.clone()));
    if let Some(named) = named {
        let known = rendered.contains(&named);
        return if known {
            Ok(named)
        } else {
            Err(format!("{}: no rules are rendered for `{}`", loaded.source, named.unwrap_or_default()))
        };
    }
    let labels: BTreeSet<&str> = loaded
        .groups
        .iter()
        .flat_map(rules_of)
        .filter(|rule| rule.pointer("/labels/system").and_then(Value::as_str) == Some(blueprint.name.as_str()))
        .filter_map(|rule| rule.pointer("/labels/region").and_then(Value::as_str))
        .collect();
    let labelled: Vec<&Option<String>> =
        rendered.iter().filter(|region| region.as_deref().is_some_and(|region| labels.contains(region))).collect();
    match (&labelled[..], rendered.len()) {
        ([one], _) => Ok((*one).clone()),
        (_, 1) => Ok(rendered.into_iter().next().flatten()),
        _ => {
            let names: Vec<String> = rendered
                .iter()
                .map(|region| format!("{}={}", region.as_deref().unwrap_or("global"), loaded.source))
                .collect();
            Err(format!("{}: of which region are these rules? Write one of: {}", loaded.source, names.join(", ")))
        }
    }
}

fn of_region(
    blueprint: &Blueprint,
    set: &ArtifactSet,
    region: Option<String>,
    sources: &[&Loaded],
    all: &mut Comparison,
) {
    let rendered = rendered(set, region.as_deref());
    let mut live: BTreeMap<&str, (Vec<Rule>, Option<u64>)> = BTreeMap::new();
    for group in sources.iter().flat_map(|loaded| &loaded.groups) {
        let name = group.get("name").and_then(Value::as_str).unwrap_or_default();
        let (rules, interval) = live.entry(name).or_default();
        rules.extend(rules_of(group).iter().filter_map(rule));
        *interval = seconds(group.get("interval"));
    }
    for (name, group) in &rendered {
        let difference = |subject: String, what: What, changes: Vec<Change>| Difference {
            region: region.clone(),
            artifact: group.artifact.clone(),
            subject,
            what,
            changes,
            origin: group.origin.clone(),
            moved_from: None,
        };
        let (found, interval) = live.get(name.as_str()).cloned().unwrap_or_default();
        if let (Some(wanted), Some(has)) = (group.interval, interval)
            && wanted != has
        {
            let change = changed("interval", Some(has.into()), Some(wanted.into()));
            all.differences.push(difference(format!("Group {name}"), What::Changed, vec![change]));
        }
        for wanted in &group.rules {
            let subject = format!("Rule {name}/{}", wanted.name);
            let exact = found.iter().find(|other| other.key() == wanted.key());
            // An alert whose labels alone are others, where there is one of its name that is no other rendered one.
            let named = || {
                let is_another = |other: &&Rule| group.rules.iter().any(|rule| rule.key() == other.key());
                let mut others = found.iter().filter(|other| other.name == wanted.name && !is_another(other));
                others.next().filter(|_| others.next().is_none())
            };
            let Some(other) = exact.or_else(named) else {
                let graded = Graded::new(Risk::Reload, "until it is loaded nobody is told");
                let after = Some(Value::Object(wanted.fields.clone()));
                let change =
                    Change { at: String::new(), what: What::Missing, before: None, after, owner: None, graded };
                all.differences.push(difference(subject, What::Missing, vec![change]));
                continue;
            };
            let mut changes = Vec::new();
            let keys: BTreeSet<&String> = wanted.fields.keys().chain(other.fields.keys()).collect();
            for key in keys {
                let (after, before) = (wanted.fields.get(key), other.fields.get(key));
                if after != before {
                    changes.push(changed(key, before.cloned(), after.cloned()));
                }
            }
            if changes.is_empty() {
                all.same += 1;
            } else {
                all.differences.push(difference(subject, What::Changed, changes));
            }
        }
    }
    // Alerts of this system that are rendered no more; what others load beside them is theirs.
    let known: BTreeSet<&str> =
        rendered.values().flat_map(|group| &group.rules).map(|rule| rule.name.as_str()).collect();
    for (name, (rules, _)) in live {
        for rule in rules {
            let own = rule.labels.get("system").and_then(Value::as_str) == Some(blueprint.name.as_str())
                && region.as_deref().is_none_or(|region| rule.labels.get("region").is_none_or(|own| own == region));
            if own && !known.contains(rule.name.as_str()) {
                let graded = Graded::new(Risk::Reload, "it goes on firing until its file is gone");
                let before = Some(Value::Object(rule.fields));
                let change = Change { at: String::new(), what: What::Left, before, after: None, owner: None, graded };
                all.differences.push(Difference {
                    region: region.clone(),
                    artifact: sources.first().map_or_else(String::new, |loaded| loaded.source.clone()),
                    subject: format!("Rule {name}/{}", rule.name),
                    what: What::Left,
                    changes: vec![change],
                    origin: None,
                    moved_from: None,
                });
            }
        }
    }
}

fn rendered(set: &ArtifactSet, region: Option<&str>) -> BTreeMap<String, Group> {
    let mut groups = BTreeMap::new();
    let own = |artifact: &&crate::render::Artifact| {
        artifact.kind == ArtifactKind::PrometheusRules && artifact.region.as_deref() == region
    };
    for artifact in set.values().filter(own) {
        let source = Source::new(artifact.path.clone(), artifact.text.clone());
        for document in yaml::parse_foreign(&source, 0).0.iter().map(plain::json) {
            for group in document.get("groups").and_then(Value::as_array).into_iter().flatten() {
                let name = group.get("name").and_then(Value::as_str).unwrap_or_default();
                let rules = rules_of(group).iter().filter_map(rule).collect();
                let interval = seconds(group.get("interval"));
                let (artifact, origin) = (artifact.path.clone(), artifact.origins.first().cloned());
                groups.insert(name.to_owned(), Group { rules, interval, artifact, origin });
            }
        }
    }
    groups
}

fn rules_of(group: &Value) -> &[Value] {
    group.get("rules").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A rule as a file writes it, or as Prometheus tells of it.
fn rule(rule: &Value) -> Option<Rule> {
    let text = |keys: &[&str]| keys.iter().find_map(|key| rule.get(*key)).and_then(Value::as_str);
    let name = text(&["alert", "record", "name"])?.to_owned();
    let map = |key: &str| match rule.get(key) {
        Some(Value::Object(map)) => {
            // The order of keys is none.
            let sorted: BTreeMap<&String, &Value> = map.iter().collect();
            sorted.into_iter().map(|(key, value)| (key.clone(), value.clone())).collect()
        }
        _ => Map::new(),
    };
    let labels = map("labels");
    let mut fields = Map::new();
    fields.insert("expr".to_owned(), Value::from(expression(text(&["expr", "query"])?)));
    for (key, others) in [("for", ["for", "duration"]), ("keep_firing_for", ["keep_firing_for", "keepFiringFor"])] {
        let time = others.iter().find_map(|key| seconds(rule.get(*key))).unwrap_or_default();
        fields.insert(key.to_owned(), time.into());
    }
    fields.extend(labels.iter().map(|(key, value)| (format!("labels.{key}"), value.clone())));
    fields.extend(map("annotations").into_iter().map(|(key, value)| (format!("annotations.{key}"), value)));
    Some(Rule { name, labels, fields })
}

/// A time in seconds: `5m`, or a number, which is one already.
fn seconds(value: Option<&Value>) -> Option<u64> {
    match value? {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time is not negative, and fits")]
        Value::Number(number) => number.as_f64().map(|seconds| seconds as u64),
        Value::String(text) => {
            let (mut rest, mut sum) = (text.as_str(), 0u64);
            while !rest.is_empty() {
                let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|end| *end > 0).unwrap_or(rest.len());
                let number: u64 = rest[..digits].parse().ok()?;
                rest = &rest[digits..];
                let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
                let unit = match &rest[..end] {
                    "" | "s" => 1,
                    "m" => 60,
                    "h" => 3600,
                    "d" => 86_400,
                    "w" => 604_800,
                    "y" => 31_536_000,
                    _ => return None,
                };
                sum = sum.checked_add(number.checked_mul(unit)?)?;
                rest = &rest[end..];
            }
            Some(sum)
        }
        _ => None,
    }
}

/// An expression as the parser prints it; its words, where it cannot be read: Prometheus prints expressions in its own way.
fn expression(text: &str) -> String {
    parsed(text).unwrap_or_else(|| text.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(feature = "promql")]
fn parsed(text: &str) -> Option<String> {
    // The parser is not asked about what could end the process in it.
    const LENGTH: usize = 64 << 10;
    const DEPTH: usize = 200;
    const OPERATORS: usize = 500;
    let mut deepest = 0usize;
    let mut open = 0usize;
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(open);
    }
    // A chain of operators is as deep a tree as nested brackets are.
    let signs = text.bytes().filter(|byte| matches!(byte, b'+' | b'-' | b'*' | b'/' | b'%' | b'^')).count();
    let words =
        text.split_whitespace().filter(|word| matches!(word.to_ascii_lowercase().as_str(), "and" | "or" | "unless"));
    if text.len() > LENGTH || deepest > DEPTH || signs + words.count() > OPERATORS {
        return None;
    }
    promql_parser::parser::parse(text).ok().map(|expression| expression.to_string())
}

#[cfg(not(feature = "promql"))]
const fn parsed(_text: &str) -> Option<String> {
    None
}

fn changed(at: &str, before: Option<Value>, after: Option<Value>) -> Change {
    let what = match (&before, &after) {
        (None, _) => What::Missing,
        (_, None) => What::Left,
        _ => What::Changed,
    };
    let graded = match at {
        at if at.starts_with("annotations.") => Graded::new(Risk::Metadata, "only what people read changes"),
        _ => Graded::new(Risk::Reload, "Prometheus takes it over when it reads its rules anew"),
    };
    Change { at: at.to_owned(), what, before, after, owner: None, graded }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rule_of_a_file_is_the_one_that_prometheus_tells_of() {
        let file = json!({"alert": "A", "expr": "sum(up{job=\"a\"})  or vector(0) < 6", "for": "2m", "labels": {"b": "1", "a": "2"}});
        let told = json!({"name": "A", "query": "sum(up{job=\"a\"}) or vector(0) < 6", "duration": 120, "keepFiringFor": 0,
            "labels": {"a": "2", "b": "1"}, "annotations": {}, "state": "inactive", "type": "alerting"});
        let (file, told) = (rule(&file).unwrap(), rule(&told).unwrap());
        assert_eq!(file.fields, told.fields);
        assert_eq!(file.key(), told.key());
        assert_eq!(seconds(Some(&json!("1h30m"))), Some(5400));
        assert_eq!(seconds(Some(&json!("5x"))), None);
    }
}
