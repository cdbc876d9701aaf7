//! What holds the output together: the kustomization of each region, and the README of the whole.

mod prerequisites;
mod readme;
mod steps;

use serde::Serialize;

pub use readme::readme;

use super::{ArtifactKind, Family, File, Job, Jobs, Renderer};
use crate::blueprint::Blueprint;
use crate::path;

/// One kustomization.yaml for each region: everything below `REGION/kubernetes/`.
pub fn kustomizations(blueprint: &Blueprint, renderer: Renderer<'_>, jobs: &mut Vec<Job>) {
    #[derive(Serialize)]
    struct Context {
        resources: Vec<String>,
    }
    for region in &blueprint.regions {
        let prefix = format!("{}/kubernetes/", region.name);
        let mut resources: Vec<String> = jobs
            .iter()
            .filter(|job| job.kind == ArtifactKind::Kubernetes)
            .filter_map(|job| job.path.strip_prefix(&prefix).map(str::to_owned))
            .collect();
        resources.sort_unstable();
        if resources.is_empty() {
            continue;
        }
        let mut of_docs = Jobs::new(Family::Kubernetes, renderer);
        of_docs.push(
            File {
                path: format!("{prefix}kustomization.yaml"),
                kind: ArtifactKind::Kustomization,
                region: Some(region),
                template: "kubernetes/kustomization.yaml.tera",
                origins: vec![path!["regions", &region.name]],
            },
            &Context { resources },
        );
        jobs.extend(of_docs.done());
    }
}
