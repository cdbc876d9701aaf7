//! What is printed of a comparison: for people, for programs, for a pull request.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json as value};
use similar::TextDiff;

use super::place::{one_line, said};
use crate::diagnostics::Place;
use crate::diff::{Change, Comparison, Difference, Risk, What};
use crate::document::Document;

/// A comparison, with what stands around it.
pub struct Shown<'a> {
    /// What was compared.
    pub comparison: &'a Comparison,
    /// The blueprint's text.
    pub document: &'a Document,
    /// The risk up to which differences are no reason to stop.
    pub max: Option<Risk>,
}

impl Shown<'_> {
    /// Where a difference comes from in the blueprint: the path, the file and the line.
    fn origin(&self, difference: &Difference) -> Option<(String, String, usize)> {
        let path = difference.origin.as_ref()?;
        let span = self.document.span(&Place::Key(path.clone()));
        let source = self.document.sources.get(span.file as usize)?;
        Some((path.to_string(), source.name.clone(), source.position(span.start).line))
    }

    /// The differences by region; what is global stands under its name.
    fn by_region(&self) -> BTreeMap<&str, Vec<&Difference>> {
        let mut regions: BTreeMap<&str, Vec<&Difference>> = BTreeMap::new();
        for difference in &self.comparison.differences {
            regions.entry(difference.region.as_deref().unwrap_or("global")).or_default().push(difference);
        }
        regions
    }

    /// How much is different, in a line.
    fn summary(&self) -> String {
        let all = &self.comparison.differences;
        if self.comparison.is_nothing() {
            return "nothing was compared".to_owned();
        }
        let Some(risk) = self.comparison.risk() else {
            return format!("no difference; {} as rendered", self.comparison.same);
        };
        let count = |name: &str| all.iter().filter(|difference| difference.what.name() == name).count();
        let parts = [("missing", "to be added"), ("changed", "changed"), ("left", "left over")];
        let parts: Vec<String> = parts
            .iter()
            .map(|(name, words)| (count(name), words))
            .filter(|(n, _)| *n > 0)
            .map(|(n, words)| format!("{n} {words}"))
            .collect();
        let above = match self.max {
            Some(max) if risk <= max => format!(", none above {}", max.name()),
            Some(max) => {
                let above = all.iter().filter(|difference| difference.risk() > max).count();
                format!(", {above} above {}", max.name())
            }
            None => String::new(),
        };
        format!("{}; {} as rendered; highest risk {}{above}", parts.join(", "), self.comparison.same, risk.name())
    }
}

const fn sign(what: &What) -> char {
    match what {
        What::Missing => '+',
        What::Left => '-',
        What::Foreign(_) => '!',
        What::Changed => '~',
    }
}

/// For people.
pub fn human(shown: &Shown<'_>, unified: bool) -> String {
    let mut out = String::new();
    for (region, differences) in shown.by_region() {
        let _ = writeln!(out, "{}", one_line(region));
        for difference in differences {
            let _ = writeln!(
                out,
                "  {} {}  [{}]",
                sign(&difference.what),
                one_line(&difference.subject),
                difference.risk().name()
            );
            let from = shown.origin(difference).map(|(path, file, line)| format!(", from {path} ({file}:{line})"));
            let _ = writeln!(out, "      {}{}", one_line(&difference.artifact), one_line(&from.unwrap_or_default()));
            for change in &difference.changes {
                one(change, unified, &mut out);
            }
            reasons(difference, &mut out);
        }
        out.push('\n');
    }
    let _ = writeln!(out, "{}", shown.summary());
    out
}

/// A change, in a line or in several.
fn one(change: &Change, unified: bool, out: &mut String) {
    if change.at.is_empty() && matches!(change.what, What::Missing | What::Left) && !unified {
        return;
    }
    let at = if change.at.is_empty() { String::new() } else { format!("{}: ", one_line(&change.at)) };
    let owner = match (&change.what, &change.owner) {
        (What::Foreign(Some(name)), _) => format!("  (added by {}; applying leaves it)", one_line(name)),
        (What::Foreign(None), _) => "  (not hagen's; applying leaves it)".to_owned(),
        (What::Left, _) => "  (hagen's, rendered no more; applying removes it)".to_owned(),
        (_, Some(name)) => format!("  (owned by {}: applying asks for --force-conflicts)", one_line(name)),
        _ => String::new(),
    };
    let lines = |value: &Option<Value>| match value {
        Some(Value::String(text)) => text.clone(),
        Some(value) if unified => serde_json::to_string_pretty(value).unwrap_or_default(),
        Some(value) => value.to_string(),
        None => String::new(),
    };
    let (before, after) = (lines(&change.before), lines(&change.after));
    if unified || before.contains('\n') || after.contains('\n') {
        let _ = writeln!(out, "      {} {at}{owner}", sign(&change.what));
        let diff = TextDiff::from_lines(&before, &after).unified_diff().context_radius(2).to_string();
        for line in diff.lines().filter(|line| !line.starts_with("\\ No newline")) {
            let _ = writeln!(out, "        {}", said(line));
        }
        return;
    }
    let values = match (&change.before, &change.after) {
        (Some(before), Some(after)) => {
            let (before, after) = apart(before, after);
            format!("{before} -> {after}")
        }
        (Some(value), None) if change.what == What::Changed => format!("{} -> nothing", short(value)),
        (Some(value), None) | (None, Some(value)) => short(value),
        (None, None) => String::new(),
    };
    let _ = writeln!(out, "      {} {at}{values}{owner}", sign(&change.what));
}

/// So many characters of a value stand in a line.
const MOST: usize = 160;

/// A value in a line.
fn short(value: &Value) -> String {
    let text = one_line(&value.to_string());
    if text.chars().count() <= MOST { text } else { text.chars().take(MOST).collect::<String>() + " …" }
}

/// Two values in a line. Of long ones what they share at both ends is left out but for a few characters: what differs must be seen.
fn apart(before: &Value, after: &Value) -> (String, String) {
    const AROUND: usize = 24;
    let chars = |value: &Value| one_line(&value.to_string()).chars().collect::<Vec<char>>();
    let (a, b) = (chars(before), chars(after));
    if a.len().max(b.len()) <= MOST {
        return (a.into_iter().collect(), b.into_iter().collect());
    }
    let first = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let rest = a.len().min(b.len()) - first;
    let last = a.iter().rev().zip(b.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let part = |all: &[char]| {
        let (from, to) = (first.saturating_sub(AROUND), (all.len() - last + AROUND).min(all.len()));
        let inside: String = all[from..to].iter().take(2 * MOST).collect();
        let cut = to - from > 2 * MOST;
        format!("{}{inside}{}", if from > 0 { "… " } else { "" }, if to < all.len() || cut { " …" } else { "" })
    };
    (part(&a), part(&b))
}

/// Why a difference is as dangerous as it is, and how it is carried out.
fn reasons(difference: &Difference, out: &mut String) {
    let risk = difference.risk();
    let mut told: Vec<&str> = Vec::new();
    for change in difference.changes.iter().filter(|change| change.graded.risk == risk) {
        if told.contains(&&*change.graded.why) {
            continue;
        }
        told.push(&change.graded.why);
        let _ = writeln!(out, "      = {}", change.graded.why);
        if let Some(how) = &change.graded.how {
            let _ = writeln!(out, "      = how: {how}");
        }
    }
}

/// For programs.
pub fn json(shown: &Shown<'_>) -> String {
    let change = |change: &Change| {
        let mut one = value!({
            "at": change.at,
            "what": change.what.name(),
            "before": change.before,
            "after": change.after,
            "risk": change.graded.risk,
            "why": change.graded.why,
        });
        if let Some(how) = &change.graded.how {
            one["how"] = Value::from(&**how);
        }
        let owner = match &change.what {
            What::Foreign(owner) => owner.as_ref(),
            _ => change.owner.as_ref(),
        };
        if let Some(owner) = owner {
            one["owner"] = Value::from(owner.as_str());
        }
        one
    };
    let difference = |difference: &Difference| {
        let mut one = value!({
            "region": difference.region,
            "artifact": difference.artifact,
            "subject": difference.subject,
            "what": difference.what.name(),
            "risk": difference.risk(),
            "changes": difference.changes.iter().map(change).collect::<Vec<_>>(),
        });
        if let Some((path, file, line)) = shown.origin(difference) {
            one["from"] = value!({"path": path, "file": file, "line": line});
        }
        one
    };
    let all = value!({
        "schema": "hagen.dev/diff/v1",
        "differences": shown.comparison.differences.iter().map(difference).collect::<Vec<_>>(),
        "same": shown.comparison.same,
        "risk": shown.comparison.risk(),
        "unknown": shown.comparison.unknown,
    });
    super::place::json(&serde_json::to_string_pretty(&all).unwrap_or_default()) + "\n"
}

/// For a pull request: a table, and the values behind a click.
pub fn markdown(shown: &Shown<'_>) -> String {
    let cell = |text: &str| one_line(text).replace('|', "\\|").replace('`', "'").replace('<', "&lt;");
    let mut out = format!("### hagen diff: {}\n", shown.summary());
    for (region, differences) in shown.by_region() {
        let _ = write!(out, "\n**{}**\n\n| | what | risk | from |\n|---|---|---|---|\n", cell(region));
        for difference in &differences {
            let from = shown.origin(difference).map(|(path, file, line)| format!("`{}` {file}:{line}", cell(&path)));
            let _ = writeln!(
                out,
                "| {} | `{}` | {} | {} |",
                sign(&difference.what),
                cell(&difference.subject),
                difference.risk().name(),
                cell_of(&from.unwrap_or_default())
            );
        }
        for difference in differences {
            let mut body = String::new();
            difference.changes.iter().for_each(|change| one(change, false, &mut body));
            reasons(difference, &mut body);
            // No line of a value ends the block.
            let body = body.replace("```", "'''");
            let _ = write!(
                out,
                "\n<details><summary><code>{}</code></summary>\n\n```text\n{}```\n\n</details>\n",
                cell(&difference.subject),
                body
            );
        }
    }
    out
}

/// For Prometheus: how much is different, by artifact and by risk, how much could not be read, and when that was so (seconds
/// since 1970).
pub fn metrics(shown: &Shown<'_>, blueprint: &str, troubles: usize, now: u64) -> String {
    const RISKS: [Risk; 9] = [
        Risk::None,
        Risk::Metadata,
        Risk::Reload,
        Risk::RollingRestart,
        Risk::DnsVisible,
        Risk::BriefOutage,
        Risk::Failover,
        Risk::Recreate,
        Risk::DataLoss,
    ];
    let label = |text: &str| one_line(text).replace('\\', "\\\\").replace('"', "\\\"");
    let mut out = String::new();
    let mut family = |name: &str, help: &str, series: Vec<(String, u64)>| {
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (labels, number) in series {
            let _ = writeln!(out, "{name}{{blueprint=\"{}\"{labels}}} {number}", label(blueprint));
        }
    };
    let all = &shown.comparison.differences;
    let of_risk = RISKS.map(|risk| {
        let count = all.iter().filter(|difference| difference.risk() == risk).count();
        (format!(",risk=\"{}\"", risk.name()), count as u64)
    });
    family("hagen_diff_differences", "Objects and files that are not deployed as rendered.", of_risk.to_vec());
    let mut artifacts: BTreeMap<String, u64> = BTreeMap::new();
    for difference in all {
        let labels = format!(
            ",region=\"{}\",artifact=\"{}\",risk=\"{}\"",
            label(difference.region.as_deref().unwrap_or("global")),
            label(&difference.artifact),
            difference.risk().name()
        );
        *artifacts.entry(labels).or_default() += 1;
    }
    family(
        "hagen_diff_artifact_differences",
        "The same by region and rendered file; no series where nothing is different.",
        artifacts.into_iter().collect(),
    );
    family(
        "hagen_diff_same",
        "Objects and files that are deployed as rendered.",
        vec![(String::new(), shown.comparison.same as u64)],
    );
    family(
        "hagen_diff_unread_sources",
        "Sources that could not be read or compared.",
        vec![(String::new(), troubles as u64)],
    );
    family("hagen_diff_last_run_timestamp_seconds", "When the comparison was made.", vec![(String::new(), now)]);
    out
}

fn cell_of(text: &str) -> String {
    one_line(text).replace('|', "\\|").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_long_values_what_differs_is_shown() {
        let long = |number: &str| Value::from(format!("{}<= {number}) or {}", "a".repeat(300), "b".repeat(300)));
        let (before, after) = apart(&long("2700"), &long("77777"));
        assert!(before.contains("<= 2700)") && after.contains("<= 77777)") && before.len() < 120, "{before}");
        assert_eq!(apart(&Value::from(1), &Value::from(2)), ("1".to_owned(), "2".to_owned()));
        let (before, after) = apart(&Value::from("x".repeat(500)), &Value::from("x".repeat(499)));
        assert_ne!(before, after);
    }
}
