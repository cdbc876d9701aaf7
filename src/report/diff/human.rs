//! A comparison for people.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use serde_json::Value;
use similar::TextDiff;

use super::{Shown, sign, sign_of, was};
use crate::diff::{Change, Difference, Graded, Risk, What};
use crate::report::place::{one_line, said};

/// Colours, as git has them where it has one.
#[derive(Clone, Copy)]
pub(super) struct Paint(pub bool);

impl Paint {
    fn on(self, style: Style, text: &str) -> String {
        if self.0 { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    fn what(self, sign: char, text: &str) -> String {
        let color = match sign {
            '+' => AnsiColor::Green,
            '-' => AnsiColor::Red,
            '!' => AnsiColor::Magenta,
            '>' => AnsiColor::Cyan,
            _ => AnsiColor::Yellow,
        };
        self.on(color.on_default(), text)
    }

    fn risk(self, risk: Risk) -> String {
        let style = match risk {
            Risk::None | Risk::Metadata => Style::new().dimmed(),
            Risk::Reload | Risk::RollingRestart => Style::new(),
            Risk::DnsVisible | Risk::BriefOutage => AnsiColor::Yellow.on_default(),
            Risk::Failover | Risk::Recreate | Risk::DataLoss => AnsiColor::Red.on_default().bold(),
        };
        self.on(style, risk.name())
    }
}

/// For people, in colours on a terminal.
pub fn human(shown: &Shown<'_>, unified: bool, color: bool) -> String {
    let paint = Paint(color);
    let mut out = String::new();
    for (region, differences) in shown.by_region() {
        let _ = writeln!(out, "{}", paint.on(Style::new().bold(), &one_line(region)));
        for difference in differences {
            let sign = sign_of(difference);
            let _ = writeln!(
                out,
                "  {}{}  [{}]",
                paint.what(sign, &format!("{sign} {}", one_line(&difference.subject))),
                was(difference),
                paint.risk(difference.risk())
            );
            let from = shown.origin(difference).map(|(path, file, line)| format!(", from {path} ({file}:{line})"));
            let _ = writeln!(out, "      {}{}", one_line(&difference.artifact), one_line(&from.unwrap_or_default()));
            changes(difference, unified, paint, &mut out);
        }
        out.push('\n');
    }
    let _ = writeln!(out, "{}", shown.summary());
    out
}

/// A change, in a line or in several.
fn one(change: &Change, unified: bool, paint: Paint, out: &mut String) {
    let whole = matches!(change.what, What::Missing | What::Left) && !unified;
    let nothing = change.before.is_none() && change.after.is_none();
    if change.at.is_empty() && (whole || nothing) {
        return;
    }
    let at = if change.at.is_empty() { String::new() } else { format!("{}: ", one_line(&change.at)) };
    let owner = match (&change.what, &change.owner) {
        (What::Foreign(Some(name)), _) => format!("  (added by {}; applying leaves it)", one_line(name)),
        (What::Foreign(None), _) => "  (not hagen's; applying leaves it)".to_owned(),
        // What becomes of all of an object is said with the risk.
        (What::Left, _) if change.at.is_empty() => String::new(),
        (What::Left, Some(name)) => {
            format!("  (of {}; the first apply by kubectl takes it over and removes it)", one_line(name))
        }
        (What::Left, None) => "  (hagen's, rendered no more; applying removes it)".to_owned(),
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
        let _ = writeln!(out, "      {} {at}{owner}", paint.what(sign(&change.what), &sign(&change.what).to_string()));
        let diff = TextDiff::from_lines(&before, &after).unified_diff().context_radius(2).to_string();
        for line in diff.lines().filter(|line| !line.starts_with("\\ No newline")) {
            let line = said(line);
            let line = match line.chars().next() {
                Some(sign @ ('+' | '-')) => paint.what(sign, &line),
                _ => line,
            };
            let _ = writeln!(out, "        {line}");
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
    let sign = sign(&change.what);
    let _ = writeln!(out, "      {} {at}{values}{owner}", paint.what(sign, &sign.to_string()));
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

/// The changes of a difference, and why each is as dangerous as it is: once below all of them where they share it.
pub(super) fn changes(difference: &Difference, unified: bool, paint: Paint, out: &mut String) {
    let shared = difference.changes.windows(2).all(|pair| pair[0].graded == pair[1].graded);
    let mut told: Vec<&Graded> = Vec::new();
    for change in &difference.changes {
        one(change, unified, paint, out);
        if !shared && !told.contains(&&change.graded) {
            reason(&change.graded, "        ", out);
            told.push(&change.graded);
        }
    }
    if let Some(first) = difference.changes.first().filter(|_| shared) {
        reason(&first.graded, "      ", out);
    }
}

fn reason(graded: &Graded, indent: &str, out: &mut String) {
    let _ = writeln!(out, "{indent}= {}", one_line(&graded.why));
    if let Some(how) = &graded.how {
        let _ = writeln!(out, "{indent}= how: {}", one_line(how));
    }
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
