//! A secret stands in a file of configuration.
//!
//! # What it finds
//! A literal at a key that holds a credential: `password` in patroni.yml; `password=` in a connection string of
//! patroni.yml, postgresql.conf or pgbouncer.ini; a key, token or passphrase of a repository in pgbackrest.conf.
//! References such as `${PASSWORD}` and `{{ password }}` are none.
//!
//! # Why it matters
//! Whoever can read the file, its repository or a backup of either has the password. It cannot be changed in one
//! place, so it never is.
//!
//! # Example
//! ```yaml
//! postgresql:
//!   authentication:
//!     superuser: {username: postgres, password: s3cret}
//! ```
//!
//! # Fix
//! Leave it out and give it in the environment (`PATRONI_SUPERUSER_PASSWORD`, `PGBACKREST_REPO1_CIPHER_PASS`), a
//! passfile or an `auth_file`; then change the secret, which is known now.
//!
//! # Source
//! facts.md R-PG-22 (policy); Patroni, docs/ENVIRONMENT.rst; pgBackRest, configuration.

use crate::document::node::Entry;
use crate::document::{Node, NodeKind};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "PG022",
    name: "secret-in-the-configuration",
    group: Group::Postgres,
    level: Level::Error,
    security: true,
    fields: &[],
    check: Check::Files(check),
};

/// What the options of a repository end with that are secret.
const REPOSITORY: [&str; 7] =
    ["-cipher-pass", "-s3-key", "-s3-key-secret", "-s3-token", "-azure-key", "-private-key-passphrase", "-storage-key"];

fn check(estate: &Estate, findings: &mut Vec<Diagnostic>) {
    for kind in [Kind::Patroni, Kind::Postgres, Kind::Pgbouncer, Kind::Pgbackrest] {
        for tree in estate.of(kind) {
            walk(tree, kind, findings);
        }
    }
}

fn walk(node: &Node, kind: Kind, findings: &mut Vec<Diagnostic>) {
    match &node.kind {
        NodeKind::Map(entries) => {
            for entry in entries {
                if let Some(what) = secret(entry, kind) {
                    findings.push(found(entry, what));
                }
                walk(&entry.value, kind, findings);
            }
        }
        NodeKind::List(items) => items.iter().for_each(|item| walk(item, kind, findings)),
        NodeKind::Scalar(_) => {}
    }
}

fn found(entry: &Entry, what: &'static str) -> Diagnostic {
    RULE.finding(Place::Span(entry.key_span), format!("{what} stands in the file, at `{}`", entry.key.escape_debug()))
        .label("in clear text")
        .because("who can read the file or its repository has it, and it cannot be changed in one place (R-PG-22)")
        .fix("give it in the environment or in a file of its own, and change it: it is known now")
}

/// What of a secret an entry holds.
fn secret(entry: &Entry, kind: Kind) -> Option<&'static str> {
    let text = entry.value.scalar()?.text.trim();
    let key = entry.key.trim();
    match kind {
        Kind::Pgbackrest => {
            (REPOSITORY.iter().any(|end| key.ends_with(end)) && is_literal(text)).then_some("a key of backups")
        }
        Kind::Patroni if key == "password" => is_literal(text).then_some("a password"),
        _ => {
            // A connection string: `host=… password='…'`.
            let (_, behind) = text.split_once("password=")?;
            let word = behind.trim_start_matches(['\'', '"']).split([' ', '\'', '"', '&']).next()?;
            is_literal(word).then_some("a password")
        }
    }
}

/// Whether a text is the secret itself, not the name of one.
fn is_literal(text: &str) -> bool {
    !text.is_empty() && !text.starts_with(['$', '<', '*']) && !["${", "$(", "{{"].iter().any(|mark| text.contains(mark))
}
