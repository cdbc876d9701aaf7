//! The volume holds the data, and not the WAL that a standby which is down makes it keep.
//!
//! # What it finds
//! On Kubernetes: `data.size` and the WAL that slots may hold back (`max_slot_wal_keep_size`; a fifth of the volume, at least
//! 1 GiB, where it is not written) together above `storage.size`. Without `data.size` nothing is said.
//!
//! # Why it matters
//! When a standby or a region is gone, its slot keeps WAL up to that limit. The limit is there so that the disk does not fill;
//! when the data has already taken that room, the disk fills all the same and the primary stops. Growth, indexes that are
//! built and temporary files come on top.
//!
//! # Example
//! ```yaml
//! postgres:
//!   main:
//!     storage: {size: 100Gi}
//!     data: {size: 90Gi}   # + 20 GiB of WAL
//! ```
//!
//! # Fix
//! A larger volume (most storage classes grow without a restart), or a smaller `max_slot_wal_keep_size`.
//!
//! # Source
//! facts.md X-PG-5, F-PG-03 (arithmetic).

use crate::blueprint::units::Bytes;
use crate::rules::prelude::*;
use crate::rules::settings::{parameter, place, size};

pub static RULE: Rule = Rule {
    id: "PG104",
    name: "no-room-for-wal",
    group: Group::Postgres,
    level: Level::Warning,
    security: false,
    fields: &["postgres.*.storage.size", "postgres.*.data.size", "postgres.*.parameters"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for cluster in blueprint.postgres_in_pods() {
        let spec = &cluster.spec;
        let (Some(storage), Some(data)) = (&spec.storage, spec.data.as_ref().and_then(|data| data.size)) else {
            continue;
        };
        let written = parameter(cluster, "max_slot_wal_keep_size");
        let kept = match written.map(|text| size(text, 1 << 20)) {
            None => (storage.size.get() / 5).max(1 << 30),
            Some(Some(Ok(kept))) if kept < storage.size.get() => kept,
            // Without a limit it is another rule's (PG026).
            Some(_) => continue,
        };
        let needed = data.get().saturating_add(kept);
        if needed <= storage.size.get() {
            continue;
        }
        let at = path!["postgres", cluster.name];
        let gibibytes = |bytes: u64| Bytes::new(bytes.div_ceil(1 << 30) << 30);
        // With a fifth for the slots, the data may take four.
        let enough = if written.is_some() { gibibytes(needed) } else { gibibytes(data.get().saturating_mul(5) / 4) };
        let mut finding = RULE
            .finding(
                Place::Value(at.key("storage").key("size")),
                format!("the volume of `{}` fills up when a standby is down", cluster.name),
            )
            .also(Place::Value(at.key("data").key("size")), format!("{data} of data"))
            .because(format!(
                "{data} of data + {} of WAL that slots may keep = {} > {} (X-PG-5)",
                gibibytes(kept),
                gibibytes(needed),
                storage.size
            ))
            .fix(format!("write `storage: {{size: {enough}}}` or more"));
        if written.is_some() {
            finding = finding.also(Place::Value(place(cluster, "max_slot_wal_keep_size")), "what slots may keep");
        }
        findings.push(finding);
    }
}
