//! The facts, formulas and rules that messages, templates and sources cite: for `hagen explain F-PT-02` and `docs/facts.md`.

use std::fmt::Write as _;

/// The table: keys of sources first (`PT`, what it stands for), then id, statement, source, a line each, with tabs between.
const TABLE: &str = include_str!("facts.txt");

/// A fact, a formula or a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fact {
    /// Its id: `F-…` a fact or a constant, `X-…` a formula, `R-…` a rule.
    pub id: &'static str,
    /// What it says.
    pub statement: &'static str,
    /// Where it is from.
    pub source: &'static str,
}

/// All of them: facts, formulas, rules, each in order.
pub fn facts() -> impl Iterator<Item = Fact> {
    TABLE.lines().filter_map(|line| {
        let mut parts = line.splitn(3, '\t');
        Some(Fact { id: parts.next()?, statement: parts.next()?, source: parts.next()? })
    })
}

/// The keys that sources begin with, and what they stand for.
fn keys() -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLE.lines().filter_map(|line| line.split_once('\t').filter(|(_, meaning)| !meaning.contains('\t')))
}

/// Whether a text has the form of an id.
pub fn is_id(text: &str) -> bool {
    let mut parts = text.split('-');
    let kind = parts.next().is_some_and(|kind| matches!(kind, "F" | "X" | "R" | "f" | "x" | "r"));
    let area = parts
        .next()
        .is_some_and(|area| (2..=3).contains(&area.len()) && area.bytes().all(|b| b.is_ascii_alphanumeric()));
    let number = parts.next().is_some_and(|n| !n.is_empty() && n.len() <= 3 && n.bytes().all(|b| b.is_ascii_digit()));
    kind && area && number && parts.next().is_none()
}

/// What an id stands for, in large or small letters.
pub fn find(id: &str) -> Option<Fact> {
    facts().find(|fact| fact.id.eq_ignore_ascii_case(id))
}

impl Fact {
    /// It in a few lines, with what its source's key stands for.
    pub fn describe(&self) -> String {
        let mut out = format!("{}\n    {}\n\nsource:   {}\n", self.id, self.statement, self.source);
        for (key, meaning) in keys() {
            let words = self.source.split(|c: char| !c.is_ascii_alphanumeric());
            if words.into_iter().any(|word| word == key) {
                let _ = writeln!(out, "          {key}: {meaning}");
            }
        }
        out
    }
}

/// The catalogue as a page, `docs/facts.md`.
pub fn page() -> String {
    let mut out = "# Facts, formulas and rules\n\nWhat the ids in messages, comments and templates stand for; `hagen explain F-PT-02` prints one. \
                   The page is made from `src/diagnostics/facts.txt`: `just bless` writes it anew.\n"
        .to_owned();
    // The only character that ends a cell, also between backticks.
    let cell = |text: &str| text.replace('|', "\\|");
    for (kind, title) in [("F-", "Facts and constants"), ("X-", "Formulas"), ("R-", "Rules")] {
        let _ = write!(out, "\n## {title}\n\n| id | says | source |\n|---|---|---|\n");
        for fact in facts().filter(|fact| fact.id.starts_with(kind)) {
            let _ = writeln!(out, "| {} | {} | {} |", fact.id, cell(fact.statement), cell(fact.source));
        }
    }
    out.push_str("\n## Sources\n\n| key | is |\n|---|---|\n");
    for (key, meaning) in keys() {
        let _ = writeln!(out, "| {key} | {meaning} |");
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::{facts, find, is_id, keys};

    #[test]
    fn every_id_that_is_cited_can_be_looked_up() {
        let known: BTreeSet<&str> = facts().map(|fact| fact.id).collect();
        let mut unknown = BTreeSet::new();
        for part in ["src", "templates", "README.md", "CONTRIBUTING.md"] {
            for entry in walkdir::WalkDir::new(Path::new(env!("CARGO_MANIFEST_DIR")).join(part)) {
                let entry = entry.unwrap();
                let Ok(text) = std::fs::read_to_string(entry.path()) else { continue };
                let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
                let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
                let cited = words
                    .map(|word| word.trim_matches('-'))
                    .filter(|word| is_id(word) && word.starts_with(['F', 'X', 'R']));
                unknown.extend(
                    cited.filter(|id| !known.contains(id)).map(|id| format!("{id} in {}", entry.path().display())),
                );
            }
        }
        assert!(unknown.is_empty(), "{unknown:#?}");
    }

    #[test]
    fn the_table_is_whole() {
        let all: Vec<_> = facts().collect();
        let ids: BTreeSet<&str> = all.iter().map(|fact| fact.id).collect();
        assert_eq!(ids.len(), all.len(), "an id stands twice");
        assert!(all.iter().all(|fact| is_id(fact.id) && !fact.statement.is_empty() && !fact.source.is_empty()));
        assert!(keys().count() > 15);
        assert!(find("f-pt-02").is_some_and(|fact| fact.describe().contains("PT: patroni/patroni")));
    }
}
