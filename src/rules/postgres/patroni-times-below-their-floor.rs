//! One of Patroni's times is below what it accepts.
//!
//! # What it finds
//! A patroni.yml with `ttl` below 20, `loop_wait` below 1 or `retry_timeout` below 3 in `bootstrap.dcs`. A blueprint
//! with such times is refused (BP047).
//!
//! # Why it matters
//! Patroni refuses the value or goes on with another one, depending on its version: the failover takes a time that
//! nobody wrote.
//!
//! # Example
//! ```yaml
//! bootstrap:
//!   dcs: {ttl: 10}
//! ```
//!
//! # Fix
//! `ttl: 20` with `loop_wait: 5` and `retry_timeout: 5` is the shortest sensible set.
//!
//! # Source
//! facts.md F-PT-01: Patroni, patroni/validator.py.

use super::configured::dcs;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "PG002",
    name: "patroni-times-below-their-floor",
    group: Group::Postgres,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

/// The least that Patroni takes.
const LEAST: [(&str, i64); 3] = [("ttl", 20), ("loop_wait", 1), ("retry_timeout", 3)];

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for dcs in estate.of(Kind::Patroni).filter_map(dcs) {
        for (name, least) in LEAST {
            let Some(node) = dcs.get(name) else { continue };
            let seconds = node.scalar().and_then(|scalar| scalar.text.parse::<i64>().ok());
            let Some(seconds) = seconds.filter(|seconds| *seconds < least) else { continue };
            findings.push(
                RULE.finding(Place::Span(node.span), format!("Patroni does not take `{name}: {seconds}`"))
                    .label(format!("below {least}"))
                    .because(format!(
                        "{seconds} < {least}: it is refused or replaced, depending on the version (F-PT-01)"
                    ))
                    .fix(format!("write `{name}: {least}` or more")),
            );
        }
    }
}
