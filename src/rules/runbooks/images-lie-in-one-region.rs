//! Images come from a registry in one of the regions, and are needed when that region is lost.
//!
//! # What it finds
//! With several regions, images whose registry's host names one of them, as a part of its own
//! (`123456789012.dkr.ecr.us-east-1.amazonaws.com`, `us-east1-docker.pkg.dev`). The image is the same in all regions, so
//! every other one pulls from there. A registry whose name tells no region is not judged.
//!
//! # Why it matters
//! The region that takes over starts new pods on new nodes, which have no image yet. With the registry gone, none of them
//! starts; those that run go on until their node is replaced.
//!
//! # Example
//! ```yaml
//! regions: {us-east-1: {role: primary}, eu-west-1: {role: secondary}}
//! services:
//!   api: {image: 123456789012.dkr.ecr.us-east-1.amazonaws.com/api:1.0@sha256:…}
//! ```
//!
//! # Fix
//! A registry that every region reaches by itself: one with a name of its own, in front of replicas in each region.
//!
//! # Source
//! facts.md R-RB-11.

use std::collections::BTreeMap;

use crate::blueprint::raw::Image;
use crate::document::Path;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "RB011",
    name: "images-lie-in-one-region",
    group: Group::Runbooks,
    level: Level::Warning,
    security: false,
    fields: &["services.*.image", "postgres.*.image", "redis.*.image", "regions"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    if blueprint.regions.len() < 2 {
        return;
    }
    let mut found: BTreeMap<&str, (Path, usize)> = BTreeMap::new();
    for (image, at) in images(blueprint) {
        let host = image.as_str().split('/').next().unwrap_or_default();
        found.entry(host).or_insert((at, 0)).1 += 1;
    }
    for (host, (at, count)) in found {
        let names = |region: &str| {
            host.split('.')
                .any(|part| part == region || part.strip_suffix("-docker").is_some_and(|part| part == region))
        };
        let Some(region) = blueprint.regions.iter().find(|region| names(&region.name)) else { continue };
        let which = if count == 1 { "an image is".to_owned() } else { format!("{count} images are") };
        findings.push(
            RULE.finding(Place::Value(at), format!("{which} lost with {}", region.name))
                .label(format!("`{host}` is there"))
                .also(Place::Key(path!["regions", region.name]), "when it is lost, the others cannot pull")
                .because("pods on new nodes have no image yet; without the registry none of them starts (R-RB-11)")
                .fix("pull from a registry that each region reaches by itself, under one name"),
        );
    }
}

/// All images, with where they are written.
fn images(blueprint: &Blueprint) -> impl Iterator<Item = (&Image, Path)> {
    let services = blueprint
        .services
        .iter()
        .filter_map(|service| Some((service.spec.image.as_ref()?, path!["services", service.name, "image"])));
    let postgres = blueprint.postgres.iter().flat_map(|cluster| {
        let (at, spec) = (path!["postgres", cluster.name], &cluster.spec);
        [
            (spec.image.as_ref(), at.key("image")),
            (spec.consensus.image.as_ref(), at.key("consensus").key("image")),
            (spec.pool.image.as_ref(), at.key("pool").key("image")),
            (spec.router.image.as_ref(), at.key("router").key("image")),
        ]
    });
    let redis = blueprint.redis.iter().flat_map(|redis| {
        let (at, spec) = (path!["redis", redis.name], &redis.spec);
        let backup = spec.backup.as_ref().and_then(|backup| backup.image.as_ref());
        [(spec.image.as_ref(), at.key("image")), (backup, at.key("backup").key("image"))]
    });
    services.chain(postgres.chain(redis).filter_map(|(image, at)| Some((image?, at))))
}
