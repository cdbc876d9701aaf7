//! The copy of the backups lies in a region that the system never moves to.
//!
//! # What it finds
//! A destination of the primary region whose `replicateTo` is none of the blueprint's other regions, while no other
//! destination of the same cluster lies in one of them. Only where the destination's own `region` is the name of the primary
//! region, so that the two kinds of names are known to be the same.
//!
//! # Why it matters
//! A restore in the region that takes over reads all data from a third one: slower by the distance, at the price of traffic
//! between regions, and dependent on one more region in the hour in which one is gone.
//!
//! # Example
//! ```yaml
//! regions:
//!   eu-central-1: {role: primary, …}
//!   eu-west-1: {role: secondary, …}
//! backup:
//!   store: {kind: s3, bucket: backups, region: eu-central-1, replicateTo: us-east-1, replicaBucket: backups-us}
//! ```
//!
//! # Fix
//! `replicateTo` the region that takes over.
//!
//! # Source
//! facts.md R-BK-24.

use std::collections::BTreeSet;

use crate::blueprint::raw::{Destination, Reference};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "BK024",
    name: "copy-where-nobody-fails-over-to",
    group: Group::Backup,
    level: Level::Warning,
    security: false,
    fields: &["backup.*.replicateTo", "backup.*.region", "regions"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let [primary, others @ ..] = blueprint.regions.as_slice() else { return };
    if others.is_empty() {
        return;
    }
    let postgres = blueprint.postgres.iter().filter(|c| c.is_rendered()).filter_map(|c| c.spec.backup.as_ref());
    let redis = blueprint.redis.iter().filter(|r| r.is_rendered()).filter_map(|r| r.spec.backup.as_ref());
    let lists: Vec<&[Reference]> = postgres.map(|b| b.to.as_slice()).chain(redis.map(|b| b.to.as_slice())).collect();
    let there = |region: Option<&String>| region.is_some_and(|region| others.iter().any(|other| other.name == *region));
    let serves =
        |destination: &Destination| there(destination.region.as_ref()) || there(destination.replicate_to.as_ref());
    let mut said = BTreeSet::new();
    for list in lists {
        let stores: Vec<(&str, &Destination)> = list
            .iter()
            .filter_map(|reference| {
                let name = reference.parts().1;
                Some((name, blueprint.spec.backup.get(name)?))
            })
            .collect();
        if stores.iter().any(|(_, destination)| serves(destination)) {
            continue;
        }
        for (name, destination) in stores {
            let home = destination.region.as_ref() == Some(&primary.name);
            let Some(to) = destination.replicate_to.as_ref().filter(|to| home && **to != primary.name) else {
                continue;
            };
            if !said.insert(name) {
                continue;
            }
            let at = path!["backup", name, "replicateTo"];
            let mut finding = RULE
                .finding(Place::Value(at.clone()), format!("a restore of `{name}` would come from a third region"))
                .label(format!("the copy lies in `{to}`"))
                .because(format!(
                    "`{}` is lost, another region takes over, and the only copy is in `{to}` (R-BK-24)",
                    primary.name
                ));
            for other in others {
                finding = finding.also(Place::Key(path!["regions", other.name]), "would take over");
            }
            let names: Vec<String> = others.iter().map(|other| format!("`replicateTo: {}`", other.name)).collect();
            finding = finding.fix(format!("write {}, and its bucket", names.join(" or ")));
            if let [only] = others {
                finding = finding.edit(at, &only.name);
            }
            findings.push(finding);
        }
    }
}
