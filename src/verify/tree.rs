//! What a reader finds in a file: a tree in which every node knows its line.

use std::borrow::Cow;

use super::Fault;

/// A value with the line that it begins on; 0 where the reader knows no lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Node<'a> {
    /// The line, from 1.
    pub line: u32,
    /// The value.
    pub value: Value<'a>,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// A text.
    Text(Cow<'a, str>),
    /// A list.
    List(Vec<Node<'a>>),
    /// A map, in the order of the file.
    Map(Vec<(Key<'a>, Node<'a>)>),
}

/// A key of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key<'a> {
    /// Its line.
    pub line: u32,
    /// The key itself.
    pub text: Cow<'a, str>,
}

impl<'a> Node<'a> {
    /// The value of a key; `None` for anything but a map that has it.
    pub fn get(&self, key: &str) -> Option<&Node<'a>> {
        self.entries().iter().find(|(k, _)| k.text == key).map(|(_, value)| value)
    }

    /// Takes a key with its value out of a map.
    pub(super) fn remove(&mut self, key: &str) {
        if let Value::Map(entries) = &mut self.value {
            entries.retain(|(known, _)| known.text != key);
        }
    }

    /// The value at the end of a path of keys.
    pub fn at(&self, path: &[&str]) -> Option<&Node<'a>> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The text; `None` for anything else.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number; `None` for anything else.
    pub const fn int(&self) -> Option<i64> {
        match self.value {
            Value::Int(number) => Some(number),
            _ => None,
        }
    }

    /// The text at the end of a path of keys.
    pub fn text_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path).and_then(Node::text)
    }

    /// The items of a list; none for anything else.
    pub fn items(&self) -> &[Node<'a>] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The items of the list at a key.
    pub fn list(&self, key: &str) -> &[Node<'a>] {
        self.get(key).map_or(&[], Node::items)
    }

    /// The entries of a map; none for anything else.
    pub fn entries(&self) -> &[(Key<'a>, Node<'a>)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// What kind of value it is, in words.
    pub const fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Int(_) => "a whole number",
            Value::Float(_) => "a number",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// Calls `see` for this node and all below it, each with its path.
    pub fn walk(&self, path: &mut Vec<Step<'a>>, see: &mut dyn FnMut(&[Step<'a>], &Node<'a>)) {
        see(path, self);
        match &self.value {
            Value::List(items) => {
                for (at, item) in items.iter().enumerate() {
                    path.push(Step::Item(at));
                    item.walk(path, see);
                    path.pop();
                }
            }
            Value::Map(entries) => {
                for (key, value) in entries {
                    path.push(Step::Key(key.text.clone()));
                    value.walk(path, see);
                    path.pop();
                }
            }
            _ => {}
        }
    }
}

/// A step into a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<'a> {
    /// Into a map.
    Key(Cow<'a, str>),
    /// Into a list.
    Item(usize),
}

/// A path, as people write it: `spec.containers[0].name`.
pub fn path_text(path: &[Step<'_>]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(key);
            }
            Step::Item(at) => text.push_str(&format!("[{at}]")),
        }
    }
    if text.is_empty() { "the document".to_owned() } else { text }
}

/// The fault of a key that stands twice in a map, if one does.
pub fn twice(entries: &[(Key<'_>, Node<'_>)]) -> Option<Fault> {
    let fault = |first: &Key<'_>, second: &Key<'_>| {
        Fault::at(second.line, format!("`{}` stands twice, first on line {}", second.text, first.line))
    };
    if entries.len() <= 16 {
        let pairs = entries.iter().enumerate();
        return pairs
            .flat_map(|(at, (key, _))| entries[..at].iter().map(move |(earlier, _)| (earlier, key)))
            .find(|(earlier, key)| earlier.text == key.text)
            .map(|(earlier, key)| fault(earlier, key));
    }
    let mut sorted: Vec<&Key<'_>> = entries.iter().map(|(key, _)| key).collect();
    sorted.sort_by(|a, b| (&a.text, a.line).cmp(&(&b.text, b.line)));
    sorted.windows(2).find(|pair| pair[0].text == pair[1].text).map(|pair| fault(pair[0], pair[1]))
}
