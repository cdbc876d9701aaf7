//! A value that somebody was to fill in stands there as it came.
//!
//! # What it finds
//! In any file that hagen reads: a value with `<name of something>`, with `xxx` as a word of its own, with CHANGE_ME,
//! REPLACE_ME or the like, a hosted zone such as Z123456 or an account such as 123456789012, whose digits only count
//! up or down. Angle brackets in expressions and messages of Prometheus, in named groups, in markup and in texts of
//! several lines are none, and descriptions are not looked at. In objects of Kubernetes angle brackets count only where
//! they are the whole value and hold two words or more, and never in the data of a ConfigMap, which may be for people.
//!
//! # Why it matters
//! The file looks complete and does nothing: the server does not start, the record goes nowhere, or the password is
//! one that everybody knows.
//!
//! # Example
//! ```text
//! replicaof <address-of-the-primary> 6379
//! ```
//!
//! # Fix
//! Write the value; where it is a secret, name where it comes from.
//!
//! # Source
//! facts.md R-RD-03 (policy).

use crate::document::{Node, NodeKind};
use crate::rules::kubernetes::objects::text_at;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "RD003",
    name: "placeholder-left-in",
    group: Group::Redis,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

/// Words that ask to be replaced.
const WORDS: [&str; 8] =
    ["changeme", "change_me", "change-me", "change_this", "replaceme", "replace_me", "replace-me", "your_password"];

/// What is written for people.
const PROSE: [&str; 4] = ["description", "summary", "message", "comment"];

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for file in &estate.files {
        for document in &file.documents {
            let brackets = match file.kind {
                Kind::PrometheusRules | Kind::Alertmanager => Brackets::Never,
                Kind::Kubernetes if text_at(document, &["kind"]) == Some("ConfigMap") => Brackets::Never,
                Kind::Kubernetes => Brackets::Whole,
                _ => Brackets::Anywhere,
            };
            walk(document, brackets, findings);
        }
    }
}

/// Where angle brackets mean that something is to be filled in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Brackets {
    /// Anywhere in a value.
    Anywhere,
    /// Where they are all of a value, with several words in them.
    Whole,
    /// Nowhere.
    Never,
}

fn walk(node: &Node, brackets: Brackets, findings: &mut Vec<Diagnostic>) {
    match &node.kind {
        NodeKind::Map(entries) => {
            // Prose may show what a value looks like.
            for entry in entries.iter().filter(|entry| !PROSE.iter().any(|prose| entry.key.eq_ignore_ascii_case(prose)))
            {
                walk(&entry.value, brackets, findings);
            }
        }
        NodeKind::List(items) => items.iter().for_each(|item| walk(item, brackets, findings)),
        NodeKind::Scalar(scalar) => {
            let Some(found) = placeholder(&scalar.text, brackets) else { return };
            findings.push(
                RULE.finding(Place::Span(node.span), format!("`{}` was never filled in", found.escape_debug()))
                    .label("a placeholder")
                    .because("the file cannot work as it is, or works with a value that everybody knows (R-RD-03)")
                    .fix("write the value that belongs here"),
            );
        }
    }
}

/// The placeholder in a text.
fn placeholder(text: &str, brackets: Brackets) -> Option<&str> {
    let markup = text.contains('\n') || text.contains("</");
    let counts_here = |found: &&str| match brackets {
        Brackets::Anywhere => !markup,
        Brackets::Whole => !markup && *found == text.trim() && found.contains([' ', '-', '_']),
        Brackets::Never => false,
    };
    if let Some(found) = bracketed(text).filter(counts_here) {
        return Some(found);
    }
    let mut words = text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-')));
    words.find(|word| {
        let x = word.len() >= 3 && word.bytes().all(|b| matches!(b, b'x' | b'X'));
        let zone = word.strip_prefix('Z').is_some_and(|digits| digits.len() >= 5 && counts(digits));
        x || zone || *word == "123456789012" || WORDS.iter().any(|known| word.eq_ignore_ascii_case(known))
    })
}

/// `<name of something>`.
fn bracketed(text: &str) -> Option<&str> {
    let mut from = 0;
    while let Some(start) = text[from..].find('<').map(|at| from + at) {
        let inside = &text[start + 1..];
        let end = inside.find(['<', '>'])?;
        let name = &inside[..end];
        let group = text[..start].ends_with(['?', 'P']);
        let letters = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.ends_with(|c: char| c.is_ascii_alphanumeric())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ' ' | '.'));
        if inside[end..].starts_with('>') && letters && !group {
            return Some(&text[start..start + end + 2]);
        }
        from = start + 1 + end;
    }
    None
}

/// Whether digits only count up or down: `123456`, `654321`.
fn counts(digits: &str) -> bool {
    let by =
        |step: u8| digits.as_bytes().windows(2).all(|pair| pair[0].is_ascii_digit() && pair[1] == digit(pair[0], step));
    by(1) || by(9)
}

/// The digit so many further on; 0 follows 9.
const fn digit(from: u8, step: u8) -> u8 {
    b'0' + (from - b'0' + step) % 10
}
