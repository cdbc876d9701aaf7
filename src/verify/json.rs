//! Reads JSON strictly: RFC 8259 and nothing more, no key twice.

use std::borrow::Cow;

use super::Fault;
use super::tree::{Key, Node, Value, twice};

/// How deep values may stand in each other.
const DEPTH: usize = 100;

/// The value of a JSON file.
pub fn read(text: &str) -> Result<Node<'_>, Fault> {
    let mut reader = Reader { text, at: 0, line: 1 };
    let node = reader.value(0)?;
    reader.blank();
    if reader.at < text.len() { reader.fault("something stands behind the value") } else { Ok(node) }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    line: u32,
}

impl<'a> Reader<'a> {
    fn fault<T>(&self, message: &str) -> Result<T, Fault> {
        Err(Fault::at(self.line, format!("no JSON: {message}")))
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn blank(&mut self) {
        for byte in self.rest().bytes() {
            match byte {
                b'\n' => self.line += 1,
                b' ' | b'\t' | b'\r' => {}
                _ => break,
            }
            self.at += 1;
        }
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.rest().starts_with(word);
        if found {
            self.at += word.len();
        }
        found
    }

    fn value(&mut self, depth: usize) -> Result<Node<'a>, Fault> {
        self.blank();
        let line = self.line;
        if depth > DEPTH {
            return self.fault("values stand too deep in each other");
        }
        let value = match self.rest().bytes().next() {
            Some(b'{') => self.map(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Value::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ if self.take("true") => Value::Bool(true),
            _ if self.take("false") => Value::Bool(false),
            _ if self.take("null") => Value::Null,
            _ => return self.fault("a value is missing"),
        };
        Ok(Node { line, value })
    }

    fn list(&mut self, depth: usize) -> Result<Value<'a>, Fault> {
        self.at += 1;
        let mut items = Vec::new();
        self.blank();
        if self.take("]") {
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.blank();
            if self.take("]") {
                return Ok(Value::List(items));
            }
            if !self.take(",") {
                return self.fault("`,` or `]` is missing");
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value<'a>, Fault> {
        self.at += 1;
        let mut entries = Vec::new();
        self.blank();
        if self.take("}") {
            return Ok(Value::Map(entries));
        }
        loop {
            self.blank();
            if !self.rest().starts_with('"') {
                return self.fault("a key is missing");
            }
            let key = Key { line: self.line, text: self.string()? };
            self.blank();
            if !self.take(":") {
                return self.fault("`:` is missing");
            }
            entries.push((key, self.value(depth + 1)?));
            self.blank();
            if self.take("}") {
                break;
            }
            if !self.take(",") {
                return self.fault("`,` or `}` is missing");
            }
        }
        twice(&entries).map_or(Ok(Value::Map(entries)), Err)
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Fault> {
        let rest = self.rest();
        let mut escape = false;
        for (at, byte) in rest.bytes().enumerate().skip(1) {
            match byte {
                _ if escape => escape = false,
                b'\\' => escape = true,
                b'"' => {
                    self.at += at + 1;
                    let whole = &rest[..=at];
                    if !whole.contains('\\') {
                        return Ok(Cow::Borrowed(&whole[1..at]));
                    }
                    return serde_json::from_str::<String>(whole)
                        .map(Cow::Owned)
                        .or_else(|e| self.fault(&e.to_string()));
                }
                0..=0x1f => return self.fault("a control character stands in a text"),
                _ => {}
            }
        }
        self.fault("a text does not end")
    }

    fn number(&mut self) -> Result<Value<'a>, Fault> {
        let length = self.rest().bytes().take_while(|b| b.is_ascii_digit() || b"+-.eE".contains(b)).count();
        let text = &self.rest()[..length];
        self.at += length;
        let number: serde_json::Number = match serde_json::from_str(text) {
            Ok(number) => number,
            Err(error) => return self.fault(&error.to_string()),
        };
        Ok(match number.as_i64() {
            Some(int) => Value::Int(int),
            None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        })
    }
}
