//! A comparison for programs. Its schema is that of the types here.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;

use super::Shown;
use crate::diff::{Change, Difference, What};
use crate::report::place;

/// What `hagen diff --format json` prints.
#[derive(Serialize, JsonSchema)]
struct Report<'a> {
    /// The form of this document; a form that readers of this one would misread has another name.
    schema: &'static str,
    /// What is different, by region, file and object.
    differences: Vec<One<'a>>,
    /// How many objects and files are as rendered.
    same: usize,
    /// The highest risk of all differences; null where there is none.
    risk: Option<&'static str>,
    /// The sources that could not be read or compared, in sentences: what else is here says nothing of them.
    unread: &'a [String],
    /// What could not be told from the sources, in sentences.
    unknown: &'a [String],
    /// What is not hagen's yet, and the first apply takes over, in sentences.
    adopted: &'a [String],
    /// What changes more at once than the change budget allows, in sentences.
    over_budget: &'a [String],
}

/// An object, a rule or a file that is not deployed as rendered.
#[derive(Serialize, JsonSchema)]
struct One<'a> {
    /// The region; null for what is global.
    region: Option<&'a str>,
    /// The rendered file; the source that shows it, where nothing is rendered any more.
    artifact: &'a str,
    /// What it is: `Deployment shop/api`.
    subject: &'a str,
    /// `missing` (to be added), `changed` or `left` (rendered no more).
    what: &'static str,
    /// The highest risk of its changes.
    risk: &'static str,
    /// What is different in it; one change with an empty path when it is all of it, two when it moved.
    changes: Vec<Part<'a>>,
    /// What it was called before, where it moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    moved_from: Option<&'a str>,
    /// The part of the blueprint that it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<From>,
}

/// A value that is different.
#[derive(Serialize, JsonSchema)]
struct Part<'a> {
    /// Where it stands: `spec.replicas`.
    at: &'a str,
    /// `missing`, `changed`, `left` or `foreign` (somebody else added it).
    what: &'static str,
    /// What is deployed; credentials are numbers.
    before: Option<&'a Value>,
    /// What is rendered.
    after: Option<&'a Value>,
    /// What carrying it out does: none, metadata, reload, rolling-restart, dns-visible, brief-outage, failover, recreate, data-loss.
    risk: &'static str,
    /// Why.
    why: &'a str,
    /// How it is carried out, where applying the file is not it.
    #[serde(skip_serializing_if = "Option::is_none")]
    how: Option<&'a str>,
    /// Who owns what is deployed, where it is not hagen.
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'a str>,
}

/// A part of the blueprint.
#[derive(Serialize, JsonSchema)]
struct From {
    /// Its path.
    path: String,
    /// The file, as it was named.
    file: String,
    /// The line, from 1.
    line: usize,
}

/// The JSON Schema of what [`json`] prints.
pub fn schema() -> Value {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Report<'_>>().to_value()
}

/// For programs.
pub fn json(shown: &Shown<'_>) -> String {
    let comparison = shown.comparison;
    let report = Report {
        schema: "hagen.dev/diff/v1",
        differences: comparison.differences.iter().map(|difference| one(shown, difference)).collect(),
        same: comparison.same,
        risk: comparison.risk().map(crate::diff::Risk::name),
        unread: shown.unread,
        unknown: &comparison.unknown,
        adopted: &comparison.adopted,
        over_budget: &comparison.over_budget,
    };
    place::json(&serde_json::to_string_pretty(&report).unwrap_or_default()) + "\n"
}

fn one<'a>(shown: &Shown<'a>, difference: &'a Difference) -> One<'a> {
    One {
        region: difference.region.as_deref(),
        artifact: &difference.artifact,
        subject: &difference.subject,
        what: difference.what.name(),
        risk: difference.risk().name(),
        changes: difference.changes.iter().map(part).collect(),
        moved_from: difference.moved_from.as_deref(),
        from: shown.origin(difference).map(|(path, file, line)| From { path, file, line }),
    }
}

fn part(change: &Change) -> Part<'_> {
    Part {
        at: &change.at,
        what: change.what.name(),
        before: change.before.as_ref(),
        after: change.after.as_ref(),
        risk: change.graded.risk.name(),
        why: &change.graded.why,
        how: change.graded.how.as_deref(),
        owner: match &change.what {
            What::Foreign(owner) => owner.as_deref(),
            _ => change.owner.as_deref(),
        },
    }
}
