//! What is printed of findings: one type, one function a format. Nothing else formats a finding.

mod human;
mod json;

use crate::diagnostics::{Diagnostic, Level};
use crate::document::Document;

/// A format of reports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people: excerpts with carets.
    #[default]
    Human,
    /// For programs: one JSON document, with a versioned schema.
    Json,
}

/// The findings of one blueprint in one environment.
pub struct Section<'a> {
    /// The environment, if one was chosen.
    pub environment: Option<&'a str>,
    /// The texts.
    pub document: &'a Document,
    /// The findings, sorted.
    pub findings: &'a [Diagnostic],
}

/// How a report for people looks.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Whether it is coloured.
    pub color: bool,
    /// How wide the terminal is.
    pub width: usize,
}

/// The findings as text in a format.
pub fn render(sections: &[Section<'_>], format: Format, look: Look) -> String {
    match format {
        Format::Human => human::render(sections, look),
        Format::Json => json::render(sections, None),
    }
}

/// The findings for programs, with one more field: what else the command has to tell.
pub fn with(sections: &[Section<'_>], field: &str, value: serde_json::Value) -> String {
    json::render(sections, Some((field, value)))
}

/// How many findings there are of each level: errors, warnings, infos.
pub fn count(sections: &[Section<'_>]) -> [usize; 3] {
    let mut counts = [0; 3];
    for finding in sections.iter().flat_map(|section| section.findings) {
        let at = match finding.level {
            Level::Error => 0,
            Level::Warning => 1,
            Level::Info => 2,
        };
        counts[at] += 1;
    }
    counts
}
