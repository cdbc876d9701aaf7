//! A comment on a pull request: what a reviewer reads first stands first, the reasons behind a click.

use std::fmt::Write as _;

use super::place::place;
use super::{Section, summary};
use crate::diagnostics::{Diagnostic, Level};

/// The findings as a page: a table of those that count, each with its reasons below, then what is waived.
pub fn render(sections: &[Section<'_>]) -> String {
    let mut out = format!("### hagen check: {}", summary(sections));
    let counted: Vec<(&Section<'_>, &Diagnostic)> = of(sections, |finding| finding.waived.is_none());
    if !counted.is_empty() {
        out.push_str("\n| | where | what |\n|---|---|---|\n");
    }
    for (section, finding) in &counted {
        let sign = match finding.level {
            Level::Error => "❌",
            Level::Warning => "⚠️",
            Level::Info => "ℹ️",
        };
        let _ = writeln!(
            out,
            "| {sign} `{}` | {} | {}{} |",
            finding.id,
            code(&at(section, finding)),
            text(&finding.title),
            section.environment.map(|name| format!(" (in {})", code(name))).unwrap_or_default()
        );
    }
    for (section, finding) in &counted {
        if finding.why.is_none() && finding.fix.is_none() {
            continue;
        }
        let _ = writeln!(out, "\n<details><summary><code>{}</code> {}</summary>\n", finding.id, html(&finding.title));
        let _ = writeln!(out, "{}\n", code(&at(section, finding)));
        for label in finding.related.iter().filter(|label| !label.text.is_empty()) {
            let there = place(section, label);
            let _ = writeln!(out, "- {}: {}", code(&format!("{}:{}", there.file, there.line)), text(&label.text));
        }
        if let Some(why) = &finding.why {
            let _ = writeln!(out, "\n**Why**: {}", text(why));
        }
        if let Some(fix) = &finding.fix {
            let _ = writeln!(out, "\n**Fix**: {}", text(fix));
        }
        if let Some(decided) = &finding.decided {
            let _ = writeln!(out, "\n**Level**: {}", text(decided));
        }
        out.push_str("\n</details>\n");
    }
    let waived = of(sections, |finding| finding.waived.is_some());
    if !waived.is_empty() {
        let _ = write!(out, "\n<details><summary>{} waived</summary>\n\n", waived.len());
        out.push_str("| | where | what | why it is accepted | by | until |\n|---|---|---|---|---|---|\n");
    }
    for (section, finding) in &waived {
        let Some(by) = &finding.waived else { continue };
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {} | {} | {} |",
            finding.id,
            code(&at(section, finding)),
            text(&finding.title),
            text(&by.reason),
            text(&by.owner),
            text(&by.until)
        );
    }
    if !waived.is_empty() {
        out.push_str("\n</details>\n");
    }
    out
}

fn of<'a>(sections: &'a [Section<'a>], wanted: impl Fn(&Diagnostic) -> bool) -> Vec<(&'a Section<'a>, &'a Diagnostic)> {
    let mut found: Vec<_> = sections
        .iter()
        .flat_map(|section| section.findings.iter().map(move |finding| (section, finding)))
        .filter(|(_, finding)| wanted(finding))
        .collect();
    found.sort_by_key(|(_, finding)| finding.level);
    found
}

fn at(section: &Section<'_>, finding: &Diagnostic) -> String {
    let place = place(section, &finding.primary);
    format!("{}:{}", place.file, place.line)
}

/// A text in a cell or a line: nothing in it opens a table, a tag, a link or a mention. Code in backticks stays code.
fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let balanced = text.matches('`').count().is_multiple_of(2);
    let mut inside = false;
    for c in text.chars() {
        match c {
            '`' if balanced => {
                inside = !inside;
                out.push('`');
            }
            '|' => out.push_str("\\|"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => out.push(' '),
            '`' | '*' | '_' | '<' | '>' | '[' | ']' | '\\' | '#' | '~' if !inside => {
                out.push('\\');
                out.push(c);
            }
            // Somebody would be told of every run.
            '@' if !inside => out.push_str("@\u{200b}"),
            c => out.push(c),
        }
    }
    out
}

/// A text in an HTML element.
fn html(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('@', "@\u{200b}")
}

/// A name as code.
fn code(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c == '`' || c.is_control() { '\'' } else { c }).collect();
    format!("`{}`", plain.replace('|', "\\|"))
}
