//! Strict replication with a single standby: its restart stops every write.
//!
//! # What it finds
//! `replication: synchronous-strict` in a cluster with fewer than three members in the primary region.
//!
//! # Why it matters
//! In strict mode nothing is committed without a standby. With two members the only standby is gone whenever it restarts, is
//! upgraded or moves to another node: ordinary maintenance becomes an outage of writes, and two members are less available
//! than one.
//!
//! # Example
//! ```yaml
//! postgres:
//!   main: {members: 2, replication: synchronous-strict}
//! ```
//!
//! # Fix
//! Three members: one standby may then be away.
//!
//! # Source
//! facts.md X-PT-12: Patroni, docs/replication_modes.rst.

use crate::blueprint::raw::Replication;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "PG008",
    name: "strict-with-one-standby",
    group: Group::Postgres,
    level: Level::Warning,
    security: false,
    fields: &["postgres.*.replication", "postgres.*.members", "postgres.*.hosts"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for cluster in blueprint.postgres.iter().filter(|cluster| cluster.is_rendered()) {
        let members = cluster.member_count(blueprint.primary());
        if cluster.spec.replication != Replication::SynchronousStrict || members >= 3 {
            continue;
        }
        let at = path!["postgres", cluster.name];
        let place = if cluster.on_kubernetes() { Place::Value(at.key("members")) } else { Place::Key(at.key("hosts")) };
        let standbys = members.saturating_sub(1);
        findings.push(
            RULE.finding(
                Place::Value(at.key("replication")),
                format!("writes to `{}` stop whenever one member is away", cluster.name),
            )
            .also(place, format!("{members} in `{}`", blueprint.primary().name))
            .because(format!(
                "{members} members − 1 primary = {standbys} standby: a commit waits for it until it is back, without end \
                 (X-PT-12)"
            ))
            .fix("use 3 members, or `replication: synchronous`"),
        );
    }
}
