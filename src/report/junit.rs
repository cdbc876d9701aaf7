//! JUnit XML: what most CI systems show as tests. A suite for each blueprint and environment; a finding is a case that fails,
//! if the command fails because of it; below the level that fails it is one that passes, with its text; waived ones are skipped.

use std::fmt::Write as _;

use super::Section;
use super::place::place;
use crate::diagnostics::Diagnostic;
use crate::rules::policy::is_fixed;

/// The findings as test suites.
pub fn render(sections: &[Section<'_>]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"hagen check\">\n");
    for section in sections {
        let failures = section.findings.iter().filter(|f| fails(section, f)).count();
        let skipped = section.findings.iter().filter(|f| f.waived.is_some()).count();
        // A suite without a case reads as one that did not run.
        let cases = section.findings.len().max(1);
        let file = section.document.sources.first().map_or("", |source| source.name.as_str());
        let name = section.environment.map_or_else(|| file.to_owned(), |name| format!("{file} ({name})"));
        let _ = writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{cases}\" failures=\"{failures}\" skipped=\"{skipped}\">",
            escaped(&name)
        );
        if section.findings.is_empty() {
            out.push_str("    <testcase classname=\"hagen\" name=\"nothing found\"/>\n");
        }
        for finding in section.findings {
            case(&mut out, section, finding);
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

/// Whether the command fails because of a finding: the exit status and the failures say the same.
fn fails(section: &Section<'_>, finding: &Diagnostic) -> bool {
    let reaches = section.fail_on.is_some_and(|least| finding.level <= least);
    finding.waived.is_none() && (reaches || is_fixed(finding))
}

fn case(out: &mut String, section: &Section<'_>, finding: &Diagnostic) {
    let at = place(section, &finding.primary);
    let _ = write!(
        out,
        "    <testcase classname=\"{}\" name=\"{}\" file=\"{}\" line=\"{}\">",
        finding.id,
        escaped(&format!("{}:{}: {}", at.file, at.line, finding.title)),
        escaped(at.file),
        at.line
    );
    let text: Vec<&str> = [finding.why.as_deref(), finding.fix.as_deref()].into_iter().flatten().collect();
    let text = escaped(&text.join("\n"));
    let title = escaped(&finding.title);
    let _ = match &finding.waived {
        Some(waived) => write!(out, "<skipped message=\"{}\"/>", escaped(&format!("waived: {}", waived.reason))),
        None if fails(section, finding) => {
            write!(out, "<failure type=\"{}\" message=\"{title}\">{text}</failure>", finding.level.name())
        }
        None => write!(out, "<system-out>{}: {text}</system-out>", finding.level.name()),
    };
    out.push_str("</testcase>\n");
}

/// A text as XML 1.0 takes it, in an attribute as well, where a bare line's end becomes a space: what means something is
/// escaped, what no XML may hold or acts on a terminal is replaced.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            c if super::place::acts(c) || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
