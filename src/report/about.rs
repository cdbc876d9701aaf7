//! What there is to say of an id beside its findings, for formats that describe what was looked for.

use crate::diagnostics::registry;
use crate::rules;

/// What an id means.
pub struct About {
    /// The id.
    pub id: &'static str,
    /// Its name; the id where it has none.
    pub name: &'static str,
    /// What it finds, in a sentence.
    pub summary: String,
    /// What to do about it.
    pub fix: &'static str,
    /// All that is said of it, in Markdown.
    pub help: String,
    /// What it is about.
    pub tags: Vec<&'static str>,
}

/// What an id means: a rule's or a check's.
pub fn about(id: &'static str) -> About {
    if let Some(rule) = rules::find(id) {
        let summary = rule.summary().split_whitespace().collect::<Vec<_>>().join(" ");
        let tags = std::iter::once(rule.group.name()).chain(rule.security.then_some("security")).collect();
        let (name, fix, help) = (rule.name, rule.section("Fix"), rule.doc().replace("\n# ", "\n## "));
        return About { id: rule.id, name, summary, fix, help, tags };
    }
    let (meaning, fix) = registry::find(id).map_or(("", ""), |check| (check.meaning, check.fix));
    About {
        id,
        name: id,
        summary: meaning.to_owned(),
        fix,
        help: format!("{meaning}\n\n{fix}"),
        tags: vec!["blueprint"],
    }
}
