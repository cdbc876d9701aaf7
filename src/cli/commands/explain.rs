//! `hagen explain`: what a field of the blueprint, a check or a rule means.

use crate::blueprint::explain;
use crate::cli::args::Explain;
use crate::cli::output::Output;
use crate::cli::{ExitStatus, Failure};
use crate::report::rules as report;
use crate::rules::{self, policy};

/// Prints meaning, type, default and what a field renders into.
pub fn run(args: &Explain, output: &mut Output) -> Result<ExitStatus, Failure> {
    if let Some((group, entry)) = rules::elsewhere::find(&args.path) {
        output.result(&report::explain_elsewhere(group, &entry));
        return Ok(ExitStatus::Ok);
    }
    // `R-PG-32` is the rule `PG032`, where there is one.
    let by_fact = || rules::all().find(|rule| rule.fact().is_some_and(|id| id.eq_ignore_ascii_case(&args.path)));
    if let Some(rule) = rules::find(&args.path).or_else(by_fact) {
        output.result(&report::explain(rule));
        return Ok(ExitStatus::Ok);
    }
    if policy::is_own(&args.path) {
        return Err(Failure::new(format!(
            "`{}` is a rule of your own: hagen knows nothing of it",
            args.path.escape_debug()
        ))
        .hint(
            "what it means stands in its policy file, which the finding names; docs/policies.md tells of such rules",
        ));
    }
    match explain::explain(&args.path) {
        Ok(text) => {
            output.result(&text);
            output.result(&read_by(&args.path));
            Ok(ExitStatus::Ok)
        }
        Err(explain::Unknown { message, fix }) => Err(Failure::new(message).hint(fix)),
    }
}

/// The rules that read a field, or something below it.
fn read_by(path: &str) -> String {
    let asked: Vec<&str> = path.trim_matches('.').split('.').collect();
    let reads = |field: &&str| {
        let parts: Vec<&str> = field.split('.').collect();
        parts.len() >= asked.len() && parts.iter().zip(&asked).all(|(part, step)| part == step || *part == "*")
    };
    let lines: Vec<String> = rules::all()
        .filter(|rule| rule.fields.iter().any(&reads))
        .map(|rule| format!("{} {}\n", rule.id, rule.name))
        .collect();
    if lines.is_empty() { String::new() } else { format!("rules:    {}", lines.join("          ")) }
}
