//! What is asked of all regions together, by a Prometheus that reads those of the regions; and the dead-man's switch.

use std::collections::BTreeMap;

use super::context::Context;
use super::model::{Alert, LEAD, Series, Values, constant};
use super::probes::probes;
use super::promql::{Labels, Scope, labels};
use crate::blueprint::raw::{CrossRegionMode, Monitoring, Severity};
use crate::blueprint::units::Duration;
use crate::blueprint::{Blueprint, Postgres, Region, names};
use crate::path;

/// The name of the dead-man's switch.
pub const WATCHDOG: &str = "Watchdog";

/// Alerts about a region's alarms themselves: the region can tell nobody of them, so the Prometheus above it reads them.
const UNTOLD: [&str; 3] = ["AlertmanagerMissing", "NotificationsFailing", "ReceiverFailing"];

/// The alerts of a region that the Prometheus above the regions reads.
pub const FEDERATED_ALERTS: [&str; 4] = [WATCHDOG, UNTOLD[0], UNTOLD[1], UNTOLD[2]];

/// The regions whose Prometheus can be read, in their order.
pub fn readable<'a>(blueprint: &'a Blueprint, monitoring: &Monitoring) -> Vec<(&'a Region, String)> {
    let address = |region: &'a Region| monitoring.prometheus.endpoints.get(&region.name).map(|a| (region, a.clone()));
    blueprint.regions.iter().filter_map(address).collect()
}

/// The alert that always fires: its absence is the alarm.
pub fn watchdog() -> Alert {
    let mut alert = Alert::new(WATCHDOG, Severity::Info, "vector(1)".to_owned())
        .about(labels(&[("component", "monitoring")]), &path!["operations", "deadMan"])
        .says(
            "The dead-man's switch: it always fires",
            "As long as this arrives outside, Prometheus evaluates, Alertmanager sends and the network carries. Its silence is the alarm (R-AL-12).",
        )
        .because("it always fires; what is outside misses it");
    alert.tests.push(super::model::Case { name: "it always fires", series: Vec::new(), fires: vec![Labels::new()] });
    alert
}

/// The alerts over all regions, and remarks on what is left out.
pub fn alerts(blueprint: &Blueprint, monitoring: &Monitoring) -> (Vec<Alert>, Vec<String>) {
    let regions = readable(blueprint, monitoring);
    if regions.is_empty() {
        let remark = "monitoring.prometheus.endpoints is not given: no Prometheus sees more than its own region, so nothing is asked of all of them";
        return (Vec::new(), vec![remark.to_owned()]);
    }
    let own = |(region, _): &(&Region, String)| {
        let scope = firing(blueprint, region);
        [unreadable(region), silent(region, &scope), untold(region, &scope)]
    };
    let mut alerts: Vec<Alert> = regions.iter().flat_map(own).collect();
    if regions.len() == blueprint.regions.len() && regions.len() > 1 {
        alerts.extend(blueprint.postgres.iter().filter_map(|cluster| writers(blueprint, monitoring, cluster)));
        alerts.extend(nowhere(blueprint, monitoring));
    }
    (alerts, Vec::new())
}

fn unreadable(region: &Region) -> Alert {
    let scope =
        Scope::default().is("job", "federate").is(names::REGION_LABEL, &region.name).instance(&[("instance", "a")]);
    let up = scope.metric("up");
    let series = |value: u64| vec![constant(scope.series("up", 0, &[]), value)];
    let mut alert = Alert::new("RegionMonitoringDown", Severity::Critical, format!("max({up}) == 0\nor\nabsent({up})"))
        .minutes(2)
        .about(labels(&[("component", "region")]), &path!["regions", &region.name])
        .says(
            format!("The Prometheus of {} cannot be read", region.name),
            "The region is lost, or only its monitoring is: nothing of it can alarm by itself any more. Look at its endpoints before anything else (R-AL-13).",
        )
        .because("it answers")
        .fires("it does not answer", series(0), Labels::new())
        .silent("it answers", series(1))
        .fires_without_series(labels(&[("job", "federate")]));
    alert.labels.insert(names::REGION_LABEL.to_owned(), region.name.clone());
    alert
}

/// The firing alerts of a region, as they are read from its Prometheus.
fn firing(blueprint: &Blueprint, region: &Region) -> Scope {
    let scope = Scope::default().is("alertstate", "firing").is("system", &blueprint.name);
    scope.is(names::REGION_LABEL, &region.name)
}

/// An alert about a region that the Prometheus above it sends.
fn of_region(mut alert: Alert, region: &Region) -> Alert {
    alert = alert.about(labels(&[("component", "monitoring")]), &path!["regions", &region.name]);
    alert.labels.insert(names::REGION_LABEL.to_owned(), region.name.clone());
    alert
}

fn silent(region: &Region, scope: &Scope) -> Alert {
    let scope = scope.clone().is("alertname", WATCHDOG).instance(&[]);
    let metric = scope.metric("ALERTS");
    // The rule's own name and labels take the place of those of the series.
    let mut gone = scope.equalities();
    gone.retain(|label, _| label != "alertname");
    let alert = Alert::new("RegionWatchdogMissing", Severity::Critical, format!("absent({metric})"))
        .minutes(2)
        .says(
            format!("The dead-man's switch of {} is silent", region.name),
            "That region's Prometheus answers no more, or evaluates no rules: none of its alerts can fire. Only the switch of the Prometheus above the regions goes outside, so that no region's hides another's (R-AL-12).",
        )
        .because("it fires at all times")
        .federated()
        .fires_without_series(gone)
        .silent("it fires", vec![constant(scope.series("ALERTS", 0, &[]), 1)]);
    of_region(alert, region)
}

fn untold(region: &Region, scope: &Scope) -> Alert {
    let scope = scope.clone().like("alertname", UNTOLD.join("|")).instance(&[("alertname", UNTOLD[1])]);
    let with = |state: &str| vec![constant(scope.series("ALERTS", 0, &[("alertstate", state)]), 1)];
    let alert = Alert::new("RegionAlertsUntold", Severity::Critical, format!("count({}) > 0", scope.metric("ALERTS")))
        .minutes(1)
        .says(
            format!("The alerts of {} do not reach people", region.name),
            "Its Prometheus has no Alertmanager, cannot send to it, or the Alertmanager cannot reach a receiver. The region cannot say so itself: look at what fires there.",
        )
        .because("no such alert fires in the region")
        .federated()
        .fires("one fires", with("firing"), Labels::new())
        .silent("one is pending", with("pending"));
    of_region(alert, region)
}

fn writers(blueprint: &Blueprint, monitoring: &Monitoring, cluster: &Postgres) -> Option<Alert> {
    let cross = cluster.spec.cross_region.as_ref()?;
    if cross.mode != CrossRegionMode::StreamingStandby || !cluster.is_rendered() {
        return None;
    }
    let scope = Scope::default().is("scope", &cluster.scope());
    let scope = if cluster.on_kubernetes() { scope.is("namespace", &blueprint.namespace) } else { scope };
    let metric = scope.metric("patroni_primary");
    let with = |values: &[u64]| -> Vec<Series> {
        let region = |at: usize| blueprint.regions.get(at).map_or("", |r| r.name.as_str());
        let series = |(at, value): (usize, &u64)| {
            let mut all = scope.equalities();
            all.extend(labels(&[(names::REGION_LABEL, region(at)), ("name", "a")]));
            constant(super::promql::series("patroni_primary", &all), value)
        };
        values.iter().enumerate().map(series).collect()
    };
    // The dead member's series ends when it is missed; that needs honor_timestamps: false in the federate job.
    let failed_over = || -> Vec<Series> {
        let mut all = scope.equalities();
        let mut member = |name: &str, values| {
            all.extend(labels(&[
                (names::REGION_LABEL, blueprint.regions.first().map_or("", |r| r.name.as_str())),
                ("name", name),
            ]));
            Series { name: super::promql::series("patroni_primary", &all), values }
        };
        // Less than five minutes before the test looks: as long a series without that mark would still count.
        let before = LEAD.minutes() - 2;
        let (gone, new) =
            (Values::Ends("1".to_owned(), before), Values::Changes("0".to_owned(), before, "1".to_owned()));
        vec![member("a", gone), member("b", new)]
    };
    let f = &cluster.spec.failover;
    let failover = f.ttl.secs() + f.loop_wait.secs() + 2;
    // The region's scrape and the one of its Prometheus: what has ended and what has begun are seen so much later.
    let seen = 2 * monitoring.interval.secs();
    Some(
        Alert::new("PostgresWriterCount", Severity::Critical, format!("sum by (scope) ({metric}) != 1\nor\nabsent({metric})"))
            .hold(Duration::from_secs((failover + seen).div_ceil(60) * 60))
            .about(labels(&[("component", "postgres"), ("cluster", &cluster.name)]), &path!["postgres", &cluster.name, "crossRegion"])
            .says(
                format!("PostgreSQL {} has not exactly one writer over all regions", cluster.name),
                "None: nothing can be written anywhere. Two: both regions accept writes that will not be merged (R-PG-31); stop one of them now.",
            )
            .because(format!("a failover takes at most {failover} s (X-PT-1) and is seen at most {seen} s later, two scrapes: its region's and that of the region's Prometheus"))
            .federated()
            .fires("both regions write", with(&[1, 1]), labels(&[("scope", &cluster.scope())]))
            .silent("one region writes", with(&[1, 0]))
            .silent("a failover within a region", failed_over())
            .fires_without_series(scope.equalities()),
    )
}

fn nowhere(blueprint: &Blueprint, monitoring: &Monitoring) -> Vec<Alert> {
    let of_region = |region| probes(&Context { blueprint, monitoring, region });
    let mut asked: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for region in &blueprint.regions {
        for probe in of_region(region).into_iter().filter(|probe| probe.kind == "region") {
            asked.entry(probe.host).or_default().push(region.name.clone());
        }
    }
    let one = |(host, regions): (&String, &Vec<String>)| {
        let scope = Scope::default().is("host", host).is("probe", "region");
        let metric = scope.metric("probe_success");
        let with = |up: u64| -> Vec<Series> {
            let series = |(at, region): (usize, &String)| {
                let mut all = scope.equalities();
                all.extend(labels(&[(names::REGION_LABEL, region)]));
                constant(super::promql::series("probe_success", &all), if at == 0 { up } else { 0 })
            };
            regions.iter().enumerate().map(series).collect()
        };
        Alert::new("AllRegionsDown", Severity::Critical, format!("max by (host) ({metric}) == 0\nor\nabsent({metric})"))
            .minutes(1)
            .about(labels(&[("component", "region")]), &path!["dns", "records"])
            .says(
                format!("No region answers for {host}"),
                "Every region's balancer fails. Route 53 treats a record set whose every health check fails as if all were healthy: clients are sent to regions that do not answer (F-DN-04).",
            )
            .because("at least one region answers")
            .federated()
            .fires("none answers", with(0), labels(&[("host", host)]))
            .silent("one answers", with(1))
            .fires_without_series(scope.equalities())
    };
    asked.iter().map(one).collect()
}
