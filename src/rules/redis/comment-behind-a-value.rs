//! A comment stands behind a value in redis.conf.
//!
//! # What it finds
//! A line of redis.conf or sentinel.conf with a `#` behind a value, outside of quotes. The hash of a password in a `user` line
//! (`#` and 64 hexadecimal digits) is none.
//!
//! # Why it matters
//! Redis knows comments on lines of their own only. The words behind the value are arguments to it: it refuses to start with
//! "wrong number of arguments", or takes them for more values.
//!
//! # Example
//! ```text
//! cluster-node-timeout 5000  # five seconds
//! ```
//!
//! # Fix
//! Put the comment on a line of its own above.
//!
//! # Source
//! facts.md F-RD-12 (measured with 7.0.15).

use crate::document::Node;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "RD002",
    name: "comment-behind-a-value",
    group: Group::Redis,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for file in [Kind::Redis, Kind::Sentinel].into_iter().flat_map(|kind| estate.of(kind)) {
        for entry in file.map().unwrap_or_default() {
            let user = entry.key.eq_ignore_ascii_case("user");
            let Some(at) = comment(&entry.value, user) else { continue };
            let span = crate::document::Span { start: entry.value.span.start + at as u32, ..entry.value.span };
            findings.push(
                RULE.finding(Place::Span(span), format!("a comment behind the value of `{}`", entry.key.escape_debug()))
                    .label("arguments, to Redis")
                    .because("Redis knows comments on lines of their own only; it takes these words for arguments and does not start (F-RD-12)")
                    .fix("put the comment on a line of its own"),
            );
        }
    }
}

/// Where a comment begins in what stands behind a directive: that of a user, whose passwords may be hashed, or another.
fn comment(value: &Node, user: bool) -> Option<usize> {
    let text = &value.scalar()?.text;
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '#') if before.is_whitespace() && !(user && is_hash(&text[at + 1..])) => return Some(at),
            _ => {}
        }
        before = c;
    }
    None
}

/// Whether a text begins with the SHA-256 of a password, as a word of its own.
fn is_hash(text: &str) -> bool {
    let word = text.split_whitespace().next().unwrap_or_default();
    text.starts_with(|c: char| !c.is_whitespace()) && word.len() == 64 && word.bytes().all(|b| b.is_ascii_hexdigit())
}
