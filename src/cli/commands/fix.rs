//! `hagen check --fix`: the values that rules know, written into the blueprint's own files.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use similar::TextDiff;

use super::check::Run;
use crate::cli::Failure;
use crate::cli::output::Output;
use crate::document::edit::{self, Replacement};
use crate::document::{Document, Source};
use crate::env::{Env, Os};
use crate::report::one_line;

/// A file with the text that it shall have.
struct Changed<'a> {
    source: &'a Source,
    text: String,
}

/// The files that the findings' edits change. Every run has the same sources, so an index means the same file in all.
fn changed(runs: &[Run]) -> (Vec<Changed<'_>>, usize) {
    let mut replacements: Vec<Replacement> = Vec::new();
    let mut impossible = 0;
    for run in runs {
        for finding in run.findings.iter().filter(|finding| finding.waived.is_none()) {
            let Some(wanted) = &finding.edit else { continue };
            match edit::set(&run.loaded.document, &wanted.path, &wanted.value) {
                Some(replacement) => replacements.push(replacement),
                None => impossible += 1,
            }
        }
    }
    let Some(document) = runs.first().map(|run| &run.loaded.document) else { return (Vec::new(), impossible) };
    let of_file = |(file, source): (usize, &'_ Source)| {
        let text = edit::apply(document, file as u32, &replacements)?;
        (text != source.text).then_some((file, text))
    };
    let texts: Vec<(usize, String)> = document.sources.iter().enumerate().filter_map(of_file).collect();
    let files = texts.into_iter().map(|(file, text)| Changed { source: source(document, file), text }).collect();
    (files, impossible)
}

fn source(document: &Document, file: usize) -> &Source {
    &document.sources[file]
}

/// Writes what the findings' edits make of the files, or shows it as a diff.
pub fn run(runs: &[Run], diff: bool, output: &mut Output) -> Result<(), Failure> {
    if !diff && let Some(run) = runs.first() {
        // Before anything is written: what was read once cannot be read again either, to say what is left.
        editable(&run.loaded.document)?;
    }
    let (files, impossible) = changed(runs);
    for Changed { source, text } in &files {
        if diff {
            let changes = TextDiff::from_lines(source.text.as_str(), text.as_str());
            let name = one_line(&source.name);
            output.result(&changes.unified_diff().header(&name, &name).to_string());
        } else {
            write(Path::new(&source.name), text)?;
            output.note(&format!("{}: mended", one_line(&source.name)));
        }
    }
    if files.is_empty() && impossible == 0 {
        output.note("nothing that a rule knows the one right value of");
    }
    if impossible > 0 {
        output.note(&format!("{impossible} not mended: where the value belongs, the text has no safe place for it"));
    }
    Ok(())
}

/// Refuses what is no file: standard input, and what a shell makes of `<(…)`.
fn editable(document: &Document) -> Result<(), Failure> {
    for source in &document.sources {
        let shown = match source.name.as_str() {
            "-" => "standard input".to_owned(),
            name => match std::fs::metadata(name) {
                Ok(found) if found.is_file() => continue,
                Ok(_) => format!("{} is no regular file and", one_line(name)),
                Err(error) => return Err(Failure::new(format!("{}: {error}", one_line(name)))),
            },
        };
        return Err(
            Failure::new(format!("{shown} cannot be edited in place")).hint("`--fix --diff` shows what would change")
        );
    }
    Ok(())
}

/// A new file beside another one. Whatever has its name already is somebody's.
fn beside(path: &Path) -> std::io::Result<(PathBuf, File)> {
    for n in 0..100 {
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(if n == 0 { ".hagen-new".to_owned() } else { format!(".hagen-new-{n}") });
        let beside = path.with_file_name(name);
        match OpenOptions::new().write(true).create_new(true).open(&beside) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            opened => return opened.map(|file| (beside, file)),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

/// Puts a text in the place of a file, whole or not at all; the file keeps its mode, a link what it points at.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(format!("{}: {error}", path.display()));
    let path = Os.canonical(path).map_err(failed)?;
    let mode = std::fs::metadata(&path).map_err(failed)?.permissions();
    let (beside, mut file) = beside(&path).map_err(failed)?;
    let written = file
        .set_permissions(mode)
        .and_then(|()| file.write_all(text.as_bytes()))
        .and_then(|()| file.sync_all())
        .and_then(|()| Os.rename(&beside, &path));
    written.map_err(|error| {
        let _ = Os.remove_file(&beside);
        failed(error)
    })
}
