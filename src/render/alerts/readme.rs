//! The table of all alerts, for people: what each means, its threshold with its source, how soon it pages.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::model::Alert;
use super::rules::{Topic, severity};
use super::time::page_latency;
use crate::blueprint::raw::Monitoring;
use crate::blueprint::units::Duration;
use crate::blueprint::{Blueprint, Region};

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

/// What the page tells about a topic.
pub struct Told {
    region: Option<String>,
    title: &'static str,
    rows: Vec<Row>,
    remarks: Vec<String>,
}

/// What the page tells about a topic of a region, or of all of them.
pub fn told(monitoring: &Monitoring, region: Option<&Region>, topic: Topic) -> Told {
    Told {
        region: region.map(|region| region.name.clone()),
        title: topic.title,
        rows: topic.alerts.iter().map(|alert| row(monitoring, alert)).collect(),
        remarks: topic.remarks,
    }
}

/// The page about these topics.
pub fn page(blueprint: &Blueprint, monitoring: &Monitoring, topics: Vec<Told>) -> Page {
    let mut views: Vec<TopicView> = Vec::new();
    // One row for what differs only in whom it is about: by topic, then by everything else that the row says.
    let mut rows: BTreeMap<(usize, String), usize> = BTreeMap::new();
    let mut remarks: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for topic in topics {
        for remark in topic.remarks {
            let regions = remarks.entry(remark).or_default();
            regions.extend(topic.region.clone());
        }
        let at = views.iter().position(|view| view.title == topic.title).unwrap_or_else(|| {
            views.push(TopicView { title: topic.title, rows: Vec::new() });
            views.len() - 1
        });
        for row in topic.rows {
            let key = [row.name, row.severity, &row.hold, &row.threshold, &row.description].join("\n");
            match rows.entry((at, key)) {
                Entry::Occupied(known) => views[at].rows[*known.get()].about.extend(row.about),
                Entry::Vacant(place) => {
                    place.insert(views[at].rows.len());
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
fn told_within(monitoring: &Monitoring, alert: &Alert) -> Duration {
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
        page: told_within(monitoring, alert).to_string(),
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
