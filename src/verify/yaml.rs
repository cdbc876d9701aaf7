//! Reads YAML as an outsider: a strict, fast reader for the plain part of the language that every reader understands in
//! the same way. What goes beyond it (anchors, folded texts, flow over several lines) is left to a full reader.
//!
//! It shares no code with what writes YAML here. The tests hold both readers against each other.

mod scalar;

use std::borrow::Cow;

use serde::Deserialize;

use super::Fault;
use super::tree::{Key, Node, Value, twice};

/// How deep values may stand in each other.
const DEPTH: usize = 100;

/// Why the strict reader stops.
#[derive(Debug)]
enum Stop {
    /// The file is wrong.
    Fault(Fault),
    /// It may be right, but this reader does not know the form.
    Unknown,
}

/// The documents of a file, those without content left out.
pub fn read(text: &str) -> Result<Vec<Node<'_>>, Fault> {
    match strict(text) {
        Ok(documents) => Ok(documents),
        Err(Stop::Fault(fault)) => Err(fault),
        Err(Stop::Unknown) => full(text),
    }
}

/// Whether the strict reader knows everything in a file: what hagen's own templates write it must know.
pub fn is_plain(text: &str) -> bool {
    !matches!(strict(text), Err(Stop::Unknown))
}

/// Reads a file with the full reader. It knows no lines.
pub fn full(text: &str) -> Result<Vec<Node<'static>>, Fault> {
    let mut documents = Vec::new();
    for document in serde_yaml::Deserializer::from_str(text) {
        let value = serde_yaml::Value::deserialize(document).map_err(|error| {
            let line = error.location().map_or(0, |place| u32::try_from(place.line()).unwrap_or(0));
            Fault::at(line, format!("no YAML: {error}"))
        })?;
        if !value.is_null() {
            documents.push(convert(value, 0)?);
        }
    }
    Ok(documents)
}

fn convert(value: serde_yaml::Value, depth: usize) -> Result<Node<'static>, Fault> {
    use serde_yaml::Value as Yaml;
    if depth > DEPTH {
        return Err(Fault::at(0, "values stand too deep in each other"));
    }
    let value = match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(bool) => Value::Bool(bool),
        Yaml::Number(number) => match number.as_i64() {
            Some(int) => Value::Int(int),
            None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Yaml::String(text) => Value::Text(Cow::Owned(text)),
        Yaml::Sequence(items) => {
            Value::List(items.into_iter().map(|item| convert(item, depth + 1)).collect::<Result<_, _>>()?)
        }
        Yaml::Mapping(map) => {
            let mut entries = Vec::with_capacity(map.len());
            for (key, value) in map {
                let Yaml::String(key) = key else {
                    return Err(Fault::at(0, "a key is no text"));
                };
                entries.push((Key { line: 0, text: Cow::Owned(key) }, convert(value, depth + 1)?));
            }
            Value::Map(entries)
        }
        Yaml::Tagged(tagged) => return Err(Fault::at(0, format!("the tag {} is not expected", tagged.tag))),
    };
    Ok(Node { line: 0, value })
}

/// A line that holds something.
#[derive(Debug, Clone, Copy)]
struct Line<'a> {
    /// Its number, from 1.
    number: u32,
    /// How many blanks stand before it.
    indent: usize,
    /// What stands behind the blanks; empty for a blank line or a comment.
    text: &'a str,
    /// The whole line.
    raw: &'a str,
}

struct Reader<'a> {
    lines: Vec<Line<'a>>,
    at: usize,
}

fn strict(text: &str) -> Result<Vec<Node<'_>>, Stop> {
    // Whether a block without a last line break ends in one is read differently.
    let whole = text.is_empty() || text.ends_with('\n');
    let odd = |text: &str| text.contains('\r') || text.contains('\0');
    // Most files are ASCII throughout, and have none of the others.
    let wide = |text: &str| !text.is_ascii() && text.contains(['\u{85}', '\u{2028}', '\u{2029}']);
    if !whole || text.starts_with('\u{feff}') || odd(text) || wide(text) {
        return Err(Stop::Unknown);
    }
    let mut lines = Vec::new();
    let mut documents = Vec::new();
    for (number, raw) in text.split('\n').enumerate() {
        let content = raw.trim_start_matches(' ');
        let line = Line {
            number: number as u32 + 1,
            indent: raw.len() - content.len(),
            text: if content.starts_with('#') { "" } else { content.trim_end_matches(' ') },
            raw,
        };
        if raw == "---" {
            documents.extend(document(std::mem::take(&mut lines))?);
        } else if raw.starts_with("---") || raw.starts_with("...") || raw.starts_with('%') {
            return Err(Stop::Unknown);
        } else {
            lines.push(line);
        }
    }
    documents.extend(document(lines)?);
    Ok(documents)
}

fn document(lines: Vec<Line<'_>>) -> Result<Option<Node<'_>>, Stop> {
    let mut reader = Reader { lines, at: 0 };
    if reader.peek().is_none() {
        return Ok(None);
    }
    let node = reader.block(0, None)?;
    match reader.peek() {
        // A document that holds nothing is none.
        None => Ok((node.value != Value::Null).then_some(node)),
        Some(_) => Err(Stop::Unknown),
    }
}

impl<'a> Reader<'a> {
    /// The next line that holds something.
    fn peek(&mut self) -> Option<Line<'a>> {
        while self.lines.get(self.at).is_some_and(|line| line.text.is_empty()) {
            self.at += 1;
        }
        self.lines.get(self.at).copied()
    }

    /// A map, a list or a scalar that begins on the next line; `parent` is the indent of what holds it.
    fn block(&mut self, depth: usize, parent: Option<usize>) -> Result<Node<'a>, Stop> {
        let Some(line) = self.peek() else {
            return Err(Stop::Unknown);
        };
        if depth > DEPTH {
            return Err(Stop::Fault(Fault::at(line.number, "values stand too deep in each other")));
        }
        if line.text.starts_with('\t') {
            return Err(Stop::Unknown);
        }
        if is_item(line.text) {
            self.list(line.indent, depth)
        } else if split_key(line.text, line.number)?.is_some() {
            self.map(line.indent, depth)
        } else {
            self.at += 1;
            let value = self.inline(line.text, line.number, parent)?;
            Ok(Node { line: line.number, value })
        }
    }

    fn map(&mut self, indent: usize, depth: usize) -> Result<Node<'a>, Stop> {
        let mut entries: Vec<(Key<'a>, Node<'a>)> = Vec::new();
        let first = self.peek().map_or(0, |line| line.number);
        while let Some(line) = self.peek() {
            if line.indent < indent || (line.indent == indent && is_item(line.text)) {
                break;
            }
            if line.indent > indent || line.text.starts_with('\t') {
                return Err(Stop::Unknown);
            }
            let Some((key, rest)) = split_key(line.text, line.number)? else {
                return Err(Stop::Unknown);
            };
            self.at += 1;
            let node = if rest.is_empty() {
                match self.peek() {
                    Some(next) if next.indent > indent || (next.indent == indent && is_item(next.text)) => {
                        self.block(depth + 1, Some(indent))?
                    }
                    _ => Node { line: line.number, value: Value::Null },
                }
            } else {
                let value = self.inline(rest, line.number, Some(indent))?;
                Node { line: line.number, value }
            };
            entries.push((Key { line: line.number, text: key }, node));
        }
        if let Some(fault) = twice(&entries) {
            return Err(Stop::Fault(fault));
        }
        Ok(Node { line: first, value: Value::Map(entries) })
    }

    fn list(&mut self, indent: usize, depth: usize) -> Result<Node<'a>, Stop> {
        let mut items = Vec::new();
        let first = self.peek().map_or(0, |line| line.number);
        while let Some(line) = self.peek() {
            if line.indent < indent || (line.indent == indent && !is_item(line.text)) {
                break;
            }
            if line.indent > indent {
                return Err(Stop::Unknown);
            }
            let rest = line.text[1..].trim_start_matches(' ');
            if rest.is_empty() || rest.starts_with('#') {
                self.at += 1;
                items.push(match self.peek() {
                    Some(next) if next.indent > indent => self.block(depth + 1, Some(indent))?,
                    _ => Node { line: line.number, value: Value::Null },
                });
            } else if is_item(rest) || split_key(rest, line.number)?.is_some() {
                // What follows the dash stands as if on a line of its own, indented as far as it is.
                let deeper = line.indent + line.text.len() - rest.len();
                self.lines[self.at] = Line { indent: deeper, text: rest, ..line };
                items.push(self.block(depth + 1, Some(indent))?);
            } else {
                self.at += 1;
                let value = self.inline(rest, line.number, Some(indent))?;
                items.push(Node { line: line.number, value });
            }
        }
        Ok(Node { line: first, value: Value::List(items) })
    }

    /// A value that begins behind a key or a dash; `parent` is the indent of that.
    fn inline(&mut self, text: &'a str, line: u32, parent: Option<usize>) -> Result<Value<'a>, Stop> {
        if let Some(header) = text.strip_prefix('|') {
            return self.literal(header, parent);
        }
        let (value, rest) = scalar::value(text, line, false, 0)?;
        if !rest.is_empty() && !rest.starts_with(" #") {
            return Err(Stop::Unknown);
        }
        // A deeper line would continue the scalar.
        match self.peek() {
            Some(next) if parent.is_none_or(|indent| next.indent > indent) => Err(Stop::Unknown),
            _ => Ok(value),
        }
    }

    /// A literal text: every line that is deeper than what holds it.
    fn literal(&mut self, header: &str, parent: Option<usize>) -> Result<Value<'a>, Stop> {
        let header = if header.len() > 1 { header.split(" #").next().unwrap_or("").trim_end() } else { header };
        let (keep, strip) = match header {
            "" => (false, false),
            "-" => (false, true),
            "+" => (true, false),
            _ => return Err(Stop::Unknown),
        };
        let outer = parent.map_or(0, |indent| indent + 1);
        let rest = &self.lines[self.at..];
        let blank = |line: &Line<'_>| line.raw.trim_matches(' ').is_empty();
        let Some(first) = rest.iter().find(|line| !blank(line)) else {
            return Err(Stop::Unknown);
        };
        let indent = first.indent;
        if indent < outer {
            return Err(Stop::Unknown);
        }
        let length = rest.iter().take_while(|line| blank(line) || line.indent >= indent).count();
        let mut text = String::with_capacity(rest[..length].iter().map(|line| line.raw.len() + 1).sum());
        let mut trailing = 0;
        for (at, line) in rest[..length].iter().enumerate() {
            // The part of a line behind the last line break of the file is no line.
            let last = self.at + at + 1 == self.lines.len() && line.raw.is_empty();
            if blank(line) && line.raw.len() > indent {
                return Err(Stop::Unknown);
            }
            if blank(line) {
                trailing += usize::from(!last);
                continue;
            }
            text.extend(std::iter::repeat_n('\n', trailing));
            trailing = 0;
            text.push_str(&line.raw[indent..]);
            text.push('\n');
        }
        self.at += length;
        if strip {
            text.pop();
        } else if keep {
            text.extend(std::iter::repeat_n('\n', trailing));
        }
        Ok(Value::Text(Cow::Owned(text)))
    }
}

/// Whether a line is an item of a list.
fn is_item(text: &str) -> bool {
    text == "-" || text.starts_with("- ")
}

/// Where the colon behind a key stands: with nothing or a blank behind it, and before any comment.
fn colon(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let blank = |at: usize| bytes.get(at).is_none_or(|byte| *byte == b' ');
    let ends = |at: &usize| match bytes[*at] {
        b':' => blank(*at + 1),
        b'#' => *at > 0 && bytes[*at - 1] == b' ',
        _ => false,
    };
    (0..bytes.len()).find(ends).filter(|at| bytes[*at] == b':')
}

/// The key at the beginning of a line, and what stands behind its colon; `None` when there is no key.
fn split_key(text: &str, line: u32) -> Result<Option<(Cow<'_, str>, &str)>, Stop> {
    let (key, rest) = if text.starts_with(['"', '\'']) {
        let (value, rest) = scalar::value(text, line, false, 0)?;
        let Value::Text(key) = value else {
            return Err(Stop::Unknown);
        };
        match rest.strip_prefix(':') {
            Some(rest) if rest.is_empty() || rest.starts_with(' ') => (key, rest),
            _ => return Ok(None),
        }
    } else {
        if text.starts_with(['[', '{', '|', '>']) {
            return Ok(None);
        }
        let Some(at) = colon(text) else { return Ok(None) };
        if text.starts_with("? ") || text[..at].is_empty() {
            return Err(Stop::Unknown);
        }
        match scalar::plain(text[..at].trim_end_matches(' '), line)? {
            Value::Text(key) => (key, &text[at + 1..]),
            _ => {
                return Err(Stop::Fault(Fault::at(
                    line,
                    format!("the key `{}` is no text: it needs quotes", &text[..at]),
                )));
            }
        }
    };
    let rest = rest.trim_start_matches(' ');
    Ok(Some((key, if rest.starts_with('#') { "" } else { rest })))
}
