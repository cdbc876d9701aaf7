//! Templates: embedded in the program, overridable by a directory, one engine for each file syntax with its escaping.
//!
//! A template is called `TARGET/NAME.SYNTAX.tera`; the syntax before `.tera` decides the escaping, which applies to every
//! string that is interpolated. `| safe` does not exist here. A name that is not defined is an error with template and line.

use std::collections::BTreeMap;
use std::io::Write;

use serde::Serialize;
use tera::{Context, EscapeFn, Kwargs, State, Tera, Value};

use super::quote;
use crate::diagnostics::nearest;

/// The templates of the program, by path: `(path, text)`.
const EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/templates.rs"));

/// A template that does not load or render: where, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template {template}: {message}")]
pub struct TemplateError {
    /// The template's path.
    pub template: String,
    /// What is wrong, with line and column where they are known.
    pub message: String,
}

/// The syntax that a template writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Syntax {
    Yaml,
    Json,
    Ini,
    Redis,
    Haproxy,
    Systemd,
    Shell,
    Markdown,
    Text,
}

impl Syntax {
    const ALL: [Self; 9] = [
        Self::Yaml,
        Self::Json,
        Self::Ini,
        Self::Redis,
        Self::Haproxy,
        Self::Systemd,
        Self::Shell,
        Self::Markdown,
        Self::Text,
    ];

    /// The syntax of a template, by what stands before `.tera`.
    fn of(path: &str) -> Option<Self> {
        let name = path.strip_suffix(".tera")?;
        Some(match name.rsplit_once('.')?.1 {
            "yaml" | "yml" => Self::Yaml,
            "json" => Self::Json,
            "ini" | "conf" => Self::Ini,
            "redis" => Self::Redis,
            "cfg" => Self::Haproxy,
            "service" | "timer" | "slice" => Self::Systemd,
            "sh" => Self::Shell,
            "md" => Self::Markdown,
            "txt" => Self::Text,
            _ => return None,
        })
    }

    const fn escape(self) -> EscapeFn {
        match self {
            Self::Yaml => quote::yaml,
            Self::Json => quote::json,
            Self::Ini => quote::ini,
            Self::Redis => quote::redis,
            Self::Haproxy => quote::haproxy,
            Self::Systemd => quote::systemd,
            Self::Shell => quote::shell,
            Self::Markdown => quote::markdown,
            Self::Text => quote::text,
        }
    }
}

/// All templates, ready to render.
pub struct Engine {
    engines: BTreeMap<Syntax, Tera>,
}

impl Engine {
    /// The templates of the program, those of `overrides` (path, text) in their place.
    pub fn new(overrides: &BTreeMap<String, String>) -> Result<Self, Vec<TemplateError>> {
        let mut errors = Vec::new();
        for path in overrides.keys() {
            if EMBEDDED.iter().any(|(known, _)| known == path) {
                continue;
            }
            let quoted = [format!("\"{path}\""), format!("'{path}'")];
            let included = |text: &String| quoted.iter().any(|name| text.contains(name));
            let message = if Syntax::of(path).is_none() {
                "the name says no known syntax, such as `.yaml.tera`".to_owned()
            } else if overrides.values().any(included) {
                continue;
            } else {
                let near = nearest(path, embedded_paths());
                let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                format!(
                    "hagen has no template of this name, and none of these includes it: nothing would read it{hint}"
                )
            };
            errors.push(TemplateError { template: path.clone(), message });
        }
        let text_of = |path: &str, text: &str| overrides.get(path).cloned().unwrap_or_else(|| text.to_owned());
        let mut all: BTreeMap<String, String> =
            EMBEDDED.iter().map(|(path, text)| ((*path).to_owned(), text_of(path, text))).collect();
        all.extend(overrides.iter().map(|(path, text)| (path.clone(), text.clone())));
        let mut engines = BTreeMap::new();
        for syntax in Syntax::ALL {
            let set: Vec<(&str, &str)> = all
                .iter()
                .filter(|(path, _)| Syntax::of(path) == Some(syntax))
                .map(|(p, t)| (p.as_str(), t.as_str()))
                .collect();
            if set.is_empty() {
                continue;
            }
            for (path, text) in &set {
                errors.extend(lint(syntax, path, text));
            }
            let mut tera = Tera::default();
            tera.set_escape_fn(syntax.escape());
            tera.autoescape_on([""]);
            register(&mut tera);
            match tera.add_raw_templates(set) {
                Ok(()) => {
                    engines.insert(syntax, tera);
                }
                Err(error) => errors
                    .push(TemplateError { template: format!("{syntax:?}").to_lowercase(), message: chain(&error) }),
            }
        }
        if errors.is_empty() { Ok(Self { engines }) } else { Err(errors) }
    }

    /// The templates of the program alone.
    pub fn embedded() -> Result<Self, Vec<TemplateError>> {
        Self::new(&BTreeMap::new())
    }

    /// Renders a template with what `context` serialises to.
    pub fn render(&self, template: &str, context: &impl Serialize) -> Result<String, TemplateError> {
        let fail = |message: String| TemplateError { template: template.to_owned(), message };
        let context = Context::from_serialize(context).map_err(|e| fail(chain(&e)))?;
        self.render_context(template, &context)
    }

    /// Renders a template with a ready context.
    pub fn render_context(&self, template: &str, context: &Context) -> Result<String, TemplateError> {
        let fail = |message: String| TemplateError { template: template.to_owned(), message };
        let tera = Syntax::of(template)
            .and_then(|syntax| self.engines.get(&syntax))
            .ok_or_else(|| fail("does not exist".to_owned()))?;
        let mut bounded = Bounded(Vec::with_capacity(4096));
        tera.render_to(template, context, &mut bounded).map_err(|e| fail(chain(&e)))?;
        String::from_utf8(bounded.0).map_err(|e| fail(e.to_string()))
    }
}

/// The paths of the templates of the program.
pub fn embedded_paths() -> impl Iterator<Item = &'static str> {
    EMBEDDED.iter().map(|(path, _)| *path)
}

/// The texts of the templates of the program.
pub fn embedded_templates() -> impl Iterator<Item = (&'static str, &'static str)> {
    EMBEDDED.iter().copied()
}

/// The most that one file may hold: a template that never ends is stopped here.
const LIMIT: usize = 256 << 20;

struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > LIMIT {
            return Err(std::io::Error::other("the file grows beyond 256 MiB"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// An error with all of its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

fn register(tera: &mut Tera) {
    // `safe` would switch escaping off: here it is an error at every use.
    tera.register_filter("safe", |_: Value, _: Kwargs, _: &State| -> tera::TeraResult<Value> {
        Err(tera::Error::message("`safe` is not available: every value is escaped"))
    });
    tera.register_filter("yaml", |value: Value, args: Kwargs, _: &State| -> tera::TeraResult<Value> {
        let indent: usize = args.get("indent")?.unwrap_or(0);
        Ok(Value::safe_string(&super::yaml::block(&value, indent).map_err(tera::Error::message)?))
    });
    tera.register_filter("block", |value: Value, args: Kwargs, _: &State| -> tera::TeraResult<Value> {
        let indent: usize = args.get("indent")?.unwrap_or(0);
        let text = value.as_str().ok_or_else(|| tera::Error::message("`block` wants a text"))?;
        Ok(Value::safe_string(&super::yaml::literal(text, indent)))
    });
    tera.register_filter("json", |value: Value, _: Kwargs, _: &State| -> tera::TeraResult<Value> {
        Ok(Value::safe_string(&to_json(&value)?.to_string()))
    });
    // A line inside of a code block of a page: nothing is escaped there, so nothing may end the block or the line.
    tera.register_filter("code", |value: Value, _: Kwargs, _: &State| -> tera::TeraResult<Value> {
        let text = value.as_str().ok_or_else(|| tera::Error::message("`code` wants a text"))?;
        if text.contains('`') || text.chars().any(char::is_control) {
            return Err(tera::Error::message(format!("{text:?} cannot stand in a code block")));
        }
        Ok(Value::safe_string(text))
    });
    tera.register_filter("comment", |value: Value, _: Kwargs, _: &State| -> tera::TeraResult<Value> {
        let text = value.as_str().ok_or_else(|| tera::Error::message("`comment` wants a text"))?;
        // A comment ends with its line, whatever the text holds.
        let clean: String = text
            .chars()
            .map(|c| if c.is_control() || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}') { ' ' } else { c })
            .collect();
        Ok(Value::safe_string(&clean))
    });
}

fn to_json(value: &Value) -> tera::TeraResult<serde_json::Value> {
    serde_json::to_value(value).map_err(tera::Error::message)
}

/// What would break the rule that a value is one whole scalar: text behind or before `{{ … }}` on a line of YAML.
fn lint(syntax: Syntax, path: &str, text: &str) -> Vec<TemplateError> {
    let mut errors = Vec::new();
    let mut error = |line: usize, message: &str| {
        errors.push(TemplateError { template: path.to_owned(), message: format!("line {line}: {message}") })
    };
    for (number, line) in text.lines().enumerate() {
        let number = number + 1;
        if line.contains("| safe") || line.contains("|safe") {
            error(number, "`safe` is not available: every value is escaped");
        }
        if syntax != Syntax::Yaml {
            continue;
        }
        let Some(start) = line.find("{{") else {
            continue;
        };
        let before = without_tags(&line[..start]);
        let after = line.rfind("}}").map_or("", |end| &line[end + 2..]);
        let after = without_tags(after);
        let comment = before.trim_start().starts_with('#');
        // What `yaml` writes brings its own blank or line break.
        let composite = line.contains("| yaml(") && (before.ends_with(':') || before.ends_with('-'));
        let whole = composite || before.trim().is_empty() || before.ends_with(": ") || before.ends_with("- ");
        let once = line.matches("{{").count() == 1 || line.matches("}}: {{").count() == 1;
        if !comment && (!whole || !once || !(after.trim().is_empty() || after.trim() == ":")) {
            error(number, "in YAML a `{{ … }}` is one whole scalar: join texts inside it with `~`");
        }
        if comment && !line.contains("| comment") {
            error(number, "in a comment write `{{ … | comment }}`");
        }
    }
    errors
}

/// A piece of a line without its `{% … %}` tags.
fn without_tags(text: &str) -> String {
    let mut rest = text;
    let mut kept = String::new();
    while let Some(start) = rest.find("{%") {
        kept.push_str(&rest[..start]);
        rest = rest[start..].find("%}").map_or("", |end| &rest[start + end + 2..]);
    }
    kept.push_str(rest);
    kept
}
