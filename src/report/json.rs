//! For programs: one JSON document. `version` rises when a field changes its meaning.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;

use super::{Section, count, place, waived};
use crate::diagnostics::Label;

/// What a command found, for programs.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "hagen report")]
struct Report<'a> {
    /// The version of this form. It rises when a field changes its meaning or goes; new fields may come at any time.
    #[schemars(range(min = 1, max = 1))]
    version: u32,
    /// How many findings there are, by level.
    summary: Summary,
    /// The findings: in the order of the environments, and of the places in the blueprint.
    findings: Vec<Finding<'a>>,
    /// What else the command has to tell: `files` and `stale` of `render`.
    #[serde(flatten)]
    more: BTreeMap<&'a str, Value>,
}

#[derive(Serialize, JsonSchema)]
struct Summary {
    /// Findings of level `error` that are not waived.
    errors: usize,
    /// Findings of level `warning` that are not waived.
    warnings: usize,
    /// Findings of level `info` that are not waived.
    infos: usize,
    /// Findings that are waived; absent where there is none.
    #[serde(skip_serializing_if = "is_none")]
    waived: usize,
}

/// Whether there are none: commands that know no waivers say nothing of them.
const fn is_none(count: &usize) -> bool {
    *count == 0
}

#[derive(Serialize, JsonSchema)]
struct Finding<'a> {
    /// The id of what found it, for ever: `K8012`, `BP004`. `hagen explain ID` tells all of it.
    id: &'a str,
    /// `error`, `warning` or `info`.
    #[schemars(extend("enum" = ["error", "warning", "info"]))]
    level: &'a str,
    /// What is wrong, in a phrase.
    title: &'a str,
    /// The environment of the blueprint in which it was found; absent for what the base has by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'a str>,
    #[serde(flatten)]
    place: Place<'a>,
    /// Why it is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
    /// What to change.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<&'a str>,
    /// Other places that take part, such as the other end of a conflict.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related: Vec<Place<'a>>,
    /// The one right value, where it is known: what `hagen check --fix` writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    edit: Option<Edit<'a>>,
    /// Who decided the level, where it is not the rule's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided: Option<&'a str>,
    /// The waiver that it falls under: it fails nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    waived: Option<Waived<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct Edit<'a> {
    /// The field: `services.api.replicas.min`.
    path: String,
    /// The value as YAML.
    value: &'a str,
}

#[derive(Serialize, JsonSchema)]
struct Waived<'a> {
    /// Why it is accepted.
    reason: &'a str,
    /// Who answers for it.
    owner: &'a str,
    /// The last day on which it holds: `2027-06-30`.
    until: &'a str,
}

/// A place in a file. Lines and columns are counted from 1, columns in characters.
#[derive(Serialize, JsonSchema)]
struct Place<'a> {
    /// The file, as it was named on the command line; `-` is standard input.
    file: &'a str,
    /// The line of its first character.
    line: usize,
    /// The column of its first character.
    column: usize,
    /// The line of its end.
    #[serde(rename = "endLine")]
    end_line: usize,
    /// The column behind its last character.
    #[serde(rename = "endColumn")]
    end_column: usize,
    /// What is to be said of this place.
    #[serde(skip_serializing_if = "str::is_empty")]
    label: &'a str,
}

/// The JSON Schema of these reports.
pub fn schema() -> Value {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Report<'_>>().to_value()
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
    let mut text = place::json(&serde_json::to_string_pretty(&report).unwrap_or_default());
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
