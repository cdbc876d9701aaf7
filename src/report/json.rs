//! For programs: one JSON document. `version` rises when a field changes its meaning.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{Section, count, place, waived};
use crate::diagnostics::Label;

#[derive(Serialize)]
struct Report<'a> {
    version: u32,
    summary: Summary,
    findings: Vec<Finding<'a>>,
    #[serde(flatten)]
    more: BTreeMap<&'a str, Value>,
}

#[derive(Serialize)]
struct Summary {
    errors: usize,
    warnings: usize,
    infos: usize,
    #[serde(skip_serializing_if = "is_none")]
    waived: usize,
}

/// Whether there are none: commands that know no waivers say nothing of them.
const fn is_none(count: &usize) -> bool {
    *count == 0
}

#[derive(Serialize)]
struct Finding<'a> {
    id: &'a str,
    level: &'a str,
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'a str>,
    #[serde(flatten)]
    place: Place<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related: Vec<Place<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    edit: Option<Edit<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decided: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waived: Option<Waived<'a>>,
}

#[derive(Serialize)]
struct Edit<'a> {
    path: String,
    value: &'a str,
}

#[derive(Serialize)]
struct Waived<'a> {
    reason: &'a str,
    owner: &'a str,
    until: &'a str,
}

#[derive(Serialize)]
struct Place<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    #[serde(rename = "endLine")]
    end_line: usize,
    #[serde(rename = "endColumn")]
    end_column: usize,
    #[serde(skip_serializing_if = "str::is_empty")]
    label: &'a str,
}

/// The findings as JSON, and what else a command has to tell.
pub fn render<'a>(sections: &'a [Section<'a>], more: Option<(&'a str, Value)>) -> String {
    let [errors, warnings, infos] = count(sections);
    let findings = sections.iter().flat_map(|section| {
        section.findings.iter().map(|finding| Finding {
            id: &finding.id,
            level: finding.level.name(),
            title: &finding.title,
            environment: section.environment,
            place: place(section, &finding.primary),
            why: finding.why.as_deref(),
            fix: finding.fix.as_deref(),
            related: finding.related.iter().map(|label| place(section, label)).collect(),
            edit: finding.edit.as_ref().map(|edit| Edit { path: edit.path.to_string(), value: &edit.value }),
            decided: finding.decided.as_deref(),
            waived: finding.waived.as_ref().map(|waived| Waived {
                reason: &waived.reason,
                owner: &waived.owner,
                until: &waived.until,
            }),
        })
    });
    let more = more.into_iter().collect();
    let report = Report {
        version: 1,
        summary: Summary { errors, warnings, infos, waived: waived(sections) },
        findings: findings.collect(),
        more,
    };
    let mut text = serde_json::to_string_pretty(&report).unwrap_or_default();
    text.push('\n');
    text
}

fn place<'a>(section: &Section<'a>, label: &'a Label) -> Place<'a> {
    let at = place::place(section, label);
    Place {
        file: at.file,
        line: at.line,
        column: at.column,
        end_line: at.end_line,
        end_column: at.end_column,
        label: &label.text,
    }
}
