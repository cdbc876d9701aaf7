//! One line a finding, as compilers and `grep` write them: what an editor jumps to.

use std::fmt::Write as _;

use super::Section;
use super::place::{one_line, place};

/// The findings, a line each: `FILE:LINE:COLUMN: LEVEL[ID]: TITLE`.
pub fn render(sections: &[Section<'_>]) -> String {
    let mut out = String::new();
    for section in sections {
        let environment = section.environment.map(|name| format!(" (in `{}`)", one_line(name))).unwrap_or_default();
        for finding in section.findings.iter().filter(|finding| finding.waived.is_none()) {
            let at = place(section, &finding.primary);
            let (file, line, column) = (one_line(at.file), at.line, at.column);
            let (level, id, title) = (finding.level.name(), one_line(&finding.id), one_line(&finding.title));
            let _ = writeln!(out, "{file}:{line}:{column}: {level}[{id}]: {title}{environment}");
        }
    }
    out
}
