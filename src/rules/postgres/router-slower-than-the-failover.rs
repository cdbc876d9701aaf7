//! The router finds a dead primary later than the next one is there, or gives it up after one bad check.
//!
//! # What it finds
//! `router.interval` so long that two failed checks and a timeout of 1 s do not fit into `ttl − loopWait`, the shortest time
//! in which a new primary can appear.
//!
//! It says nothing where Patroni's labels lead clients (`consensus: {kind: kubernetes}` without an image of a router).
//!
//! In files: a section of haproxy.cfg that asks Patroni for the primary, with `fall × inter + timeout check` above
//! `ttl − loop_wait` of the patroni.yml beside it (30 and 10 where they are not written). It says nothing when several
//! of these differ.
//!
//! # Why it matters
//! hagen takes a member out after as many failed checks as fit into that time, at most three and at least one. With one, a
//! single slow answer ends every session; and when not even one fits, clients are still led to the dead primary while the new
//! one waits.
//!
//! # Example
//! ```yaml
//! postgres:
//!   main:
//!     failover: {ttl: 20s, loopWait: 5s}
//!     router: {interval: 10s}   # 2 × 10 s + 1 s > 15 s
//! ```
//!
//! # Fix
//! `interval: 2s`, the default: three checks and the longest timeout fit into the shortest `ttl`.
//!
//! # Source
//! facts.md §1.2, X-PT-7, F-PT-09: HAProxy configuration manual, `inter` and `fall`.

use super::configured::{Section, dcs, sections, text, text_at, word_after};
use crate::blueprint::units::Duration;
use crate::document::Node;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "PG039",
    name: "router-slower-than-the-failover",
    group: Group::Postgres,
    level: Level::Warning,
    security: false,
    fields: &["postgres.*.router.interval", "postgres.*.failover.ttl", "postgres.*.failover.loopWait"],
    check: Check::Both(check, files),
};

/// The shortest timeout of a check.
const TIMEOUT: u64 = 1000;

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for cluster in blueprint.postgres.iter().filter(|cluster| cluster.is_rendered()) {
        let spec = &cluster.spec;
        if !cluster.has_router() {
            continue;
        }
        let (ttl, wait, interval) = (spec.failover.ttl, spec.failover.loop_wait, spec.router.interval);
        let budget = ttl.millis().saturating_sub(wait.millis());
        let needs = 2 * interval.millis() + TIMEOUT;
        if needs <= budget {
            continue;
        }
        let most = budget.saturating_sub(TIMEOUT) / 2;
        let at = path!["postgres", cluster.name];
        let follows = if interval.millis() + TIMEOUT > budget {
            "a dead primary is still in when the next one is there"
        } else {
            "a single failed check has to take a member out"
        };
        findings.push(
            RULE.finding(
                Place::Value(at.key("router").key("interval")),
                format!("the router of `{}` looks too rarely", cluster.name),
            )
            .label(format!("every {interval}"))
            .also(Place::Value(at.key("failover").key("ttl")), format!("ttl {ttl}"))
            .also(Place::Value(at.key("failover").key("loopWait")), format!("loopWait {wait}"))
            .because(format!(
                "2 × {interval} + 1 s = {} > {ttl} − {wait} = {}: {follows} (R-PG-39)",
                Duration::from_millis(needs),
                Duration::from_millis(budget)
            ))
            .fix(if most >= 2000 {
                "write `interval: 2s`".to_owned()
            } else {
                format!("write `interval: {}` or less, or a longer `ttl`", Duration::from_millis(most.max(500)))
            }),
        );
    }
}

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let mut clusters = estate
        .of(Kind::Patroni)
        .filter_map(dcs)
        .map(|dcs| (seconds(dcs, "ttl", 30), seconds(dcs, "loop_wait", 10), dcs));
    let Some((Some(ttl), Some(wait), dcs)) = clusters.next() else { return };
    if clusters.any(|(other, waits, _)| (other, waits) != (Some(ttl), Some(wait))) {
        return;
    }
    let budget = ttl.saturating_sub(wait).saturating_mul(1000);
    for section in sections(estate).into_iter().filter(|section| section.asks_for_primary().is_some()) {
        let Some((inter, fall, timeout)) = detection(section) else { continue };
        let needs = inter.saturating_mul(fall).saturating_add(timeout);
        let Some(server) = section.own("server").next().filter(|_| needs > budget) else { continue };
        let shown = Duration::from_millis;
        findings.push(
            RULE.finding(
                Place::Span(server.value.span),
                format!("`{}` leads to a dead primary when the next one is there", section.name().escape_debug()),
            )
            .label(format!("out after {}", shown(needs)))
            .also(super::configured::key(dcs, &["ttl"]), format!("ttl {ttl} s − loop_wait {wait} s"))
            .because(format!(
                "{fall} × {} + {} = {} > {ttl} s − {wait} s = {}: the router is the slowest part of the failover (R-PG-39)",
                shown(inter),
                shown(timeout),
                shown(needs),
                shown(budget)
            ))
            .fix("write `default-server inter 2s fall 3` and `timeout check 5s`"),
        );
    }
}

fn seconds(dcs: &Node, name: &str, default: u64) -> Option<u64> {
    text_at(dcs, &[name]).map_or(Some(default), |text| text.parse().ok())
}

/// How often HAProxy checks a server, how many failures take it out, and how long it waits for an answer.
fn detection(section: Section<'_>) -> Option<(u64, u64, u64)> {
    let server = section.own("server").next()?;
    let inter = section.value(server, "inter").map_or(Some(2000), millis)?;
    let fall = section.value(server, "fall").map_or(Some(3), |fall| fall.parse().ok())?;
    // Without a timeout of its own a check has the time until the next one.
    let timeout = section.lines("timeout").find_map(|entry| word_after(text(entry), "check").map(millis));
    Some((inter, fall, timeout.unwrap_or(Some(inter))?))
}

/// A time of HAProxy; a number alone counts milliseconds.
fn millis(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "" | "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}
