//! Every metric and label that a rule uses must be one that a real exporter has (R-AL-19): the rules of the shipped
//! blueprints and of those in `tests/alerts` are held against `tests/metrics`, what exporters were seen to expose.

#![cfg(feature = "promql")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use promql_parser::parser::{self, Expr, LabelModifier, VectorSelector};

use super::{Context, Flavour, Topic, alert_names, global_topic, problems, region_topics};
use crate::blueprint::{Blueprint, names, raw, resolve};
use crate::render::{Engine, Family, Renderer, Selection};

/// Labels that scraping puts on everything: Prometheus itself, the operator, and hagen's own scrape configuration.
const SCRAPED: [&str; 11] = [
    "job",
    "instance",
    "namespace",
    "pod",
    "service",
    "container",
    "endpoint",
    names::REGION_LABEL,
    names::ZONE_LABEL,
    names::CLUSTER_LABEL,
    "__name__",
];

struct Catalogue(BTreeMap<String, BTreeSet<String>>);

impl Catalogue {
    fn read() -> Self {
        let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(root().join("tests/metrics")).unwrap().map(|e| e.unwrap().path()).collect();
        files.sort();
        for line in files
            .iter()
            .flat_map(|f| std::fs::read_to_string(f).unwrap().lines().skip(1).map(str::to_owned).collect::<Vec<_>>())
        {
            let fields: Vec<&str> = line.split('\t').collect();
            let [name, kind, labels, seen, ..] = fields[..] else { panic!("{line}") };
            // What was neither run nor read about is no base for an alert.
            if seen == "unchecked" {
                continue;
            }
            let labels = || labels.split(',').filter(|l| !l.is_empty()).map(str::to_owned);
            let mut add = |name: String, more: Option<&str>| {
                let known = all.entry(name).or_default();
                known.extend(labels());
                known.extend(more.map(str::to_owned));
            };
            match kind {
                "histogram" => {
                    add(format!("{name}_bucket"), Some("le"));
                    add(format!("{name}_sum"), None);
                    add(format!("{name}_count"), None);
                }
                "summary" => {
                    add(name.to_owned(), Some("quantile"));
                    add(format!("{name}_sum"), None);
                    add(format!("{name}_count"), None);
                }
                _ => add(name.to_owned(), None),
            }
        }
        // What hagen's own jobs push, and the labels that its probes carry.
        let own = [
            (names::METRIC_BACKUP, &["namespace", "cluster", "repo", "type"][..]),
            (names::METRIC_RESTORE, &["namespace", "cluster"]),
            (names::METRIC_REDIS_SNAPSHOT, &["namespace", "cluster", "shard"]),
            (names::METRIC_DRILL, &["namespace", "drill"]),
            ("probe_success", &["host", "probe"]),
            ("probe_ssl_earliest_cert_expiry", &["host", "probe"]),
        ];
        for (name, labels) in own {
            all.entry(name.to_owned()).or_default().extend(labels.iter().map(|l| (*l).to_owned()));
        }
        Self(all)
    }

    fn record(&mut self, topic: &Topic) {
        for record in &topic.records {
            self.0.entry(record.name.clone()).or_default().extend(record.labels.keys().cloned());
        }
    }

    fn has(&self, metric: &str, label: &str) -> bool {
        let Some(labels) = self.0.get(metric) else { return false };
        let pattern = |known: &String| known.strip_suffix('*').is_some_and(|prefix| label.starts_with(prefix));
        SCRAPED.contains(&label) || labels.contains(label) || labels.iter().any(pattern)
    }

    /// The labels that a selector may be grouped by; complaints about what it selects.
    fn selector(&self, selector: &VectorSelector, wrong: &mut Vec<String>) -> BTreeSet<String> {
        let name = selector.name.clone().unwrap_or_default();
        if !self.0.contains_key(&name) {
            wrong.push(format!("no exporter has `{name}`"));
            return BTreeSet::new();
        }
        for matcher in &selector.matchers.matchers {
            if !self.has(&name, &matcher.name) {
                wrong.push(format!("`{name}` has no label `{}`", matcher.name));
            }
        }
        self.0[&name].iter().cloned().chain(SCRAPED.iter().map(|l| (*l).to_owned())).collect()
    }

    /// The labels of an expression's result, as far as they can be known; complaints about it.
    fn walk(&self, expr: &Expr, wrong: &mut Vec<String>) -> BTreeSet<String> {
        let grouped = |modifier: Option<&LabelModifier>, known: &BTreeSet<String>, wrong: &mut Vec<String>| {
            let Some(LabelModifier::Include(labels)) = modifier else { return };
            let pattern = |label: &str| known.iter().any(|k| k.strip_suffix('*').is_some_and(|p| label.starts_with(p)));
            for label in labels.labels.iter().filter(|l| !known.contains(*l) && !pattern(l)) {
                wrong.push(format!("nothing below `by` or `on` has the label `{label}`"));
            }
        };
        match expr {
            Expr::VectorSelector(selector) => self.selector(selector, wrong),
            Expr::MatrixSelector(matrix) => self.selector(&matrix.vs, wrong),
            Expr::Aggregate(aggregate) => {
                let mut known = self.walk(&aggregate.expr, wrong);
                grouped(aggregate.modifier.as_ref(), &known, wrong);
                if let Some(param) = &aggregate.param
                    && let Expr::StringLiteral(label) = param.as_ref()
                {
                    known.insert(label.val.clone());
                }
                match &aggregate.modifier {
                    Some(LabelModifier::Include(labels)) => {
                        let mut kept: BTreeSet<String> = labels.labels.iter().cloned().collect();
                        kept.extend(known.iter().filter(|k| *k == "timeline").cloned());
                        kept
                    }
                    Some(LabelModifier::Exclude(_)) => known,
                    None => BTreeSet::new(),
                }
            }
            Expr::Binary(binary) => {
                let (mut left, right) = (self.walk(&binary.lhs, wrong), self.walk(&binary.rhs, wrong));
                let matching = binary.modifier.as_ref().and_then(|m| m.matching.as_ref());
                grouped(matching, &left, wrong);
                grouped(matching, &right, wrong);
                left.extend(right);
                left
            }
            Expr::Call(call) => {
                let mut known: BTreeSet<String> = call.args.args.iter().flat_map(|arg| self.walk(arg, wrong)).collect();
                if call.func.name == "label_replace"
                    && let Some(Expr::StringLiteral(label)) = call.args.args.get(1).map(AsRef::as_ref)
                {
                    known.insert(label.val.clone());
                }
                known
            }
            Expr::Paren(paren) => self.walk(&paren.expr, wrong),
            Expr::Unary(unary) => self.walk(&unary.expr, wrong),
            Expr::Subquery(subquery) => self.walk(&subquery.expr, wrong),
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => BTreeSet::new(),
        }
    }

    fn complaints(&self, expr: &str) -> Vec<String> {
        let mut wrong = Vec::new();
        match parser::parse(expr) {
            Ok(parsed) => {
                self.walk(&parsed, &mut wrong);
            }
            Err(error) => wrong.push(error),
        }
        wrong
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The shipped blueprints and those of `tests/alerts` that have monitoring.
fn blueprints() -> Vec<(String, Blueprint)> {
    let files = ["blueprints", "tests/alerts"].iter().flat_map(|d| std::fs::read_dir(root().join(d)).unwrap());
    let mut files: Vec<PathBuf> =
        files.map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "yaml")).collect();
    files.sort();
    let read = |path: &PathBuf| {
        let spec: raw::Blueprint = serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let (blueprint, problems) = resolve::resolve(spec, None);
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name.clone(), blueprint.unwrap_or_else(|| panic!("{name}: {problems:#?}")))
    };
    files.iter().map(read).collect()
}

fn topics(blueprint: &Blueprint) -> Vec<Topic> {
    let Some(monitoring) = &blueprint.spec.monitoring else { return Vec::new() };
    let of_region = |region| region_topics(Context { blueprint, monitoring, region });
    blueprint.regions.iter().flat_map(of_region).chain([global_topic(blueprint, monitoring)]).collect()
}

#[test]
fn every_metric_and_label_exists() {
    let mut rules = 0;
    for (name, blueprint) in blueprints() {
        let mut catalogue = Catalogue::read();
        let topics = topics(&blueprint);
        topics.iter().for_each(|topic| catalogue.record(topic));
        for topic in &topics {
            let alerts = topic.alerts.iter().map(|alert| (alert.name.to_owned(), &alert.expr));
            for (rule, expr) in alerts.chain(topic.records.iter().map(|r| (r.name.clone(), &r.expr))) {
                assert_eq!(catalogue.complaints(expr), Vec::<String>::new(), "{name}: {rule}: {expr}");
                rules += 1;
            }
        }
    }
    assert!(rules > 300, "{rules}");
}

#[test]
fn the_check_itself_finds_what_does_not_exist() {
    let catalogue = Catalogue::read();
    for expr in [
        "patroni_master_is_gone == 0",
        "pg_replication_lag > 30",
        "patroni_primary{cluster_name=\"a\"} == 0",
        "redis_up{role=\"master\"} == 0",
        "sum by (sync_state) (pg_stat_replication_pg_wal_lsn_diff)",
        "aws_route53_health_check_status_minimum == 0",
        "rate(etcd_disk_wal_fsync_duration_seconds[5m]) > 0",
        "a ==",
    ] {
        assert!(!catalogue.complaints(expr).is_empty(), "{expr}");
    }
}

#[test]
fn every_alert_is_tested_firing_and_silent_and_can_be_explained() {
    for (name, blueprint) in blueprints() {
        for alert in topics(&blueprint).iter().flat_map(|topic| &topic.alerts) {
            let at = format!("{name}: {}", alert.name);
            assert!(alert.tests.iter().any(|case| !case.fires.is_empty()), "{at} never fires");
            let silent = alert.tests.iter().any(|case| case.fires.is_empty());
            assert_eq!(silent, alert.name != super::global::WATCHDOG, "{at}");
            for text in [&alert.summary, &alert.description, &alert.threshold] {
                assert!(!text.is_empty(), "{at}");
            }
            assert!(alert.labels.contains_key("component"), "{at}");
        }
    }
}

#[test]
fn overrides_that_change_nothing_are_reported() {
    let (_, mut blueprint) = blueprints().into_iter().find(|(name, _)| name == "agentic-platform.yaml").unwrap();
    let monitoring = blueprint.spec.monitoring.as_mut().unwrap();
    let above = |seconds| raw::AlertOverride {
        above: Some(crate::blueprint::units::Duration::from_secs(seconds)),
        ..Default::default()
    };
    monitoring.alerts.insert("ReplicationLag".to_owned(), above(45));
    monitoring.alerts.insert("ServiceDown".to_owned(), above(45));
    monitoring.alerts.insert("ReplicatonLag".to_owned(), raw::AlertOverride::default());
    monitoring
        .alerts
        .insert("EtcdQuorumLost".to_owned(), raw::AlertOverride { enabled: Some(false), ..Default::default() });
    monitoring.prometheus.endpoints.insert("mars".to_owned(), "a:1".to_owned());
    let found: Vec<String> = problems(&blueprint).into_iter().map(|p| p.title).collect();
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(alert_names(&blueprint).contains_key("EtcdQuorumLost"));
    let topics = topics(&blueprint);
    let lag = topics.iter().flat_map(|t| &t.alerts).find(|a| a.name == "ReplicationLag").unwrap();
    assert!(lag.expr.contains("> 45\n"), "{}", lag.expr);
    assert!(!topics.iter().flat_map(|t| &t.alerts).any(|a| a.name == "EtcdQuorumLost"));
}

#[test]
fn without_monitoring_nothing_is_rendered() {
    let (_, mut blueprint) = blueprints().into_iter().find(|(name, _)| name == "agentic-platform.yaml").unwrap();
    blueprint.spec.monitoring = None;
    let (engine, selection) = (Engine::embedded().unwrap(), Selection::default());
    let mut jobs = super::Jobs::new(Family::Alerts, Renderer { engine: &engine, selection: &selection });
    super::jobs(&blueprint, &mut jobs);
    assert!(jobs.done().is_empty());
    assert_eq!(Flavour::default(), Flavour::Operator);
}

#[test]
fn a_burn_rate_that_can_never_fire_is_left_out() {
    let (_, blueprint) = blueprints().into_iter().find(|(name, _)| name == "low-objective.yaml").unwrap();
    let slo = topics(&blueprint).into_iter().find(|topic| topic.name == "slo").unwrap();
    let of_api = slo.alerts.iter().filter(|alert| alert.labels["service"] == "api");
    let names: BTreeSet<&str> = of_api.map(|alert| alert.name).collect();
    assert!(!names.contains("ErrorBudgetBurn14x") && names.contains("ErrorBudgetBurn6x"), "{names:?}");
    assert!(slo.remarks.iter().any(|remark| remark.contains("is 1.44")), "{:?}", slo.remarks);
    let burn = slo.alerts.iter().find(|alert| alert.name == "ErrorBudgetBurn6x").unwrap();
    assert!(burn.expr.contains("> 0.6\n"), "{}", burn.expr);
}

#[test]
fn what_has_ended_in_a_region_ends_above_it_too() {
    let blueprints = blueprints();
    let configs: Vec<serde_json::Value> = blueprints
        .iter()
        .filter_map(|(_, b)| super::prometheus::global(b, b.spec.monitoring.as_ref()?))
        .map(|config| serde_json::to_value(config).unwrap())
        .collect();
    assert!(!configs.is_empty());
    for config in configs {
        let jobs: Vec<&serde_json::Value> =
            config["jobs"].as_array().unwrap().iter().map(|entry| &entry["job"]).collect();
        let federate = jobs.iter().find(|job| job["job_name"] == "federate").unwrap();
        // A series with times of its own gets no mark when it ends: a dead member would be primary for five minutes more.
        assert_eq!(federate["honor_timestamps"], false);
    }
}

#[test]
fn the_switch_is_a_webhook_where_its_address_can_be_a_file() {
    let (_, mut blueprint) = blueprints().into_iter().find(|(name, _)| name == "agentic-platform.yaml").unwrap();
    let integrations = |blueprint: &Blueprint| {
        let config = super::alertmanager::config(blueprint, blueprint.spec.monitoring.as_ref().unwrap());
        let config = serde_json::to_value(config).unwrap();
        let receivers = config["receivers"].as_array().unwrap().clone();
        let switch = receivers.iter().find(|r| r["name"].as_str().unwrap().starts_with("dead-man")).unwrap();
        (switch.get("webhook_configs").is_some(), switch.get("slack_configs").is_some())
    };
    assert_eq!(integrations(&blueprint), (true, false));
    blueprint.spec.monitoring.as_mut().unwrap().alertmanager.version = "0.25".to_owned();
    assert_eq!(integrations(&blueprint), (false, true));
}

#[test]
fn what_explains_others_exists_and_is_no_backup() {
    let known: BTreeSet<&str> =
        blueprints().iter().flat_map(|(_, b)| topics(b)).flat_map(|t| t.alerts).map(|a| a.name).collect();
    for (cause, explains, within) in super::alertmanager::causes() {
        for name in explains.iter().chain([&cause]) {
            assert!(known.contains(name), "no alert `{name}`");
        }
        assert!(!explains.contains(&cause), "{cause} explains itself");
        assert!(within.starts_with(&["system", "region"]), "{cause} reaches beyond its region");
        for word in ["Backup", "Snapshot", "Archive", "Restore", "Drill", "Repository", "Overdue"] {
            assert!(!cause.contains(word), "{cause} explains nothing");
            assert!(!explains.iter().any(|name| name.contains(word)), "{cause} must not hide {word}");
        }
    }
}
