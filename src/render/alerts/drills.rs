//! Rehearsals that are overdue. The system is drilled as a whole, so the primary region's Prometheus asks.

use super::backup::pushes;
use super::context::Context;
use super::model::{Alert, constant};
use super::promql::{Scope, labels};
use super::rules::seconds;
use crate::blueprint::names;
use crate::blueprint::raw::Severity;
use crate::blueprint::units::Duration;
use crate::path;

/// The alerts about drills, and remarks on what is left out.
pub fn alerts(context: &Context<'_>) -> (Vec<Alert>, Vec<String>) {
    let drills = &context.blueprint.spec.operations.drills;
    if !context.region.is_primary() || drills.is_empty() {
        return (Vec::new(), Vec::new());
    }
    if !pushes(context) {
        let remark = "operations.drills: monitoring.exporters.pushgateway is not given, so nothing tells when a drill last succeeded";
        return (Vec::new(), vec![remark.to_owned()]);
    }
    let overdue = |(name, interval): (&crate::blueprint::raw::Name, &crate::blueprint::raw::DrillInterval)| {
        let limit = context.above("DrillOverdue", Duration::from_secs(interval.days() * 86_400));
        let namespace = &context.blueprint.namespace;
        let scope = Scope::default().is("namespace", namespace).is("drill", name.as_str()).instance(&[]);
        let metric = scope.metric(names::METRIC_DRILL);
        let series = |seconds: i128| vec![constant(scope.series(names::METRIC_DRILL, 0, &[]), -seconds)];
        Alert::new(
            "DrillOverdue",
            Severity::Warning,
            format!("time() - max({metric}) > {}\nor\nabsent({metric})", seconds(limit)),
        )
        .minutes(60)
        .timed()
        .about(labels(&[("component", "drill"), ("drill", name.as_str())]), &path!["operations", "drills", name])
        .says(
            format!("The drill {name} is overdue"),
            "It was not rehearsed successfully within its interval, or never: what it would prove is a hope (R-BK-14).",
        )
        .because(context.why("DrillOverdue", format!("operations.drills.{name}: {} days", interval.days())))
        .fires("the last one is old", series(i128::from(limit.secs()) + 86_400), labels(&[]))
        .silent("it was done", series(0))
        .fires_without_series(labels(&[("namespace", namespace)]))
    };
    (drills.iter().map(overdue).collect(), Vec::new())
}
