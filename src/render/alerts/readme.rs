//! The table of all alerts, for people: what each means, its threshold with its source, how soon it pages.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::model::Alert;
use super::rules::{Topic, severity};
use super::time::page_latency;
use crate::blueprint::Blueprint;
use crate::blueprint::raw::Monitoring;
use crate::blueprint::units::Duration;

/// The page, for the template.
#[derive(Serialize)]
pub struct Page {
    name: String,
    interval: String,
    operator: bool,
    federated: bool,
    topics: Vec<TopicView>,
    remarks: Vec<String>,
    blackbox: Option<String>,
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
    about: BTreeSet<String>,
    hold: String,
    page: String,
    threshold: String,
    description: String,
}

/// The page about these topics, each with the region that it is for.
pub fn readme(blueprint: &Blueprint, monitoring: &Monitoring, topics: &[(Option<String>, Topic)]) -> Page {
    let mut views: Vec<TopicView> = Vec::new();
    // One row for what differs only in whom it is about: by topic, then by everything else that the row says.
    let mut rows: BTreeMap<(usize, String), usize> = BTreeMap::new();
    let mut remarks: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (region, topic) in topics {
        for remark in &topic.remarks {
            let regions = remarks.entry(remark.clone()).or_default();
            regions.extend(region.clone());
        }
        let at = views.iter().position(|view| view.title == topic.title).unwrap_or_else(|| {
            views.push(TopicView { title: topic.title, rows: Vec::new() });
            views.len() - 1
        });
        for alert in &topic.alerts {
            let row = row(monitoring, alert);
            let key = [row.name, row.severity, &row.hold, &row.threshold, &row.description].join("\n");
            match rows.get(&(at, key.clone())) {
                Some(known) => {
                    views[at].rows[*known].about.extend(row.about);
                }
                None => {
                    rows.insert((at, key), views[at].rows.len());
                    views[at].rows.push(row);
                }
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
        blackbox: monitoring.exporters.blackbox.clone(),
    }
}

/// X-PR-1, with the scrape of the region's Prometheus where the alert goes by what that one has.
fn page(monitoring: &Monitoring, alert: &Alert) -> Duration {
    let latency = page_latency(monitoring.interval, alert.hold, alert.severity);
    let more = if alert.federated { monitoring.interval.millis() } else { 0 };
    Duration::from_millis(latency.millis() + more)
}

fn row(monitoring: &Monitoring, alert: &Alert) -> Row {
    let own = alert.labels.iter().filter(|(label, _)| *label != "component");
    let about: Vec<&str> = own.map(|(_, value)| value.as_str()).collect();
    Row {
        name: alert.name,
        severity: severity(alert.severity),
        about: BTreeSet::from([if about.is_empty() { "everything".to_owned() } else { about.join(" ") }]),
        hold: alert.hold.to_string(),
        page: page(monitoring, alert).to_string(),
        threshold: alert.threshold.clone(),
        description: named(&alert.description),
    }
}

/// For people the name of a label, in capitals, stands for its value.
fn named(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, (label, after))) =
        rest.split_once("{{ $labels.").and_then(|(before, tail)| Some((before, tail.split_once(" }}")?)))
    {
        out.push_str(before);
        out.push_str(&label.replace('_', "-").to_uppercase());
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn a_label_reads_as_a_placeholder() {
        assert_eq!(named("Slot {{ $labels.slot_name }} of the primary."), "Slot SLOT-NAME of the primary.");
        assert_eq!(named("{{ $labels.job }} {{ $labels.instance }} does not answer"), "JOB INSTANCE does not answer");
        assert_eq!(named("no label, {{ only braces"), "no label, {{ only braces");
    }
}
