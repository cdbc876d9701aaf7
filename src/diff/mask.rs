//! Credentials in what is compared: never shown, and yet equal ones can be told from others. Each is a number, by first
//! appearance, so that neither its value nor its length can be seen, and the output is the same every time.

use std::collections::HashMap;

use serde_json::Value;

use super::{Change, Difference};
use crate::blueprint::{credential, secrets};

/// The numbers of the credentials that were seen.
#[derive(Debug, Default)]
pub struct Masks(HashMap<String, usize>);

impl Masks {
    /// Hides the credentials in a difference.
    pub fn hide(&mut self, difference: &mut Difference) {
        let secret = difference.subject.starts_with("Secret ");
        for change in &mut difference.changes {
            let Change { at, before, after, .. } = change;
            let all = secret && ["data", "stringData", "metadata.annotations"].iter().any(|part| at.starts_with(part));
            let name = last(at).to_owned();
            // The value of a variable is what its name says.
            let variable =
                at.strip_suffix("].value").and_then(|at| at.rsplit_once('[')).map(|(_, name)| name.to_owned());
            let name = variable.unwrap_or(name);
            // What is rendered alone holds none: no file with one passes `verify`. A whole fleet that is missing is long.
            let after = after.as_mut().filter(|_| before.is_some());
            for value in before.iter_mut().chain(after) {
                match value {
                    Value::Object(map) if secret && at.is_empty() => {
                        for (key, value) in map {
                            let own = matches!(key.as_str(), "data" | "stringData" | "metadata");
                            self.value(value, key, own && key != "metadata");
                            if let Some(annotations) = value.get_mut("annotations") {
                                self.value(annotations, "", true);
                            }
                        }
                    }
                    value => self.value(value, &name, all),
                }
            }
            // What a server says of a value may repeat it.
            if credential_like(&change.graded.why) {
                change.graded.why = self.text(&change.graded.why).into();
            }
        }
    }

    /// A text that others wrote, without the credentials in it.
    pub fn text(&mut self, text: &str) -> String {
        if credential::in_text(text).is_some() && !text.contains([':', '=', '\n', ' ']) {
            return self.number(text);
        }
        self.lines(text)
    }

    fn value(&mut self, value: &mut Value, name: &str, all: bool) {
        match value {
            Value::String(text) => {
                if all || is_secret(name, text) || credential::in_text(text).is_some() {
                    *text = self.number(text);
                } else if text.contains([':', '=', '\n', ' ']) {
                    *text = self.lines(text);
                }
            }
            Value::Array(items) => {
                // `["--password", "…"]`
                let mut flag = false;
                for item in items {
                    let named = item.as_str().is_some_and(|text| text.starts_with('-') && is_named(text));
                    self.value(item, name, all || flag && !named);
                    flag = named;
                }
            }
            Value::Object(map) => {
                // `{name: DB_PASSWORD, value: …}`
                let variable = map.get("name").and_then(Value::as_str).map(str::to_owned);
                for (key, value) in map {
                    let name = match (&variable, key.as_str()) {
                        (Some(variable), "value") => variable.as_str(),
                        _ => key.as_str(),
                    };
                    self.value(value, name, all);
                }
            }
            // A PIN is a number.
            Value::Number(number) if all || credential::names_one(name) => {
                *value = Value::from(self.number(&number.to_string()));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// A file in a value, a command, an address: credentials are looked for line by line.
    fn lines(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut from = 0;
        for range in secrets::find(text, 0..text.len(), &secrets::of_secrets(text)) {
            if range.start < from {
                continue;
            }
            out.push_str(&text[from..range.start]);
            out.push_str(&self.number(&text[range.clone()]));
            from = range.end;
        }
        out.push_str(&text[from..]);
        out
    }

    fn number(&mut self, secret: &str) -> String {
        let next = self.0.len() + 1;
        format!("(secret {})", self.0.entry(secret.to_owned()).or_insert(next))
    }
}

/// The last step of a path: `data["password.txt"]` ends in `password.txt`.
fn last(at: &str) -> &str {
    match at.strip_suffix("\"]").and_then(|at| at.rsplit_once("[\"")) {
        Some((_, name)) => name,
        None => at.rsplit(['.', '[']).next().unwrap_or_default().trim_end_matches([']', '"']),
    }
}

/// Whether a name is that of a credential, or of a file that is one or that holds them.
fn is_named(name: &str) -> bool {
    const FILES: [&str; 4] = ["htpasswd", "netrc", "pgpass", "userlist.txt"];
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    credential::names_one(name)
        || credential::names_one(stem)
        || FILES.iter().any(|file| name.trim_start_matches(['.', '_']) == *file)
}

/// Whether a deployed value of that name is a credential: a text, whatever it begins with, that is no reference as a whole and no
/// switch.
fn is_secret(name: &str, text: &str) -> bool {
    let between = |start: &str, end: &str| text.starts_with(start) && text.ends_with(end);
    let reference = between("$(", ")") || between("${", "}") || between("{{", "}}");
    is_named(name) && !reference && (credential::is_literal(text) || text.contains(['/', '$', '%', '<', '*', '{', ':']))
}

/// Whether it is worth a closer look.
fn credential_like(text: &str) -> bool {
    text.contains("://") || text.contains('=') || text.contains(':')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::diff::{Graded, Risk, What};

    /// The value of a change as it is shown.
    fn shown(subject: &str, at: &str, value: Value) -> String {
        let graded = Graded::new(Risk::None, "");
        let change =
            Change { at: at.to_owned(), what: What::Changed, before: Some(value), after: None, owner: None, graded };
        let mut difference = Difference {
            region: None,
            artifact: String::new(),
            subject: subject.to_owned(),
            what: What::Changed,
            changes: vec![change],
            origin: None,
            moved_from: None,
        };
        Masks::default().hide(&mut difference);
        difference.changes[0].before.as_ref().map(Value::to_string).unwrap_or_default()
    }

    #[test]
    fn credentials_are_known_by_name_and_by_form_wherever_they_stand() {
        for (subject, at, value) in [
            ("Deployment a/b", "spec.containers[c].env[DB_PASSWORD].value", json!("/c4nary")),
            ("Deployment a/b", "spec.containers[c].env[DB_PASSWORD].value", json!("/c4nary/+x==")),
            ("Deployment a/b", "spec.containers[c].args", json!(["--password", "c4nary"])),
            ("ConfigMap a/b", "data[\"password.txt\"]", json!("c4nary")),
            ("ConfigMap a/b", "data[\".pgpass\"]", json!("db:5432:*:app:c4nary")),
            (
                "Secret a/b",
                "",
                json!({"kind": "Secret", "data": {"type": "c4nary"}, "metadata": {"annotations": {"a": "c4nary"}}}),
            ),
            ("Secret a/b", "stringData.pin", json!("c4nary")),
        ] {
            let said = shown(subject, at, value);
            assert!(!said.contains("c4nary") && said.contains("(secret "), "{at}: {said}");
        }
        assert!(!shown("Deployment a/b", "spec.env[PIN_PASSWORD].value", json!(1_234_567)).contains("1234567"));
        for (at, value) in [
            ("spec.env[DB_PASSWORD].value", json!("$(OTHER)")),
            ("spec.replicas", json!(3)),
            ("data.path", json!("/etc/app/config")),
        ] {
            assert_eq!(shown("Deployment a/b", at, value.clone()), value.to_string());
        }
    }
}
