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
            let all = secret && (at.is_empty() || at.starts_with("data") || at.starts_with("stringData"));
            let name = at.rsplit(['.', '[']).next().unwrap_or_default().trim_end_matches([']', '"']).to_owned();
            // The value of a variable is what its name says.
            let variable =
                at.strip_suffix("].value").and_then(|at| at.rsplit_once('[')).map(|(_, name)| name.to_owned());
            let name = variable.unwrap_or(name);
            for value in [before, after].into_iter().flatten() {
                self.value(value, &name, all);
            }
        }
    }

    fn value(&mut self, value: &mut Value, name: &str, all: bool) {
        match value {
            Value::String(text) => {
                let named = credential::names_one(name) && credential::is_literal(text);
                if all || named || credential::in_text(text).is_some() {
                    *text = self.number(text);
                } else if text.contains([':', '=', '\n', ' ']) {
                    *text = self.lines(text);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item, name, all)),
            Value::Object(map) => {
                // `{name: DB_PASSWORD, value: …}`
                let variable = map.get("name").and_then(Value::as_str).map(str::to_owned);
                for (key, value) in map {
                    let name = match (&variable, key.as_str()) {
                        (Some(variable), "value") => variable.as_str(),
                        _ => key.as_str(),
                    };
                    self.value(
                        value,
                        name,
                        all && !matches!(key.as_str(), "kind" | "apiVersion" | "metadata" | "type"),
                    );
                }
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
