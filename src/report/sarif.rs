//! SARIF 2.1.0: what code scanning reads. Columns are counted in characters, and say so.

use serde_json::{Value, json};

use super::Section;
use super::about::{About, about};
use super::place::{self, fingerprint, place};
use crate::diagnostics::{Diagnostic, Label, Level};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The findings as one SARIF run.
pub fn render(sections: &[Section<'_>]) -> String {
    let mut ids: Vec<&str> = sections.iter().flat_map(|section| section.findings).map(|f| &*f.id).collect();
    ids.sort_unstable();
    ids.dedup();
    let rules: Vec<Value> = ids.iter().map(|id| rule(&about(id))).collect();
    let results: Vec<Value> = sections
        .iter()
        .flat_map(|section| section.findings.iter().map(|finding| result(section, finding, &ids)))
        .collect();
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "hagen",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    let mut text = place::json(&serde_json::to_string_pretty(&log).unwrap_or_default());
    text.push('\n');
    text
}

fn rule(about: &About) -> Value {
    json!({
        "id": about.id,
        "name": about.name,
        "shortDescription": {"text": about.summary},
        "help": {"text": about.fix, "markdown": about.help},
        "properties": {"tags": about.tags},
    })
}

const fn level(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Info => "note",
    }
}

fn result(section: &Section<'_>, finding: &Diagnostic, ids: &[&str]) -> Value {
    let parts = [Some(&finding.title), finding.why.as_ref(), finding.fix.as_ref()];
    let mut message: Vec<String> = parts.into_iter().flatten().cloned().collect();
    if let Some(environment) = section.environment {
        message.insert(1, format!("in the environment `{environment}`"));
    }
    let mut result = json!({
        "ruleId": finding.id,
        "ruleIndex": ids.binary_search(&&*finding.id).unwrap_or_default(),
        "level": level(finding.level),
        "message": {"text": message.join("\n")},
        "locations": [location(section, &finding.primary, None)],
        "partialFingerprints": {"hagen/v1": fingerprint(section, finding)},
    });
    if !finding.related.is_empty() {
        let related = finding.related.iter().enumerate().map(|(at, label)| location(section, label, Some(at)));
        result["relatedLocations"] = related.collect();
    }
    if let Some(waived) = &finding.waived {
        let justification = format!("{} ({}, until {})", waived.reason, waived.owner, waived.until);
        result["suppressions"] = json!([{"kind": "external", "status": "accepted", "justification": justification}]);
    }
    result
}

fn location(section: &Section<'_>, label: &Label, id: Option<usize>) -> Value {
    let at = place(section, label);
    let mut location = json!({
        "physicalLocation": {
            "artifactLocation": {"uri": uri(at.file)},
            "region": {
                "startLine": at.line,
                "startColumn": at.column,
                "endLine": at.end_line,
                "endColumn": at.end_column,
            },
        },
    });
    if let Some(id) = id {
        location["id"] = id.into();
    }
    if !label.text.is_empty() {
        location["message"] = json!({"text": label.text});
    }
    location
}

/// A file's name as a URI reference: bytes that mean something in one are escaped.
fn uri(file: &str) -> String {
    let mut out = String::from(if file.starts_with('/') { "file://" } else { "" });
    // A colon in the first step would read as a scheme.
    for byte in file.strip_prefix("./").unwrap_or(file).bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
