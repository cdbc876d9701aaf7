//! Policies judged over values, as conftest does it: each rule of each package over each value, less what is excepted.

use std::panic::AssertUnwindSafe;

use regorus::{Engine, Value};

use super::finding::{Findings, id, messages};
use super::load::{Policies, Problems, Rule};
use super::subject::Subject;
use super::{limits, messages as said};
use crate::diagnostics::{Diagnostic, Level, Place};
use crate::document::Span;

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// What the rules found.
    pub findings: Vec<Diagnostic>,
    /// How many results `exception` rules silenced.
    pub excepted: usize,
    /// What the policies printed.
    pub prints: Vec<String>,
}

/// The level of a rule by its name, as conftest knows it; none for a rule that finds nothing.
fn level(name: &str) -> Option<Level> {
    let (kind, suffix) = name.split_once('_').map_or((name, None), |(kind, suffix)| (kind, Some(suffix)));
    let part = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !suffix.is_none_or(|suffix| suffix.split('_').all(part)) {
        return None;
    }
    match kind {
        "deny" | "violation" => Some(Level::Error),
        "warn" => Some(Level::Warning),
        _ => None,
    }
}

/// What `exception` rules call a rule: its name without what tells its level.
fn suffix(name: &str) -> &str {
    name.split_once('_').map_or("", |(_, suffix)| suffix)
}

/// Whether a package is judged over the blueprint rather than over objects.
fn is_of_model(package: &str) -> bool {
    package == "hagen" || package.starts_with("hagen.")
}

impl Policies {
    /// The packages, by name.
    pub fn namespaces(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.packages.iter().map(|package| package.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The ids of the rules that are judged; only of these packages, when some are named.
    pub fn ids(&self, namespaces: &[String]) -> Vec<String> {
        self.judged(namespaces).iter().map(|(rule, _)| id(rule)).collect()
    }

    /// The rules that are judged, each with its level.
    fn judged(&self, namespaces: &[String]) -> Vec<(Rule, Level)> {
        let picked = |rule: &Rule| namespaces.is_empty() || namespaces.contains(&rule.package.name);
        let rules = self.rules(|name| level(name).is_some()).into_iter().filter(picked);
        rules.filter_map(|rule| level(&rule.name).map(|level| (rule, level))).collect()
    }
}

/// Judges policies over values: packages below `hagen` over the blueprint, all others over objects.
/// What is being judged at the moment is said to `tell`.
pub fn evaluate(
    policies: &Policies,
    namespaces: &[String],
    subjects: &[Subject],
    tell: impl Fn(&str),
) -> Result<Outcome, Box<Problems>> {
    let rules = policies.judged(namespaces);
    let exceptions = policies.rules(|name| name == "exception");
    let mut run = Run { policies, engine: policies.engine.clone(), outcome: Outcome::default() };
    let mut findings = Findings::default();
    for subject in subjects {
        let concerned = |rule: &Rule| is_of_model(&rule.package.name) == subject.object.is_none();
        if !rules.iter().any(|(rule, _)| concerned(rule)) {
            continue;
        }
        run.look_at(subject)?;
        for (rule, level) in rules.iter().filter(|(rule, _)| concerned(rule)) {
            let except = exceptions.iter().find(|except| except.package.path == rule.package.path);
            let (file, line) = policies.position(rule);
            let at = format!("`{}` in {file}:{line}", rule.name);
            tell(&at);
            let results = run.results(rule)?;
            if !results.is_empty() && run.is_excepted(rule, except)? {
                run.outcome.excepted += results.len();
                continue;
            }
            for message in results {
                findings.add(rule, &at, *level, subject, message);
            }
            if findings.len() > limits::RESULTS {
                return Err(
                    policies.problems(run.fault(rule, &format!("there are more than {} findings", limits::RESULTS)))
                );
            }
        }
    }
    run.outcome.prints = run.engine.take_prints().unwrap_or_default();
    run.outcome.findings = findings.done();
    Ok(run.outcome)
}

/// What a rule gives. A panic of the engine is an error like others: what is left of the engine is asked nothing more.
pub(super) fn asked(engine: &mut Engine, rule: &Rule) -> anyhow::Result<Value> {
    std::panic::catch_unwind(AssertUnwindSafe(|| engine.eval_rule(rule.path())))
        .unwrap_or_else(|_| Err(anyhow::anyhow!("the engine breaks down on it; that is a mistake of the engine's own")))
}

/// The rules in the midst of being judged.
struct Run<'a> {
    policies: &'a Policies,
    engine: Engine,
    outcome: Outcome,
}

impl Run<'_> {
    /// Makes a value the input.
    fn look_at(&mut self, subject: &Subject) -> Result<(), Box<Problems>> {
        self.engine.set_input(subject.input.clone());
        let Some(object) = subject.object.as_ref().filter(|_| self.policies.asks_file) else { return Ok(()) };
        self.engine.clear_data();
        let mine = Value::from(object.file_data());
        for value in self.policies.data.iter().chain([&mine]) {
            self.engine.add_data(value.clone()).map_err(|error| {
                let said = said::read(&error);
                self.policies.problems(said::failed(&said, Place::Span(Span::default()), "the data"))
            })?;
        }
        Ok(())
    }

    fn value(&mut self, rule: &Rule) -> Result<Value, Box<Problems>> {
        asked(&mut self.engine, rule).map_err(|error| {
            let said = said::read(&error);
            let place = said.place(&self.policies.document.sources, rule.span);
            self.policies.problems(said::failed(&said, place, &format!("`{}`", rule.name)))
        })
    }

    fn results(&mut self, rule: &Rule) -> Result<Vec<super::finding::Message>, Box<Problems>> {
        let value = self.value(rule)?;
        messages(&value).map_err(|fault| self.policies.problems(self.fault(rule, &fault)))
    }

    /// Whether an `exception` of the package names the rule: lists of names in a set, as conftest reads them.
    fn is_excepted(&mut self, rule: &Rule, except: Option<&Rule>) -> Result<bool, Box<Problems>> {
        let Some(except) = except else { return Ok(false) };
        let value = serde_json::to_value(self.value(except)?).unwrap_or_default();
        let lists = value.as_array().into_iter().flatten().filter_map(serde_json::Value::as_array);
        Ok(lists.flatten().any(|name| name.as_str() == Some(suffix(&rule.name))))
    }

    /// What a rule gives cannot be reported.
    fn fault(&self, rule: &Rule, fault: &str) -> Diagnostic {
        Diagnostic::error(said::FAILED, Place::Span(rule.span), format!("`{}` cannot be reported: {fault}", rule.name))
            .fix("write `deny contains msg if { … }` (v0: `deny[msg] { … }`), where `msg` is a text or an object with `msg`")
    }
}

#[cfg(test)]
mod tests {
    use super::{level, suffix};
    use crate::diagnostics::Level;

    #[test]
    fn the_name_of_a_rule_tells_its_level() {
        for name in ["deny", "violation", "deny_root", "violation_a_1"] {
            assert_eq!(level(name), Some(Level::Error), "{name}");
        }
        assert_eq!(level("warn_x"), Some(Level::Warning));
        for name in ["denyx", "deny_", "deny__x", "allow", "deny_é", "warning", "exception"] {
            assert_eq!(level(name), None, "{name}");
        }
        assert_eq!((suffix("deny_run_as_root"), suffix("deny")), ("run_as_root", ""));
    }
}
