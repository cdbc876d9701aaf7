//! From the resolved blueprint to files.
//!
//! A target (a module here) says which files there are: their path, kind, template, context and the parts of the
//! blueprint that they come from. It pushes [`Job`]s; the engine renders them, in parallel, into an [`ArtifactSet`].
//! Templates hold no logic beyond `for` and `if` on ready-made values.

pub mod artifact;
pub mod engine;
pub mod quote;
pub mod yaml;

mod alerts;
mod calendar;
mod dns;
mod docs;
pub(crate) mod kubernetes;
mod patroni;
mod redis;

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::Serialize;

pub use alerts::problems;
pub use artifact::{Artifact, ArtifactKind, ArtifactSet, Family, Object};
pub use engine::{Engine, TemplateError};

use crate::blueprint::{Blueprint, Region};

use crate::document::Path;

/// A file to be rendered.
pub struct Job {
    /// Its path below the output directory.
    pub path: String,
    /// What reads it.
    pub kind: ArtifactKind,
    /// The part of the output that it belongs to.
    pub family: Family,
    /// The region that it is for.
    pub region: Option<String>,
    /// The template, below `templates/`.
    pub template: &'static str,
    /// What the template sees.
    pub context: Result<tera::Context, String>,
    /// Files that stand inside this one, such as a script in a ConfigMap.
    pub parts: Vec<Part>,
    /// The parts of the blueprint that it comes from.
    pub origins: Vec<Path>,
}

/// A file inside another one: rendered first, with the escaping of its own syntax, and seen as `parts[NAME]`.
pub struct Part {
    /// Its name in `parts`.
    pub name: String,
    /// Its template, below `templates/`.
    pub template: &'static str,
    /// What its template sees.
    pub context: Result<tera::Context, String>,
}

/// A file that is to be written: where, of which kind, from which template.
pub struct File<'a> {
    /// Where it goes, below the output directory.
    pub path: String,
    /// What reads it.
    pub kind: ArtifactKind,
    /// The region that it is for; none for a global one.
    pub region: Option<&'a Region>,
    /// Its template, below `templates/`.
    pub template: &'static str,
    /// The parts of the blueprint that it comes from.
    pub origins: Vec<Path>,
}

/// The files of one part of the output: what targets push their jobs into.
pub struct Jobs {
    family: Family,
    jobs: Vec<Job>,
}

impl Jobs {
    /// No files yet, for a part of the output.
    pub const fn new(family: Family) -> Self {
        Self { family, jobs: Vec::new() }
    }

    /// A file, and what its template sees.
    pub fn push(&mut self, file: File<'_>, context: &impl Serialize) {
        let context = tera::Context::from_serialize(context).map_err(|e| e.to_string());
        let File { path, kind, region, template, origins } = file;
        let region = region.map(|r| r.name.clone());
        self.jobs.push(Job { path, kind, family: self.family, region, template, context, parts: Vec::new(), origins });
    }

    /// What a function pushes for each region, in the order of the regions; the regions are done side by side.
    pub fn each_region<T: Send>(
        &mut self,
        blueprint: &Blueprint,
        push: impl Fn(&Region, &mut Self) -> T + Sync,
    ) -> Vec<T> {
        let family = self.family;
        let of_region = |region| {
            let mut jobs = Self::new(family);
            (push(region, &mut jobs), jobs.jobs)
        };
        let done: Vec<(T, Vec<Job>)> = blueprint.regions.par_iter().map(of_region).collect();
        done.into_iter()
            .map(|(result, jobs)| {
                self.jobs.extend(jobs);
                result
            })
            .collect()
    }

    /// A file inside the one that was pushed last; its template reads it as `parts[name]`.
    pub fn part(&mut self, name: impl Into<String>, template: &'static str, context: &impl Serialize) {
        let context = tera::Context::from_serialize(context).map_err(|e| e.to_string());
        if let Some(job) = self.jobs.last_mut() {
            job.parts.push(Part { name: name.into(), template, context });
        }
    }
}

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

/// What pushes the files of a family.
type Target = fn(&Blueprint, &mut Jobs);

/// Renders a blueprint. All template errors are returned together.
pub fn render(
    blueprint: &Blueprint,
    engine: &Engine,
    selection: &Selection,
) -> Result<ArtifactSet, Vec<TemplateError>> {
    let mut jobs = Vec::new();
    let targets: [(Family, Target); 5] = [
        (Family::Kubernetes, kubernetes::jobs),
        (Family::Patroni, patroni::jobs),
        (Family::Redis, redis::jobs),
        (Family::Dns, dns::jobs),
        (Family::Alerts, alerts::jobs),
    ];
    let of_families: Vec<Vec<Job>> = targets
        .into_par_iter()
        .map(|(family, target)| {
            let mut of_family = Jobs::new(family);
            target(blueprint, &mut of_family);
            of_family.jobs
        })
        .collect();
    jobs.extend(of_families.into_iter().flatten());
    docs::kustomizations(blueprint, &mut jobs);
    docs::readme(blueprint, &mut jobs);
    jobs.retain(|job| selection.picks(job.family, job.region.as_deref()));
    let rendered: Vec<Result<Artifact, TemplateError>> = jobs.into_par_iter().map(|job| run(engine, job)).collect();
    let (mut set, mut errors) = (ArtifactSet::new(), Vec::new());
    for result in rendered {
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

fn run(engine: &Engine, job: Job) -> Result<Artifact, TemplateError> {
    let failed = |template: &str| {
        let template = template.to_owned();
        move |message| TemplateError { template, message }
    };
    let mut context = job.context.map_err(failed(job.template))?;
    if !job.parts.is_empty() {
        let mut parts = BTreeMap::new();
        for part in job.parts {
            let of_part = part.context.map_err(failed(part.template))?;
            parts.insert(part.name, engine.render_context(part.template, &of_part)?);
        }
        context.insert("parts", &parts);
    }
    let mut text = engine.render_context(job.template, &context)?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(Artifact {
        path: job.path,
        kind: job.kind,
        family: job.family,
        region: job.region,
        text,
        origins: job.origins,
        template: job.template,
    })
}
