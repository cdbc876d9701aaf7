//! What lies between files: names, ports, selectors and references agree. Each region is judged by itself, because each
//! is applied to a cluster of its own.

mod files;
mod network;
mod references;
mod selectors;
mod world;

use rayon::prelude::*;

use super::Fault;
use super::tree::Node;
use crate::blueprint::{Blueprint, Region};
use crate::render::{Artifact, ArtifactKind};

/// A file with what was read from it.
pub struct File<'a, 'n> {
    /// The file.
    pub artifact: &'a Artifact,
    /// Its documents; none for a file that has no tree.
    pub documents: &'n [Node<'a>],
}

/// What does not agree, each with the file that it is to be mended in.
pub fn check<'a>(blueprint: &Blueprint, files: &[File<'a, '_>]) -> Vec<(&'a Artifact, Fault)> {
    let of_region = |region: &Region| {
        let mut found = Vec::new();
        let here: Vec<&File<'a, '_>> = files
            .iter()
            .filter(|f| {
                f.artifact.region.as_deref() == Some(region.name.as_str())
                    && f.artifact.kind == ArtifactKind::Kubernetes
            })
            .collect();
        let world = world::World::new(&here);
        found.extend(world.twice());
        found.extend(selectors::check(&world));
        found.extend(network::check(&world, blueprint.spec.platform.kubernetes.domain.as_str()));
        found.extend(references::check(&world));
        found
    };
    let regions: Vec<Vec<_>> = blueprint.regions.par_iter().map(of_region).collect();
    let mut found: Vec<_> = regions.into_iter().flatten().collect();
    found.extend(files::check(files));
    found
}
