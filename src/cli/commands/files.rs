//! `hagen check --files`: hand-written files, without a blueprint.

use std::path::Path;
use std::sync::Arc;

use super::own::Rules;
use crate::blueprint::load;
use crate::blueprint::raw::Policy;
use crate::cli::args::Check;
use crate::cli::output::Output;
use crate::cli::{ExitStatus, Failure};
use crate::document::{Document, Node, NodeKind, Span};
use crate::estate::Estate;
use crate::report::Section;
use crate::rules;
use crate::rules::policy::{self, Flags};

/// The largest file that is read: configuration is never that large, and a dump beside it often is.
const BYTES: u64 = 16 << 20;

/// Reads all files, runs every rule that what stands in them can decide, and reports.
pub fn run(args: &Check, flags: &Flags, own: Option<&Rules>, output: &mut Output) -> Result<ExitStatus, Failure> {
    let mut texts = Vec::new();
    for path in &args.from {
        collect(path, &mut texts, output)?;
    }
    let mut estate = Estate::read(texts);
    if estate.files.is_empty() && estate.problems.is_empty() {
        return Err(Failure::new("there is nothing that hagen knows how to read")
            .hint("`hagen check --help` says what it reads; what a file is follows from its content"));
    }
    for index in &estate.unknown {
        output.detail(&format!("{}: nothing is known to read this", estate.sources[*index as usize].name));
    }
    let mut found = std::mem::take(&mut estate.problems);
    found.extend(rules::check_files(&estate));
    if let Some(own) = own {
        found.extend(own.check_files(&estate, output)?);
    }
    let policy = Policy::default();
    let sources = Arc::unwrap_or_clone(std::mem::take(&mut estate.sources));
    let empty = Node { span: Span::default(), kind: NodeKind::Map(Vec::new()) };
    let document = Document { sources, root: empty };
    let verdict = policy::apply(&policy, &document, flags, found);
    let mut findings = verdict.findings;
    findings.extend(policy::leveled(&policy, &document, flags, verdict.unused));
    load::sort(&document, &mut findings);
    let section = Section { environment: None, document: &document, findings: &findings };
    super::check::write(args, &[section], output)?;
    Ok(if policy::fails(&policy, flags, &findings) { ExitStatus::DoesNotPass } else { ExitStatus::Ok })
}

/// A file, or all files below a directory, in order; what is hidden is left out.
fn collect(path: &Path, texts: &mut Vec<(String, String)>, output: &mut Output) -> Result<(), Failure> {
    let visible =
        |entry: &walkdir::DirEntry| entry.depth() == 0 || !entry.file_name().to_string_lossy().starts_with('.');
    for entry in walkdir::WalkDir::new(path).sort_by_file_name().into_iter().filter_entry(visible) {
        let entry = entry.map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
        if !entry.file_type().is_file() {
            continue;
        }
        let name = entry.path().display().to_string();
        let failed = |error: std::io::Error| Failure::new(format!("{name}: {error}"));
        if std::fs::metadata(entry.path()).map_err(failed)?.len() > BYTES {
            output.note(&format!("{name}: larger than 16 MiB, left out"));
            continue;
        }
        match String::from_utf8(std::fs::read(entry.path()).map_err(failed)?) {
            Ok(text) => texts.push((name, text)),
            Err(_) => output.detail(&format!("{name}: no text, left out")),
        }
    }
    Ok(())
}
