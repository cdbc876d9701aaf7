//! A failover succeeds, and nothing leads the clients to the new leader.
//!
//! # What it finds
//! A patroni.yml, and nothing among the files that finds the leader: no haproxy.cfg that asks Patroni (`option
//! httpchk` with `/primary` or the like, or with `/`, the default, at a port of its own), no Service that selects by role, no `kubernetes.use_endpoints`, no callbacks
//! of Patroni, and no file in which `target_session_attrs`, `targetServerType` or vip-manager is named.
//!
//! It can only see the files that it is given.
//!
//! # Why it matters
//! PgBouncer and a plain address know one host. When the leader moves, clients go on asking the old one: the database
//! is back after 30 seconds, and the service when somebody has changed the address.
//!
//! # Example
//! ```yaml
//! scope: orders
//! name: orders-1
//! postgresql: {connect_address: "orders-1:5432"}
//! ```
//!
//! # Fix
//! HAProxy that asks Patroni's REST API, a Service with the role's label, or all hosts in the connection string with
//! `target_session_attrs=read-write`. Give the file that does it to `hagen check`, too.
//!
//! # Source
//! facts.md X-PT-7, X-PT-8, X-PT-9.

use std::collections::BTreeSet;

use super::configured::{key, option, sections, text_at, truth};
use crate::document::Node;
use crate::rules::kubernetes::objects::{at, of_kind, texts};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "PG024",
    name: "no-way-to-the-leader",
    group: Group::Postgres,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

/// What clients and other routers say that look for the leader themselves.
const WORDS: [&str; 4] = ["target_session_attrs", "targetServerType", "vip-manager", "trigger-key"];

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let mut clusters = estate.of(Kind::Patroni).peekable();
    if clusters.peek().is_none() || leads(estate) {
        return;
    }
    let mut seen = BTreeSet::new();
    for tree in clusters.filter(|tree| !leads_itself(tree)) {
        let Some(scope) = text_at(tree, &["scope"]).filter(|scope| seen.insert(*scope)) else { continue };
        findings.push(
            RULE.finding(key(tree, &["scope"]), format!("nothing here leads clients to the leader of `{}`", scope.escape_debug()))
                .label("its leader moves")
                .because(
                    "no router asks Patroni, no Service selects by role and no connection string names all hosts: after a \
                     failover clients stay with the old address, without end (X-PT-9)",
                )
                .fix(
                    "add HAProxy with `option httpchk OPTIONS /primary`, or `target_session_attrs=read-write` with all hosts; \
                     where one of them is there, let it be checked, too",
                ),
        );
    }
}

/// Whether a file other than Patroni's finds the leader.
fn leads(estate: &Estate) -> bool {
    let by_role = |service: crate::rules::kubernetes::objects::Object<'_>| {
        let selector = texts(at(service.node, &["spec", "selector"]));
        selector.keys().any(|label| label.to_ascii_lowercase().ends_with("role"))
    };
    sections(estate).iter().any(|section| section.asks_for_primary().is_some())
        || of_kind(estate, "Service").any(by_role)
        || estate.sources.iter().any(|source| WORDS.iter().any(|word| source.text.contains(word)))
}

/// Whether Patroni itself moves what clients ask.
fn leads_itself(tree: &Node) -> bool {
    truth(at(tree, &["kubernetes", "use_endpoints"])) == Some(true) || option(tree, "callbacks").is_some()
}
