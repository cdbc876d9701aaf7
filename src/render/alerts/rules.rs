//! From alerts to what Prometheus reads: groups of rules, unit tests for promtool, PrometheusRule objects.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::model::{Alert, Series};
use super::promql::Labels;
use super::slo::Record;
use crate::blueprint::raw::{Monitoring, Severity};
use crate::blueprint::units::{Duration, exact_decimal};
use crate::blueprint::{Blueprint, Region, names};
use crate::document::Path;

/// A duration in seconds, as an exact number of PromQL.
pub fn seconds(duration: Duration) -> String {
    exact_decimal(duration.millis(), 1000)
}

/// The name of a severity, as the label carries it.
pub const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

/// The rules about one thing: one file, one test file.
pub struct Topic {
    /// Its name, in paths, groups and objects.
    pub name: &'static str,
    /// What it is about, in a sentence.
    pub title: &'static str,
    /// Recording rules.
    pub records: Vec<Record>,
    /// Alerting rules.
    pub alerts: Vec<Alert>,
    /// What is left out, and why.
    pub remarks: Vec<String>,
}

/// What every alert of a system carries.
pub struct Common<'a> {
    /// The blueprint.
    pub blueprint: &'a Blueprint,
    /// Its monitoring.
    pub monitoring: &'a Monitoring,
    /// The region, unless the rules look at all of them.
    pub region: Option<&'a Region>,
}

/// A rule, for the template.
#[derive(Serialize, Clone)]
pub struct Rule {
    /// `alert` or `record`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Its expression.
    pub expr: String,
    /// How long the condition must hold; alerts only.
    pub hold: Option<String>,
    /// Its labels.
    pub labels: Labels,
    /// Its annotations; alerts only.
    pub annotations: Option<BTreeMap<&'static str, String>>,
}

/// A group of rules that are evaluated one after the other.
#[derive(Serialize, Clone)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// The time from one evaluation to the next.
    pub interval: String,
    /// Its rules.
    pub rules: Vec<Rule>,
}

/// So many rules at the most stand in one group: a group is evaluated one rule after the other.
const GROUP: usize = 120;

impl Topic {
    /// The parts of the blueprint that its rules come from.
    pub fn origins(&self) -> Vec<Path> {
        let all: BTreeSet<Path> = self.alerts.iter().map(|alert| alert.origin.clone()).collect();
        all.into_iter().collect()
    }

    /// Its rules in groups: the recordings with the alerts of the same service, so that they are evaluated in order.
    pub fn groups(&self, common: &Common<'_>) -> Vec<Group> {
        let interval = common.monitoring.interval.go();
        let mut groups: Vec<Group> = Vec::new();
        let mut push = |group: String, rule: Rule| match groups.iter_mut().rev().find(|g| g.name == group) {
            Some(found) => found.rules.push(rule),
            None => groups.push(Group { name: group, interval: interval.clone(), rules: vec![rule] }),
        };
        if self.records.is_empty() {
            for (at, alert) in self.alerts.iter().enumerate() {
                let part = at / GROUP;
                let name = if part == 0 { self.name.to_owned() } else { format!("{}-{}", self.name, part + 1) };
                push(name, common.alert(alert));
            }
            return groups;
        }
        let of = |labels: &Labels| {
            labels.get("service").map_or_else(|| self.name.to_owned(), |s| format!("{}-{s}", self.name))
        };
        // Records and alerts come service by service: the last group is always the right one to look at first.
        for service in self.records.iter().map(|r| of(&r.labels)).collect::<BTreeSet<_>>() {
            groups.push(Group { name: service, interval: interval.clone(), rules: Vec::new() });
        }
        let at: BTreeMap<String, usize> = groups.iter().enumerate().map(|(at, g)| (g.name.clone(), at)).collect();
        for record in &self.records {
            if let Some(at) = at.get(&of(&record.labels)) {
                groups[*at].rules.push(common.record(record));
            }
        }
        for alert in &self.alerts {
            if let Some(at) = at.get(&of(&alert.labels)) {
                groups[*at].rules.push(common.alert(alert));
            }
        }
        groups
    }

    /// Its unit tests: for each alert's name and case one group with the series of all that bear the name.
    pub fn tests(&self, common: &Common<'_>) -> Vec<Value> {
        let mut by_name: BTreeMap<&str, Vec<&Alert>> = BTreeMap::new();
        for alert in &self.alerts {
            by_name.entry(alert.name).or_default().push(alert);
        }
        let alerts = by_name.values().flat_map(|alerts| tests_of(common, alerts));
        alerts.chain(self.records.iter().flat_map(|record| tests_of_record(common, record))).collect()
    }
}

impl Common<'_> {
    /// The labels of an alert: its own, and those of the system.
    fn labels(&self, alert: &Alert) -> Labels {
        let mut all = alert.labels.clone();
        let mut add = |label: &str, value: &str| {
            all.entry(label.to_owned()).or_insert_with(|| value.to_owned());
        };
        add("severity", severity(alert.severity));
        add("system", &self.blueprint.name);
        if let Some(owner) = self.blueprint.spec.metadata.owner.as_ref().filter(|owner| !owner.is_empty()) {
            add("team", owner);
        }
        if let Some(region) = self.region {
            add(names::REGION_LABEL, &region.name);
        }
        all
    }

    fn annotations(&self, alert: &Alert) -> BTreeMap<&'static str, String> {
        let base = self.monitoring.runbooks.as_str().trim_end_matches('/');
        let mut all = BTreeMap::from([
            ("summary", alert.summary.clone()),
            ("description", alert.description.clone()),
            ("threshold", alert.threshold.clone()),
            ("runbook_url", format!("{base}/{}", alert.name)),
        ]);
        if alert.severity == Severity::Critical
            && let Some(order) = escalation(self.blueprint)
        {
            all.insert("escalation", order);
        }
        all
    }

    fn alert(&self, alert: &Alert) -> Rule {
        let labels = self.labels(alert).into_iter().map(|(label, value)| (label, literal(&value))).collect();
        Rule {
            kind: "alert",
            name: alert.name.to_owned(),
            expr: alert.expr.clone(),
            hold: Some(alert.hold.go()),
            labels,
            annotations: Some(self.annotations(alert)),
        }
    }

    fn record(&self, record: &Record) -> Rule {
        let mut labels = record.labels.clone();
        if let Some(region) = self.region {
            labels.insert(names::REGION_LABEL.to_owned(), region.name.clone());
        }
        Rule {
            kind: "record",
            name: record.name.clone(),
            expr: record.expr.clone(),
            hold: None,
            labels,
            annotations: None,
        }
    }
}

/// The order in which people are called; Alertmanager knows neither acknowledgement nor phones.
fn escalation(blueprint: &Blueprint) -> Option<String> {
    let operations = &blueprint.spec.operations;
    let one = |name: &crate::blueprint::raw::Name| {
        let within = operations.contacts.get(name).and_then(|contact| contact.respond_within);
        within.map_or_else(|| name.to_string(), |within| format!("{name} (answers within {within})"))
    };
    let all: Vec<String> = operations.escalation.iter().map(one).collect();
    (!all.is_empty()).then(|| all.join(", then "))
}

/// A text that is no template: what the template language would read is written so that it comes out as it is.
fn literal(text: &str) -> String {
    text.replace("{{", "{{ \"{{\" }}")
}

/// An annotation as Prometheus expands it: `{{ $labels.x }}` is the label of the result.
fn expand(text: &str, result: &Labels) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("{{ $labels.") {
        let (before, after) = (&rest[..start], &rest[start + "{{ $labels.".len()..]);
        out.push_str(before);
        let Some((label, tail)) = after.split_once(" }}") else { break };
        out.push_str(result.get(label).map_or("", String::as_str));
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// The tests of a recording rule.
fn tests_of_record(common: &Common<'_>, record: &Record) -> Vec<Value> {
    let labels = common.record(record).labels;
    let at = super::model::LEAD;
    let asked = |(expr, name, value): &(String, &str, Option<String>)| {
        let samples: Vec<Value> = value
            .iter()
            .filter_map(|value| value.parse::<f64>().ok())
            .map(|value| json!({"labels": super::promql::series(name, &labels), "value": value}))
            .collect();
        json!({"expr": expr, "eval_time": at.go(), "exp_samples": samples})
    };
    let test = |case: &super::slo::RecordCase| {
        let input = case.series.iter();
        let input = input.map(|s| json!({"series": s.name, "values": s.values.promtool(at.minutes() + 5)}));
        json!({
            "name": format!("{}: {}", record.name, case.name),
            "interval": "1m",
            "input_series": input.collect::<Vec<_>>(),
            "promql_expr_test": case.asks.iter().map(asked).collect::<Vec<_>>(),
        })
    };
    record.tests.iter().map(test).collect()
}

/// The tests of all alerts of one name.
fn tests_of(common: &Common<'_>, alerts: &[&Alert]) -> Vec<Value> {
    let Some(first) = alerts.first() else {
        return Vec::new();
    };
    let mut cases: Vec<&str> = Vec::new();
    for case in alerts.iter().flat_map(|alert| &alert.tests) {
        if !cases.contains(&case.name) {
            cases.push(case.name);
        }
    }
    let at = alerts.iter().map(|alert| alert.tested_at()).max().unwrap_or(super::model::LEAD);
    let minutes = at.minutes() + 5;
    let test = |case: &&str| {
        let (mut input, mut expected, mut known) = (Vec::new(), Vec::new(), BTreeSet::new());
        for alert in alerts {
            // One that has no such case stays healthy meanwhile.
            let Some(own) = alert
                .tests
                .iter()
                .find(|c| c.name == *case)
                .or_else(|| alert.tests.iter().find(|c| c.fires.is_empty()))
            else {
                continue;
            };
            for Series { name, values } in &own.series {
                if known.insert(name.clone()) {
                    input.push(json!({"series": name, "values": values.promtool(minutes)}));
                }
            }
            for result in &own.fires {
                let mut labels = result.clone();
                labels.extend(common.labels(alert));
                let annotations: BTreeMap<&str, String> =
                    common.annotations(alert).into_iter().map(|(key, text)| (key, expand(&text, result))).collect();
                expected.push(json!({"exp_labels": labels, "exp_annotations": annotations}));
            }
        }
        json!({
            "name": format!("{}: {case}", first.name),
            "interval": "1m",
            "input_series": input,
            "alert_rule_test": [{"eval_time": at.go(), "alertname": first.name, "exp_alerts": expected}],
        })
    };
    cases.iter().map(test).collect()
}

/// So many rules at the most stand in one object: it becomes part of a ConfigMap, which holds 1 MiB.
const OBJECT: usize = 250;

/// PrometheusRule objects with these groups.
pub fn objects(common: &Common<'_>, topic: &str, groups: &[Group]) -> Vec<Value> {
    let (mut parts, mut count): (Vec<Vec<&Group>>, usize) = (vec![Vec::new()], 0);
    for group in groups {
        if count > 0 && count + group.rules.len() > OBJECT {
            parts.push(Vec::new());
            count = 0;
        }
        count += group.rules.len();
        if let Some(last) = parts.last_mut() {
            last.push(group);
        }
    }
    let name = names::monitoring_object(&common.blueprint.name, topic);
    let object = |(at, groups): (usize, &Vec<&Group>)| {
        let name = if at == 0 { name.clone() } else { format!("{name}-{}", at + 1) };
        let groups: Vec<Value> = groups.iter().map(|group| group_value(group)).collect();
        json!({
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PrometheusRule",
            "metadata": metadata(common.blueprint, &name),
            "spec": {"groups": groups},
        })
    };
    parts.iter().filter(|part| !part.is_empty()).enumerate().map(object).collect()
}

/// The metadata of an object of this family.
pub fn metadata(blueprint: &Blueprint, name: &str) -> Value {
    let mut labels = Map::new();
    for (key, value) in &blueprint.spec.metadata.labels {
        labels.insert(key.to_string(), json!(value));
    }
    for (key, value) in &blueprint.spec.platform.monitoring.labels {
        labels.insert(key.to_string(), json!(value));
    }
    // An object's name may be longer than a label's value may be.
    labels.insert(names::NAME.to_owned(), json!(blueprint.name));
    labels.insert(names::COMPONENT.to_owned(), json!("monitoring"));
    labels.insert(names::PART_OF.to_owned(), json!(blueprint.name));
    labels.insert(names::MANAGED_BY.to_owned(), json!("hagen"));
    json!({"name": name, "namespace": blueprint.namespace, "labels": labels})
}

fn group_value(group: &Group) -> Value {
    let rule = |rule: &Rule| {
        let mut map = Map::new();
        map.insert(rule.kind.to_owned(), json!(rule.name));
        map.insert("expr".to_owned(), json!(rule.expr));
        if let Some(hold) = &rule.hold {
            map.insert("for".to_owned(), json!(hold));
        }
        map.insert("labels".to_owned(), json!(rule.labels));
        if let Some(annotations) = &rule.annotations {
            map.insert("annotations".to_owned(), json!(annotations));
        }
        Value::Object(map)
    };
    json!({"name": group.name, "interval": group.interval, "rules": group.rules.iter().map(rule).collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::super::promql::labels;
    use super::*;

    #[test]
    fn an_annotation_is_expanded_as_prometheus_does() {
        let result = labels(&[("pod", "a")]);
        assert_eq!(expand("{{ $labels.pod }} is {{ $labels.gone }}.", &result), "a is .");
        assert_eq!(literal("{{ $value }}"), "{{ \"{{\" }} $value }}");
    }
}
