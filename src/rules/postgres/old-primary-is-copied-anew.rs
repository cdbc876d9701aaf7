//! An old primary has to be copied anew instead of being rewound.
//!
//! # What it finds
//! A patroni.yml with `bootstrap.dcs` in which `use_pg_rewind` is absent or false.
//!
//! # Why it matters
//! A primary that died may have WAL that the new one never got, and cannot follow it as it is. With pg_rewind it is
//! back in minutes; without, all of its data is copied, and meanwhile one member fewer is there to fail over to.
//!
//! # Example
//! ```yaml
//! bootstrap:
//!   dcs:
//!     postgresql: {use_pg_rewind: false}
//! ```
//!
//! # Fix
//! `use_pg_rewind: true`, with data checksums (`initdb: [data-checksums]`) or `wal_log_hints: on`.
//!
//! # Source
//! facts.md F-PT-15: Patroni, docs/dynamic_configuration.rst; PostgreSQL, pg_rewind.

use super::configured::{dcs, key, option, text_at, truth};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "PG018",
    name: "old-primary-is-copied-anew",
    group: Group::Postgres,
    level: Level::Warning,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for tree in estate.of(Kind::Patroni).filter(|tree| dcs(tree).is_some()) {
        let written = option(tree, "use_pg_rewind");
        if truth(written) == Some(true) {
            continue;
        }
        let place =
            written.map_or_else(|| key(tree, &["bootstrap", "dcs", "postgresql"]), |node| Place::Span(node.span));
        let scope = text_at(tree, &["scope"]).unwrap_or("this cluster").escape_debug();
        findings.push(
            RULE.finding(place, format!("an old primary of `{scope}` comes back only as a whole copy"))
                .label(if written.is_some() { "never rewound" } else { "no `use_pg_rewind`, which is off by default" })
                .because("one that has WAL of its own cannot follow the new primary: until all data is copied, a member is missing (F-PT-15)")
                .fix("write `use_pg_rewind: true` below `bootstrap.dcs.postgresql`; it needs data checksums or `wal_log_hints`"),
        );
    }
}
