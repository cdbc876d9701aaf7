//! The scrape configuration of a region's Prometheus (`flavour: files`), and of the one that reads those of all regions.

use serde::Serialize;
use serde_json::{Value, json};

use super::context::Context;
use super::global::{FEDERATED_ALERTS, readable};
use super::{discovery, scrape};
use crate::blueprint::raw::Monitoring;
use crate::blueprint::{Blueprint, names};

/// A scrape configuration, for the template.
#[derive(Serialize)]
pub struct Config {
    /// What it is for.
    title: String,
    interval: String,
    external_labels: Value,
    rule_files: Vec<String>,
    alertmanagers: Vec<String>,
    jobs: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    comment: &'static str,
    job: Value,
}

/// The configuration of a region.
pub fn region(context: &Context<'_>) -> Config {
    let own = json!({names::REGION_LABEL: context.region.name});
    let mut jobs = vec![Entry {
        comment: "Prometheus itself: the alerts about rules and notifications rest on it.",
        job: json!({"job_name": "prometheus", "static_configs": [{"targets": ["localhost:9090"], "labels": own}]}),
    }];
    jobs.extend(alertmanager(context.monitoring, &own));
    jobs.extend(scrape::jobs(context).iter().map(|job| Entry { comment: job.comment, job: scrape::plain(job) }));
    jobs.extend(discovery::jobs(context).into_iter().map(|found| Entry { comment: found.comment, job: found.job }));
    let rule_files = vec!["*.rules.yaml".to_owned()];
    config(context.blueprint, context.monitoring, Some(&context.region.name), rule_files, jobs)
}

/// The configuration of the Prometheus that reads those of the regions; `None` when none of them can be read.
pub fn global(blueprint: &Blueprint, monitoring: &Monitoring) -> Option<Config> {
    let regions = readable(blueprint, monitoring);
    if regions.is_empty() {
        return None;
    }
    let of_region = |(region, address): &(&crate::blueprint::Region, String)| json!({"targets": [address], "labels": {names::REGION_LABEL: region.name}});
    let targets: Vec<Value> = regions.iter().map(of_region).collect();
    let wanted = r#"{__name__=~"up|patroni_primary|patroni_standby_leader|probe_success|service:.+",job!="federate"}"#;
    // Alerts are no metrics of a job: whether a region's switch fires, and whether it can tell what fires.
    let told = format!(r#"ALERTS{{alertname=~"{}"}}"#, FEDERATED_ALERTS.join("|"));
    let jobs = vec![
        Entry {
            comment: "Prometheus itself.",
            job: json!({"job_name": "prometheus", "static_configs": [{"targets": ["localhost:9090"]}]}),
        },
        Entry {
            comment: "Every region's Prometheus: what the rules over all regions ask for. The region is put on here. /federate writes the time of each sample, and a series with times of its own gets no mark when it ends: without honor_timestamps a dead member would count as primary for five minutes more.",
            job: json!({
                "job_name": "federate",
                "honor_labels": true,
                "honor_timestamps": false,
                "metrics_path": "/federate",
                "params": {"match[]": [wanted, told]},
                "static_configs": targets,
            }),
        },
    ];
    let jobs = jobs.into_iter().chain(alertmanager(monitoring, &json!({}))).collect();
    Some(config(blueprint, monitoring, None, vec!["global.rules.yaml".to_owned()], jobs))
}

/// The job that reads Alertmanager, where it is known.
fn alertmanager(monitoring: &Monitoring, labels: &Value) -> Option<Entry> {
    let targets = &monitoring.exporters.alertmanagers;
    if targets.is_empty() {
        return None;
    }
    let job = json!({"job_name": "alertmanager", "static_configs": [{"targets": targets, "labels": labels}]});
    Some(Entry { comment: "Alertmanager: whether receivers can be reached.", job })
}

fn config(
    blueprint: &Blueprint,
    monitoring: &Monitoring,
    region: Option<&str>,
    rule_files: Vec<String>,
    jobs: Vec<Entry>,
) -> Config {
    let (title, external_labels) = match region {
        Some(region) => (
            format!(
                "Prometheus of {region}: it looks at this region only, so that another one's silence fires nothing here."
            ),
            json!({"system": blueprint.name, "prometheus": region}),
        ),
        None => (
            "The Prometheus that reads those of all regions. It belongs outside of every one of them (R-AL-13)."
                .to_owned(),
            json!({"system": blueprint.name, "prometheus": "global"}),
        ),
    };
    Config {
        title,
        interval: monitoring.interval.go(),
        external_labels,
        rule_files,
        alertmanagers: monitoring.exporters.alertmanagers.clone(),
        jobs,
    }
}
