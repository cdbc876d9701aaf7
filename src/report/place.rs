//! Where a label stands, as formats for programs write it, and how texts are written that may hold anything.

use std::fmt::Write as _;

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

/// Whether a sign does something to the text around it instead of being seen: what controls a terminal or ends a line, and what
/// turns the direction of writing, so that a text reads as another one.
pub fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A name or a title as one line that nothing in it can end: what acts is shown as it is written in a text, `\n`, `\u{1b}`.
pub fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if acts(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// What is said to people, which may be several lines. One that begins with `::` or `##` gets a sign in front: it would be a command
/// to the runners of GitHub and Azure, whatever spaces stand before it.
pub fn said(text: &str) -> String {
    let is_command = |line: &str| line.trim_start().starts_with("::") || line.trim_start().starts_with("##");
    let shown = |line: &str| format!("{}{}", if is_command(line) { "| " } else { "" }, one_line(line));
    text.lines().map(shown).collect::<Vec<_>>().join("\n")
}

/// A document of JSON in which what acts is escaped: a log or an editor may show it as it is. It only ever stands within strings,
/// where JSON has escapes for all; those below U+0020 are escaped already.
pub fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if acts(c) && c >= '\u{7f}' {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{json, one_line};

    #[test]
    fn what_acts_is_shown() {
        assert_eq!(one_line("a\n::error\r\u{1b}[2J\u{9b}\u{202e}é ok"), "a\\n::error\\r\\u{1b}[2J\\u{9b}\\u{202e}é ok");
        let value = serde_json::json!({"a\u{9b}": "b\u{1b}\u{7f}\u{202e}\u{2028}é\n"});
        let text = json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(text.chars().all(|c| c == '\n' || !super::acts(c)), "{text:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
