//! The results of rules as findings: what a result says, and where in the blueprint that belongs.

use std::collections::HashMap;

use regorus::Value;
use serde_json::Value as Json;

use super::limits;
use super::load::Rule;
use super::subject::Subject;
use crate::diagnostics::{Diagnostic, Level, Place};
use crate::document::Path;
use crate::rules::policy::OWN;

/// One result of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What it says first.
    title: String,
    /// What it says beyond that.
    more: Vec<String>,
    fix: Option<String>,
    /// The field of the blueprint that it names.
    path: Option<Path>,
}

/// The results that a rule gives: texts, or objects with `msg`; in conftest's way a set or a list of them.
pub fn messages(value: &Value) -> Result<Vec<Message>, String> {
    if matches!(value, Value::Undefined | Value::Bool(false) | Value::Null) {
        return Ok(Vec::new());
    }
    let items: Vec<&Value> = match value {
        Value::Set(set) => set.iter().collect(),
        Value::Array(list) => list.iter().collect(),
        _ => return Err("it gives neither a set nor a list of messages, and could never fail".to_owned()),
    };
    let mut messages = Vec::new();
    for item in items {
        let json =
            serde_json::to_value(item).map_err(|error| format!("a result of it is no value of JSON: {error}"))?;
        messages.extend(message(&json)?);
    }
    Ok(messages)
}

fn message(json: &Json) -> Result<Option<Message>, String> {
    let text = |key: &str| json.get(key).and_then(Json::as_str);
    let said = match json {
        Json::String(said) => said,
        Json::Object(_) => text("msg").ok_or("a result of it is an object without a text `msg`")?,
        _ => return Err("a result of it is neither a text nor an object with `msg`".to_owned()),
    };
    let said = shortened(said.trim());
    let mut lines = said.lines();
    // A rule of conftest that says nothing is one that passes.
    let Some(title) = lines.next() else { return Ok(None) };
    let mut more: Vec<String> = lines.filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
    more.extend(text("why").map(shortened));
    let path = json.get("path").filter(|_| json.is_object()).map(path).transpose()?;
    Ok(Some(Message { title: title.trim_end().to_owned(), more, fix: text("fix").map(shortened), path }))
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(limits::MESSAGE).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// A field of the blueprint: `services.api.replicas`, or the same as a list. In front of it may stand what `input` has in front.
fn path(json: &Json) -> Result<Path, String> {
    let path = match json {
        Json::String(text) => {
            let text = text.strip_prefix("blueprint.").unwrap_or(text);
            text.parse::<Path>().map_err(|error| format!("its `path` {text:?} cannot be read: {error}"))?
        }
        Json::Array(steps) => {
            let skipped = usize::from(steps.first().and_then(Json::as_str) == Some("blueprint"));
            steps.iter().skip(skipped).try_fold(Path::root(), |path, step| match step {
                Json::String(key) => Ok(path.key(key)),
                Json::Number(index) => {
                    let index = index.as_u64().and_then(|index| usize::try_from(index).ok());
                    index.map(|index| path.index(index)).ok_or("its `path` has a number that is no place in a list")
                }
                _ => Err("its `path` has a step that is neither a name nor a number"),
            })?
        }
        _ => return Err("its `path` is neither a text nor a list".to_owned()),
    };
    Ok(path)
}

/// The id of a rule: what levels, waivers and reports call it.
pub fn id(rule: &Rule) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.') { c } else { '-' };
    let package: String = rule.package.name.chars().map(plain).collect();
    format!("{OWN}.{package}.{}", rule.name)
}

/// The findings of a run. The same said of several objects that come from one part of the blueprint is one finding.
#[derive(Default)]
pub struct Findings {
    found: Vec<Found>,
    known: HashMap<(String, String, String), usize>,
}

struct Found {
    diagnostic: Diagnostic,
    /// Where the rule stands.
    rule: String,
    more: Vec<String>,
    objects: Vec<String>,
}

impl Findings {
    /// How many there are.
    pub const fn len(&self) -> usize {
        self.found.len()
    }

    /// Adds what a rule says of a value.
    pub fn add(&mut self, rule: &Rule, at: &str, level: Level, subject: &Subject, message: Message) {
        // Of an object a path may mean anything; of the blueprint it means one field of it.
        let place = match (&subject.object, message.path) {
            (None, Some(path)) => Place::Value(path),
            _ => subject.place.clone(),
        };
        let object = subject.object.as_ref().map(|object| format!("{} in {}", object.name, object.file));
        let key = (rule.path(), message.title.clone(), format!("{place:?}"));
        if let Some(found) = self.known.get(&key).and_then(|at| self.found.get_mut(*at)) {
            found.objects.extend(object);
            return;
        }
        self.known.insert(key, self.found.len());
        let mut diagnostic = Diagnostic::new(id(rule), level, place, message.title);
        diagnostic.fix = message.fix;
        let objects = object.into_iter().collect();
        self.found.push(Found { diagnostic, rule: at.to_owned(), more: message.more, objects });
    }

    /// All of them.
    pub fn done(self) -> Vec<Diagnostic> {
        self.found.into_iter().map(Found::done).collect()
    }
}

impl Found {
    fn done(self) -> Diagnostic {
        let mut diagnostic = self.diagnostic;
        let mut why = self.more;
        if let Some((first, others)) = self.objects.split_first() {
            diagnostic.primary.text.clone_from(first);
            const SHOWN: usize = 3;
            if !others.is_empty() {
                let mut named: Vec<&str> = others.iter().take(SHOWN).map(String::as_str).collect();
                let rest = format!("{} more", others.len().saturating_sub(SHOWN));
                if others.len() > SHOWN {
                    named.push(&rest);
                }
                why.push(format!("the same holds for {}", named.join(", ")));
            }
        }
        why.push(format!("rule {}", self.rule));
        diagnostic.why = Some(why.join("\n"));
        diagnostic
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Result<Vec<Message>, String> {
        messages(&Value::from_json_str(json).unwrap())
    }

    #[test]
    fn results_are_texts_or_objects_with_a_message() {
        let all =
            of(r#"["one", {"msg": "two\n\nthree", "fix": "four", "path": ["blueprint", "a.b", 0]}, ""]"#).unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].title.as_str(), all[1].title.as_str()), ("one", "two"));
        assert_eq!((all[1].more.as_slice(), all[1].fix.as_deref()), (&["three".to_owned()][..], Some("four")));
        assert_eq!(all[1].path.as_ref().unwrap().to_string(), "\"a.b\"[0]");
        assert!(of("false").unwrap().is_empty() && of("[]").unwrap().is_empty() && of("null").unwrap().is_empty());
        for wrong in [
            "true",
            "\"x\"",
            "{\"x\": true}",
            "[1]",
            "[{\"msg\": 1}]",
            "[{}]",
            r#"[{"msg": "x", "path": "a..b"}]"#,
            r#"[{"msg": "x", "path": [-1]}]"#,
            r#"[{"msg": "x", "path": 1}]"#,
        ] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
        let long = of(&format!("[\"{}\"]", "é".repeat(limits::MESSAGE + 1))).unwrap();
        assert_eq!(long[0].title.chars().count(), limits::MESSAGE + 1);
    }
}
