//! What is printed of findings: one type, one function a format. Nothing else formats a finding.

mod about;
pub mod budget;
mod concise;
pub mod diff;
mod github;
mod gitlab;
mod human;
mod json;
mod junit;
mod markdown;
mod place;
pub mod rules;
mod sarif;

pub use junit::escaped;
pub use place::{one_line, said};

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

/// A format of the reports of `check`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum CheckFormat {
    /// For people: excerpts with carets.
    #[default]
    Human,
    /// One line a finding.
    Concise,
    /// For programs: one JSON document, with a versioned schema.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// JUnit XML, for CI systems that show tests.
    Junit,
    /// Workflow commands, for annotations by GitHub Actions.
    Github,
    /// A Code Quality report, for merge requests of GitLab.
    Gitlab,
    /// A comment on a pull request.
    Markdown,
}

/// A format of the report of `diff`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum DiffFormat {
    /// For people.
    #[default]
    Human,
    /// For programs: one JSON document.
    Json,
    /// A comment on a pull request.
    Markdown,
}

/// The findings of one blueprint in one environment.
pub struct Section<'a> {
    /// The environment, if one was chosen.
    pub environment: Option<&'a str>,
    /// The texts.
    pub document: &'a Document,
    /// The findings, sorted.
    pub findings: &'a [Diagnostic],
    /// The lowest level that fails; none when only what keeps the blueprint from being used does.
    pub fail_on: Option<Level>,
}

/// The JSON Schema of the reports for programs.
pub fn schema() -> serde_json::Value {
    json::schema()
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

/// The report of `check` in a format.
pub fn check(sections: &[Section<'_>], format: CheckFormat, look: Look) -> String {
    match format {
        CheckFormat::Human => human::render(sections, look) + &summary(sections),
        CheckFormat::Concise => concise::render(sections),
        CheckFormat::Json => json::render(sections, None),
        CheckFormat::Sarif => sarif::render(sections),
        CheckFormat::Junit => junit::render(sections),
        CheckFormat::Github => github::render(sections),
        CheckFormat::Gitlab => gitlab::render(sections),
        CheckFormat::Markdown => markdown::render(sections),
    }
}

/// How much was found, in a line: `2 errors, 1 warning, 3 waived`.
pub fn summary(sections: &[Section<'_>]) -> String {
    let [errors, warnings, infos] = count(sections);
    let waived = waived(sections);
    let plural = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    let mut parts: Vec<String> = [(errors, "error"), (warnings, "warning"), (infos, "info")]
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| plural(*n, word))
        .collect();
    if parts.is_empty() {
        parts.push("nothing found".to_owned());
    }
    if waived > 0 {
        parts.push(format!("{waived} waived"));
    }
    format!("{}\n", parts.join(", "))
}

/// How many findings are waived.
pub fn waived(sections: &[Section<'_>]) -> usize {
    sections.iter().flat_map(|section| section.findings).filter(|finding| finding.waived.is_some()).count()
}

/// How many findings there are of each level: errors, warnings, infos; the waived ones are not among them.
pub fn count(sections: &[Section<'_>]) -> [usize; 3] {
    let mut counts = [0; 3];
    for finding in sections.iter().flat_map(|section| section.findings).filter(|finding| finding.waived.is_none()) {
        let at = match finding.level {
            Level::Error => 0,
            Level::Warning => 1,
            Level::Info => 2,
        };
        counts[at] += 1;
    }
    counts
}
