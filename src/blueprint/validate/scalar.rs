//! Single values against the schema: units, enumerations, patterns, numbers; YAML's surprises; literal credentials.

use serde_json::Value;

use super::example;
use super::forms::form;
use super::meant::meant;
use super::{Walker, first_sentence};
use crate::blueprint::credential;
use crate::blueprint::cron::Schedule;
use crate::blueprint::schema::follow;
use crate::blueprint::units::{Bytes, Cpu, Duration, Percent, Rate, Throughput, UnitError};
use crate::diagnostics::{Diagnostic, Place};
use crate::document::node::{Entry, Node, Scalar, ScalarType};
use crate::document::{Path, Step};

impl Walker {
    pub(super) fn scalar(&mut self, node: &Node, outer: &Value, schema: &Value, path: &Path) {
        let get = |key: &str| outer.get(key).or_else(|| schema.get(key));
        let wanted = get("type");
        let Some(scalar) = node.scalar() else {
            let wanted = match wanted.and_then(Value::as_str) {
                Some("integer") => "a whole number",
                Some("boolean") => "true or false",
                _ => "a text",
            };
            self.wrong_kind(node, wanted, outer, path);
            return;
        };
        if self.unwritable(node, scalar, path) {
            return;
        }
        if let Some(unit) = get("x-hagen-unit").and_then(Value::as_str) {
            self.unit(node, scalar, unit, path);
            return;
        }
        match wanted.and_then(Value::as_str) {
            Some("boolean") => self.boolean(node, scalar, path),
            Some("integer" | "number") => self.integer(node, scalar, outer, schema, path),
            Some("string") => {
                if scalar.kind() != ScalarType::Text {
                    let why = surprise(&scalar.text)
                        .map_or_else(|| format!("YAML reads `{}` as {}", scalar.text, node.describe()), |(why, _)| why);
                    self.problems.push(
                        Diagnostic::error("BP006", Place::Span(node.span), format!("`{path}` wants a text"))
                            .because(why)
                            .fix(format!("write it in quotes: \"{}\"", scalar.text)),
                    );
                    return;
                }
                self.text(node, scalar, outer, schema, path);
            }
            // Several types: a verbatim value. Only what readers disagree on is refused.
            _ => {
                self.surprise_value(node, scalar, path);
            }
        }
    }

    fn unit(&mut self, node: &Node, scalar: &Scalar, unit: &str, path: &Path) {
        let text = &*scalar.text;
        let outcome: Result<(), UnitError> = match unit {
            "duration" => text.parse::<Duration>().map(drop),
            "bytes" => text.parse::<Bytes>().map(drop),
            "cpu" => text.parse::<Cpu>().map(drop),
            "percent" => text.parse::<Percent>().map(drop),
            "rate" => text.parse::<Rate>().map(drop),
            _ => text.parse::<Throughput>().map(drop),
        };
        if let Err(error) = outcome {
            let problem = Diagnostic::error("BP015", Place::Span(node.span), format!("`{path}`: {}", error.problem))
                .fix(suggestion(unit, text, path).unwrap_or(error.fix));
            self.problems.push(match surprise(text).filter(|_| scalar.plain) {
                Some((why, _)) => problem.because(why),
                None => problem,
            });
        }
    }

    fn boolean(&mut self, node: &Node, scalar: &Scalar, path: &Path) {
        if matches!(scalar.kind(), ScalarType::Bool(_)) {
            return;
        }
        let problem = Diagnostic::error("BP006", Place::Span(node.span), format!("`{path}` wants true or false"));
        let folded = scalar.text.to_ascii_lowercase();
        self.problems.push(match folded.as_str() {
            "no" | "off" | "n" | "yes" | "on" | "y" => {
                let value = matches!(folded.as_str(), "yes" | "on" | "y");
                problem
                    .because(format!("`{}` is a boolean in YAML 1.1 and a text in YAML 1.2", scalar.text))
                    .fix(format!("write `{value}`"))
            }
            _ => problem.fix("write `true` or `false`"),
        });
    }

    fn integer(&mut self, node: &Node, scalar: &Scalar, outer: &Value, schema: &Value, path: &Path) {
        let get = |key: &str| outer.get(key).or_else(|| schema.get(key)).and_then(Value::as_i64);
        let plain_digits = scalar.plain
            && !scalar.text.is_empty()
            && scalar.text.strip_prefix('-').unwrap_or(&scalar.text).bytes().all(|b| b.is_ascii_digit());
        let decimal = plain_digits && (scalar.text.len() == 1 || !scalar.text.trim_start_matches('-').starts_with('0'));
        let value = if decimal { scalar.text.parse::<i64>().ok() } else { None };
        let Some(value) = value else {
            let problem = Diagnostic::error(
                "BP006",
                Place::Span(node.span),
                format!(
                    "`{path}` wants a whole number and got {}`{}`",
                    if scalar.plain { "" } else { "the text " },
                    scalar.text.escape_debug()
                ),
            );
            self.problems.push(match surprise(&scalar.text).filter(|_| scalar.plain) {
                Some((why, fix)) => problem.because(why).fix(fix),
                None if scalar.text.bytes().all(|b| b.is_ascii_digit()) && !scalar.plain => {
                    problem.fix(format!("write it without quotes: {}", scalar.text))
                }
                None => problem.fix("write digits only"),
            });
            return;
        };
        let least = get("minimum").unwrap_or(0);
        let most = get("maximum").unwrap_or(i64::from(u32::MAX));
        if value < least || value > most {
            self.problems.push(
                Diagnostic::error(
                    "BP016",
                    Place::Span(node.span),
                    format!("`{path}` is {value}; it goes from {least} to {most}"),
                )
                .fix(format!("write a number from {least} to {most}")),
            );
        }
    }

    fn text(&mut self, node: &Node, scalar: &Scalar, outer: &Value, schema: &Value, path: &Path) {
        let get = |key: &str| outer.get(key).or_else(|| schema.get(key));
        let text = &*scalar.text;
        if let Some(values) = get("enum").and_then(Value::as_array) {
            let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
            if !values.contains(&text) {
                let fix = meant(text, values.iter().copied()).map_or_else(
                    || format!("use one of: {}", values.join(", ")),
                    |near| format!("did you mean `{near}`? (of: {})", values.join(", ")),
                );
                self.problems.push(
                    Diagnostic::error(
                        "BP017",
                        Place::Span(node.span),
                        format!("`{}` is no value of `{path}`", shown(text, path)),
                    )
                    .fix(fix),
                );
            }
            return;
        }
        if let Some(constant) = get("const").and_then(Value::as_str).filter(|constant| *constant != text) {
            self.problems.push(
                Diagnostic::error(
                    "BP017",
                    Place::Span(node.span),
                    format!("`{}` is no value of `{path}`", shown(text, path)),
                )
                .fix(format!("write `{constant}`")),
            );
            return;
        }
        let too_long = get("maxLength").and_then(Value::as_u64).is_some_and(|most| text.chars().count() as u64 > most);
        let too_short =
            get("minLength").and_then(Value::as_u64).is_some_and(|least| (text.chars().count() as u64) < least);
        let pattern = get("pattern").and_then(Value::as_str);
        if too_long || too_short || pattern.is_some_and(|pattern| !self.matches(pattern, text)) {
            self.malformed(node, text, outer, pattern.unwrap_or(""), path);
            return;
        }
        if get("x-hagen-cron").is_some()
            && let Err(why) = runs(text)
        {
            self.problems.push(
                Diagnostic::error("BP018", Place::Span(node.span), format!("`{}` is no cron time", shown(text, path)))
                    .because(why)
                    .fix("minute, hour, day of the month, month, day of the week, in UTC: \"0 2 * * *\" is two o'clock every night"),
            );
            return;
        }
        if get("x-hagen-host").is_some()
            && let Some(why) = no_address(text)
        {
            self.problems.push(
                Diagnostic::error(
                    "BP019",
                    Place::Span(node.span),
                    format!("`{}` does not fit `{path}`", shown(text, path)),
                )
                .because(why)
                .fix("use the name, or the whole address: `10.0.1.11`, `fd00::11`"),
            );
            return;
        }
        self.surprise_value(node, scalar, path);
    }

    fn malformed(&mut self, node: &Node, text: &str, outer: &Value, pattern: &str, path: &Path) {
        let (mut what, mut fix) = form(pattern);
        if what.is_empty() {
            what = follow(outer)
                .get("description")
                .and_then(Value::as_str)
                .map(|d| format!("it wants: {}", first_sentence(d)))
                .unwrap_or_default();
        }
        if let Some(example) = example::of(outer) {
            fix = if fix.starts_with("use ") {
                format!("{fix}: `{example}`")
            } else {
                format!("write something like `{example}`")
            };
        }
        let image = pattern.contains("@sha256:");
        if image {
            what = if text.contains("@sha256:") {
                "an image has a tag and a digest of 64 hexadecimal digits".to_owned()
            } else {
                "an image without digest can change under its tag: neither rollback nor recovery would bring back what ran (R-K8-02)".to_owned()
            };
            fix = "write `REGISTRY/NAME:TAG@sha256:DIGEST`; `crane digest IMAGE` or `docker buildx imagetools inspect IMAGE` tells the digest".to_owned();
        }
        let mut problem = Diagnostic::error(
            "BP019",
            Place::Span(node.span),
            format!("`{}` does not fit `{path}`", shown(text, path)),
        )
        .fix(fix);
        if !what.is_empty() {
            problem = problem.because(what);
        }
        self.problems.push(problem);
    }

    /// What YAML 1.1 and 1.2 readers understand differently is refused where it stands without quotes.
    fn surprise_value(&mut self, node: &Node, scalar: &Scalar, path: &Path) {
        if !scalar.plain {
            return;
        }
        if let Some((why, fix)) = surprise(&scalar.text) {
            let title = format!("`{}` in `{path}` means different things to different readers", scalar.text);
            self.problems.push(Diagnostic::error("BP003", Place::Span(node.span), title).because(why).fix(fix));
        }
    }

    pub(super) fn surprise_key(&mut self, entry: &Entry, path: &Path) {
        if !entry.key_plain {
            return;
        }
        if let Some((why, fix)) = surprise(&entry.key) {
            let title = format!("the key `{}` of `{path}` means different things to different readers", entry.key);
            self.problems.push(Diagnostic::error("BP003", Place::Span(entry.key_span), title).because(why).fix(fix));
        }
    }

    /// Something that looks like a literal credential, or stands for what was never filled in. A credential is never shown.
    pub(super) fn unwritable(&mut self, node: &Node, scalar: &Scalar, path: &Path) -> bool {
        let text = &*scalar.text;
        let is = |step: &Step, name: &str| matches!(step, Step::Key(key) if key == name);
        let key = match path.steps().last() {
            Some(Step::Key(key)) => key.as_str(),
            _ => "",
        };
        let verbatim = path.steps().iter().any(|step| is(step, "env") || is(step, "parameters"));
        if (verbatim && credential::names_one(key) && credential::is_literal(text))
            || credential::in_text(text).is_some()
        {
            self.problems.push(
                Diagnostic::error("BP014", Place::Span(node.span), format!("`{path}` holds what looks like a credential"))
                    .because("no secret may be written in a blueprint: it would be in every clone and in every rendered file (R-PG-22)")
                    .fix("put it into a Secret and refer to it: `{secret: NAME, key: KEY}` (for a service under `secrets`)"),
            );
            return true;
        }
        // What is written for readers may say that something is still to be done.
        let prose = matches!(key, "description" | "reason");
        if !prose && credential::is_placeholder(text) {
            self.problems.push(
                Diagnostic::error(
                    "BP150",
                    Place::Span(node.span),
                    format!("`{path}` was never filled in: `{}`", text.escape_debug()),
                )
                .because("a placeholder would be rendered as if it were meant (R-RD-03)")
                .fix("write the value, or leave the key out"),
            );
            return true;
        }
        false
    }
}

/// A value that was refused, as a message shows it: its beginning, and nothing of what may be a credential.
fn shown(text: &str, path: &Path) -> String {
    let name = path.steps().iter().rev().find_map(|step| match step {
        Step::Key(name) => Some(&**name),
        Step::Index(_) => None,
    });
    // `{secret: NAME}` names a Secret.
    let secret = name.is_some_and(|name| name != "secret" && credential::names_one(name));
    if secret || credential::in_text(text).is_some() {
        return "***".to_owned();
    }
    text.chars().take(80).collect::<String>().escape_debug().to_string()
}

/// Why readers of YAML 1.1 and 1.2 disagree on a plain scalar, and what to write instead.
fn surprise(text: &str) -> Option<(String, String)> {
    let quoted = || format!("write it in quotes: \"{text}\"");
    let folded = text.to_ascii_lowercase();
    if matches!(folded.as_str(), "yes" | "no" | "on" | "off" | "y" | "n") {
        let value = matches!(folded.as_str(), "yes" | "on" | "y");
        return Some((
            format!("YAML 1.1 reads `{text}` as {value}, YAML 1.2 as a text"),
            format!("{}, or `{value}` if a boolean is meant", quoted()),
        ));
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let all = |rest: &str, radix: u32| !rest.is_empty() && rest.chars().all(|c| c.is_digit(radix) || c == '_');
    if let Some(rest) = digits.strip_prefix("0o").filter(|rest| all(rest, 8)) {
        let value = u64::from_str_radix(rest, 8).unwrap_or_default();
        return Some((
            format!("YAML 1.2 reads `{text}` as the octal number {value}, YAML 1.1 as a text"),
            format!("write `{value}`, or in quotes if a text is meant"),
        ));
    }
    if digits.strip_prefix("0x").is_some_and(|rest| all(rest, 16))
        || digits.strip_prefix("0b").is_some_and(|rest| all(rest, 2))
    {
        return Some((
            format!("`{text}` is a number to some readers and a text to others"),
            "write it in decimal, or in quotes if a text is meant".to_owned(),
        ));
    }
    if digits.len() > 1 && digits.starts_with('0') && all(&digits[1..], 10) {
        return Some((
            format!("YAML 1.1 reads `{text}` as an octal number, YAML 1.2 as a decimal one"),
            "write it without the leading zero, or in quotes if a text is meant".to_owned(),
        ));
    }
    if digits.contains('_') && all(digits, 10) {
        return Some((
            format!("YAML 1.1 reads `{text}` as a number, YAML 1.2 as a text"),
            format!("write `{}`", text.replace('_', "")),
        ));
    }
    let parts: Vec<&str> = digits.split(':').collect();
    if parts.len() > 1 && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit())) {
        let value = parts.iter().try_fold(0u64, |sum, part| sum.checked_mul(60)?.checked_add(part.parse().ok()?));
        let value = value.map_or_else(|| "a number".to_owned(), |v| format!("the number {v}"));
        return Some((format!("YAML 1.1 reads `{text}` as {value} (base 60), YAML 1.2 as a text"), quoted()));
    }
    let exponent = digits.split_once(['e', 'E']);
    if exponent.is_some_and(|(mantissa, power)| {
        mantissa.bytes().all(|b| b.is_ascii_digit() || b == b'.')
            && !power.is_empty()
            && power.trim_start_matches(['-', '+']).bytes().all(|b| b.is_ascii_digit())
    }) {
        return Some((
            format!("YAML 1.2 reads `{text}` as a floating-point number, YAML 1.1 as a text"),
            "write the number in full, or in quotes if a text is meant".to_owned(),
        ));
    }
    None
}

/// Why a text that has the form of a host is none: what ends in a number is taken for an address by whatever reads it.
fn no_address(text: &str) -> Option<&'static str> {
    if text.contains(':') {
        return text
            .parse::<std::net::Ipv6Addr>()
            .is_err()
            .then_some("with a `:` in it, it is an IPv6 address, and this is none");
    }
    let number = |label: &str| label.bytes().all(|b| b.is_ascii_digit());
    let numeric = text.rsplit('.').next().is_some_and(number);
    (numeric && text.parse::<std::net::Ipv4Addr>().is_err())
        .then_some("a name does not end in a number, and an IPv4 address has four of 0 to 255, without leading zeros")
}

/// Whether a cron time can be read and comes again.
fn runs(text: &str) -> Result<(), String> {
    let gap = Schedule::parse(text)?.longest_gap();
    gap.map(|_| ()).ok_or_else(|| "it comes at most once in four years".to_owned())
}

/// A bare number with the unit that fits its field: a timeout of 500 is half a second, and data is kept for days.
fn suggestion(unit: &str, text: &str, path: &Path) -> Option<String> {
    let number: u64 = text.parse().ok().filter(|_| unit == "duration")?;
    let Some(Step::Key(field)) = path.steps().last() else { return None };
    let (first, second) = match field.as_str() {
        "retention" | "window" | "immutable" => ("d", "h"),
        "timeout" | "perTry" | "nodeTimeout" if number >= 100 => ("ms", "s"),
        "rto" | "rpo" | "respondWithin" | "regionFailover" | "restore" => ("m", "s"),
        _ => ("s", "m"),
    };
    Some(format!("write `{number}{first}`, or `{number}{second}`"))
}
