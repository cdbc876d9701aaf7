//! Monitoring itself: targets, rules, Alertmanager, receivers, configuration, the Pushgateway.

use super::backup::pushes;
use super::context::Context;
use super::model::{Alert, Series, constant, grows};
use super::promql::{Labels, Scope, labels};
use crate::blueprint::names;
use crate::blueprint::raw::Severity;
use crate::path;

/// The alerts about monitoring itself in a region.
pub fn alerts(context: &Context<'_>) -> Vec<Alert> {
    let window = context.window();
    let mut alerts = vec![
        rules(&window),
        alertmanager(),
        notifications(&window),
        receivers(&window),
        reload(),
        silent_alertmanager(),
    ];
    if context.uses_kubernetes() {
        alerts.push(targets(&context.namespace()));
    }
    let hosts = Scope::default()
        .is(names::REGION_LABEL, &context.region.name)
        .instance(&[("job", "postgres"), ("instance", "a")]);
    let on_hosts = context.blueprint.postgres.iter().any(|p| !p.on_kubernetes() && p.member_count(context.region) > 0)
        || context.blueprint.redis.iter().any(|r| r.is_rendered() && !r.on_kubernetes() && r.in_region(context.region));
    if on_hosts && !context.uses_kubernetes() {
        alerts.push(targets(&hosts));
    }
    if pushes(context) {
        alerts.push(pushgateway());
    }
    let about = labels(&[("component", "monitoring")]);
    alerts.into_iter().map(|alert| alert.about(about.clone(), &path!["monitoring"])).collect()
}

fn one(name: &str, labels: &Labels, value: u64) -> Vec<Series> {
    vec![constant(super::promql::series(name, labels), value)]
}

fn rules(window: &str) -> Alert {
    let of_group = labels(&[("rule_group", "a;b")]);
    let series =
        |by: u64| vec![grows(super::promql::series("prometheus_rule_evaluation_failures_total", &of_group), by)];
    Alert::new("RuleEvaluationFailing", Severity::Critical, format!("sum by (rule_group) (increase(prometheus_rule_evaluation_failures_total[{window}])) > 0"))
        .minutes(5)
        .says("A group of rules cannot be evaluated", "An alert of {{ $labels.rule_group }} is in error, which is silence: a join that met two series is the usual cause.")
        .because("no evaluation fails")
        .fires("each evaluation fails", series(2), of_group.clone())
        .silent("none fails", series(0))
}

fn alertmanager() -> Alert {
    let metric = "prometheus_notifications_alertmanagers_discovered";
    Alert::new("AlertmanagerMissing", Severity::Critical, format!("max({metric}) < 1\nor\nabsent({metric})"))
        .minutes(2)
        .says(
            "Prometheus knows no Alertmanager, or is not scraped itself",
            "No alert of this region reaches anybody. The dead-man's switch is what tells outside.",
        )
        .because("at least one")
        .fires("none is known", one(metric, &Labels::new(), 0), Labels::new())
        .silent("one is known", one(metric, &Labels::new(), 1))
        .fires_without_series(Labels::new())
}

fn notifications(window: &str) -> Alert {
    let errors = format!("sum(rate(prometheus_notifications_errors_total[{window}])) > 0");
    let dropped = format!("sum(rate(prometheus_notifications_dropped_total[{window}])) > 0");
    let series = |by: u64| {
        let of = labels(&[("alertmanager", "http://a:9093/api/v2/alerts")]);
        vec![
            grows(super::promql::series("prometheus_notifications_errors_total", &of), by),
            grows("prometheus_notifications_dropped_total{}".to_owned(), by),
        ]
    };
    Alert::new("NotificationsFailing", Severity::Critical, format!("{errors}\nor\n{dropped}"))
        .minutes(5)
        .says(
            "Alerts do not reach an Alertmanager",
            "Prometheus cannot deliver to at least one of its Alertmanagers, or drops alerts.",
        )
        .because("no error for five minutes")
        .fires("each send fails", series(1), Labels::new())
        .silent("all arrive", series(0))
}

fn receivers(window: &str) -> Alert {
    let of = labels(&[("integration", "pagerduty")]);
    let series =
        |by: u64| vec![grows(super::promql::series("alertmanager_notification_requests_failed_total", &of), by)];
    Alert::new(
        "ReceiverFailing",
        Severity::Critical,
        format!("sum by (integration) (rate(alertmanager_notification_requests_failed_total[{window}])) > 0"),
    )
    .minutes(5)
    .says(
        "Alertmanager cannot reach a receiver",
        "Messages by {{ $labels.integration }} fail: whoever waits for them is not told.",
    )
    .because("no request fails for five minutes")
    .fires("each request fails", series(1), of.clone())
    .silent("none fails", series(0))
}

fn silent_alertmanager() -> Alert {
    let metric = "alertmanager_notification_requests_total";
    let of = labels(&[("integration", "pagerduty")]);
    Alert::new("AlertmanagerMetricsAbsent", Severity::Warning, format!("absent({metric})"))
        .minutes(10)
        .says(
            "Alertmanager is not scraped",
            "Whether receivers can be reached is not known: ReceiverFailing cannot fire.",
        )
        .because("no series at all (R-AL-21)")
        .fires_without_series(Labels::new())
        .silent("it is scraped", one(metric, &of, 1))
}

fn reload() -> Alert {
    let (prometheus, alertmanager) =
        ("prometheus_config_last_reload_successful", "alertmanager_config_last_reload_successful");
    let of = labels(&[("instance", "a")]);
    Alert::new("ConfigurationReloadFailing", Severity::Warning, format!("{prometheus} == 0\nor\n{alertmanager} == 0"))
        .minutes(5)
        .says("Prometheus or Alertmanager refuses its configuration", "{{ $labels.instance }} goes on with the last one that it accepted: new rules and receivers are not in force.")
        .because("the last reload succeeded")
        .fires("refused", one(prometheus, &of, 0), of.clone())
        .silent("accepted", one(prometheus, &of, 1))
}

fn targets(scope: &Scope) -> Alert {
    let up = scope.metric("up");
    let series = |value: u64| vec![constant(scope.series("up", 0, &[("job", "a"), ("instance", "a")]), value)];
    let mut fires = scope.labels_of(0);
    fires.extend(labels(&[("job", "a"), ("instance", "a")]));
    fires.retain(|label, _| label == "job" || label == "instance");
    Alert::new("TargetDown", Severity::Warning, format!("max by (job, instance) ({up}) == 0\nor\nabsent({up})"))
        .minutes(5)
        .says("A target cannot be scraped", "{{ $labels.job }} {{ $labels.instance }} does not answer, or nothing of this system is scraped at all: what it would tell is not known (R-AL-01, R-AL-02).")
        .because("a restart takes less than five minutes")
        .fires("it does not answer", series(0), fires)
        .silent("it answers", series(1))
        .fires_without_series(scope.equalities().into_iter().filter(|(label, _)| label != names::REGION_LABEL).collect())
}

fn pushgateway() -> Alert {
    let metric = "pushgateway_build_info";
    Alert::new("PushgatewayAbsent", Severity::Warning, format!("absent({metric})"))
        .minutes(10)
        .says(
            "The Pushgateway is gone",
            "Backup, snapshot and restore jobs have no place to leave their results: the alerts about them will fire.",
        )
        .because("no series at all (R-AL-21)")
        .fires_without_series(Labels::new())
        .silent("it is scraped", one(metric, &labels(&[("version", "1.5.1")]), 1))
}
