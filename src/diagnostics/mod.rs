//! The one type of finding, whoever finds it: what is wrong, where, why, and what to change.
//!
//! A finding names its places as paths; only `document` turns them into offsets, and only `report` into text.

pub mod facts;
pub mod registry;

use std::borrow::Cow;

use crate::document::{Path, Span};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The blueprint does not pass.
    Error,
    /// Likely to hurt.
    Warning,
    /// Worth knowing.
    Info,
}

impl Level {
    /// All levels, the worst first.
    pub const ALL: [Self; 3] = [Self::Error, Self::Warning, Self::Info];

    /// Its name, as every format writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// Where a finding points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// At the value at a path; at the nearest part that is written when it comes from a default.
    Value(Path),
    /// At the key of a path.
    Key(Path),
    /// At a place in a file.
    Span(Span),
}

/// A place with what is to be said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub place: Place,
    /// What, in a phrase; may be empty.
    pub text: String,
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Its id, for ever: `BP004`. That of a rule in Rego is made when it is read: `rego.main.deny_latest`.
    pub id: Cow<'static, str>,
    /// How bad it is.
    pub level: Level,
    /// What is wrong, in a phrase without full stop.
    pub title: String,
    /// The place that causes it.
    pub primary: Label,
    /// Other places that take part, such as the other end of a conflict.
    pub related: Vec<Label>,
    /// Why it is wrong.
    pub why: Option<String>,
    /// What to change.
    pub fix: Option<String>,
    /// What it follows from beside the places that it shows: when one of these could not be read, it is not said.
    pub rests_on: Vec<Path>,
    /// The one right value, where the finding knows it: what `hagen check --fix` writes.
    pub edit: Option<Edit>,
    /// Who decided its level, when it is not the rule's own.
    pub decided: Option<String>,
    /// The waiver that it falls under: it is counted, and fails nothing.
    pub waived: Option<Waived>,
}

/// A value to be written into the blueprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Where.
    pub path: Path,
    /// The value as YAML: `60s`, `"1.33"`.
    pub value: String,
}

/// Why a finding is accepted for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waived {
    /// The reason that was given.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day on which it holds.
    pub until: String,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(id: impl Into<Cow<'static, str>>, place: Place, title: impl Into<String>) -> Self {
        Self::new(id, Level::Error, place, title)
    }

    /// A warning at a place.
    pub fn warning(id: impl Into<Cow<'static, str>>, place: Place, title: impl Into<String>) -> Self {
        Self::new(id, Level::Warning, place, title)
    }

    /// Something worth knowing, at a place.
    pub fn info(id: impl Into<Cow<'static, str>>, place: Place, title: impl Into<String>) -> Self {
        Self::new(id, Level::Info, place, title)
    }

    /// A finding at a place.
    pub fn new(id: impl Into<Cow<'static, str>>, level: Level, place: Place, title: impl Into<String>) -> Self {
        let primary = Label { place, text: String::new() };
        Self {
            id: id.into(),
            level,
            title: title.into(),
            primary,
            related: Vec::new(),
            why: None,
            fix: None,
            rests_on: Vec::new(),
            edit: None,
            decided: None,
            waived: None,
        }
    }

    /// What stands under the carets.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.primary.text = text.into();
        self
    }

    /// Another place that takes part.
    #[must_use]
    pub fn also(mut self, place: Place, text: impl Into<String>) -> Self {
        self.related.push(Label { place, text: text.into() });
        self
    }

    /// A value that it follows from without showing it, such as one that is a default here.
    #[must_use]
    pub fn rests_on(mut self, path: Path) -> Self {
        self.rests_on.push(path);
        self
    }

    /// The one right value, for `hagen check --fix`.
    #[must_use]
    pub fn edit(mut self, path: Path, value: impl std::fmt::Display) -> Self {
        self.edit = Some(Edit { path, value: value.to_string() });
        self
    }

    /// Why it is wrong.
    #[must_use]
    pub fn because(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    /// What to change.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

/// The candidate that is nearest to a word that was not found: by edits, at most a third of its letters.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(1);
    let folded = word.to_lowercase();
    let scored = candidates.into_iter().map(|c| (distance(&folded, &c.to_lowercase()), c));
    scored.filter(|(d, _)| *d <= limit).min().map(|(_, c)| c)
}

/// Edits from one word to another: insert, delete, replace, swap two neighbours.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut rows = vec![vec![0usize; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let change = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + change);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_of_the_pen_finds_its_word() {
        assert_eq!(nearest("replcias", ["replicas", "resources"]), Some("replicas"));
        assert_eq!(nearest("Replicas", ["replicas"]), Some("replicas"));
        assert_eq!(nearest("zzz", ["replicas"]), None);
    }
}
