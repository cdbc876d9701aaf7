//! `hagen policy test`: the tests of the users' own rules.

use std::fmt::Write as _;

use serde_json::json;

use super::own;
use crate::cli::args::{Policy, PolicyTest, TestFormat};
use crate::cli::output::Output;
use crate::cli::{ExitStatus, Failure};
use crate::report::escaped;

/// A test as it is reported.
pub struct Tested {
    /// Its path.
    pub name: String,
    /// Its file.
    pub file: String,
    /// Its line.
    pub line: usize,
    /// Whether it holds; none for one that waits.
    pub passed: Option<bool>,
    /// Why it could not be judged.
    pub why: Option<String>,
    /// What it printed.
    pub prints: Vec<String>,
}

/// Runs the tests, and reports them.
pub fn run(args: &Policy, output: &mut Output) -> Result<ExitStatus, Failure> {
    let Policy::Test(args) = args;
    test(args, output)
}

fn test(args: &PolicyTest, output: &mut Output) -> Result<ExitStatus, Failure> {
    let tests = own::test(args)?;
    if tests.is_empty() {
        return Err(Failure::new("there is no test").hint("a test is a rule whose name begins with `test_`"));
    }
    output.result(&match args.format {
        TestFormat::Human => human(&tests),
        TestFormat::Json => json(&tests),
        TestFormat::Junit => junit(&tests),
    });
    let failed = tests.iter().any(|test| test.passed == Some(false));
    Ok(if failed { ExitStatus::DoesNotPass } else { ExitStatus::Ok })
}

/// How many tests ended so.
fn count(tests: &[Tested], passed: Option<bool>) -> usize {
    tests.iter().filter(|test| test.passed == passed).count()
}

fn human(tests: &[Tested]) -> String {
    let mut out = String::new();
    for test in tests.iter().filter(|test| test.passed == Some(false)) {
        let why = test.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        let _ = writeln!(out, "{}:{}: {} does not hold{why}", test.file, test.line, test.name);
        for print in &test.prints {
            let _ = writeln!(out, "    it prints {print}");
        }
    }
    let _ = write!(out, "{} passed, {} failed", count(tests, Some(true)), count(tests, Some(false)));
    match count(tests, None) {
        0 => {}
        skipped => {
            let _ = write!(out, ", {skipped} skipped");
        }
    }
    out.push('\n');
    out
}

fn json(tests: &[Tested]) -> String {
    let verdict = |test: &Tested| match test.passed {
        Some(true) => "passed",
        Some(false) => "failed",
        None => "skipped",
    };
    let all: Vec<_> = tests
        .iter()
        .map(|test| {
            json!({"name": test.name, "file": test.file, "line": test.line, "verdict": verdict(test), "why": test.why, "prints": test.prints})
        })
        .collect();
    let summary =
        json!({"passed": count(tests, Some(true)), "failed": count(tests, Some(false)), "skipped": count(tests, None)});
    let text = serde_json::to_string_pretty(&json!({"version": 1, "summary": summary, "tests": all}));
    text.unwrap_or_default() + "\n"
}

fn junit(tests: &[Tested]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"hagen policy test\">\n");
    let (all, failed, skipped) = (tests.len(), count(tests, Some(false)), count(tests, None));
    let _ =
        writeln!(out, "  <testsuite name=\"policies\" tests=\"{all}\" failures=\"{failed}\" skipped=\"{skipped}\">");
    for test in tests {
        let (file, name) = (escaped(&test.file), escaped(&test.name));
        let _ =
            write!(out, "    <testcase classname=\"{file}\" name=\"{name}\" file=\"{file}\" line=\"{}\"", test.line);
        let why = escaped(test.why.as_deref().unwrap_or("it does not hold"));
        let _ = match test.passed {
            Some(true) => writeln!(out, "/>"),
            Some(false) => {
                let prints = escaped(&test.prints.join("\n"));
                writeln!(out, "><failure message=\"{why}\">{prints}</failure></testcase>")
            }
            None => writeln!(out, "><skipped/></testcase>"),
        };
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}
