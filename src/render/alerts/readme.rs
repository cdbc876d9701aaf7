//! The table of all alerts, for people: what each means, its threshold with its source, how soon it pages.

use std::collections::BTreeMap;

use serde::Serialize;

use super::rules::{Topic, severity};
use super::time::page_latency;
use crate::blueprint::Blueprint;
use crate::blueprint::raw::Monitoring;

/// The page, for the template.
#[derive(Serialize)]
pub struct Page {
    name: String,
    interval: String,
    operator: bool,
    federated: bool,
    topics: Vec<TopicView>,
    remarks: Vec<String>,
}

#[derive(Serialize)]
struct TopicView {
    title: &'static str,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: &'static str,
    severity: &'static str,
    about: String,
    hold: String,
    page: String,
    threshold: String,
    description: String,
}

/// The page about these topics, each with the region that it is for.
pub fn page(blueprint: &Blueprint, monitoring: &Monitoring, topics: &[(Option<String>, Topic)]) -> Page {
    let mut views: Vec<TopicView> = Vec::new();
    let mut remarks: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (region, topic) in topics {
        for remark in &topic.remarks {
            let regions = remarks.entry(remark.clone()).or_default();
            regions.extend(region.clone());
        }
        let view = match views.iter_mut().position(|view| view.title == topic.title) {
            Some(at) => &mut views[at],
            None => {
                views.push(TopicView { title: topic.title, rows: Vec::new() });
                let last = views.len() - 1;
                &mut views[last]
            }
        };
        for alert in &topic.alerts {
            let page = page_latency(monitoring.interval, alert.hold, alert.severity);
            let row = Row {
                name: alert.name,
                severity: severity(alert.severity),
                about: about(
                    alert.labels.iter().filter(|(label, _)| *label != "component").map(|(_, value)| value.as_str()),
                ),
                hold: alert.hold.to_string(),
                page: page.to_string(),
                threshold: alert.threshold.clone(),
                description: alert.description.replace("{{ $labels.", "").replace(" }}", ""),
            };
            // One row for what is the same in several regions.
            let same = |r: &Row| {
                r.name == row.name && r.about == row.about && r.threshold == row.threshold && r.severity == row.severity
            };
            if !view.rows.iter().any(same) {
                view.rows.push(row);
            }
        }
    }
    views.retain(|view| !view.rows.is_empty());
    let remark = |(text, regions): (String, Vec<String>)| {
        if regions.is_empty() { text } else { format!("{} ({})", text, regions.join(", ")) }
    };
    Page {
        name: blueprint.name.clone(),
        interval: monitoring.interval.to_string(),
        operator: monitoring.prometheus.flavour == crate::blueprint::raw::Flavour::Operator,
        federated: !monitoring.prometheus.endpoints.is_empty(),
        topics: views,
        remarks: remarks.into_iter().map(remark).collect(),
    }
}

fn about<'a>(values: impl Iterator<Item = &'a str>) -> String {
    let all: Vec<&str> = values.collect();
    if all.is_empty() { "everything".to_owned() } else { all.join(", ") }
}
