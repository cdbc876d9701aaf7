//! The tree: every key and value with its place. It is a serde `Deserializer`, so typed values come straight from it.

use std::collections::HashMap;

use super::{Path, Span, Step};

/// A value with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: NodeKind,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeKind {
    /// A scalar.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// A map, in the order in which it was written.
    Map(Vec<Entry>),
}

/// A scalar as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    /// Its text, with escapes undone.
    pub text: Box<str>,
    /// Whether it stands without quotes, so that YAML decides its type.
    pub plain: bool,
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: Box<str>,
    /// Where the key stands.
    pub key_span: Span,
    /// Whether the key stands without quotes.
    pub key_plain: bool,
    /// The value.
    pub value: Node,
}

/// The type of a scalar by the core schema of YAML 1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScalarType {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer,
    /// A number with a point.
    Float,
    /// A text.
    Text,
}

impl Scalar {
    /// Its type by the core schema of YAML 1.2.
    pub fn kind(&self) -> ScalarType {
        if !self.plain {
            return ScalarType::Text;
        }
        match &*self.text {
            "" | "~" | "null" | "Null" | "NULL" => ScalarType::Null,
            "true" | "True" | "TRUE" => ScalarType::Bool(true),
            "false" | "False" | "FALSE" => ScalarType::Bool(false),
            text if is_integer(text) => ScalarType::Integer,
            text if is_float(text) => ScalarType::Float,
            _ => ScalarType::Text,
        }
    }
}

/// The values of a map by their keys, where many are looked up; the first one of a key that stands twice.
pub(super) fn by_key(entries: &[Entry]) -> HashMap<&str, &Node> {
    let mut values = HashMap::with_capacity(entries.len());
    for entry in entries {
        values.entry(&*entry.key).or_insert(&entry.value);
    }
    values
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['-', '+']).unwrap_or(text)
}

fn is_integer(text: &str) -> bool {
    let digits = unsigned(text);
    let based = |prefix: &str, radix: u32| {
        digits.strip_prefix(prefix).is_some_and(|d| !d.is_empty() && d.chars().all(|c| c.is_digit(radix)))
    };
    (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())) || based("0o", 8) || based("0x", 16)
}

fn is_float(text: &str) -> bool {
    let rest = unsigned(text);
    if matches!(rest, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    rest.bytes().any(|b| b.is_ascii_digit())
        && rest.bytes().all(|b| b.is_ascii_digit() || b".eE+-".contains(&b))
        && rest.parse::<f64>().is_ok()
}

impl Node {
    /// The scalar, when it is one.
    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            NodeKind::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The entries, when it is a map.
    pub fn map(&self) -> Option<&[Entry]> {
        match &self.kind {
            NodeKind::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value of a key, when it is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of a key, when it is a map that has it.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.map()?.iter().find(|entry| &*entry.key == key)
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        self.scalar().is_some_and(|scalar| scalar.kind() == ScalarType::Null)
    }

    /// Whether it says the same as another, wherever both stand.
    pub fn same(&self, other: &Self) -> bool {
        match (&self.kind, &other.kind) {
            (NodeKind::Scalar(a), NodeKind::Scalar(b)) => a.text == b.text && a.kind() == b.kind(),
            (NodeKind::List(a), NodeKind::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b)),
            (NodeKind::Map(a), NodeKind::Map(b)) => {
                let others = by_key(b);
                a.len() == b.len() && a.iter().all(|e| others.get(&*e.key).is_some_and(|value| e.value.same(value)))
            }
            _ => false,
        }
    }

    /// What it is called in a message.
    pub fn describe(&self) -> &'static str {
        match &self.kind {
            NodeKind::List(_) => "a list",
            NodeKind::Map(_) => "a map",
            NodeKind::Scalar(scalar) => match scalar.kind() {
                ScalarType::Null => "nothing (null)",
                ScalarType::Bool(_) => "true or false",
                ScalarType::Integer | ScalarType::Float => "a number",
                ScalarType::Text => "a text",
            },
        }
    }

    /// The part at a path, or the nearest part above it that is there, with whether it was found whole: the entry's key as well.
    pub fn locate(&self, path: &Path) -> Located<'_> {
        let mut located = Located { node: self, key: None, whole: true };
        for step in path.steps() {
            let next = match (&located.node.kind, step) {
                (NodeKind::Map(_), Step::Key(key)) => {
                    located.node.entry(key).map(|entry| (&entry.value, Some(entry.key_span)))
                }
                (NodeKind::List(items), Step::Index(index)) => items.get(*index).map(|item| (item, None)),
                _ => None,
            };
            match next {
                Some((node, key)) => located = Located { node, key: key.or(located.key), whole: true },
                None => {
                    located.whole = false;
                    return located;
                }
            }
        }
        located
    }
}

/// What was found at a path.
#[derive(Debug, Clone, Copy)]
pub struct Located<'a> {
    /// The value there, or the nearest one above.
    pub node: &'a Node,
    /// Where its key stands.
    pub key: Option<Span>,
    /// Whether the whole path is there.
    pub whole: bool,
}
