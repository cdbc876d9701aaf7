//! A comment on a pull request: what a reviewer reads first stands first, the reasons behind a click.

use std::fmt::Write as _;

use super::place::{one_line, place};
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
            "| {sign} {} | {} | {}{} |",
            code(&finding.id),
            code(&at(section, finding)),
            text(&finding.title),
            section.environment.map(|name| format!(" (in {})", code(name))).unwrap_or_default()
        );
    }
    for (section, finding) in &counted {
        if finding.why.is_none() && finding.fix.is_none() {
            continue;
        }
        let _ = writeln!(
            out,
            "\n<details><summary><code>{}</code> {}</summary>\n",
            html(&finding.id),
            html(&finding.title)
        );
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
            "| {} | {} | {} | {} | {} | {} |",
            code(&finding.id),
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

/// A text in a cell or a line: nothing in it opens a table, a tag, a link or a mention. Code in single backticks stays code. A
/// run of several would be a fence of its own, which ends where no single one does: it is shown as other quotes, and so is a
/// backtick that is left over.
fn text(text: &str) -> String {
    let plain = plain(text);
    let mut parts: Vec<String> = vec![String::new()];
    let mut rest = plain.as_str();
    while let Some(c) = rest.chars().next() {
        let run = rest.len() - rest.trim_start_matches('`').len();
        match run {
            0 => parts.last_mut().unwrap_or(&mut String::new()).push(c),
            1 => parts.push(String::new()),
            _ => parts.last_mut().unwrap_or(&mut String::new()).push_str(&"'".repeat(run)),
        }
        rest = &rest[run.max(c.len_utf8())..];
    }
    let mut out = String::with_capacity(text.len());
    let last = parts.len() - 1;
    for (at, part) in parts.iter().enumerate() {
        // Between two backticks, of which the second must be there.
        match at % 2 {
            0 => out.push_str(&prose(part)),
            _ if at < last => out.push_str(&code(part)),
            _ => out.push_str(&format!("'{}", prose(part))),
        }
    }
    out
}

/// What stands outside of code.
fn prose(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' | '*' | '_' | '[' | ']' | '\\' | '#' | '~' | '$' => {
                out.push('\\');
                out.push(c);
            }
            // Who makes HTML of it may know no escapes.
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // Somebody would be told of every run.
            '@' => out.push_str("@\u{200b}"),
            c => out.push(c),
        }
    }
    out
}

/// A text as one line, in which nothing acts.
fn plain(text: &str) -> String {
    text.lines().map(one_line).collect::<Vec<_>>().join(" ")
}

/// A text in an HTML element.
fn html(text: &str) -> String {
    plain(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('@', "@\u{200b}")
}

/// A name as code.
fn code(text: &str) -> String {
    // Nothing between two backticks would be a fence of two.
    let text = if text.is_empty() { " " } else { text };
    format!("`{}`", one_line(text).replace('`', "'").replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use super::{code, text};

    #[test]
    fn nothing_gets_out_of_its_code() {
        assert_eq!(text("the path `/a|b` is <not> & @known"), "the path `/a\\|b` is &lt;not&gt; &amp; @\u{200b}known");
        for value in ["``<img src=x> @acme/all", "`` ` <img>", "`", "``", "```", "a` <b> `c", "a\\` <b>", "\\``<b>"] {
            let shown = text(&format!("`{value}` is no path"));
            assert!(!shown.contains("``"), "{shown}");
            // CommonMark pairs single backticks, and knows no escapes within.
            let outside: String = shown.split('`').step_by(2).collect();
            assert!(shown.matches('`').count().is_multiple_of(2) && !outside.contains('<'), "{shown}");
            assert!(!outside.replace("@\u{200b}", "").contains('@'), "{shown}");
        }
        assert_eq!(code("a\n`b`\u{1b}"), "`a\\n'b'\\u{1b}`");
    }
}
