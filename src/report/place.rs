//! Where a label stands, as formats for programs write it.

use sha2::{Digest, Sha256};

use super::Section;
use crate::diagnostics::{Diagnostic, Label, Place as At};
use crate::rules::policy;

/// A place as people read it: lines and columns from 1, columns in characters.
pub struct Place<'a> {
    /// The file's name as it was given; empty when there is none.
    pub file: &'a str,
    /// The first line.
    pub line: usize,
    /// The first column.
    pub column: usize,
    /// The last line.
    pub end_line: usize,
    /// The column behind the last.
    pub end_column: usize,
}

/// Where a label stands.
pub fn place<'a>(section: &Section<'a>, label: &Label) -> Place<'a> {
    let span = section.document.span(&label.place);
    let Some(source) = section.document.sources.get(span.file as usize) else {
        return Place { file: "", line: 1, column: 1, end_line: 1, end_column: 1 };
    };
    let (start, end) = (source.position(span.start), source.position(span.end));
    Place { file: &source.name, line: start.line, column: start.column, end_line: end.line, end_column: end.column }
}

/// What a finding is known by from run to run, wherever it moves to in its file: its id, its place in the blueprint, and the
/// environment. A finding at no path is known by its title, and so is one of a rule in Rego, which may find several things at
/// one place.
pub fn fingerprint(section: &Section<'_>, finding: &Diagnostic) -> String {
    let at = match &finding.primary.place {
        At::Value(path) | At::Key(path) => path.to_string(),
        At::Span(_) => finding.title.clone(),
    };
    let file = place(section, &finding.primary).file.to_owned();
    let mut parts = vec![&*finding.id, &at, section.environment.unwrap_or_default(), &file];
    if policy::is_own(&finding.id) {
        parts.push(&finding.title);
    }
    let text = parts.join("\0");
    Sha256::digest(text.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// A title as one line that nothing in it can end: control characters are what they are not.
pub fn one_line(text: &str) -> String {
    let broken = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    text.chars().map(|c| if broken(c) { '\u{fffd}' } else { c }).collect()
}
