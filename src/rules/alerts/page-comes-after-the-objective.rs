//! The page about lagging replication comes when the recovery point objective is lost already.
//!
//! # What it finds
//! For a PostgreSQL cluster whose RPO rests on the lag of a standby (asynchronous replication, or a copy in another region),
//! an alert that cannot keep it: the override of `ReplicationLag` or `CrossRegionReplicationLag` turns it off, gives it
//! another severity than critical, or a threshold with which `above + page ≥ RPO`; or the page alone takes as long as the
//! RPO. A page takes two intervals, the hold in whole intervals, 10 s of grouping and 30 s of delivery. Without an override
//! hagen derives the threshold, and it fits wherever it can. An RPO of 0 is PG006's and PG038's. The archive's alerts are
//! not judged here: their remarks in the rule files say what they keep.
//!
//! # Why it matters
//! Replication that waits for nobody has no bound but people. An alert that comes too late leaves none: what was not copied
//! when the region is lost is lost.
//!
//! # Example
//! ```yaml
//! objectives: {rpo: 5m}
//! monitoring:
//!   alerts:
//!     CrossRegionReplicationLag: {above: 4m}   # and 160 s until the page
//! ```
//!
//! # Fix
//! Leave the override out, or shorten `above`, `for` or `monitoring.interval`.
//!
//! # Source
//! facts.md X-PR-1, F-PR-01, F-PR-05, R-PG-33.

use crate::blueprint::Postgres;
use crate::blueprint::raw::{AlertOverride, CrossRegionMode, Monitoring, Scenario, Severity};
use crate::blueprint::units::Duration;
use crate::render::alerts::time::page_latency;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "AL005",
    name: "page-comes-after-the-objective",
    group: Group::Alerts,
    level: Level::Error,
    security: false,
    fields: &["monitoring.alerts", "monitoring.interval", "postgres.*.replication", "postgres.*.crossRegion"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let Some(monitoring) = &blueprint.spec.monitoring else { return };
    for (alert, scenario) in
        [("ReplicationLag", Scenario::PrimaryLoss), ("CrossRegionReplicationLag", Scenario::RegionLoss)]
    {
        let clusters = blueprint.postgres.iter().filter(|cluster| cluster.is_rendered() && rests(cluster, scenario));
        let rpo = |cluster: &Postgres| {
            let spec = &cluster.spec;
            blueprint.targets(&spec.objectives, spec.tier.as_ref(), Some(scenario)).rpo
        };
        let with = clusters.filter_map(|cluster| Some((rpo(cluster).filter(|rpo| rpo.millis() > 0)?, cluster)));
        // One alert is for all clusters: the tightest objective decides.
        if let Some((rpo, cluster)) = with.min_by_key(|(rpo, _)| *rpo) {
            findings.extend(judge(monitoring, alert, rpo, cluster));
        }
    }
}

/// Whether an RPO rests on the lag that the alert of a scenario sees.
fn rests(cluster: &Postgres, scenario: Scenario) -> bool {
    let spec = &cluster.spec;
    if scenario == Scenario::PrimaryLoss {
        return !spec.replication.is_synchronous() && spec.member_count() > 1;
    }
    spec.cross_region.as_ref().is_some_and(|cross| cross.mode == CrossRegionMode::StreamingStandby)
}

fn judge(monitoring: &Monitoring, alert: &str, rpo: Duration, cluster: &Postgres) -> Option<Diagnostic> {
    let at = path!["monitoring", "alerts", alert];
    let none = AlertOverride::default();
    let own = monitoring.alerts.get(alert).unwrap_or(&none);
    let postgres = path!["postgres", cluster.name];
    let rests =
        if alert == "ReplicationLag" { postgres.key("replication") } else { postgres.key("crossRegion").key("mode") };
    let on = Place::Value(rests.clone());
    let finding = |place: Place, title: String| {
        let why = format!("the RPO of {rpo} rests on its lag");
        // One label for one place.
        if place == on {
            RULE.finding(place, title).label(why)
        } else {
            RULE.finding(place, title).also(on.clone(), why)
        }
    };
    if own.enabled == Some(false) {
        let place = Place::Value(at.key("enabled"));
        return Some(
            finding(place, format!("nothing tells that `{}` lags beyond its RPO", cluster.name))
                .because("without the alert the lag has no bound (R-PG-33)")
                .fix("leave `enabled` out"),
        );
    }
    if own.severity.is_some_and(|severity| severity != Severity::Critical) {
        let place = Place::Value(at.key("severity"));
        return Some(
            finding(place, format!("nobody is paged before `{}` lags beyond its RPO", cluster.name))
                .because("a warning is read in the morning; until then the lag has no bound (R-AL-05)")
                .fix("leave `severity` out")
                .edit(at.key("severity"), "critical"),
        );
    }
    let hold = own.hold.unwrap_or(Duration::from_secs(60));
    let latency = page_latency(monitoring.interval, hold, Severity::Critical);
    let above = own.above.unwrap_or(Duration::from_secs(1));
    let sum = Duration::from_millis(above.millis() + latency.millis());
    if sum < rpo {
        return None;
    }
    let place = match own {
        AlertOverride { above: Some(_), .. } => Place::Value(at.key("above")),
        AlertOverride { hold: Some(_), .. } => Place::Value(at.key("for")),
        _ => Place::Value(rests),
    };
    let left = rpo.millis().saturating_sub(latency.millis() + 1000) / 1000;
    let finding = finding(place, format!("the page about the lag of `{}` comes after its RPO", cluster.name))
        .also(Place::Value(path!["monitoring", "interval"]), format!("{} between two looks", monitoring.interval))
        .because(format!("{above} of lag + {latency} until the page = {sum} ≥ {rpo} (X-PR-1)"));
    Some(if left > 0 {
        finding.fix(format!("write `above: {}` or less, or leave it out", Duration::from_secs(left)))
    } else {
        finding.fix(format!(
            "look more often, or hold for less than {hold}: the page alone takes {latency}; or declare a longer RPO"
        ))
    })
}
