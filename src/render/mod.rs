//! From the resolved blueprint to files.
//!
//! A target (a module here) says which files there are: their path, kind, template, context and the parts of the
//! blueprint that they come from. It pushes them into [`Jobs`], which renders them, in parallel, for an [`ArtifactSet`].
//! Templates hold no logic beyond `for` and `if` on ready-made values.

pub mod artifact;
pub mod engine;
pub mod quote;
pub mod yaml;

mod address;
pub(crate) mod alerts;
mod calendar;
mod dns;
mod docs;
mod jobs;
pub(crate) mod kubernetes;
mod patroni;
mod redis;

use rayon::prelude::*;

pub use alerts::problems;
pub use artifact::{Artifact, ArtifactKind, ArtifactSet, Family, Object};
pub use engine::{Engine, TemplateError};
pub use jobs::{File, Job, Jobs, Renderer};

use crate::blueprint::Blueprint;

/// What is to be rendered.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Only these families; all when empty.
    pub only: Vec<Family>,
    /// Not these families.
    pub skip: Vec<Family>,
    /// Only these regions; all, and what is global, when empty.
    pub regions: Vec<String>,
}

impl Selection {
    /// Whether a file is picked.
    pub fn picks(&self, family: Family, region: Option<&str>) -> bool {
        (self.only.is_empty() || self.only.contains(&family))
            && !self.skip.contains(&family)
            && (self.regions.is_empty() || region.is_some_and(|r| self.regions.iter().any(|picked| picked == r)))
    }
}

impl Selection {
    /// Whether a file is picked by what it is: a kustomization goes with any part that has objects of Kubernetes.
    pub fn picks_file(&self, kind: ArtifactKind, family: Family, region: Option<&str>) -> bool {
        let of_objects = [Family::Kubernetes, Family::Patroni, Family::Redis, Family::Alerts];
        match kind {
            ArtifactKind::Kustomization => of_objects.into_iter().any(|family| self.picks(family, region)),
            _ => self.picks(family, region),
        }
    }

    /// Whether something may be left out.
    pub fn is_partial(&self) -> bool {
        !(self.only.is_empty() && self.skip.is_empty() && self.regions.is_empty())
    }
}

/// What pushes the files of a family.
type Target = fn(&Blueprint, &mut Jobs<'_>);

/// Renders a blueprint. All template errors are returned together.
pub fn render(
    blueprint: &Blueprint,
    engine: &Engine,
    selection: &Selection,
) -> Result<ArtifactSet, Vec<TemplateError>> {
    let targets: [(Family, Target); 5] = [
        (Family::Kubernetes, kubernetes::jobs),
        (Family::Patroni, patroni::jobs),
        (Family::Redis, redis::jobs),
        (Family::Dns, dns::jobs),
        (Family::Alerts, alerts::jobs),
    ];
    let renderer = Renderer { engine, selection };
    let of_families: Vec<Vec<Job>> = targets
        .into_par_iter()
        .map(|(family, target)| {
            let mut of_family = Jobs::new(family, renderer);
            target(blueprint, &mut of_family);
            of_family.done()
        })
        .collect();
    let mut jobs: Vec<Job> = of_families.into_iter().flatten().collect();
    docs::kustomizations(blueprint, renderer, &mut jobs);
    jobs.sort_by(|a, b| a.path.cmp(&b.path));
    docs::readme(blueprint, renderer, &mut jobs);
    let (mut set, mut errors) = (ArtifactSet::new(), Vec::new());
    for result in jobs.into_iter().filter_map(Job::artifact) {
        match result {
            Ok(artifact) => {
                if let Some(twice) = set.insert(artifact.path.clone(), artifact) {
                    errors.push(TemplateError {
                        template: twice.template.to_owned(),
                        message: format!("{} is written twice", twice.path),
                    });
                }
            }
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(set) } else { Err(errors) }
}
