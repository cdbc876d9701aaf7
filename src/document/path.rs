//! Paths into a blueprint: `services.api.replicas.min`.

use std::fmt;
use std::str::FromStr;

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Into a map.
    Key(String),
    /// Into a list.
    Index(usize),
}

/// A path into a blueprint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Path(Vec<Step>);

impl Path {
    /// The whole blueprint.
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// The steps.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// This path and a key below it.
    #[must_use]
    pub fn key(&self, key: impl fmt::Display) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Key(key.to_string()));
        Self(steps)
    }

    /// This path and a place in the list there.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Index(index));
        Self(steps)
    }

    /// Whether it is `other` or lies below it.
    pub fn starts_with(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// The path without its last step; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        self.0.split_last().map(|(_, rest)| Self(rest.to_vec()))
    }
}

/// The path of these keys.
#[macro_export]
macro_rules! path {
    ($($key:expr),* $(,)?) => {{
        let path = $crate::document::Path::root();
        $(let path = path.key(&$key);)*
        path
    }};
}

/// A key that holds a dot or a blank stands in quotes, so that a path can be read in one way only.
fn write_key(f: &mut fmt::Formatter<'_>, key: &str) -> fmt::Result {
    let plain = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '@'));
    if plain { f.write_str(key) } else { write!(f, "{key:?}") }
}

/// Why a text is no path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathError(&'static str);

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl FromStr for Path {
    type Err = PathError;

    /// Reads what `Display` writes; beyond that a key without quotes may hold anything but `.`, `[` and `"`, such as `*`.
    fn from_str(text: &str) -> Result<Self, PathError> {
        if text.is_empty() || text == "the blueprint" {
            return Ok(Self::root());
        }
        let (mut steps, mut rest) = (Vec::new(), text);
        while !rest.is_empty() {
            if let Some(inside) = rest.strip_prefix('[') {
                let (number, after) = inside.split_once(']').ok_or(PathError("a `[` without its `]`"))?;
                let index = number.parse().map_err(|_| PathError("a place in a list is a number: `[0]`"))?;
                steps.push(Step::Index(index));
                rest = after;
            } else {
                let key = if steps.is_empty() {
                    rest
                } else {
                    rest.strip_prefix('.').ok_or(PathError("a `.` is missing"))?
                };
                let (key, after) = read_key(key)?;
                steps.push(Step::Key(key));
                rest = after;
            }
        }
        Ok(Self(steps))
    }
}

/// The key that a text begins with, and what is behind it.
fn read_key(text: &str) -> Result<(String, &str), PathError> {
    let Some(inside) = text.strip_prefix('"') else {
        let end = text.find(['.', '[', '"']).unwrap_or(text.len());
        let (key, after) = text.split_at(end);
        return if key.is_empty() { Err(PathError("a name is missing")) } else { Ok((key.to_owned(), after)) };
    };
    let (mut key, mut chars) = (String::new(), inside.chars());
    loop {
        match chars.next().ok_or(PathError("a quote without its end"))? {
            '"' => return Ok((key, chars.as_str())),
            '\\' => key.push(escaped(&mut chars).ok_or(PathError("an escape that means nothing"))?),
            c => key.push(c),
        }
    }
}

/// What an escape of Rust's `Debug` stands for.
fn escaped(chars: &mut std::str::Chars<'_>) -> Option<char> {
    Some(match chars.next()? {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        '0' => '\0',
        'u' => {
            let (digits, after) = chars.as_str().strip_prefix('{')?.split_once('}')?;
            let c = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
            *chars = after.chars();
            c
        }
        c @ ('"' | '\'' | '\\') => c,
        _ => return None,
    })
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("the blueprint");
        }
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) => {
                    if at > 0 {
                        f.write_str(".")?;
                    }
                    write_key(f, key)?;
                }
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}
