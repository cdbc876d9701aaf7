//! One line a finding, as compilers and `grep` write them: what an editor jumps to.

use std::fmt::Write as _;

use super::Section;

/// The findings, a line each: `FILE:LINE:COLUMN: LEVEL[ID]: TITLE`.
pub fn render(sections: &[Section<'_>]) -> String {
    let mut out = String::new();
    for section in sections {
        let environment = section.environment.map(|name| format!(" (in `{name}`)")).unwrap_or_default();
        for finding in section.findings.iter().filter(|finding| finding.waived.is_none()) {
            let span = section.document.span(&finding.primary.place);
            let place = section.document.sources.get(span.file as usize).map_or_else(
                || "-:1:1".to_owned(),
                |source| {
                    let at = source.position(span.start);
                    format!("{}:{}:{}", source.name.escape_debug(), at.line, at.column)
                },
            );
            let (level, id) = (finding.level.name(), finding.id);
            // A title may quote what a file holds; a line stays a line.
            let title: String = finding.title.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
            let _ = writeln!(out, "{place}: {level}[{id}]: {title}{environment}");
        }
    }
    out
}
