//! The tests of policies: rules called `test_…`, which hold or do not. `conftest verify` and `opa test` run the same.

use regorus::Value;

use super::evaluate::asked;
use super::load::{Policies, Rule};
use super::messages;

/// What came of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Passed,
    /// It does not, or it could not be judged: then why.
    Failed(Option<String>),
    /// It is called `todo_test_…`, and waits.
    Skipped,
}

/// A test.
#[derive(Debug, Clone)]
pub struct Test {
    /// Its path: `main.test_denies_latest`.
    pub name: String,
    /// The file that it stands in.
    pub file: String,
    /// Its line.
    pub line: usize,
    /// What came of it.
    pub verdict: Verdict,
    /// What it printed.
    pub prints: Vec<String>,
}

/// Runs every test, by package and name. What is being judged at the moment is said to `tell`.
pub fn test(policies: &Policies, tell: impl Fn(&str)) -> Vec<Test> {
    let is_test = |name: &str| name.starts_with("test_") || name.starts_with("todo_test_");
    let mut tests: Vec<Test> = policies.rules(is_test).iter().map(|rule| one(policies, rule, &tell)).collect();
    tests.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    tests
}

fn one(policies: &Policies, rule: &Rule, tell: &impl Fn(&str)) -> Test {
    let (file, line) = policies.position(rule);
    tell(&format!("`{}` in {file}:{line}", rule.name));
    let mut engine = policies.engine.clone();
    let verdict = if rule.name.starts_with("todo_") {
        Verdict::Skipped
    } else {
        match asked(&mut engine, rule) {
            Ok(value) if holds(&value) => Verdict::Passed,
            Ok(_) => Verdict::Failed(None),
            Err(error) => Verdict::Failed(Some(why(&messages::read(&error)))),
        }
    };
    let prints = engine.take_prints().unwrap_or_default();
    Test { name: format!("{}.{}", rule.package.name, rule.name), file, line, verdict, prints }
}

/// Whether a test holds: it is true, or it has cases (`test_x[case]`) of which every one is.
fn holds(value: &Value) -> bool {
    match value {
        Value::Bool(holds) => *holds,
        Value::Object(cases) => cases.iter().all(|(_, holds)| *holds == Value::Bool(true)),
        _ => false,
    }
}

fn why(said: &messages::Said) -> String {
    if said.late {
        return format!("it runs longer than {}s", super::limits::ONE.as_secs());
    }
    said.text.clone()
}
