//! Nobody decided what Patroni does when its consensus store is away.
//!
//! # What it finds
//! A patroni.yml with `bootstrap.dcs` and no `failsafe_mode` in it. `false` is a decision, and passes.
//!
//! # Why it matters
//! By default a primary that cannot reach etcd demotes itself, although every member is well: an outage of etcd is an
//! outage of all writes. With `failsafe_mode` it goes on as long as all members answer it.
//!
//! # Example
//! ```yaml
//! bootstrap:
//!   dcs: {ttl: 30, loop_wait: 10, retry_timeout: 10}
//! ```
//!
//! # Fix
//! `failsafe_mode: true` (Patroni 3.0.0 and later), or `false` with the reason beside it.
//!
//! # Source
//! facts.md F-PT-08, X-PT-5: Patroni, docs/dcs_failsafe_mode.rst.

use super::configured::{dcs, key, text_at};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "PG019",
    name: "failsafe-is-not-decided",
    group: Group::Postgres,
    level: Level::Warning,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for tree in estate.of(Kind::Patroni) {
        let Some(dcs) = dcs(tree).filter(|dcs| dcs.get("failsafe_mode").is_none()) else { continue };
        let seconds = |name: &str, default: u64| text_at(dcs, &[name]).map_or(Some(default), |text| text.parse().ok());
        let (Some(wait), Some(retry)) = (seconds("loop_wait", 10), seconds("retry_timeout", 10)) else { continue };
        let scope = text_at(tree, &["scope"]).unwrap_or("this cluster").escape_debug();
        findings.push(
            RULE.finding(key(tree, &["bootstrap", "dcs"]), format!("`{scope}` stops writing when its consensus store is away"))
                .label("no `failsafe_mode`, which is off by default")
                .because(format!(
                    "the primary demotes itself within loop_wait {wait} s + retry_timeout {retry} s = {} s, however well all \
                     members are (X-PT-5)",
                    wait.saturating_add(retry)
                ))
                .fix("write `failsafe_mode: true`, or `false` where that is meant"),
        );
    }
}
