//! The templates that a command renders with: the built-in ones, and those of a directory in their place.

use std::collections::BTreeMap;
use std::path::Path;

use crate::cli::Failure;
use crate::render::{Engine, TemplateError, engine as known};
use crate::verify::VerifyProblem;

/// The engine with the templates of a directory, if one was given.
pub(super) fn engine(directory: Option<&Path>) -> Result<Engine, Failure> {
    Engine::new(&overrides(directory)?).map_err(|errors| failure(&errors))
}

/// The templates of a directory, by their path in it.
fn overrides(directory: Option<&Path>) -> Result<BTreeMap<String, String>, Failure> {
    let mut found = BTreeMap::new();
    let Some(directory) = directory else { return Ok(found) };
    // A mounted directory may hold links to its files.
    let all = walkdir::WalkDir::new(directory).follow_links(true).sort_by_file_name().into_iter();
    // Beside what it shows such a directory holds what the links lead to, in hidden ones.
    let shown =
        |entry: &walkdir::DirEntry| entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".");
    for entry in all.filter_entry(shown) {
        let entry = entry.map_err(|error| Failure::new(format!("templates: {error}")))?;
        let name = entry.path().strip_prefix(directory).unwrap_or(entry.path()).to_string_lossy().replace('\\', "/");
        if !entry.file_type().is_file() {
            continue;
        }
        if entry.path().extension().is_none_or(|e| e != "tera") {
            let whole = format!("{name}.tera");
            if known::embedded_paths().any(|known| known == whole) {
                return Err(Failure::new(format!("{}: nothing would read it", entry.path().display()))
                    .hint(format!("call it `{whole}`")));
            }
            continue;
        }
        let text =
            std::fs::read_to_string(entry.path()).map_err(|error| Failure::system("read", entry.path(), &error))?;
        found.insert(name, text);
    }
    if found.is_empty() {
        return Err(Failure::new(format!("{}: no *.tera in this directory", directory.display()))
            .hint("its files are called as the built-in ones are, such as `kubernetes/deployment.yaml.tera`"));
    }
    Ok(found)
}

/// What is wrong with templates.
pub(super) fn failure(errors: &[TemplateError]) -> Failure {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    Failure::new(lines.join("\n")).hint("nothing was written")
}

/// What the verifier found, as far as it can be read at once.
pub(super) fn refused(problems: &[VerifyProblem]) -> Failure {
    const SHOWN: usize = 20;
    let mut lines: Vec<String> = problems.iter().take(SHOWN).map(ToString::to_string).collect();
    if problems.len() > SHOWN {
        lines.push(format!("and {} more", problems.len() - SHOWN));
    }
    Failure::new(format!("what was rendered would not be accepted\n{}", lines.join("\n")))
        .hint("nothing was written; with --templates mend the template that is named, otherwise report this with the blueprint")
}
