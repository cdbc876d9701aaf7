//! `hagen render`: everything that the blueprint promises, written, compared or streamed.

use std::collections::BTreeMap;
use std::path::Path;

use crate::cli::args::Render;
use crate::cli::output::Output;
use crate::cli::{ExitStatus, Failure, loading};
use crate::render::{Engine, Selection, TemplateError, render};
use crate::report::Section;

/// Loads, renders, verifies, writes.
pub fn run(args: &Render, output: &mut Output) -> Result<ExitStatus, Failure> {
    let files = loading::files(&args.blueprint)?;
    if files.bases() > 1 {
        return Err(Failure::new("more than one blueprint was named")
            .hint("`kind: Overlay` makes a file a patch for the first one; render one blueprint at a time"));
    }
    let loaded = loading::load(&files, 0, args.blueprint.environment.as_deref());
    if !loaded.problems.is_empty() {
        let section = Section {
            environment: loaded.environment.as_deref(),
            document: &loaded.document,
            findings: &loaded.problems,
        };
        output.findings(&[section], args.format);
    }
    let Some(blueprint) = &loaded.blueprint else { return Ok(ExitStatus::DoesNotPass) };
    for region in &args.region {
        if blueprint.region(region).is_none() {
            let names: Vec<&str> = blueprint.regions.iter().map(|r| r.name.as_str()).collect();
            return Err(Failure::new(format!("there is no region `{region}`"))
                .hint(format!("the blueprint has: {}", names.join(", "))));
        }
    }
    let engine = Engine::new(&overrides(args.templates.as_deref())?).map_err(|errors| templates(&errors))?;
    let selection = Selection { only: args.only.clone(), skip: args.skip.clone(), regions: args.region.clone() };
    let set = render(blueprint, &engine, &selection).map_err(|errors| templates(&errors))?;
    let directory = args.output.clone().unwrap_or_default();
    for artifact in set.values() {
        let path = directory.join(&artifact.path);
        let failed = |error: std::io::Error| Failure::new(format!("{}: {error}", path.display()));
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        std::fs::write(&path, &artifact.text).map_err(failed)?;
    }
    output.note(&format!("{} files", set.len()));
    Ok(ExitStatus::Ok)
}

/// The templates of a directory, by their path in it.
fn overrides(directory: Option<&Path>) -> Result<BTreeMap<String, String>, Failure> {
    let mut found = BTreeMap::new();
    let Some(directory) = directory else { return Ok(found) };
    for entry in walkdir::WalkDir::new(directory).sort_by_file_name() {
        let entry = entry.map_err(|error| Failure::new(format!("templates: {error}")))?;
        if !entry.file_type().is_file() || entry.path().extension().is_none_or(|e| e != "tera") {
            continue;
        }
        let name = entry.path().strip_prefix(directory).unwrap_or(entry.path()).to_string_lossy().replace('\\', "/");
        let text = std::fs::read_to_string(entry.path())
            .map_err(|error| Failure::new(format!("{}: {error}", entry.path().display())))?;
        found.insert(name, text);
    }
    Ok(found)
}

fn templates(errors: &[TemplateError]) -> Failure {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    Failure::new(lines.join("\n")).hint("nothing was written")
}
