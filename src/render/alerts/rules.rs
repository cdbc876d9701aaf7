//! From alerts to what Prometheus reads: groups of rules, unit tests for promtool, PrometheusRule objects.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Map, Value, json};
use tera::Value as Shared;

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

/// A rule, for the template. What is long is made once: the rule file and the object share it.
#[derive(Serialize)]
pub struct Rule {
    /// `alert` or `record`.
    pub kind: &'static str,
    /// Its name.
    pub name: Shared,
    /// Its expression.
    pub expr: Shared,
    /// How long the condition must hold; alerts only.
    pub hold: Option<String>,
    /// Its labels.
    pub labels: Shared,
    /// Its annotations; alerts only.
    pub annotations: Option<Shared>,
}

/// A group of rules that are evaluated one after the other.
#[derive(Serialize)]
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
        let all: BTreeSet<&Path> = self.alerts.iter().map(|alert| &alert.origin).collect();
        all.into_iter().cloned().collect()
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
    pub fn tests(&self, common: &Common<'_>) -> Vec<Test> {
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
        let labels: Labels = self.labels(alert).into_iter().map(|(label, value)| (label, literal(value))).collect();
        Rule {
            kind: "alert",
            name: alert.name.into(),
            expr: alert.expr.as_str().into(),
            hold: Some(alert.hold.go()),
            labels: labels.into(),
            annotations: Some(self.annotations(alert).into()),
        }
    }

    fn labels_of_record(&self, record: &Record) -> Labels {
        let mut labels = record.labels.clone();
        if let Some(region) = self.region {
            labels.insert(names::REGION_LABEL.to_owned(), region.name.clone());
        }
        labels
    }

    fn record(&self, record: &Record) -> Rule {
        Rule {
            kind: "record",
            name: record.name.as_str().into(),
            expr: record.expr.as_str().into(),
            hold: None,
            labels: self.labels_of_record(record).into(),
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
fn literal(text: String) -> String {
    if text.contains("{{") { text.replace("{{", "{{ \"{{\" }}") } else { text }
}

/// How the label of a result is named in an annotation.
const LABEL: &str = "{{ $labels.";

/// An annotation as Prometheus expands it: `{{ $labels.x }}` is the label of the result.
fn expand(text: &str, result: &Labels) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(LABEL) {
        let (before, after) = (&rest[..start], &rest[start + LABEL.len()..]);
        out.push_str(before);
        let Some((label, tail)) = after.split_once(" }}") else { break };
        out.push_str(result.get(label).map_or("", String::as_str));
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// A unit test of promtool.
#[derive(Serialize)]
pub struct Test {
    name: String,
    interval: &'static str,
    input_series: Vec<InputSeries>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alert_rule_test: Vec<RuleTest>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    promql_expr_test: Vec<ExprTest>,
}

#[derive(Serialize)]
struct InputSeries {
    series: String,
    values: String,
}

#[derive(Serialize)]
struct RuleTest {
    eval_time: String,
    alertname: &'static str,
    exp_alerts: Vec<Expected>,
}

#[derive(Serialize)]
struct ExprTest {
    expr: String,
    eval_time: String,
    exp_samples: Vec<Sample>,
}

#[derive(Serialize)]
struct Sample {
    labels: String,
    value: f64,
}

/// An alert that must fire.
#[derive(Serialize)]
struct Expected {
    exp_labels: Shared,
    exp_annotations: Shared,
}

/// What an alert carries wherever it fires, made once for all of its tests.
struct Carried<'a> {
    alert: &'a Alert,
    labels: Labels,
    annotations: BTreeMap<&'static str, String>,
    /// Both of them, for a result without labels of its own and for annotations that name none.
    shared: (Shared, Shared),
}

impl<'a> Carried<'a> {
    fn new(common: &Common<'_>, alert: &'a Alert) -> Self {
        let (labels, annotations) = (common.labels(alert), common.annotations(alert));
        let shared = (labels.clone().into(), annotations.clone().into());
        Self { alert, labels, annotations, shared }
    }

    fn expected(&self, result: &Labels) -> Expected {
        let exp_labels = if result.is_empty() {
            self.shared.0.clone()
        } else {
            let mut labels = result.clone();
            labels.extend(self.labels.clone());
            labels.into()
        };
        let expands = self.annotations.values().any(|text| text.contains(LABEL));
        let exp_annotations = if expands {
            let expanded = self.annotations.iter().map(|(key, text)| (*key, expand(text, result)));
            expanded.collect::<BTreeMap<&'static str, String>>().into()
        } else {
            self.shared.1.clone()
        };
        Expected { exp_labels, exp_annotations }
    }
}

/// The tests of a recording rule.
fn tests_of_record(common: &Common<'_>, record: &Record) -> Vec<Test> {
    let at = super::model::LEAD;
    let labels = common.labels_of_record(record);
    let asked = |(expr, name, value): &(String, &str, Option<u32>)| ExprTest {
        expr: expr.clone(),
        eval_time: at.go(),
        exp_samples: value
            .iter()
            .map(|value| Sample { labels: super::promql::series(name, &labels), value: f64::from(*value) })
            .collect(),
    };
    let test = |case: &super::slo::RecordCase| Test {
        name: format!("{}: {}", record.name, case.name),
        interval: "1m",
        input_series: case
            .series
            .iter()
            .map(|s| InputSeries { series: s.name.clone(), values: s.values.promtool(at.minutes() + 5) })
            .collect(),
        alert_rule_test: Vec::new(),
        promql_expr_test: case.asks.iter().map(asked).collect(),
    };
    record.tests.iter().map(test).collect()
}

/// The tests of all alerts of one name.
fn tests_of(common: &Common<'_>, alerts: &[&Alert]) -> Vec<Test> {
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
    let carried: Vec<Carried<'_>> = alerts.iter().map(|alert| Carried::new(common, alert)).collect();
    let test = |case: &&str| {
        let (mut input_series, mut exp_alerts, mut known) = (Vec::new(), Vec::new(), BTreeSet::new());
        for carried in &carried {
            // One that has no such case stays healthy meanwhile.
            let tests = &carried.alert.tests;
            let Some(own) =
                tests.iter().find(|c| c.name == *case).or_else(|| tests.iter().find(|c| c.fires.is_empty()))
            else {
                continue;
            };
            for Series { name, values } in &own.series {
                if known.insert(name.as_str()) {
                    input_series.push(InputSeries { series: name.clone(), values: values.promtool(minutes) });
                }
            }
            exp_alerts.extend(own.fires.iter().map(|result| carried.expected(result)));
        }
        Test {
            name: format!("{}: {case}", first.name),
            interval: "1m",
            input_series,
            alert_rule_test: vec![RuleTest { eval_time: at.go(), alertname: first.name, exp_alerts }],
            promql_expr_test: Vec::new(),
        }
    };
    cases.iter().map(test).collect()
}

/// So many rules at the most stand in one object: it becomes part of a ConfigMap, which holds 1 MiB.
const OBJECT: usize = 250;

/// An object of Kubernetes.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Object<'a> {
    api_version: &'static str,
    kind: &'static str,
    metadata: Value,
    spec: Spec<'a>,
}

#[derive(Serialize)]
struct Spec<'a> {
    groups: Vec<GroupOfObject<'a>>,
}

#[derive(Serialize)]
struct GroupOfObject<'a> {
    name: &'a str,
    interval: &'a str,
    rules: Vec<RuleOfObject<'a>>,
}

/// A rule as Prometheus reads it, and so as it stands in an object.
struct RuleOfObject<'a>(&'a Rule);

impl Serialize for RuleOfObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rule = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(rule.kind, &rule.name)?;
        map.serialize_entry("expr", &rule.expr)?;
        if let Some(hold) = &rule.hold {
            map.serialize_entry("for", hold)?;
        }
        map.serialize_entry("labels", &rule.labels)?;
        if let Some(annotations) = &rule.annotations {
            map.serialize_entry("annotations", annotations)?;
        }
        map.end()
    }
}

/// PrometheusRule objects with these groups.
pub fn objects(common: &Common<'_>, topic: &str, groups: &[Group]) -> Vec<Shared> {
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
    fn of_group<'a>(group: &&'a Group) -> GroupOfObject<'a> {
        GroupOfObject {
            name: &group.name,
            interval: &group.interval,
            rules: group.rules.iter().map(RuleOfObject).collect(),
        }
    }
    let object = |(at, groups): (usize, &Vec<&Group>)| {
        let name = if at == 0 { name.clone() } else { format!("{name}-{}", at + 1) };
        Shared::from_serializable(&Object {
            api_version: "monitoring.coreos.com/v1",
            kind: "PrometheusRule",
            metadata: metadata(common.blueprint, &name),
            spec: Spec { groups: groups.iter().map(of_group).collect() },
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

#[cfg(test)]
mod tests {
    use super::super::promql::labels;
    use super::*;

    #[test]
    fn an_annotation_is_expanded_as_prometheus_does() {
        let result = labels(&[("pod", "a")]);
        assert_eq!(expand("{{ $labels.pod }} is {{ $labels.gone }}.", &result), "a is .");
        assert_eq!(literal("{{ $value }}".to_owned()), "{{ \"{{\" }} $value }}");
    }
}
