//! Prometheus and Alertmanager: rules with their unit tests, scrape configuration, routing, the dead-man's switch.
//!
//! A topic is a file here, a rule file and a test file in each region, and a PrometheusRule. Every region's rules are for
//! that region's own Prometheus: it sees no other one, so another region's silence fires nothing. They need no label
//! `region` to tell regions apart, for series of kube-state-metrics and of Prometheus itself carry none; each alert
//! carries it. What looks at all regions is in `global/alerts` and goes by the label.

mod alertmanager;
mod backup;
mod certificates;
mod compliance;
mod context;
mod discovery;
mod disk;
mod dns;
mod drills;
mod etcd;
mod global;
mod kubernetes;
mod model;
mod monitoring;
mod postgres;
mod probes;
mod prometheus;
mod promql;
mod readme;
mod redis;
mod replication;
mod rules;
mod scrape;
mod sentinel;
mod slo;
#[cfg(test)]
mod tests;
pub(crate) mod time;

use std::collections::BTreeMap;

use serde::Serialize;
use tera::Value;

use super::{ArtifactKind, File, Jobs};
use crate::blueprint::raw::{Flavour, Monitoring};
use crate::blueprint::{Blueprint, Postgres, Region, names};
use crate::diagnostics::{Diagnostic, Place, nearest};
use crate::path;
use context::Context;
use model::Alert;
use rules::{Common, Group, Test, Topic};

/// All files of this part of the output; none without `monitoring`.
pub fn jobs(blueprint: &Blueprint, jobs: &mut Jobs<'_>) {
    let Some(monitoring) = &blueprint.spec.monitoring else {
        return;
    };
    let of_regions =
        jobs.each_region(blueprint, |region, jobs| region_jobs(&Context { blueprint, monitoring, region }, jobs));
    let mut told: Vec<readme::Told> = of_regions.into_iter().flatten().collect();
    let global = global_topic(blueprint, monitoring);
    global_jobs(blueprint, monitoring, &global, jobs);
    told.push(readme::told(monitoring, None, global));
    let page = readme::page(blueprint, monitoring, told);
    let origins = vec![path!["monitoring"], path!["operations"]];
    jobs.push(
        File {
            path: "global/alerts/README.md".to_owned(),
            kind: ArtifactKind::Markdown,
            region: None,
            template: "alerts/README.md.tera",
            origins,
        },
        &page,
    );
}

/// What a name in `monitoring.alerts` refers to: whether its threshold is a time, so that `above` may replace it.
/// A name that is not here is rendered nowhere and must be reported, as must `above` where this says `false`.
/// Overrides are not applied, so that an alert that one switches off is still known.
pub fn alert_names(blueprint: &Blueprint) -> BTreeMap<&'static str, bool> {
    let Some(monitoring) = &blueprint.spec.monitoring else {
        return BTreeMap::new();
    };
    let mut plain = monitoring.clone();
    plain.alerts.clear();
    let regions =
        blueprint.regions.iter().flat_map(|region| region_topics(Context { blueprint, monitoring: &plain, region }));
    let topics: Vec<Topic> = regions.chain([global_topic(blueprint, &plain)]).collect();
    topics.iter().flat_map(|topic| &topic.alerts).map(|alert| (alert.name, alert.timed)).collect()
}

/// What in `monitoring` names something that is not rendered: an override without its alert, `above` on an alert whose
/// threshold is no time, the endpoint of an unknown region. In silence such a line would promise what is not there.
pub fn problems(blueprint: &Blueprint) -> Vec<Diagnostic> {
    let Some(monitoring) = &blueprint.spec.monitoring else {
        return Vec::new();
    };
    // Only an override needs the names, and to know them all alerts are made.
    let known = if monitoring.alerts.is_empty() { BTreeMap::new() } else { alert_names(blueprint) };
    let mut problems = Vec::new();
    for (name, own) in &monitoring.alerts {
        let at = path!["monitoring", "alerts", name];
        match known.get(name.as_str()) {
            None => {
                let fix = nearest(name, known.keys().copied()).map_or_else(
                    || "global/alerts/README.md lists the alerts".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                let title = format!("no alert `{}` is rendered", name.escape_debug());
                problems.push(
                    Diagnostic::error("BP090", Place::Key(at), title)
                        .because("an override of nothing changes nothing")
                        .fix(fix),
                );
            }
            Some(false) if own.above.is_some() => problems.push(
                Diagnostic::error(
                    "BP091",
                    Place::Key(at.key("above")),
                    format!("the threshold of `{name}` is no time"),
                )
                .because("`above` replaces a threshold in seconds; this alert counts something else")
                .fix("leave `above` out; `for`, `severity` and `enabled` can be changed"),
            ),
            Some(_) => {}
        }
    }
    for region in monitoring.prometheus.endpoints.keys().filter(|name| blueprint.region(name).is_none()) {
        let at = path!["monitoring", "prometheus", "endpoints", region];
        let title = format!("there is no region `{}`", region.escape_debug());
        let fix = nearest(region, blueprint.regions.iter().map(|r| r.name.as_str()))
            .map_or_else(|| "leave it out".to_owned(), |near| format!("did you mean `{near}`?"));
        problems.push(Diagnostic::error("BP013", Place::Key(at), title).fix(fix));
    }
    problems.extend(unheard(blueprint, monitoring));
    problems.extend(unmeasured(blueprint, monitoring));
    problems
}

/// Stores in pods whose figures nobody exports: alerts about what is missing would fire for ever, all others never. On hosts the
/// exporters are Debian's, and units of theirs are rendered.
fn unmeasured(blueprint: &Blueprint, monitoring: &Monitoring) -> Vec<Diagnostic> {
    let exporters = &monitoring.exporters;
    let postgres = |what: &str, has: fn(&Postgres) -> bool| {
        blueprint
            .postgres_in_pods()
            .find(|cluster| has(cluster))
            .map(|cluster| format!("the {what} of postgres.{}", cluster.name))
    };
    let redis = blueprint.redis.iter().find(|store| store.is_rendered() && store.on_kubernetes());
    let all = [
        ("postgres", "0.17.1", &exporters.postgres, postgres("members", |_| true)),
        ("pgbouncer", "0.12.1", &exporters.pgbouncer, postgres("pool", Postgres::has_pool)),
        ("pgbackrest", "0.23.0", &exporters.pgbackrest, postgres("backups", |cluster| cluster.spec.backup.is_some())),
        ("redis", "1.88.0", &exporters.redis, redis.map(|store| format!("the nodes of redis.{}", store.name))),
    ];
    let say = |(field, version, pods): (&str, &str, String)| {
        Diagnostic::warning("BP257", Place::Key(path!["monitoring", "exporters"]), format!("nobody measures {pods}"))
            .because(format!("without {field}_exporter beside them the alerts that rest on it see nothing: those about what is missing fire all the time, the others never"))
            .fix(format!("write `exporters: {{{field}: \"registry.example.com/{field}-exporter:{version}\"}}`, or switch those alerts off if another one exports the same (global/alerts/README.md lists them)"))
    };
    let unnamed = all.into_iter().filter(|(_, _, image, _)| image.is_none());
    unnamed.filter_map(|(field, version, _, pods)| Some(say((field, version, pods?)))).collect()
}

/// What would alert nobody: a Prometheus without an Alertmanager, pages without anybody to page.
fn unheard(blueprint: &Blueprint, monitoring: &Monitoring) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    if monitoring.exporters.alertmanagers.is_empty() {
        let which = if monitoring.prometheus.flavour == Flavour::Files {
            Some((path!["monitoring", "prometheus", "flavour"], "a region's Prometheus"))
        } else if !monitoring.prometheus.endpoints.is_empty() {
            Some((path!["monitoring", "prometheus", "endpoints"], "the Prometheus that looks at all regions"))
        } else {
            None
        };
        if let Some((at, who)) = which {
            problems.push(
                Diagnostic::warning("BP220", Place::Key(at), format!("{who} has no Alertmanager to send its alerts to"))
                    .because("its rules are evaluated, and what fires reaches nobody; only an operator's Prometheus is told of Alertmanagers elsewhere")
                    .fix("name them in monitoring.exporters.alertmanagers: `[alertmanager.example.com:9093]`"),
            );
        }
    }
    if alertmanager::reaches_nobody(blueprint) {
        let written = !blueprint.spec.operations.escalation.is_empty();
        let at = Place::Key(if written { path!["operations", "escalation"] } else { path!["monitoring"] });
        problems.push(
            Diagnostic::warning("BP221", at, "a critical alert reaches nobody")
                .because("operations.escalation names no contact that Alertmanager can page: one with `pagerduty`, or with `email` and operations.smtp, or a chat channel with operations.slack")
                .fix("give the first contact of operations.escalation a way to be paged"),
        );
    }
    problems
}

/// The alerts of a region about a PostgreSQL cluster and what stands around it, by name.
pub(crate) fn of_postgres(blueprint: &Blueprint, region: &Region, cluster: &str) -> Vec<&'static str> {
    let Some(monitoring) = &blueprint.spec.monitoring else { return Vec::new() };
    let context = Context { blueprint, monitoring, region };
    let topics = region_topics(context).chain([global_topic(blueprint, monitoring)]);
    let all: Vec<Alert> = topics.flat_map(|topic| topic.alerts).collect();
    let about = |alert: &Alert| {
        let label = |name: &str| alert.labels.get(name).map(String::as_str);
        label(names::CLUSTER_LABEL) == Some(cluster) && label("component") != Some("redis")
    };
    let mut found: Vec<&'static str> = all.iter().filter(|alert| about(alert)).map(|alert| alert.name).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// The topics of a region, with the overrides applied; those without rules too, for what they say is left out. Each is
/// made when it is asked for: all of them together would take more memory than the files.
fn region_topics(context: Context<'_>) -> impl Iterator<Item = Topic> {
    type Make = fn(&Context<'_>) -> Topic;
    const TOPICS: [Make; 13] = [
        |context| {
            let (records, alerts, remarks) = slo::slo(context);
            Topic { name: "slo", title: "Service level objectives", records, alerts, remarks }
        },
        |context| plain("kubernetes", "Zones, nodes, services and pods", kubernetes::alerts(context)),
        |context| plain("postgres", "PostgreSQL: leader, standbys, connections", postgres::alerts(context)),
        |context| {
            plain("replication", "PostgreSQL: what lags and what is about to be lost", replication::alerts(context))
        },
        |context| plain("etcd", "etcd, where Patroni keeps its leader key", etcd::alerts(context)),
        |context| remarked("redis", "Redis", redis::alerts(context)),
        |context| {
            let (records, remarks) = compliance::records(context);
            let title = "Recovery objectives: what would be lost now, and what may be";
            Topic { name: "compliance", title, records, alerts: Vec::new(), remarks }
        },
        |context| remarked("disk", "Disks of the data stores", disk::alerts(context)),
        |context| remarked("backup", "Backups, archives, restores", backup::alerts(context)),
        |context| remarked("dns", "Public hosts and the regions behind them", dns::alerts(context)),
        |context| remarked("certificates", "Certificates", certificates::alerts(context)),
        |context| remarked("drills", "Rehearsals", drills::alerts(context)),
        |context| plain("monitoring", "Monitoring itself", monitoring::alerts(context)),
    ];
    let topics = TOPICS.into_iter().map(move |make| {
        let mut topic = make(&context);
        override_alerts(context.monitoring, &mut topic.alerts);
        topic
    });
    // Every region's own: one that fires elsewhere says nothing about this region's Prometheus.
    topics.chain(std::iter::once_with(|| {
        plain("dead-man", "The dead-man's switch of a region", vec![global::watchdog()])
    }))
}

/// A topic of alerts alone.
const fn plain(name: &'static str, title: &'static str, alerts: Vec<Alert>) -> Topic {
    Topic { name, title, records: Vec::new(), alerts, remarks: Vec::new() }
}

/// A topic of alerts with remarks on what is left out.
fn remarked(name: &'static str, title: &'static str, (alerts, remarks): (Vec<Alert>, Vec<String>)) -> Topic {
    Topic { name, title, records: Vec::new(), alerts, remarks }
}

/// What a Prometheus above the regions asks; nothing where there is none.
fn global_topic(blueprint: &Blueprint, monitoring: &Monitoring) -> Topic {
    let (mut alerts, remarks) = global::alerts(blueprint, monitoring);
    override_alerts(monitoring, &mut alerts);
    if !global::readable(blueprint, monitoring).is_empty() {
        alerts.insert(0, global::watchdog());
    }
    Topic {
        name: "global",
        title: "All regions together, and the dead-man's switch",
        records: Vec::new(),
        alerts,
        remarks,
    }
}

/// `monitoring.alerts`: hold, severity, whether at all. `above` was applied where the threshold is made.
fn override_alerts(monitoring: &Monitoring, alerts: &mut Vec<Alert>) {
    alerts.retain(|alert| monitoring.alerts.get(alert.name).and_then(|o| o.enabled).unwrap_or(true));
    for alert in alerts {
        if let Some(own) = monitoring.alerts.get(alert.name) {
            alert.hold = own.hold.unwrap_or(alert.hold);
            alert.severity = own.severity.unwrap_or(alert.severity);
        }
    }
}

/// A rule file, for the template.
#[derive(Serialize)]
struct RuleFile {
    title: String,
    /// Which Prometheus it is for.
    whose: &'static str,
    remarks: Vec<String>,
    groups: Vec<Group>,
}

/// A test file, for the template.
#[derive(Serialize)]
struct TestFile {
    title: String,
    rules: String,
    tests: Vec<Test>,
}

/// The modules of blackbox_exporter, for the template.
#[derive(Serialize)]
struct Modules {
    http: &'static str,
    tls: &'static str,
}

/// Objects, for the template.
#[derive(Serialize)]
struct Objects {
    title: String,
    objects: Vec<Value>,
}

/// The file with the rules of a region as objects, where Prometheus is run by its operator.
pub(crate) fn objects_path(region: &str) -> String {
    format!("{region}/kubernetes/40-alerts.yaml")
}

/// The files of a region. Each topic is thrown away when its files are rendered, but for what the page tells about it.
fn region_jobs(context: &Context<'_>, jobs: &mut Jobs<'_>) -> Vec<readme::Told> {
    let (blueprint, monitoring, region) = (context.blueprint, context.monitoring, context.region);
    let common = Common { blueprint, monitoring, region: Some(region) };
    let operator = monitoring.prometheus.flavour == Flavour::Operator;
    let (mut objects, mut origins) = (Vec::new(), vec![path!["monitoring"], path!["regions", &region.name]]);
    let mut told = Vec::new();
    for topic in region_topics(*context) {
        if !(topic.alerts.is_empty() && topic.records.is_empty()) {
            let groups = topic.groups(&common);
            if operator {
                objects.extend(rules::objects(&common, topic.name, &groups));
            }
            origins.extend(topic.origins());
            files(&common, &topic, groups, jobs);
        }
        told.push(readme::told(monitoring, Some(region), topic));
    }
    if operator {
        let scraped = scrape::jobs(context);
        objects.extend(scraped.iter().map(|job| Value::from_serializable(&scrape::object(context, job))));
        let title = format!(
            "What Prometheus asks and scrapes in {}: the rules of {}/alerts as objects, and what no monitor covers.",
            region.name, region.name
        );
        let path = objects_path(&region.name);
        origins.sort();
        origins.dedup();
        jobs.push(
            File {
                path,
                kind: ArtifactKind::Kubernetes,
                region: Some(region),
                template: "alerts/objects.yaml.tera",
                origins,
            },
            &Objects { title, objects },
        );
    } else {
        let path = format!("{}/alerts/prometheus.yaml", region.name);
        let origins = vec![path!["monitoring"], path!["regions", &region.name]];
        jobs.push(
            File {
                path,
                kind: ArtifactKind::PrometheusConfig,
                region: Some(region),
                template: "alerts/prometheus.yaml.tera",
                origins,
            },
            &prometheus::region(context),
        );
    }
    told
}

/// The rule file and the test file of a topic.
fn files(common: &Common<'_>, topic: &Topic, groups: Vec<Group>, jobs: &mut Jobs<'_>) {
    let directory = common.region.map_or("global", |region| region.name.as_str());
    let place = common.region.map_or_else(|| "all regions".to_owned(), |region| region.name.clone());
    let mut origins = topic.origins();
    origins.push(path!["monitoring"]);
    let whose = if common.region.is_some() {
        "For this region's own Prometheus"
    } else {
        "For the Prometheus that reads those of the regions, never for one of these"
    };
    let rules =
        RuleFile { title: format!("{}, in {place}.", topic.title), whose, remarks: topic.remarks.clone(), groups };
    let path = format!("{directory}/alerts/{}.rules.yaml", topic.name);
    jobs.push(
        File {
            path,
            kind: ArtifactKind::PrometheusRules,
            region: common.region,
            template: "alerts/rules.yaml.tera",
            origins: origins.clone(),
        },
        &rules,
    );
    let tests = topic.tests(common);
    if tests.is_empty() {
        return;
    }
    let what = if topic.alerts.is_empty() { "what is recorded" } else { "each alert once firing and once silent" };
    let tests = TestFile {
        title: format!("{}, in {place}: {what}. promtool test rules", topic.title),
        rules: format!("{}.rules.yaml", topic.name),
        tests,
    };
    let path = format!("{directory}/alerts/{}.test.yaml", topic.name);
    jobs.push(
        File {
            path,
            kind: ArtifactKind::PrometheusTests,
            region: common.region,
            template: "alerts/test.yaml.tera",
            origins,
        },
        &tests,
    );
}

fn global_jobs(blueprint: &Blueprint, monitoring: &Monitoring, topic: &Topic, jobs: &mut Jobs<'_>) {
    let common = Common { blueprint, monitoring, region: None };
    if !topic.alerts.is_empty() {
        files(&common, topic, topic.groups(&common), jobs);
    }
    let origins = vec![path!["operations"], path!["monitoring"]];
    let config = alertmanager::config(blueprint, monitoring);
    jobs.push(
        File {
            path: "global/alerts/alertmanager.yaml".to_owned(),
            kind: ArtifactKind::Alertmanager,
            region: None,
            template: "alerts/alertmanager.yaml.tera",
            origins: origins.clone(),
        },
        &config,
    );
    if monitoring.exporters.blackbox.is_some() {
        jobs.push(
            File {
                path: "global/alerts/blackbox.yaml".to_owned(),
                kind: ArtifactKind::Blackbox,
                region: None,
                template: "alerts/blackbox.yaml.tera",
                origins: vec![path!["monitoring", "exporters", "blackbox"]],
            },
            &Modules { http: scrape::MODULE_HTTP, tls: scrape::MODULE_TLS },
        );
    }
    if let Some(config) = prometheus::global(blueprint, monitoring) {
        jobs.push(
            File {
                path: "global/alerts/prometheus.yaml".to_owned(),
                kind: ArtifactKind::PrometheusConfig,
                region: None,
                template: "alerts/prometheus.yaml.tera",
                origins,
            },
            &config,
        );
    }
}
