//! `hagen render`: everything that the blueprint promises, written, compared or streamed.

use std::path::Path;

use super::rendering::{self, Rendered};
use crate::blueprint::Blueprint;
use crate::cli::args::Render;
use crate::cli::output::Output;
use crate::cli::{ExitStatus, Failure};
use crate::env::Os;
use crate::render::{ArtifactKind, ArtifactSet, Selection};
use crate::report::{self, Format, Section};
use crate::write::{self, Request};

/// Loads, renders, verifies, writes.
pub fn run(args: &Render, output: &mut Output) -> Result<ExitStatus, Failure> {
    let loaded = rendering::one(&args.blueprint)?;
    let section = Section {
        environment: loaded.environment.as_deref(),
        document: &loaded.document,
        findings: &loaded.problems,
        fail_on: None,
    };
    let Some(blueprint) = &loaded.blueprint else {
        output.findings(&[section], args.format);
        return Ok(ExitStatus::DoesNotPass);
    };
    // For people the findings stand before what was done, for programs in the same document.
    if args.format == Format::Human {
        output.findings(std::slice::from_ref(&section), args.format);
    }
    let Rendered { set, objects, selection } = rendering::rendered(&args.rendering, blueprint)?;
    if args.stdout {
        if args.format == Format::Json {
            output.aside(&report::render(&[section], Format::Json, output.look()));
        }
        return stream(blueprint, &set, &selection, output);
    }
    let root = args.output.clone().unwrap_or_default();
    let model = serde_json::to_vec(&blueprint.spec).map_err(|error| Failure::new(format!("the model: {error}")))?;
    let request = Request {
        files: &set,
        selection: &selection,
        blueprint: &blueprint.name,
        environment: blueprint.environment.as_deref(),
        model: write::digest(&model),
        objects: &objects,
        force: args.force,
    };
    let failed = |error: write::WriteError| Failure::new(error.to_string());
    if args.check {
        let differences = if args.diff {
            write::diffs(&Os, &root, &request).map_err(failed)?
        } else {
            let differences = write::check(&Os, &root, &request).map_err(failed)?;
            differences.into_iter().map(|difference| (difference, String::new())).collect()
        };
        if args.format == Format::Json {
            let stale: Vec<_> = differences.iter().map(|(d, diff)| stale(d, diff)).collect();
            output.result(&report::with(&[section], "stale", stale.into()));
        }
        return Ok(compared(&root, &differences, args.format, output));
    }
    let outcome = write::write(&Os, &root, &request).map_err(failed)?;
    if args.format == Format::Json {
        let files = serde_json::json!({
            "created": outcome.created,
            "changed": outcome.changed,
            "removed": outcome.removed,
            "unchanged": outcome.unchanged,
        });
        output.result(&report::with(&[section], "files", files));
    }
    report_written(&root, &outcome, output);
    Ok(ExitStatus::Ok)
}

/// Says what was written: a line, and with `--verbose` every file.
fn report_written(root: &Path, outcome: &write::Outcome, output: &mut Output) {
    match outcome.recovered {
        Some(write::Recovery::Finished) => output.note("an interrupted run was finished first"),
        Some(write::Recovery::Undone) => {
            output.note("an interrupted run had changed nothing; what it left was removed")
        }
        None => {}
    }
    for (sign, paths) in [("+", &outcome.created), ("~", &outcome.changed), ("-", &outcome.removed)] {
        for path in paths {
            output.detail(&format!("{sign} {path}"));
        }
    }
    let counts = [
        (outcome.created.len(), "created"),
        (outcome.changed.len(), "changed"),
        (outcome.removed.len(), "removed"),
        (outcome.unchanged, "unchanged"),
    ];
    let counts: Vec<String> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    let counts = if counts.is_empty() { "no files".to_owned() } else { counts.join(", ") };
    output.note(&format!("{}: {counts}", root.display()));
}

/// A file that is not as it should be, for programs.
fn stale(difference: &write::Difference, diff: &str) -> serde_json::Value {
    let mut stale = serde_json::json!({"path": difference.path, "what": difference.what.name()});
    if !diff.is_empty() {
        stale["diff"] = diff.into();
    }
    stale
}

/// Compared only: what is stale goes to stdout, a line each, with what differs in it where that was asked for.
fn compared(
    root: &Path,
    differences: &[(write::Difference, String)],
    format: Format,
    output: &mut Output,
) -> ExitStatus {
    if format == Format::Human {
        for (difference, diff) in differences {
            output.result(&format!("{:10} {}\n{diff}", difference.what.name(), difference.path));
        }
    }
    if differences.is_empty() {
        output.note(&format!("{} is up to date", root.display()));
        return ExitStatus::Ok;
    }
    output
        .note(&format!("{} is not what the blueprint says; `hagen render` without --check writes it", root.display()));
    ExitStatus::DoesNotPass
}

/// Prints the Kubernetes objects of one region, for a pipe into `kubectl apply -f -`.
fn stream(
    blueprint: &Blueprint,
    set: &ArtifactSet,
    selection: &Selection,
    output: &mut Output,
) -> Result<ExitStatus, Failure> {
    if blueprint.regions.len() > 1 && selection.regions.len() != 1 {
        let names: Vec<&str> = blueprint.regions.iter().map(|r| r.name.as_str()).collect();
        return Err(Failure::new("the objects of several regions cannot stand in one stream")
            .hint(format!("pick one with --region: {}", names.join(", "))));
    }
    for artifact in set.values().filter(|artifact| artifact.kind == ArtifactKind::Kubernetes) {
        let separator = if artifact.text.starts_with("---") { "" } else { "---\n" };
        output.result(&format!("{separator}{}", artifact.text));
    }
    Ok(ExitStatus::Ok)
}
