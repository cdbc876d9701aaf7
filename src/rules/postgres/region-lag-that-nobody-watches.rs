//! What a region's loss may cost is a hope: no page comes before the lag has used it up.
//!
//! # What it finds
//! A copy in another region (`crossRegion`) and an objective above 0 for the data that a region's loss may cost, without an
//! alert `CrossRegionReplicationLag` that pages in time: no `monitoring`; the alert is left out or pages nobody; its
//! threshold and the way of the page together take longer than the objective; or the way of the page alone does.
//!
//! # Why it matters
//! A copy in another region is asynchronous, whatever `replication` says: it lacks what it lags behind. The lag is bounded by
//! nothing but somebody who hears of it in time.
//!
//! # Example
//! ```yaml
//! objectives: {scenarios: {region-loss: {rpo: 5m}}}
//! monitoring:
//!   interval: 30s
//!   alerts: {CrossRegionReplicationLag: {above: 4m}}   # 240 s + 160 s until the page = 400 s
//! ```
//!
//! # Fix
//! Leave `above` out: hagen then derives half of the objective, or what the page leaves of it. Scrape more often where the
//! page is too slow.
//!
//! # Source
//! facts.md F-PT-17, X-PR-1, R-AL-05.

use crate::blueprint::raw::{Monitoring, Scenario, Severity};
use crate::blueprint::units::Duration;
use crate::document::Path;
use crate::render::alerts::time::{lag_threshold, page_latency};
use crate::rules::prelude::*;
use crate::rules::promised::{Objective, promise};

pub static RULE: Rule = Rule {
    id: "PG033",
    name: "region-lag-that-nobody-watches",
    group: Group::Postgres,
    level: Level::Warning,
    security: false,
    fields: &["postgres.*.crossRegion", "monitoring.alerts", "monitoring.interval", "objectives.scenarios"],
    check: Check::Blueprint(check),
};

const ALERT: &str = "CrossRegionReplicationLag";

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for cluster in
        blueprint.postgres.iter().filter(|cluster| cluster.is_rendered() && cluster.spec.cross_region.is_some())
    {
        let promise = promise(blueprint, cluster, Objective::Rpo, Scenario::RegionLoss);
        let Some(promise) = promise.filter(|promise| promise.time > Duration::from_secs(0)) else { continue };
        let fault = match &blueprint.spec.monitoring {
            None => Some((
                path!["postgres", cluster.name, "crossRegion", "to"].index(0),
                "there is no `monitoring`, and so no alert".to_owned(),
                "write `monitoring`".to_owned(),
            )),
            Some(monitoring) => late(monitoring, promise.time),
        };
        let Some((at, why, fix)) = fault else { continue };
        findings.push(
            RULE.finding(
                Place::Value(at),
                format!("nobody hears in time that the copies of `{}` elsewhere fall behind", cluster.name),
            )
            .also(Place::Value(promise.at), format!("{} may be lost with a region", promise.time))
            .because(why)
            .fix(fix),
        );
    }
}

/// Where the alert fails an objective, why, and what to write.
fn late(monitoring: &Monitoring, rpo: Duration) -> Option<(Path, String, String)> {
    let at = path!["monitoring", "alerts", ALERT];
    let own = monitoring.alerts.get(ALERT);
    if own.is_some_and(|own| own.enabled == Some(false)) {
        return Some((at.key("enabled"), "the alert is left out".to_owned(), "leave `enabled` out".to_owned()));
    }
    if own.and_then(|own| own.severity).is_some_and(|severity| severity != Severity::Critical) {
        let why = "at this severity it pages nobody".to_owned();
        return Some((at.key("severity"), why, "leave `severity` out, or write `critical`".to_owned()));
    }
    let hold = own.and_then(|own| own.hold).unwrap_or(Duration::from_secs(60));
    let latency = page_latency(monitoring.interval, hold, Severity::Critical);
    let (threshold, in_time) = lag_threshold(rpo, latency);
    let parts = parts(monitoring.interval, hold);
    if !in_time {
        let why = format!("the way of the page alone takes {parts} = {latency}, not less than {rpo} (X-PR-1)");
        let field =
            if own.is_some_and(|own| own.hold.is_some()) { at.key("for") } else { path!["monitoring", "interval"] };
        return Some((
            field,
            why,
            "scrape more often, hold for a shorter time, or write an objective that holds".to_owned(),
        ));
    }
    let above = own.and_then(|own| own.above)?;
    let sum = Duration::from_millis(above.millis() + latency.millis());
    (sum > rpo).then(|| {
        (
            at.key("above"),
            format!("{above} of lag + {latency} until the page ({parts}) = {sum} > {rpo} (X-PR-1)"),
            format!("write `above: {threshold}` or less, or leave it out"),
        )
    })
}

/// What the way of a page consists of.
fn parts(interval: Duration, hold: Duration) -> String {
    // What is held is looked at once an interval: whole ones count.
    let step = interval.millis().max(1);
    let whole = Duration::from_millis(hold.millis().div_ceil(step).saturating_mul(step));
    let held = if whole == hold {
        format!("{hold} held")
    } else {
        format!("{whole} held ({hold}, looked at every {interval})")
    };
    format!("2 × {interval} + {held} + 10 s group wait + 30 s delivery")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_what_is_added() {
        let (minute, longer) = (Duration::from_secs(60), Duration::from_secs(90));
        assert_eq!(parts(Duration::from_secs(30), minute), "2 × 30s + 1m held + 10 s group wait + 30 s delivery");
        assert_eq!(
            parts(longer, minute),
            "2 × 1m30s + 1m30s held (1m, looked at every 1m30s) + 10 s group wait + 30 s delivery"
        );
        assert_eq!(page_latency(longer, minute, Severity::Critical), Duration::from_secs(310));
    }
}
