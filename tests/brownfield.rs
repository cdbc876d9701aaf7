//! Files of systems that grew by hand, read as a whole: what stands marked in them is found, at its line, and nothing else.
//!
//! The fixtures of `tests/rules` try one rule each. Here all rules look at all files of a system together, as `check --files` does:
//! what one file says is an answer to what another leaves open, and a rule that finds too much shows.

use std::collections::BTreeSet;
use std::path::Path;

use hagen::diagnostics::Place;
use hagen::estate::Estate;
use hagen::rules;

use crate::support::{fixture, marks};

/// What the rules find in the files of a directory: the file's name, the line, the id.
fn found(path: &Path) -> BTreeSet<(String, usize, String)> {
    let read = |file: &Path| std::fs::read_to_string(file).unwrap();
    let texts = fixture(path).into_iter().map(|file| (file.display().to_string(), read(&file)));
    let estate = Estate::read(texts);
    assert!(estate.problems.is_empty() && estate.unknown.is_empty(), "{:?} {:?}", estate.problems, estate.unknown);
    let place = |finding: hagen::diagnostics::Diagnostic| {
        let Place::Span(span) = finding.primary.place else { panic!("{}: a place in a file", finding.id) };
        let source = &estate.sources[span.file as usize];
        let file = Path::new(&source.name).file_name().unwrap().to_string_lossy().into_owned();
        (file, source.position(span.start).line, finding.id.into_owned())
    };
    rules::check_files(&estate).into_iter().map(place).collect()
}

#[test]
fn what_is_marked_in_files_that_grew_by_hand_is_found_and_nothing_else() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/brownfield");
    let mut failures = Vec::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        let (found, expected) = (found(&path), marks(&path));
        assert!(!expected.is_empty(), "{}: nothing is marked", path.display());
        failures
            .extend(expected.difference(&found).map(|(file, line, id)| format!("{file}:{line}: {id} is not found")));
        failures
            .extend(found.difference(&expected).map(|(file, line, id)| format!("{file}:{line}: {id} is not marked")));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
