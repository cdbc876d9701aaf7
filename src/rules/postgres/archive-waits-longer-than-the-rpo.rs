//! Written data may wait for its archiving as long as the objective allows it to be lost, or longer.
//!
//! # What it finds
//! A backup whose `archiveTimeout` (or the parameter `archive_timeout`, which wins) is 0, or not below the recovery point
//! objective that rests on the archive: that for wrong data, and that for the loss of a region where no other region has a
//! copy. The time of the upload comes on top, so that an equal one is too long as well.
//!
//! In files: `archive_mode: on` in a patroni.yml or postgresql.conf, with `archive_timeout` as 0 or, which is the
//! same, not written at all (in a file that includes no other).
//!
//! # Why it matters
//! Only whole segments of 16 MiB are archived. On a quiet database a segment stays open until `archive_timeout` closes it;
//! with 0 that may be days. When everything but the archive is gone, that much is lost.
//!
//! # Example
//! ```yaml
//! objectives: {rpo: 5m}
//! postgres:
//!   main:
//!     backup: {full: "0 2 * * *", archiveTimeout: 10m, to: [backup.store]}
//! ```
//!
//! # Fix
//! `archiveTimeout: 60s`, which is cheap. No archive meets an objective of 0: write what a restore may cost under
//! `objectives.scenarios`, `data-corruption` and `region-loss`.
//!
//! # Source
//! facts.md X-PG-1, F-PG-01: PostgreSQL, runtime-config-wal.

use super::configured::servers;
use crate::blueprint::raw::Scenario;
use crate::blueprint::units::Duration;
use crate::rules::prelude::*;
use crate::rules::promised::{Objective, name, strictest};
use crate::rules::settings::boolean;
use crate::rules::settings::{parameter, place, time};

pub static RULE: Rule = Rule {
    id: "PG015",
    name: "archive-waits-longer-than-the-rpo",
    group: Group::Postgres,
    level: Level::Error,
    security: false,
    fields: &["postgres.*.backup.archiveTimeout", "postgres.*.parameters", "postgres.*.crossRegion", "objectives.rpo"],
    check: Check::Both(check, files),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for cluster in blueprint.postgres.iter().filter(|cluster| cluster.is_rendered()) {
        let Some(backup) = &cluster.spec.backup else { continue };
        let (at, timeout) = match parameter(cluster, "archive_timeout") {
            Some(text) => (place(cluster, "archive_timeout"), time(text, 1000).and_then(Result::ok)),
            None => (path!["postgres", cluster.name, "backup", "archiveTimeout"], Some(backup.archive_timeout)),
        };
        let Some(timeout) = timeout else { continue };
        let region = cluster.spec.cross_region.is_none().then_some(Scenario::RegionLoss);
        let scenarios: Vec<Scenario> = [Some(Scenario::DataCorruption), region].into_iter().flatten().collect();
        let promise = strictest(blueprint, cluster, Objective::Rpo, &scenarios);
        if timeout == Duration::from_secs(0) {
            let mut finding = RULE
                .finding(Place::Value(at), format!("WAL of `{}` may wait for its archiving without end", cluster.name))
                .because("0 never closes a segment before it is full, and a quiet database does not fill it for days (X-PG-1)")
                .fix("write `archiveTimeout: 60s`");
            if let Some(promise) = promise {
                finding =
                    finding.also(Place::Value(promise.at), format!("{} for {}", promise.time, name(promise.scenario)));
            }
            findings.push(finding);
            continue;
        }
        let Some(promise) = promise.filter(|promise| promise.time <= timeout) else { continue };
        let (title, fix) = if promise.time == Duration::from_secs(0) {
            let none =
                format!("a restore of `{}` loses what was not archived yet, and nothing may be lost", cluster.name);
            let loss = name(promise.scenario);
            (
                none,
                format!("no archive loses nothing: write what may be lost there, `scenarios: {{{loss}: {{rpo: 5m}}}}`"),
            )
        } else {
            let more = format!("a restore of `{}` may lose more than {}", cluster.name, promise.time);
            let fix = advice(timeout, promise.time, name(promise.scenario));
            (more, fix)
        };
        findings.push(
            RULE.finding(Place::Value(at), title)
                .label(format!("{timeout} until a segment is closed"))
                .also(Place::Value(promise.at), format!("{} for {}", promise.time, name(promise.scenario)))
                .because(format!("{timeout} + the upload of a segment > {} (X-PG-1)", promise.time))
                .fix(fix),
        );
    }
}

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for server in servers(estate).filter(|server| !server.is_partial()) {
        let archives = |text: &str| boolean(text) == Some(true) || text == "always";
        let Some(mode) = server.setting("archive_mode").filter(|mode| archives(mode.text)) else { continue };
        let timeout = server.setting("archive_timeout");
        let never = timeout.is_none_or(|timeout| time(timeout.text, 1000) == Some(Ok(Duration::from_secs(0))));
        if !never {
            continue;
        }
        let place = timeout.map_or_else(|| mode.place(), super::configured::Setting::place);
        findings.push(
            RULE.finding(place, "WAL may wait for its archiving without end")
                .label(if timeout.is_some() { "never" } else { "no `archive_timeout`, which is 0 by default: never" })
                .because("0 never closes a segment before it is full, and a quiet database does not fill it for days (X-PG-1)")
                .fix("write `archive_timeout: 60s`"),
        );
    }
}

/// What to write where a timeout is not below what may be lost in a scenario; never what is written already.
fn advice(timeout: Duration, rpo: Duration, scenario: &str) -> String {
    let half = Duration::from_secs((rpo.secs() / 2).clamp(1, 60));
    if half < timeout {
        format!("write `archiveTimeout: {half}`, or an objective that holds")
    } else {
        format!("no archive is faster: write an objective above {timeout} for {scenario}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_already_is_no_advice() {
        let second = Duration::from_secs(1);
        assert_eq!(
            advice(second, second, "data-corruption"),
            "no archive is faster: write an objective above 1s for data-corruption"
        );
        let five = Duration::from_secs(300);
        assert_eq!(advice(five, five, "data-corruption"), "write `archiveTimeout: 1m`, or an objective that holds");
    }
}
