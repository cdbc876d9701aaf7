//! A secret stands in a file of configuration.
//!
//! # What it finds
//! A literal at a key that holds a credential: `password` in patroni.yml; `password=` in a connection string of
//! patroni.yml, postgresql.conf or pgbouncer.ini; a key, token or passphrase of a repository in pgbackrest.conf;
//! `requirepass`, `masterauth`, `sentinel auth-pass` or a password of `user` in redis.conf or sentinel.conf, unless the
//! file holds nothing but secrets; a receiver's key, token, password or secret address in alertmanager.yml.
//! References such as `${PASSWORD}` and `{{ password }}` are none, and neither are hashes of passwords.
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
//! passfile or an `auth_file`; for Redis in an `aclfile` or a file that redis.conf includes; for Alertmanager in files
//! (`routing_key_file`, `api_url_file`, `password_file`). Then change the secret, which is known now.
//!
//! # Source
//! facts.md R-PG-22 (policy); Patroni, docs/ENVIRONMENT.rst; pgBackRest, configuration; Redis, ACL; Alertmanager,
//! configuration (`<secret>`).

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

/// What holds a secret in alertmanager.yml.
const ALERTMANAGER: [&str; 22] = [
    "api_key",
    "api_secret",
    "auth_password",
    "auth_secret",
    "bearer_token",
    "bot_token",
    "client_secret",
    "credentials",
    "opsgenie_api_key",
    "password",
    "routing_key",
    "secret_key",
    "service_key",
    "slack_api_url",
    "smtp_auth_password",
    "smtp_auth_secret",
    "token",
    "user_key",
    "victorops_api_key",
    "webhook_url",
    "wechat_api_secret",
    "app_token",
];

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for kind in [
        Kind::Patroni,
        Kind::Postgres,
        Kind::Pgbouncer,
        Kind::Pgbackrest,
        Kind::Redis,
        Kind::Sentinel,
        Kind::Alertmanager,
    ] {
        for tree in estate.of(kind).filter(|tree| !is_only_secrets(tree, kind)) {
            walk(tree, "", kind, findings);
        }
    }
}

/// Whether a file of Redis is the one of its secrets, which redis.conf includes: Redis expands no variables in it.
fn is_only_secrets(tree: &Node, kind: Kind) -> bool {
    kind == Kind::Redis && tree.map().unwrap_or_default().iter().all(|entry| secret(entry, "", kind).is_some())
}

fn walk(node: &Node, section: &str, kind: Kind, findings: &mut Vec<Diagnostic>) {
    match &node.kind {
        NodeKind::Map(entries) => {
            for entry in entries {
                if let Some(what) = secret(entry, section, kind) {
                    findings.push(found(entry, what));
                }
                walk(&entry.value, &entry.key, kind, findings);
            }
        }
        NodeKind::List(items) => items.iter().for_each(|item| walk(item, section, kind, findings)),
        NodeKind::Scalar(_) => {}
    }
}

/// The finding points at the value, so that a report can tell what it must not print.
fn found(entry: &Entry, what: &'static str) -> Diagnostic {
    RULE.finding(Place::Span(entry.value.span), format!("{what} stands in the file, at `{}`", entry.key.escape_debug()))
        .label("in clear text")
        .because("who can read the file or its repository has it, and it cannot be changed in one place (R-PG-22)")
        .fix("give it in the environment or in a file of its own, and change it: it is known now")
}

/// What of a secret an entry of a section holds.
fn secret(entry: &Entry, section: &str, kind: Kind) -> Option<&'static str> {
    let text = entry.value.scalar()?.text.trim();
    let key = entry.key.trim();
    match kind {
        Kind::Pgbackrest => {
            (REPOSITORY.iter().any(|end| key.ends_with(end)) && is_literal(text)).then_some("a key of backups")
        }
        Kind::Patroni if key == "password" => is_literal(text).then_some("a password"),
        Kind::Redis | Kind::Sentinel => is_password(key, text).then_some("a password"),
        Kind::Alertmanager => {
            let address = key == "api_url" && section == "slack_configs";
            ((ALERTMANAGER.contains(&key) || address) && is_literal(text)).then_some("a secret of a receiver")
        }
        _ => {
            // A connection string: `host=… password='…'`.
            let (_, behind) = text.split_once("password=")?;
            let word = behind.trim_start_matches(['\'', '"']).split([' ', '\'', '"', '&']).next()?;
            is_literal(word).then_some("a password")
        }
    }
}

/// Whether a directive of Redis or a sentinel holds a password.
fn is_password(key: &str, text: &str) -> bool {
    let literal = |word: &str| is_literal(word.trim_matches(['"', '\'']));
    let words: Vec<&str> = text.split_whitespace().collect();
    match (key.to_ascii_lowercase().as_str(), &words[..]) {
        (
            "requirepass" | "masterauth" | "primaryauth" | "tls-key-file-pass" | "tls-client-key-file-pass",
            [word, ..],
        ) => literal(word),
        ("user", [_, rules @ ..]) => rules.iter().any(|rule| rule.strip_prefix('>').is_some_and(literal)),
        ("sentinel", [what, .., word]) => {
            (what.eq_ignore_ascii_case("auth-pass") && words.len() > 2 || what.eq_ignore_ascii_case("sentinel-pass"))
                && literal(word)
        }
        _ => false,
    }
}

/// Whether a text is the secret itself, not the name of one.
fn is_literal(text: &str) -> bool {
    !text.is_empty() && !text.starts_with(['$', '<', '*']) && !["${", "$(", "{{"].iter().any(|mark| text.contains(mark))
}
