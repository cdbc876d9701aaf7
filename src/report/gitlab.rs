//! GitLab's Code Quality report: what a merge request shows beside the lines.

use serde_json::{Value, json};

use super::Section;
use super::place::{self, fingerprint, place};
use crate::diagnostics::Level;

/// The findings as a Code Quality report; the waived ones are left out.
pub fn render(sections: &[Section<'_>]) -> String {
    let mut issues: Vec<Value> = Vec::new();
    for section in sections {
        for finding in section.findings.iter().filter(|finding| finding.waived.is_none()) {
            let at = place(section, &finding.primary);
            let severity = match finding.level {
                Level::Error => "critical",
                Level::Warning => "major",
                Level::Info => "info",
            };
            let environment = section.environment.map(|name| format!(" (in `{name}`)")).unwrap_or_default();
            issues.push(json!({
                "description": format!("{}{environment}", finding.title),
                "check_name": finding.id,
                "fingerprint": fingerprint(section, finding),
                "severity": severity,
                "location": {
                    "path": at.file.strip_prefix("./").unwrap_or(at.file),
                    "lines": {"begin": at.line, "end": at.end_line},
                },
            }));
        }
    }
    let mut text = place::json(&serde_json::to_string_pretty(&issues).unwrap_or_default());
    text.push('\n');
    text
}
