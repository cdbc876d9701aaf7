//! The loss of a region takes the data and every backup of it.
//!
//! # What it finds
//! A PostgreSQL cluster without a copy in another region, or a Redis of sessions or a queue in the primary region, all of
//! whose destinations are buckets in that very region and are copied nowhere; where the loss of a region counts: there are
//! several regions, or a target is written for `region-loss`.
//!
//! It says nothing when the place of one of the destinations is not known (a directory, a container without `region`).
//!
//! # Why it matters
//! A backup is for the day on which the original is gone. One that lies where the original does goes with it, and there is
//! nothing to restore in the other region.
//!
//! # Example
//! ```yaml
//! regions:
//!   eu-central-1: {role: primary, …}
//!   eu-west-1: {role: secondary, …}
//! backup:
//!   store: {kind: s3, bucket: backups, region: eu-central-1}
//! ```
//!
//! # Fix
//! `replicateTo` and `replicaBucket` in another region, or a second destination elsewhere.
//!
//! # Source
//! facts.md R-BK-04, F-MS-13.

use crate::blueprint::Region;
use crate::blueprint::raw::{DestinationKind, Reference, Scenario, Usage};
use crate::document::Path;
use crate::rules::prelude::*;
use crate::rules::promised::{Item, Objective, Promise, promise};

pub static RULE: Rule = Rule {
    id: "BK004",
    name: "every-copy-in-one-region",
    group: Group::Backup,
    level: Level::Error,
    security: false,
    fields: &["backup.*.region", "backup.*.replicateTo", "postgres.*.backup.to", "redis.*.backup.to"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let primary = blueprint.primary();
    for cluster in blueprint.postgres.iter().filter(|cluster| cluster.is_rendered()) {
        let Some(backup) = cluster.spec.backup.as_ref().filter(|_| cluster.spec.cross_region.is_none()) else {
            continue;
        };
        let at = path!["postgres", cluster.name, "backup", "to"];
        if counts(blueprint, cluster) {
            findings.extend(found(blueprint, &cluster.name, &at, &backup.to, primary));
        }
    }
    for redis in blueprint.redis.iter().filter(|redis| redis.is_rendered() && redis.in_region(primary)) {
        let kept = matches!(redis.spec.usage, Usage::Sessions | Usage::Queue);
        let Some(backup) = redis.spec.backup.as_ref().filter(|_| kept) else { continue };
        let at = path!["redis", redis.name, "backup", "to"];
        if counts(blueprint, redis) {
            findings.extend(found(blueprint, &redis.name, &at, &backup.to, primary));
        }
    }
}

/// Whether the loss of a region is in scope for a store.
fn counts<'a, S: Into<Item<'a>> + Copy>(blueprint: &Blueprint, store: S) -> bool {
    let written = |promise: &Promise| promise.at.to_string().contains("region-loss");
    let of = |objective| promise(blueprint, store, objective, Scenario::RegionLoss);
    blueprint.regions.len() > 1
        || of(Objective::Rto).as_ref().is_some_and(written)
        || of(Objective::Rpo).as_ref().is_some_and(written)
}

fn found(blueprint: &Blueprint, name: &str, at: &Path, to: &[Reference], region: &Region) -> Option<Diagnostic> {
    let mut stores = Vec::new();
    for reference in to {
        let (_, store) = reference.parts();
        let destination = blueprint.spec.backup.get(store)?;
        let bucket = matches!(destination.kind, DestinationKind::S3 | DestinationKind::Gcs);
        let here = bucket && destination.endpoint.is_none() && destination.region.as_ref() == Some(&region.name);
        let stays = destination.replicate_to.as_ref().is_none_or(|to| *to == region.name);
        if !(here && stays) {
            return None;
        }
        stores.push(store);
    }
    let first = stores.first()?;
    let mut finding = RULE
        .finding(Place::Value(at.index(0)), format!("`{name}` and every backup of it are lost with `{}`", region.name))
        .label(format!("{} of {} in `{}`", stores.len(), stores.len(), region.name))
        .because("a region that is lost takes its buckets along, and nothing is left to restore from (R-BK-04)")
        .fix(format!("write `replicateTo` and `replicaBucket` in `backup.{first}`, or add a destination elsewhere"));
    for store in &stores {
        finding = finding.also(Place::Value(path!["backup", store, "region"]), "it lies here");
    }
    Some(finding)
}
