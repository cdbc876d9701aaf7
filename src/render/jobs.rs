//! What targets push their files into. A file is rendered as soon as it is complete and its context thrown away: the
//! contexts of a thousand services together would take many times the memory of the files.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::Serialize;

use super::artifact::{ArtifactKind, Family};
use super::engine::{Engine, TemplateError};
use super::{Artifact, Selection};
use crate::blueprint::{Blueprint, Region};
use crate::document::Path;

/// A file of the output.
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
    /// The parts of the blueprint that it comes from.
    pub origins: Vec<Path>,
    /// The one-time Job among its objects that people wait for, if it has one.
    pub one_time: Option<String>,
    /// What it holds; `None` where the selection does not pick it.
    text: Option<Result<String, TemplateError>>,
}

impl Job {
    /// The file, if it was picked.
    pub(super) fn artifact(self) -> Option<Result<Artifact, TemplateError>> {
        let Self { path, kind, family, region, template, origins, text, .. } = self;
        let text = text?;
        Some(text.map(|text| Artifact { path, kind, family, region, text, origins, template }))
    }
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

/// What a template sees, or why it cannot.
type Seen = Result<tera::Context, String>;

/// A file that is not rendered yet, for parts of it may follow.
struct Pending {
    job: Job,
    context: Seen,
    parts: Vec<Part>,
}

/// A file inside another one: rendered first, with the escaping of its own syntax, and seen as `parts[NAME]`.
struct Part {
    name: String,
    template: &'static str,
    context: Seen,
}

/// What files are rendered with, and which of them.
#[derive(Clone, Copy)]
pub struct Renderer<'e> {
    /// The templates.
    pub engine: &'e Engine,
    /// Which files are rendered; of the others only the names are known.
    pub selection: &'e Selection,
}

/// The files of one part of the output.
pub struct Jobs<'e> {
    family: Family,
    renderer: Renderer<'e>,
    jobs: Vec<Job>,
    pending: Option<Pending>,
}

impl<'e> Jobs<'e> {
    /// No files yet, for a part of the output.
    pub const fn new(family: Family, renderer: Renderer<'e>) -> Self {
        Self { family, renderer, jobs: Vec::new(), pending: None }
    }

    /// A file, and what its template sees.
    pub fn push(&mut self, file: File<'_>, context: &impl Serialize) {
        self.render_pending();
        let File { path, kind, region, template, origins } = file;
        let region = region.map(|r| r.name.clone());
        let job = Job { path, kind, family: self.family, region, template, origins, one_time: None, text: None };
        if self.renderer.selection.picks_file(job.kind, job.family, job.region.as_deref()) {
            self.pending = Some(Pending { job, context: seen(context), parts: Vec::new() });
        } else {
            self.jobs.push(job);
        }
    }

    /// A file inside the one that was pushed last; its template reads it as `parts[name]`.
    pub fn part(&mut self, name: impl Into<String>, template: &'static str, context: &impl Serialize) {
        if let Some(pending) = &mut self.pending {
            pending.parts.push(Part { name: name.into(), template, context: seen(context) });
        }
    }

    /// The file that was pushed last holds a one-time Job that people wait for.
    pub fn one_time(&mut self, name: &str) {
        let last = self.pending.as_mut().map(|pending| &mut pending.job).or(self.jobs.last_mut());
        if let Some(job) = last {
            job.one_time = Some(name.to_owned());
        }
    }

    /// What a function pushes for each region, in the order of the regions; the regions are done side by side.
    pub fn each_region<T: Send>(
        &mut self,
        blueprint: &Blueprint,
        push: impl Fn(&Region, &mut Self) -> T + Sync,
    ) -> Vec<T> {
        self.each(&blueprint.regions, push)
    }

    /// What a function pushes for each item, in their order; the items are done side by side.
    pub fn each<I: Sync, T: Send>(&mut self, items: &[I], push: impl Fn(&I, &mut Self) -> T + Sync) -> Vec<T> {
        self.render_pending();
        let (family, renderer) = (self.family, self.renderer);
        let of_item = |item| {
            let mut jobs = Self::new(family, renderer);
            (push(item, &mut jobs), jobs.done())
        };
        let done: Vec<(T, Vec<Job>)> = items.par_iter().map(of_item).collect();
        done.into_iter()
            .map(|(result, jobs)| {
                self.jobs.extend(jobs);
                result
            })
            .collect()
    }

    /// All files, rendered.
    pub fn done(mut self) -> Vec<Job> {
        self.render_pending();
        self.jobs
    }

    fn render_pending(&mut self) {
        if let Some(Pending { mut job, context, parts }) = self.pending.take() {
            job.text = Some(rendered(self.renderer.engine, job.template, context, parts));
            self.jobs.push(job);
        }
    }
}

fn seen(context: &impl Serialize) -> Seen {
    tera::Context::from_serialize(context).map_err(|e| e.to_string())
}

fn rendered(engine: &Engine, template: &str, context: Seen, parts: Vec<Part>) -> Result<String, TemplateError> {
    let failed = |template: &str| {
        let template = template.to_owned();
        move |message| TemplateError { template, message }
    };
    let mut context = context.map_err(failed(template))?;
    if !parts.is_empty() {
        let mut texts = BTreeMap::new();
        for part in parts {
            let of_part = part.context.map_err(failed(part.template))?;
            texts.insert(part.name, engine.render_context(part.template, &of_part)?);
        }
        context.insert("parts", &texts);
    }
    let mut text = engine.render_context(template, &context)?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    // It is kept until everything is written: without what it was grown by.
    text.shrink_to_fit();
    Ok(text)
}
