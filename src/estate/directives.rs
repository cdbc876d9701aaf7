//! Files of lines as trees: a map of directives in their order, a directive that stands several times included. What a line
//! says behind its first word is one text; rules split it as the program would.

use super::Kind;
use crate::document::node::{Entry, Scalar};
use crate::document::{Node, NodeKind, Source, Span};

/// Reads a file of lines. Sections, where the kind has them, are maps of their own below the name in the header.
pub(super) fn read(source: &Source, file: u32, kind: Kind) -> Node {
    let whole = Span { file, start: 0, end: source.text.len() as u32 };
    let mut top: Vec<Entry> = Vec::new();
    let mut section: Option<Entry> = None;
    let mut start = 0;
    for line in source.text.split('\n') {
        let at = start;
        start += line.len() + 1;
        let content = line.trim();
        if content.is_empty() || content.starts_with('#') || content.starts_with(';') {
            continue;
        }
        let from = at + (line.len() - line.trim_start().len());
        let place = |from: usize, len: usize| Span { file, start: from as u32, end: (from + len) as u32 };
        if let Some(header) = header(kind, content) {
            top.extend(section.take());
            let value = Node { span: place(from, content.len()), kind: NodeKind::Map(Vec::new()) };
            section = Some(Entry { key: header.into(), key_span: place(from, content.len()), key_plain: true, value });
            continue;
        }
        let (key, value) = split(kind, content);
        let offset = value.as_ptr() as usize - content.as_ptr() as usize;
        let scalar = Scalar { text: value.into(), plain: true };
        let entry = Entry {
            key: key.into(),
            key_span: place(from, key.len()),
            key_plain: true,
            value: Node { span: place(from + offset, value.len()), kind: NodeKind::Scalar(scalar) },
        };
        match &mut section {
            Some(Entry { value: Node { span, kind: NodeKind::Map(entries) }, .. }) => {
                span.end = (from + content.len()) as u32;
                entries.push(entry);
            }
            _ => top.push(entry),
        }
    }
    top.extend(section);
    Node { span: whole, kind: NodeKind::Map(top) }
}

/// The words that open a section of HAProxy.
const SECTIONS: [&str; 19] = [
    "acme",
    "backend",
    "cache",
    "crt-store",
    "defaults",
    "fcgi-app",
    "frontend",
    "global",
    "http-errors",
    "listen",
    "log-forward",
    "log-profile",
    "mailers",
    "peers",
    "program",
    "resolvers",
    "ring",
    "traces",
    "userlist",
];

/// The name of a section that a line opens.
fn header(kind: Kind, content: &str) -> Option<&str> {
    match kind {
        Kind::Pgbouncer | Kind::Pgbackrest => content.strip_prefix('[')?.strip_suffix(']'),
        // HAProxy goes by the first word, however far it is indented.
        Kind::Haproxy => {
            let first = content.split_whitespace().next().unwrap_or_default();
            SECTIONS.contains(&first).then_some(content)
        }
        _ => None,
    }
}

/// A directive and what it says; a comment behind a value is left out where the program does so, and kept where it does not
/// (Redis takes it for an argument, R-RD-02).
fn split(kind: Kind, content: &str) -> (&str, &str) {
    let first = content
        .split_once(char::is_whitespace)
        .map_or((content, &content[content.len()..]), |(key, rest)| (key, rest.trim_start()));
    match kind {
        Kind::Postgres => {
            let (key, value) =
                content.split_once('=').map_or(first, |(key, value)| (key.trim_end(), value.trim_start()));
            (key, uncommented(value))
        }
        Kind::Pgbouncer | Kind::Pgbackrest => content
            .split_once('=')
            .map_or((content, &content[content.len()..]), |(key, value)| (key.trim_end(), value.trim_start())),
        // The whole line of pg_hba.conf is one rule; its type is the key.
        Kind::PgHba => (first.0, uncommented(first.1)),
        Kind::Haproxy => (first.0, uncommented(first.1)),
        _ => first,
    }
}

/// A value without the comment behind it and without the quotes around it: `'replica' # why` is `replica`.
fn uncommented(value: &str) -> &str {
    if let Some(quoted) = value.strip_prefix('\'') {
        return quoted.split_once('\'').map_or(value, |(inside, _)| inside);
    }
    value.split('#').next().unwrap_or(value).trim_end()
}
