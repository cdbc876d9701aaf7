//! Workflow commands of GitHub Actions: annotations in the diff of a pull request.

use std::fmt::Write as _;

use super::Section;
use super::place::{one_line, place};
use crate::diagnostics::Level;

/// The findings, a command each; the waived ones are left out.
pub fn render(sections: &[Section<'_>]) -> String {
    let mut out = String::new();
    for section in sections {
        for finding in section.findings.iter().filter(|finding| finding.waived.is_none()) {
            let at = place(section, &finding.primary);
            let command = match finding.level {
                Level::Error => "error",
                Level::Warning => "warning",
                Level::Info => "notice",
            };
            // An end column is only understood within one line.
            let columns = if at.line == at.end_line {
                format!(",col={},endColumn={}", at.column, at.end_column)
            } else {
                format!(",endLine={}", at.end_line)
            };
            let mut text = vec![finding.title.clone()];
            text.extend(section.environment.map(|name| format!("in the environment `{name}`")));
            text.extend(finding.why.iter().cloned());
            text.extend(finding.fix.iter().cloned());
            let _ = writeln!(
                out,
                "::{command} file={},line={}{columns},title={}::{}",
                property(at.file.strip_prefix("./").unwrap_or(at.file)),
                at.line,
                property(&finding.id),
                data(&text.join("\n"))
            );
        }
    }
    out
}

/// What stands behind `::`: a line that nothing in it can end. What else acts on a terminal is shown: logs hold it as it is.
fn data(text: &str) -> String {
    let escaped = |line: &str| one_line(line).replace('%', "%25");
    text.split('\n').map(|line| escaped(line.strip_suffix('\r').unwrap_or(line))).collect::<Vec<_>>().join("%0A")
}

/// What stands in a property, where `:` and `,` mean something too.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
