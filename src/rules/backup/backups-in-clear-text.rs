//! Backups lie in clear text where they are kept.
//!
//! # What it finds
//! A destination with `encryption: none`, and a directory with `encryption: kms`, which no provider is there to do.
//!
//! In pgbackrest.conf: a repository with `repoN-cipher-type=none`, or one in a directory (no `repoN-type`, or `posix`,
//! `cifs`, `sftp`) without `repoN-cipher-type`. Object stores encrypt by themselves; a repository on another host
//! (`repoN-host`) is for that host to say.
//!
//! # Why it matters
//! A backup is all data in one place, kept for weeks, mostly with fewer people looking after it than after the database. Who
//! reads it has everything, passwords included.
//!
//! # Example
//! ```yaml
//! backup:
//!   store: {kind: s3, bucket: backups, region: eu-west-1, encryption: none}
//! ```
//!
//! # Fix
//! `encryption: aes-256-cbc` with a `passphrase`, which is kept elsewhere than the backups; or `kms` in an object store.
//!
//! # Source
//! facts.md R-BK-17; pgBackRest user guide, `repo-cipher-type`.

use super::configured::{repositories, text};
use crate::blueprint::raw::{DestinationKind, Encryption};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "BK017",
    name: "backups-in-clear-text",
    group: Group::Backup,
    level: Level::Warning,
    security: true,
    fields: &["backup.*.encryption", "backup.*.kind"],
    check: Check::Both(check, files),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for (name, destination) in &blueprint.spec.backup {
        let why = match (destination.encryption, destination.kind) {
            (Encryption::None, _) => "whoever reads them has all data",
            (Encryption::Kms, DestinationKind::Directory) => {
                "no provider encrypts a directory: `kms` does nothing there"
            }
            _ => continue,
        };
        let at = path!["backup", name];
        findings.push(
            RULE.finding(Place::Value(at.key("encryption")), format!("backups in `{name}` are not encrypted"))
                .also(Place::Value(at.key("kind")), "where they lie")
                .because(format!("{why} (R-BK-17)"))
                .fix("write `encryption: aes-256-cbc` and `passphrase: {secret: …, key: …}`"),
        );
    }
}

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for (number, repository) in estate.of(Kind::Pgbackrest).flat_map(repositories) {
        let kind = repository.get("type").map_or("posix", |entry| text(entry));
        let directory = matches!(kind, "posix" | "cifs" | "sftp");
        let (place, label) = match repository.get("cipher-type") {
            _ if repository.contains_key("host") => continue,
            Some(cipher) if text(cipher) == "none" => (Place::Span(cipher.value.span), "not encrypted".to_owned()),
            Some(_) => continue,
            None if directory => {
                let Some(path) = repository.get("path") else { continue };
                (Place::Span(path.value.span), format!("no `repo{number}-cipher-type`"))
            }
            None => continue,
        };
        findings.push(
            RULE.finding(place, format!("backups in repo{number} are not encrypted"))
                .label(label)
                .because("whoever reads them has all data (R-BK-17)")
                .fix(format!("write `repo{number}-cipher-type=aes-256-cbc`, with the passphrase in the environment")),
        );
    }
}
