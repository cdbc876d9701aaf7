//! YAML text → tree. The only file that knows the YAML reader.
//!
//! Bounded in depth, size and the expansion of aliases, so that no input can take long or much memory. Duplicate keys,
//! tags, merge keys and second documents are refused with their place.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use granit_parser::{Event, Options, Parser, ScalarStyle};

use super::node::{Entry, Node, NodeKind, Scalar};
use super::{Source, Span};
use crate::diagnostics::{Diagnostic, Place};

/// The most bytes of one file.
pub const BYTES: usize = 64 << 20;
/// The deepest nesting.
const DEPTH: usize = 64;
/// The most nodes that aliases may add; a text counts once more for each so many bytes.
const ALIASED: usize = 100_000;
const LONG: usize = 64;

/// What a reader puts up with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// A blueprint: one document, no tags, no merge keys.
    Blueprint,
    /// A file of others: several documents, tags such as `!Ref`, merge keys.
    Foreign,
}

/// Reads a file of others: all of its documents, as far as they can be read, and what is wrong with it as YAML. Of a key that
/// stands twice the first one counts, and it is said.
pub fn parse_foreign(source: &Source, file: u32) -> (Vec<Node>, Vec<Diagnostic>) {
    read(source, file, Manner::Foreign)
}

/// Reads a file: its tree, as far as there is one, and what is wrong with it as YAML. With a duplicate key the first one
/// counts, so that the rest of the file can be checked in the same run.
pub fn parse(source: &Source, file: u32) -> (Option<Node>, Vec<Diagnostic>) {
    let (mut documents, problems) = read(source, file, Manner::Blueprint);
    (if documents.is_empty() { None } else { Some(documents.swap_remove(0)) }, problems)
}

fn read(source: &Source, file: u32, manner: Manner) -> (Vec<Node>, Vec<Diagnostic>) {
    if source.text.len() > BYTES {
        return (Vec::new(), vec![too_large(file)]);
    }
    if let Some(at) = source.text.find('\0') {
        let span = Span { file, start: at as u32, end: at as u32 + 1 };
        let problem =
            Diagnostic::error("BP001", Place::Span(span), "the file holds a NUL byte").fix("save it as UTF-8 text");
        return (Vec::new(), vec![problem]);
    }
    let options = {
        let mut options = Options::default();
        options.flow_nesting_limit = DEPTH;
        options.block_nesting_limit = DEPTH;
        options
    };
    let parser = Parser::new_from_str_with_options(&source.text, options);
    let mut builder = Builder {
        file,
        problems: Vec::new(),
        anchors: HashMap::new(),
        aliased: 0,
        stack: Vec::new(),
        roots: Vec::new(),
        fatal: false,
        ended: false,
        manner,
    };
    for next in parser {
        match next {
            Ok((event, span)) => builder.event(event, builder.span(span)),
            Err(error) => {
                let marker = error.marker();
                let at = marker.byte_offset().unwrap_or(0).min(source.text.len()) as u32;
                let at = if error.info().contains("tab") { tab(&source.text, at) } else { at };
                builder.problems.push(syntax_error(&error.info(), Span { file, start: at, end: at }));
                builder.fatal = true;
            }
        }
        if builder.fatal || builder.ended {
            break;
        }
    }
    let mut problems = builder.problems;
    if builder.fatal {
        // The documents before the fault were read whole.
        let before = if manner == Manner::Foreign { builder.roots } else { Vec::new() };
        return (before, problems);
    }
    if builder.roots.is_empty() && manner == Manner::Blueprint {
        let place = Place::Span(Span { file, start: 0, end: 0 });
        problems
            .push(Diagnostic::error("BP001", place, "the file is empty").fix("`hagen init` writes one to start from"));
    }
    (builder.roots, problems)
}

/// A file of more than [`BYTES`].
pub fn too_large(file: u32) -> Diagnostic {
    let start = Place::Span(Span { file, start: 0, end: 0 });
    Diagnostic::error("BP001", start, "the file is larger than 64 MiB")
        .fix("split it into overlays, or into several blueprints")
}

/// The tab that indents a line, from a place on: the reader stops at the end of what stands before it.
fn tab(text: &str, at: u32) -> u32 {
    let from = text.get(..at as usize).and_then(|before| before.rfind('\n')).map_or(0, |line| line + 1);
    let mut start = from;
    for line in text.get(from..).unwrap_or("").split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        if let Some(tab) = line[..indent].find('\t') {
            return (start + tab) as u32;
        }
        start += line.len();
    }
    at
}

fn syntax_error(info: &str, span: Span) -> Diagnostic {
    let hint = if info.contains("tab") {
        "indent with blanks; YAML allows no tabs"
    } else if info.contains("mapping values")
        || info.contains("did not find expected key")
        || info.contains("simple key")
    {
        "check the indentation, and put a text that holds `: ` or `#` in quotes"
    } else if info.contains("nest") || info.contains("limit") {
        "a blueprint is never nested that deep"
    } else {
        "check quotes, brackets and indentation on this line and the one above"
    };
    Diagnostic::error("BP001", Place::Span(span), format!("this is not YAML: {info}")).fix(hint)
}

enum Frame {
    List { node: Span, items: Vec<Node>, anchor: usize },
    Map { node: Span, entries: Vec<Entry>, seen: Seen, key: Option<(Box<str>, Span, bool)>, anchor: usize },
}

/// Which keys of a map were read. Most maps are small: only a large one needs more than a look at its entries.
#[derive(Default)]
struct Seen(HashSet<Box<str>>);

impl Seen {
    /// The most entries that are looked at one by one.
    const FEW: usize = 16;

    /// Whether a key is new beside these entries.
    fn is_new(&mut self, name: &str, entries: &[Entry]) -> bool {
        if entries.len() < Self::FEW {
            return !entries.iter().any(|entry| &*entry.key == name);
        }
        if self.0.is_empty() {
            self.0.extend(entries.iter().map(|entry| entry.key.clone()));
        }
        self.0.insert(name.into())
    }
}

struct Builder {
    file: u32,
    problems: Vec<Diagnostic>,
    anchors: HashMap<usize, Node>,
    aliased: usize,
    stack: Vec<Frame>,
    roots: Vec<Node>,
    fatal: bool,
    /// Whether a second document began where one belongs: what was read before it counts.
    ended: bool,
    manner: Manner,
}

impl Builder {
    fn span(&self, span: granit_parser::Span) -> Span {
        let range = span.byte_range().unwrap_or(0..0);
        Span { file: self.file, start: range.start as u32, end: range.end as u32 }
    }

    fn problem(&mut self, span: Span, title: impl Into<String>, fix: &str) {
        self.problems.push(Diagnostic::error("BP001", Place::Span(span), title).fix(fix));
    }

    fn event(&mut self, event: Event<'_>, span: Span) {
        match event {
            Event::DocumentStart(..) if !self.roots.is_empty() && self.manner == Manner::Blueprint => {
                self.problem(span, "a second document begins here", "one file holds one document; use a file for each");
                self.ended = true;
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.no_tag(tag.is_some(), span);
                let plain = style == ScalarStyle::Plain;
                // The reader gives an empty value as `~` with an empty place.
                let text: Cow<'_, str> = if plain && span.start == span.end { Cow::Borrowed("") } else { text };
                let node = Node { span, kind: NodeKind::Scalar(Scalar { text: text.into(), plain }) };
                self.value(node, anchor);
            }
            Event::Alias(id) => {
                if let Some(node) = self.anchors.get(&id).cloned() {
                    self.aliased += count(&node);
                    if self.aliased > ALIASED {
                        self.problem(
                            span,
                            "the aliases of this file expand to more than 100,000 values, or to long texts",
                            "write the values out, or use an overlay",
                        );
                        self.fatal = true;
                        return;
                    }
                    self.value(node, 0);
                } else {
                    self.problem(span, "an alias inside of its own anchor", "write the value out");
                    self.fatal = true;
                }
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.no_tag(tag.is_some(), span);
                self.open(span, Frame::List { node: span, items: Vec::new(), anchor });
            }
            Event::MappingStart(_, anchor, tag) => {
                self.no_tag(tag.is_some(), span);
                self.open(
                    span,
                    Frame::Map { node: span, entries: Vec::new(), seen: Seen::default(), key: None, anchor },
                );
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            _ => {}
        }
    }

    fn no_tag(&mut self, tagged: bool, span: Span) {
        if tagged && self.manner == Manner::Blueprint {
            self.problem(span, "a YAML tag", "leave it out: the schema decides the type");
        }
    }

    fn open(&mut self, span: Span, frame: Frame) {
        if self.stack.len() >= DEPTH {
            self.problem(span, "nested more than 64 deep", "a blueprint is never nested that deep");
            self.fatal = true;
        }
        if let Some(Frame::Map { key: None, .. }) = self.stack.last() {
            self.problem(span, "a key must be a text", "write a text as the key");
            self.fatal = true;
        }
        self.stack.push(frame);
    }

    fn close(&mut self, end: Span) {
        let Some(frame) = self.stack.pop() else { return };
        let (node, anchor) = match frame {
            Frame::List { mut node, items, anchor } => {
                node.end = items.last().map_or(end.end.max(node.end), |last| last.span.end.max(node.end));
                (Node { span: node, kind: NodeKind::List(items) }, anchor)
            }
            Frame::Map { mut node, mut entries, anchor, .. } => {
                merge_keys(&mut entries);
                node.end =
                    entries.last().map_or(end.end.max(node.end), |last| last.value.span.end.max(last.key_span.end));
                (Node { span: node, kind: NodeKind::Map(entries) }, anchor)
            }
        };
        self.value(node, anchor);
    }

    fn value(&mut self, node: Node, anchor: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let file = self.file;
        match self.stack.last_mut() {
            None => self.roots.push(node),
            Some(Frame::List { items, .. }) => items.push(node),
            Some(Frame::Map { entries, seen, key, .. }) => match key.take() {
                None => match node.kind {
                    NodeKind::Scalar(scalar) if &*scalar.text == "<<" && scalar.plain => {
                        if self.manner == Manner::Blueprint {
                            self.problem(
                                node.span,
                                "merge keys (`<<`) are not YAML 1.2",
                                "write the values out, or use an overlay",
                            );
                        }
                        // What is merged is kept until the map ends, so that nothing is missing in the rest of the run.
                        if let Some(Frame::Map { key, .. }) = self.stack.last_mut() {
                            *key = Some((scalar.text, node.span, true));
                        }
                    }
                    NodeKind::Scalar(scalar) => *key = Some((scalar.text, node.span, scalar.plain)),
                    _ => {
                        self.problem(node.span, "a key must be a text", "write a text as the key");
                        self.fatal = true;
                    }
                },
                Some((name, key_span, key_plain)) => {
                    if seen.is_new(&name, entries) {
                        // An empty value has no place of its own: point at its key.
                        let mut node = node;
                        if node.span.start == node.span.end && node.is_null() {
                            node.span = Span { file, start: key_span.start, end: key_span.end };
                        }
                        entries.push(Entry { key: name, key_span, key_plain, value: node });
                    } else {
                        let first = entries.iter().find(|entry| entry.key == name).map(|entry| entry.key_span);
                        let mut problem = Diagnostic::error(
                            "BP002",
                            Place::Span(key_span),
                            format!("`{}` stands twice", name.escape_debug()),
                        )
                        .because("YAML readers disagree on which of the two counts")
                        .fix("keep one of them");
                        if let Some(first) = first {
                            problem = problem.also(Place::Span(first), "here already");
                        }
                        self.problems.push(problem);
                    }
                }
            },
        }
    }
}

/// Puts what merge keys name in their place, as readers that know them would; they were complained about.
fn merge_keys(entries: &mut Vec<Entry>) {
    while let Some(at) = entries.iter().position(|entry| &*entry.key == "<<" && entry.key_plain) {
        let merged = entries.remove(at).value;
        let maps = match merged.kind {
            NodeKind::List(items) => items,
            _ => vec![merged],
        };
        let mut known: HashSet<Box<str>> = entries.iter().map(|entry| entry.key.clone()).collect();
        for entry in maps.iter().filter_map(Node::map).flatten() {
            if known.insert(entry.key.clone()) {
                entries.push(entry.clone());
            }
        }
    }
}

fn count(node: &Node) -> usize {
    1 + match &node.kind {
        NodeKind::Scalar(scalar) => scalar.text.len() / LONG,
        NodeKind::List(items) => items.iter().map(count).sum(),
        NodeKind::Map(entries) => entries.iter().map(|entry| entry.key.len() / LONG + count(&entry.value)).sum(),
    }
}
