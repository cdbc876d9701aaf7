//! Redis and its sentinels as files configure them.

use crate::document::Node;
use crate::document::node::Entry;

/// A directive with what it says: of several lines the last one counts.
pub fn directive<'a>(file: &'a Node, name: &str) -> Option<(&'a Entry, &'a str)> {
    let entry = file.map()?.iter().rev().find(|entry| entry.key.eq_ignore_ascii_case(name))?;
    Some((entry, words(entry)))
}

/// What a directive says, without the quotes around it.
pub fn words(entry: &Entry) -> &str {
    let text = entry.value.scalar().map_or("", |scalar| scalar.text.trim());
    let quoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    quoted.unwrap_or(text)
}

/// The first word of a directive: behind a value may stand what Redis does not take for a comment (RD002).
pub fn word<'a>(file: &'a Node, name: &str) -> Option<(&'a Entry, &'a str)> {
    let (entry, words) = directive(file, name)?;
    Some((entry, words.split_whitespace().next().unwrap_or_default()))
}

/// Whether a directive says `yes`.
pub fn is_on(file: &Node, name: &str) -> bool {
    word(file, name).is_some_and(|(_, word)| word.eq_ignore_ascii_case("yes"))
}
