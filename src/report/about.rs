//! What there is to say of an id beside its findings, for formats that describe what was looked for.

use crate::diagnostics::registry;
use crate::rules::{self, policy};

/// What an id means.
pub struct About {
    /// The id.
    pub id: String,
    /// Its name; the id where it has none.
    pub name: String,
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
pub fn about(id: &str) -> About {
    if let Some(rule) = rules::find(id) {
        let summary = rule.summary().split_whitespace().collect::<Vec<_>>().join(" ");
        let tags = std::iter::once(rule.group.name()).chain(rule.security.then_some("security")).collect();
        let (name, fix, help) = (rule.name.to_owned(), rule.section("Fix"), rule.doc().replace("\n# ", "\n## "));
        return About { id: rule.id.to_owned(), name, summary, fix, help, tags };
    }
    if policy::is_own(id) {
        return own(id);
    }
    let (meaning, fix) = registry::find(id).map_or(("", ""), |check| (check.meaning, check.fix));
    About {
        id: id.to_owned(),
        name: id.to_owned(),
        summary: meaning.to_owned(),
        fix,
        help: format!("{meaning}\n\n{fix}"),
        tags: vec!["blueprint"],
    }
}

/// What there is to say of a rule in Rego: its policy says the rest.
fn own(id: &str) -> About {
    let (package, rule) = id.rsplit_once('.').unwrap_or(("", id));
    let package = package.trim_start_matches(policy::OWN).trim_start_matches('.');
    let summary = format!("the rule `{rule}` of the package `{package}`, a policy in Rego");
    let fix = "do what its message says, or accept the finding for a time with `policy.waive`";
    About {
        id: id.to_owned(),
        name: rule.to_owned(),
        help: format!("{summary}\n\n{fix}"),
        summary,
        fix,
        tags: vec![policy::OWN],
    }
}
