//! A query on a standby may hold up commits for longer than callers wait.
//!
//! # What it finds
//! `synchronous_commit: remote_apply` in a synchronous mode, with a `max_standby_streaming_delay` (30 s where it is not
//! written) above the shortest `timeout` of the services that need the cluster, or without any limit (-1).
//!
//! It says nothing where the delay has a limit and no service on Kubernetes says how long it waits.
//!
//! In files: `remote_apply` in a patroni.yml with `synchronous_mode`, or beside `synchronous_standby_names`, and
//! `max_standby_streaming_delay: -1` in the same file. How long callers wait no file tells.
//!
//! # Why it matters
//! A long query on the standby keeps replay back for up to that delay, and with `remote_apply` every commit waits for replay:
//! a report on a replica becomes timeouts of writers.
//!
//! # Example
//! ```yaml
//! services:
//!   api: {needs: {postgres.main: {timeout: 5s}}}
//! postgres:
//!   main:
//!     parameters: {synchronous_commit: remote_apply}   # a commit may wait 30 s
//! ```
//!
//! # Fix
//! Leave `remote_apply` out; or a `max_standby_streaming_delay` below the shortest timeout, which cancels such queries sooner.
//!
//! # Source
//! facts.md F-PG-04 (what `remote_apply` waits for) and PostgreSQL, runtime-config-replication; that the two add up is inferred.

use super::configured::{is_synchronous, servers};
use crate::blueprint::units::Duration;
use crate::blueprint::{NeedTarget, Postgres};
use crate::rules::prelude::*;
use crate::rules::settings::{Unlimited, parameter, place, time};

pub static RULE: Rule = Rule {
    id: "PG011",
    name: "commits-wait-for-queries-on-standbys",
    group: Group::Postgres,
    level: Level::Warning,
    security: false,
    fields: &["postgres.*.parameters", "postgres.*.replication", "services.*.needs.*.timeout"],
    check: Check::Both(check, files),
};

const DELAY: &str = "max_standby_streaming_delay";

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for cluster in blueprint.postgres.iter().filter(|cluster| cluster.is_rendered()) {
        if parameter(cluster, "synchronous_commit") != Some("remote_apply")
            || !cluster.spec.replication.is_synchronous()
        {
            continue;
        }
        let written = parameter(cluster, DELAY);
        let delay = match written {
            None => Some(Ok(Duration::from_secs(30))),
            Some(text) => time(text, 1),
        };
        let shortest = shortest(blueprint, cluster);
        let (says, waits) = match (delay, &shortest) {
            (Some(Err(Unlimited)), _) => ("without any limit".to_owned(), None),
            (Some(Ok(delay)), Some((service, timeout))) if delay > *timeout => {
                (format!("for up to {delay}"), Some((*service, *timeout, delay)))
            }
            _ => continue,
        };
        let at = place(cluster, if written.is_some() { DELAY } else { "synchronous_commit" });
        let mut finding = RULE.finding(
            Place::Value(at),
            format!("a query on a standby may hold up commits of `{}` {says}", cluster.name),
        );
        if written.is_some() {
            finding = finding.also(Place::Value(place(cluster, "synchronous_commit")), "commits wait for replay");
        }
        let why = match waits {
            Some((service, timeout, delay)) => {
                let need = format!("postgres.{}", cluster.name);
                finding = finding.also(
                    Place::Value(path!["services", service, "needs", need, "timeout"]),
                    format!("`{service}` waits for {timeout}"),
                );
                format!("replay may stand still for {delay}, a caller gives up after {timeout} (F-PG-04)")
            }
            None => "replay may stand still for as long as the query runs (F-PG-04)".to_owned(),
        };
        let fix = match &shortest {
            Some((_, timeout)) => {
                format!("leave `remote_apply` out, or write `{DELAY}: {}ms` or less", timeout.millis() / 2)
            }
            None => format!("leave `remote_apply` out, or limit `{DELAY}`"),
        };
        findings.push(finding.because(why).fix(fix));
    }
}

/// The service with the shortest timeout for a cluster.
fn shortest<'a>(blueprint: &'a Blueprint, cluster: &Postgres) -> Option<(&'a str, Duration)> {
    let callers = blueprint.callers.get(&format!("postgres.{}", cluster.name))?;
    let services = callers.iter().filter_map(|at| blueprint.services.get(*at));
    let timeout = |service: &'a crate::blueprint::Service| {
        let need = service.needs.iter().find(|n| n.target == NeedTarget::Postgres && n.name == cluster.name)?;
        Some((service.name.as_str(), need.spec.timeout?))
    };
    services.filter_map(timeout).min_by_key(|(_, timeout)| *timeout)
}

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for server in servers(estate) {
        let named = server.setting("synchronous_standby_names").is_some_and(|names| !names.text.is_empty());
        let waits = named || server.patroni && is_synchronous(server.tree);
        let commit = server.setting("synchronous_commit").filter(|commit| commit.text == "remote_apply" && waits);
        let delay = server.setting(DELAY).filter(|delay| time(delay.text, 1) == Some(Err(Unlimited)));
        let (Some(commit), Some(delay)) = (commit, delay) else { continue };
        findings.push(
            RULE.finding(delay.place(), "a query on a standby may hold up commits without any limit")
                .also(commit.place(), "commits wait for replay")
                .because("replay may stand still for as long as the query runs (F-PG-04)")
                .fix(format!("write `synchronous_commit: on`, or limit `{DELAY}`")),
        );
    }
}
