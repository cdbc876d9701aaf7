//! Service level objectives: error ratios over several windows, burn-rate alerts (F-PR-06), what is left of the budget.
//!
//! Thresholds are exact decimals, computed in integers. A factor whose threshold would reach 100 % errors can never
//! fire and is left out, with a comment that says so.

use super::context::Context;
use super::model::{Alert, Series, grows};
use super::promql::{Labels, Scope, labels, quote};
use crate::blueprint::Service;
use crate::blueprint::raw::{DataPlane, Severity};
use crate::blueprint::units::{Percent, exact_decimal};
use crate::path;
use crate::render::kubernetes::common;

/// The recorded ratio of failed requests; `rate` and the window follow.
const RATIO: &str = "service:request_errors:ratio_rate";
/// The recorded objective.
const OBJECTIVE: &str = "service:slo_objective:ratio";
/// The recorded share of the error budget that is left (R-AL-16).
const LEFT: &str = "service:error_budget_left:ratio";
/// The windows that ratios are recorded over.
const WINDOWS: [&str; 7] = ["5m", "30m", "1h", "2h", "6h", "1d", "3d"];
/// A threshold is a number of billionths: tenths of the factor × millionths of a percent.
const WHOLE: u64 = 1_000_000_000;

/// A recording rule.
pub struct Record {
    /// The name of the series.
    pub name: String,
    /// What it is computed from.
    pub expr: String,
    /// Its labels.
    pub labels: Labels,
    /// The unit tests, besides those of the alerts that rest on it.
    pub tests: Vec<RecordCase>,
}

/// A unit test of a recording rule.
pub struct RecordCase {
    /// What the series show, in a phrase.
    pub name: &'static str,
    /// The series that there are.
    pub series: Vec<Series>,
    /// What is asked, with the name of the series that its result bears, and the value; `None` for no result.
    pub asks: Vec<(String, &'static str, Option<u32>)>,
}

/// A burn rate that alerts.
struct Burn {
    name: &'static str,
    tenths: u64,
    long: &'static str,
    short: &'static str,
    severity: Severity,
}

const BURNS: [Burn; 4] = [
    Burn { name: "ErrorBudgetBurn14x", tenths: 144, long: "1h", short: "5m", severity: Severity::Critical },
    Burn { name: "ErrorBudgetBurn6x", tenths: 60, long: "6h", short: "30m", severity: Severity::Critical },
    Burn { name: "ErrorBudgetBurn3x", tenths: 30, long: "1d", short: "2h", severity: Severity::Warning },
    Burn { name: "ErrorBudgetBurn1x", tenths: 10, long: "3d", short: "6h", severity: Severity::Warning },
];

/// What counts the requests of a service.
struct Counter {
    metric: String,
    scope: Scope,
    code: String,
}

/// The SLOs of the services of a region: recorded series, alerts, and remarks on what is left out.
pub fn slo(context: &Context<'_>) -> (Vec<Record>, Vec<Alert>, Vec<String>) {
    let (mut records, mut alerts, mut remarks) = (Vec::new(), Vec::new(), Vec::new());
    for service in &context.blueprint.services {
        let Some(objective) = service.targets.availability else {
            continue;
        };
        if service.replicas(context.region) == (0, 0) {
            remarks.push(format!("{}: nothing runs here, so there is nothing to count", service.name));
            continue;
        }
        let Some(counter) = counter(context, service) else {
            remarks.push(format!(
                "{}: no counter of requests is named (services.*.metrics.requests) and {}: no SLO alerts",
                service.name,
                uncounted(context, service).unwrap_or("there is no mesh")
            ));
            continue;
        };
        records.extend(record(context, service, objective, &counter));
        for burn in &BURNS {
            let parts = burn.tenths * objective.complement_micro();
            if parts >= WHOLE {
                remarks.push(format!(
                    "{}: {} is left out: {} x the budget of {objective} is {}, more than all requests: it could never fire (R-AL-08)",
                    service.name,
                    burn.name,
                    factor(burn.tenths),
                    exact_decimal(parts, WHOLE)
                ));
                continue;
            }
            alerts.push(burning(context, service, objective, &counter, burn));
        }
        alerts.push(absent(service, &counter));
    }
    (records, alerts, remarks)
}

fn factor(tenths: u64) -> String {
    exact_decimal(tenths, 10)
}

fn counter(context: &Context<'_>, service: &Service) -> Option<Counter> {
    if !service.on_kubernetes() {
        return None;
    }
    if let Some(metric) = &service.spec.metrics.requests {
        let scope = context.service(service);
        return Some(Counter { metric: metric.clone(), scope, code: service.spec.metrics.code.clone() });
    }
    let mesh =
        context.blueprint.spec.edge.mesh.as_ref().filter(|_| common::counted_by_mesh(context.blueprint, service))?;
    // Each request once: where it arrives. In an ambient mesh that is the waypoint, and the Gateway for what comes from
    // outside: it goes past the waypoint and tells of itself as the source.
    let reporters: &[&str] = match (mesh.data_plane, service.is_public()) {
        (DataPlane::Cni, _) => &["destination"],
        (DataPlane::Ambient, true) => &["source", "waypoint"],
        (DataPlane::Ambient, false) => &["waypoint"],
    };
    let scope = Scope::default()
        .is("destination_service_namespace", &context.blueprint.namespace)
        .is("destination_service_name", &service.name);
    let scope = match reporters {
        [only] => scope.is("reporter", only).instance(&[]),
        several => scope.like("reporter", several.join("|")).instance(&[("reporter", several[0])]),
    };
    Some(Counter { metric: "istio_requests_total".to_owned(), scope, code: "response_code".to_owned() })
}

/// Why the mesh does not see the requests of a service, where it does not.
fn uncounted(context: &Context<'_>, service: &Service) -> Option<&'static str> {
    let edge = &context.blueprint.spec.edge;
    edge.mesh.as_ref()?;
    let called = !common::callers(context.blueprint, &format!("services.{}", service.name)).is_empty();
    edge.counts(service.spec.exposure, called).err()
}

fn record(context: &Context<'_>, service: &Service, objective: Percent, counter: &Counter) -> Vec<Record> {
    let own = labels(&[("service", &service.name)]);
    let all = counter.scope.metric(&counter.metric);
    let bad = counter.scope.select(&counter.metric, &[&format!("{}=~\"5..\"", counter.code)]);
    let ratio = |window: &str| {
        // Before the first error there is no series of errors, and the ratio would be empty instead of 0; without any
        // request it is empty, not 0 / 0.
        format!(
            "(\n  sum(rate({bad}[{window}]))\n  or\n  0 * sum(rate({all}[{window}]))\n)\n/\n(sum(rate({all}[{window}])) > 0)"
        )
    };
    let rule = |name: String, expr: String| Record { name, expr, labels: own.clone(), tests: Vec::new() };
    let mut records: Vec<Record> = WINDOWS.iter().map(|w| rule(format!("{RATIO}{w}"), ratio(w))).collect();
    records.push(rule(OBJECTIVE.to_owned(), format!("vector({})", objective.fraction())));
    if objective.complement_micro() > 0 {
        // The mean of the recorded ratio: weighing each minute alike is what a budget in minutes means.
        let window = context.monitoring.slo.window.go();
        let budget = exact_decimal(objective.complement_micro(), 100_000_000);
        let mean = format!("avg_over_time({RATIO}5m{{service={}}}[{window}])", quote(&service.name));
        records.push(rule(LEFT.to_owned(), format!("1 - {mean} / {budget}")));
    }
    records
}

fn burning(context: &Context<'_>, service: &Service, objective: Percent, counter: &Counter, burn: &Burn) -> Alert {
    let parts = burn.tenths * objective.complement_micro();
    let threshold = exact_decimal(parts, WHOLE);
    let which = format!("service={}", quote(&service.name));
    let over = |window: &str| format!("{RATIO}{window}{{{which}}} > {threshold}");
    let window = context.monitoring.slo.window;
    let gone =
        if burn.tenths == 10 { "at the end of the window".to_owned() } else { spent(window.secs(), burn.tenths) };
    let least = if parts == 0 { 0 } else { WHOLE.div_ceil(parts) };
    let mut description = format!(
        "{} % of the requests or more fail over {} and over {}: at this rate the error budget of {window} is spent {gone}. \
         One failed request among fewer than {least} in {} is enough: with less traffic than that look before you act.",
        exact_decimal(parts, WHOLE / 100),
        burn.long,
        burn.short,
        burn.long
    );
    if context.blueprint.spec.edge.mesh.is_some() && service.spec.metrics.requests.is_none() {
        description.push_str(" The mesh counts the requests (sidecar, waypoint or Gateway).");
    }
    // Over a steady ratio every window shows the same: twice the threshold (at most everything) fires, half of it does not.
    let traffic = |bad: u64| -> Vec<Series> {
        let ok = counter.scope.series(&counter.metric, 0, &[(&counter.code, "200")]);
        let failed = counter.scope.series(&counter.metric, 0, &[(&counter.code, "500")]);
        vec![grows(ok, WHOLE - bad), grows(failed, bad)]
    };
    let bad = if parts == 0 { WHOLE / 10 } else { (parts * 2).min(WHOLE) };
    Alert::new(burn.name, burn.severity, format!("{}\nand\n{}", over(burn.long), over(burn.short)))
        .minutes(if burn.severity == Severity::Critical { 1 } else { 15 })
        .about(labels(&[("component", "service"), ("service", &service.name)]), &path!["services", &service.name])
        .says(format!("{} burns its error budget {} times too fast", service.name, factor(burn.tenths)), description)
        .because(format!("{} x (1 - {objective}) = {threshold} (X-PR-2, F-PR-06)", factor(burn.tenths)))
        .fires("more errors than the budget bears", traffic(bad), Labels::new())
        .silent("half as many errors as the threshold", traffic(parts / 2))
        .silent(
            "no errors, and so no series of them",
            vec![grows(counter.scope.series(&counter.metric, 0, &[(&counter.code, "200")]), 600)],
        )
}

/// When the budget of a window is spent at a burn rate.
fn spent(window: u64, tenths: u64) -> String {
    format!("in {} h", window * 10 / tenths / 3600)
}

fn absent(service: &Service, counter: &Counter) -> Alert {
    let name = &service.name;
    let present = || vec![grows(counter.scope.series(&counter.metric, 0, &[(&counter.code, "200")]), 600)];
    Alert::new("ServiceMetricsAbsent", Severity::Warning, format!("absent({})", counter.scope.metric(&counter.metric)))
        .minutes(10)
        .about(labels(&[("component", "service"), ("service", name)]), &path!["services", name])
        .says(
            format!("{name} tells nothing about its requests"),
            "Without its counter no SLO alert of this service can fire: it is down, is not scraped, or has not had a single request since it started.",
        )
        .because("no series at all (R-AL-21)")
        .fires_without_series(counter.scope.equalities())
        .silent("requests are counted", present())
}
