//! What the reports of `hagen check` must not be written over: what was checked, and each other.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::cli::Failure;
use crate::cli::args::Check;
use crate::estate::Estate;
use crate::report::{Section, one_line};

/// Refuses a report whose file was read in this run, or that has the file of another one.
pub(super) fn nothing(args: &Check, sections: &[Section<'_>]) -> Result<(), Failure> {
    let mut reports: Vec<PathBuf> = Vec::new();
    for file in args.formats.iter().filter_map(|(_, file)| file.as_deref()) {
        let Some(path) = place(file) else { continue };
        let shown = one_line(&file.display().to_string());
        if reports.contains(&path) {
            return Err(Failure::new(format!("{shown}: two reports cannot share a file")).hint("give each its own"));
        }
        if path.is_file() && is_input(args, sections, &path) {
            return Err(Failure::new(format!("{shown}: this is what is checked, and the report would take its place"))
                .hint("name another file behind `=`"));
        }
        reports.push(path);
    }
    Ok(())
}

/// Where a file is or would be, whichever way it is named; nowhere when its directory is not there.
fn place(file: &Path) -> Option<PathBuf> {
    file.canonicalize().ok().or_else(|| {
        let directory = file.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Some(directory.canonicalize().ok()?.join(file.file_name()?))
    })
}

fn is_input(args: &Check, sections: &[Section<'_>], report: &Path) -> bool {
    let is = |path: &Path| path.canonicalize().is_ok_and(|path| path == report);
    // Below a directory of files stand the reports of runs before, too, which nothing is known to read.
    let is_known = |name: &str, text: &str| {
        args.from.is_empty() || Estate::read(vec![(name.to_owned(), text.to_owned())]).unknown.is_empty()
    };
    let sources = sections.iter().flat_map(|section| &section.document.sources);
    let named = args.blueprint.iter().chain(&args.from).chain(&args.own.policies).chain(&args.own.data);
    let below = |directories: &[PathBuf], kinds: &[&str]| {
        let kind = report.extension().and_then(OsStr::to_str).unwrap_or_default();
        let inside = |directory: &PathBuf| directory.canonicalize().is_ok_and(|path| report.starts_with(path));
        kinds.contains(&kind) && directories.iter().any(inside)
    };
    named.into_iter().any(|path| is(path))
        || sources.into_iter().any(|source| is(Path::new(&source.name)) && is_known(&source.name, &source.text))
        || below(&args.own.policies, &["rego"])
        || below(&args.own.data, &["json", "yaml", "yml"])
        || args.templates.iter().any(|directory| below(std::slice::from_ref(directory), &["tera"]))
}
