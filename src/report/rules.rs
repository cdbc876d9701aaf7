//! The rules as people and programs read them: the table of `hagen rules`, docs/rules.md, `hagen explain ID`.

use std::fmt::Write as _;

use serde_json::json;

use crate::diagnostics::facts;
use crate::rules::elsewhere::{self, Elsewhere};
use crate::rules::{self, Check, Group, HEADINGS, Rule};

/// What a rule reads, in words.
const fn reads(rule: &Rule) -> &'static str {
    match rule.check {
        Check::Blueprint(_) => "the blueprint",
        Check::Files(_) => "files: hand-written ones, and what hagen renders",
        Check::Both(..) => "the blueprint; hand-written files",
    }
}

/// A line for each rule: id, level, group, what it finds.
pub fn table() -> String {
    let mut out = String::new();
    for rule in rules::all() {
        let (level, group) = (rule.level.name(), rule.group.name());
        let _ = writeln!(out, "{}  {level:7}  {group:10}  {}", rule.id, one_line(rule.summary()));
    }
    out
}

/// A summary that its file breaks into lines, as one.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A rule in words, for `hagen explain`.
pub fn explain(rule: &Rule) -> String {
    let mut out = format!("{} {}\n    {}\n\n", rule.id, rule.name, one_line(rule.summary()));
    let _ = writeln!(out, "level:    {}", rule.level.name());
    let security = if rule.security { ", security" } else { "" };
    let _ = writeln!(out, "group:    {}{security}", rule.group.name());
    let _ = writeln!(out, "reads:    {}", reads(rule));
    if !rule.fields.is_empty() {
        let _ = writeln!(out, "fields:   {}", rule.fields.join("\n          "));
    }
    for heading in HEADINGS {
        let _ = write!(out, "\n{heading}\n");
        for line in rule.section(heading).lines() {
            let _ = writeln!(out, "{}", format!("    {line}").trim_end());
        }
    }
    out
}

/// What facts.md asks for and no rule finds, for `hagen explain`: what it says, and what sees to it instead.
pub fn explain_elsewhere(group: Group, entry: &Elsewhere) -> String {
    let mut out = format!("{}\n    no rule finds this\n\ngroup:    {}\n", entry.id, group.name());
    let _ = writeln!(out, "why:      {}: {}", entry.why.name(), entry.why.meaning());
    let _ = writeln!(out, "          {}", entry.note);
    if let Some(fact) = entry.fact().and_then(|id| facts::find(&id)) {
        let _ = write!(out, "\n{}", fact.describe());
    }
    out
}

/// docs/rules.md.
pub fn page() -> String {
    let mut out = String::from(
        "# Rules\n\n\
         What `hagen check` finds. This page is written by `hagen rules --format markdown` from the head of each rule's file.\n\n\
         Ids follow facts.md (R-PG-32 is `PG032`); from 101 on they go beyond it. An id is never used twice. Change a level with\n\
         `policy.levels` or `--level ID=LEVEL`.\n\n\
         A finding is accepted for a time by an entry in `policy.waive`, or by a comment, in the blueprint as in files that are written\n\
         by hand; no part may be missing, and after the day `until` the finding counts again:\n\n\
         ```yaml\n\
         services:\n\
         \x20 api:  # hagen: waive K8012 reason=\"the peak is known\" owner=shop-team until=2027-06-30\n\
         \x20   replicas: {min: 3, max: 9}\n\
         policy:\n\
         \x20 waive:\n\
         \x20   - {rule: PG032, at: postgres.main.pool, reason: \"the pools are never full at once\", owner: shop-team, until: \"2027-06-30\"}\n\
         ```\n\n\
         A comment on the line of a field holds for that field and all below it: the one above for the whole of `api`, and on\n\
         `services:` it would hold for all services. A comment on a line of its own is for the next line that is none. `at` of an entry\n\
         means the field of that path, with all below it. The most narrow place says the most: a waiver hides what comes later, too.\n\n\
         Behind the rules of a family stands what facts.md asks for and no rule finds, and why: `language`, a blueprint with the\n\
         mistake is refused; `renderer`, only hagen could make it, and tests keep it from that; `document`, it needs something\n\
         that hagen does not read yet; `assessment`, it compares a derived time with a target; `open`, not built yet.\n",
    );
    for group in Group::ALL {
        let rules: Vec<&Rule> = rules::all().filter(|rule| rule.group == group).collect();
        let _ = write!(out, "\n## {}\n", group.name());
        for rule in rules {
            let _ = write!(out, "\n### {} {}\n\n{}\n\n", rule.id, rule.name, rule.summary());
            let _ = writeln!(out, "Level: {}. Reads: {}.", rule.level.name(), reads(rule));
            if !rule.fields.is_empty() {
                let fields: Vec<String> = rule.fields.iter().map(|field| format!("`{field}`")).collect();
                let _ = writeln!(out, "Fields: {}.", fields.join(", "));
            }
            for heading in HEADINGS {
                let _ = write!(out, "\n#### {heading}\n\n{}\n", rule.section(heading));
            }
        }
        if elsewhere::of(group).next().is_some() {
            out.push_str("\n### What no rule here finds\n\n| id | why | |\n|---|---|---|\n");
        }
        for Elsewhere { id, why, note } in elsewhere::of(group) {
            let _ = writeln!(out, "| {id} | {} | {note} |", why.name());
        }
    }
    out
}

/// The rules for programs.
pub fn json() -> String {
    let rules: Vec<_> = rules::all()
        .map(|rule| {
            json!({
                "id": rule.id,
                "name": rule.name,
                "group": rule.group.name(),
                "security": rule.security,
                "level": rule.level.name(),
                "summary": one_line(rule.summary()),
                "reads": match rule.check {
                    Check::Blueprint(_) => vec!["blueprint"],
                    Check::Files(_) => vec!["files"],
                    Check::Both(..) => vec!["blueprint", "files"],
                },
                "fields": rule.fields,
                "finds": rule.section("What it finds"),
                "why": rule.section("Why it matters"),
                "fix": rule.section("Fix"),
                "source": rule.section("Source"),
            })
        })
        .collect();
    let none: Vec<_> = Group::ALL
        .into_iter()
        .flat_map(|group| elsewhere::of(group).map(move |entry| (group, entry)))
        .map(|(group, entry)| {
            let (group, why, note) = (group.name(), entry.why.name(), entry.note);
            json!({"id": entry.id, "group": group, "why": why, "meaning": entry.why.meaning(), "note": note})
        })
        .collect();
    let all = json!({"version": 1, "rules": rules, "elsewhere": none});
    let mut text = serde_json::to_string_pretty(&all).unwrap_or_default();
    text.push('\n');
    text
}
