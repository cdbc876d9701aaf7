//! Backups are never removed, or their WAL is removed before them.
//!
//! # What it finds
//! In pgbackrest.conf a repository (`repoN-path`, `repoN-type`, `repoN-s3-bucket` …) without `repoN-retention-full`;
//! and `repoN-retention-archive` below `repoN-retention-full`, where both count full backups. A repository on another
//! host (`repoN-host`) is left out: what expires there is written there.
//!
//! # Why it matters
//! Without a limit backups and WAL grow until the disk is full, and archiving stops with it. With WAL that goes before
//! its backups, the older backups are there and can no longer be rolled forward: the recovery to a point in time ends
//! earlier than the list of backups tells.
//!
//! # Example
//! ```text
//! [global]
//! repo1-path=/var/lib/pgbackrest
//! repo1-retention-full=4
//! repo1-retention-archive=1
//! ```
//!
//! # Fix
//! `repoN-retention-full` for each repository, and no `repoN-retention-archive`: pgBackRest then keeps WAL as long as
//! the backups that need it.
//!
//! # Source
//! facts.md R-BK-18: pgBackRest user guide, retention.

use super::configured::{Repository, repositories, text};
use crate::document::node::Entry;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "BK018",
    name: "wal-and-backups-expire-apart",
    group: Group::Backup,
    level: Level::Warning,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

/// What says that a repository is there and lies here.
const PLACES: [&str; 5] = ["path", "type", "s3-bucket", "gcs-bucket", "azure-container"];

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for file in estate.of(Kind::Pgbackrest) {
        for (number, repository) in
            repositories(file).into_iter().filter(|(_, repository)| !repository.contains_key("host"))
        {
            let Some(place) = PLACES.iter().find_map(|place| repository.get(place)) else { continue };
            let Some(full) = repository.get("retention-full") else {
                findings.push(
                    RULE.finding(
                        Place::Span(place.key_span),
                        format!("backups and WAL in repo{number} are never removed"),
                    )
                    .label(format!("no `repo{number}-retention-full`"))
                    .because("both grow until the disk is full, or without end in a bucket (R-BK-18)")
                    .fix(format!(
                        "write `repo{number}-retention-full`: how many full backups are kept, with their WAL"
                    )),
                );
                continue;
            };
            findings.extend(apart(&number, &repository, full));
        }
    }
}

/// WAL that is kept for fewer full backups than there are.
fn apart(number: &str, repository: &Repository<'_>, full: &Entry) -> Option<Diagnostic> {
    let other = |option: &str, counts: &str| repository.get(option).is_some_and(|entry| text(entry) != counts);
    let archive = repository.get("retention-archive")?;
    if other("retention-full-type", "count") || other("retention-archive-type", "full") {
        return None;
    }
    let (kept, backups): (u64, u64) = (text(archive).parse().ok()?, text(full).parse().ok()?);
    (kept < backups).then(|| {
        RULE.finding(
            Place::Span(archive.value.span),
            format!("WAL in repo{number} is removed before the backups that need it"),
        )
        .label(format!("WAL of {kept} full backups"))
        .also(Place::Span(full.value.span), format!("{backups} full backups"))
        .because(format!(
            "{backups} − {kept} = {} full backups can no longer be rolled forward to a point in time (R-BK-18)",
            backups - kept
        ))
        .fix(format!("leave `repo{number}-retention-archive` out: WAL is then kept as long as the backups"))
    })
}
