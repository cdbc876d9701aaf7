//! Patroni has no rules of who may log in, or no account with which to rewind.
//!
//! # What it finds
//! A patroni.yml that makes a cluster (`bootstrap`) without `pg_hba`, be it in `bootstrap`, in `postgresql` or in the
//! dynamic configuration, with no `hba_file` and with no pg_hba.conf among the files; and one with `use_pg_rewind` and
//! `authentication`, but no `authentication.rewind`.
//!
//! # Why it matters
//! What initdb writes lets nobody in from another host: no standby can replicate, no client connects. Without an
//! account for it, a rewind needs the superuser's, or fails: then the old primary has to be copied anew.
//!
//! # Example
//! ```yaml
//! bootstrap:
//!   dcs: {postgresql: {use_pg_rewind: true}}
//! postgresql:
//!   authentication:
//!     replication: {username: replicator}
//!     superuser: {username: postgres}
//! ```
//!
//! # Fix
//! `postgresql.pg_hba` in the dynamic configuration, with a line for replication from each member and one for clients;
//! `authentication.rewind` with an account of its own.
//!
//! # Source
//! facts.md §1.7: Patroni, patroni/validator.py (measured: it reports both).

use super::configured::{at, key, option, truth};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "PG017",
    name: "patroni-without-host-rules",
    group: Group::Postgres,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

/// Where rules of who may log in can stand.
const RULES: [&[&str]; 4] = [
    &["bootstrap", "pg_hba"],
    &["postgresql", "pg_hba"],
    &["bootstrap", "dcs", "postgresql", "pg_hba"],
    &["postgresql", "parameters", "hba_file"],
];

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let elsewhere = estate.of(Kind::PgHba).next().is_some();
    for tree in estate.of(Kind::Patroni) {
        let ruled = elsewhere || RULES.iter().any(|path| at(tree, path).is_some());
        if tree.get("bootstrap").is_some() && !ruled {
            findings.push(
                RULE.finding(key(tree, &["bootstrap"]), "no rule lets standbys and clients log in")
                    .label("no `pg_hba`, here or below `postgresql`")
                    .because("what initdb writes lets in nobody from another host: replication is refused (R-PG-17)")
                    .fix(
                        "write `pg_hba` below `bootstrap.dcs.postgresql`, with a line for replication from each member",
                    ),
            );
        }
        let rewind = option(tree, "use_pg_rewind").filter(|node| truth(Some(*node)) == Some(true));
        let accounts = at(tree, &["postgresql", "authentication"]).filter(|accounts| accounts.get("rewind").is_none());
        if let (Some(rewind), Some(_)) = (rewind, accounts) {
            findings.push(
                RULE.finding(
                    key(tree, &["postgresql", "authentication"]),
                    "no account is there with which an old primary can be rewound",
                )
                .label("no `rewind`")
                .also(Place::Span(rewind.span), "it is to be rewound")
                .because("Patroni asks for the account, and without one the superuser's has to do, or the rewind fails (R-PG-17)")
                .fix("write `rewind: {username: …}`, with the password in Patroni's environment"),
            );
        }
    }
}
