//! Patroni speaks the API of etcd that current etcd does not answer.
//!
//! # What it finds
//! A patroni.yml with a section `etcd` and none `etcd3`. It says nothing when a configuration of etcd among the files
//! turns the old API on (`enable-v2: true`).
//!
//! # Why it matters
//! `etcd` is the v2 API, which is off by default since etcd 3.4 and gone in 3.6. Patroni cannot connect, so there is
//! no leader: the cluster does not start, or stops at the upgrade of etcd.
//!
//! # Example
//! ```yaml
//! etcd:
//!   hosts: etcd-1:2379,etcd-2:2379,etcd-3:2379
//! ```
//!
//! # Fix
//! Name the section `etcd3`; its keys are the same.
//!
//! # Source
//! facts.md F-PT-12: Patroni, docs/faq.rst.

use super::configured::truth;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "PG004",
    name: "etcd-is-asked-in-the-old-api",
    group: Group::Postgres,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    if estate.of(Kind::Etcd).any(|etcd| truth(etcd.get("enable-v2")) == Some(true)) {
        return;
    }
    for tree in estate.of(Kind::Patroni) {
        let Some(old) = tree.entry("etcd").filter(|_| tree.get("etcd3").is_none()) else { continue };
        findings.push(
            RULE.finding(Place::Span(old.key_span), "Patroni asks etcd in an API that it no longer answers")
                .label("the v2 API")
                .because("v2 is off by default since etcd 3.4 and removed in 3.6: Patroni cannot connect, and nobody leads (F-PT-12)")
                .fix("write `etcd3`; the keys in it stay as they are"),
        );
    }
}
