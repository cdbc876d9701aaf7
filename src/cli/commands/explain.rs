//! `hagen explain`: what a field of the blueprint, a check or a rule means.

use crate::blueprint::budget::Budget;
use crate::blueprint::{explain, load};
use crate::cli::args::Explain;
use crate::cli::output::Output;
use crate::cli::{ExitStatus, Failure, inputs};
use crate::report::{self, Format, Section, rules as of_rules};
use crate::rules::{self, policy};

/// Prints meaning, type, default and what a field renders into.
pub fn run(args: &Explain, output: &mut Output) -> Result<ExitStatus, Failure> {
    if !args.files.is_empty() {
        return of_blueprint(args, output);
    }
    if let Some((group, entry)) = rules::elsewhere::find(&args.path) {
        output.result(&of_rules::explain_elsewhere(group, &entry));
        return Ok(ExitStatus::Ok);
    }
    // `R-PG-32` is the rule `PG032`, where there is one.
    let by_fact = || rules::all().find(|rule| rule.fact().is_some_and(|id| id.eq_ignore_ascii_case(&args.path)));
    if let Some(rule) = rules::find(&args.path).or_else(by_fact) {
        output.result(&of_rules::explain(rule));
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

/// What a field comes to in a blueprint: the connections of a cluster.
fn of_blueprint(args: &Explain, output: &mut Output) -> Result<ExitStatus, Failure> {
    let wanted = args.path.strip_prefix("postgres.").and_then(|rest| rest.strip_suffix(".pool"));
    let Some(name) = wanted.filter(|name| !name.contains('.')) else {
        return Err(Failure::new(format!("`{}` adds up to nothing", args.path.escape_debug()))
            .hint("with a blueprint behind it, `postgres.NAME.pool` is explained; other fields without one"));
    };
    let files = load::parse_decoded(inputs::read(&args.files)?);
    super::known_environment(&files, args.environment.as_deref())?;
    let loaded = files.load(0, args.environment.as_deref());
    let Some(blueprint) = &loaded.blueprint else {
        // What does not pass says why, the sum of connections included (BP190).
        let section = Section {
            environment: loaded.environment.as_deref(),
            document: &loaded.document,
            findings: &loaded.problems,
            fail_on: None,
        };
        output.findings(&[section], Format::Human);
        return Ok(ExitStatus::DoesNotPass);
    };
    let Some(cluster) = blueprint.postgres.iter().find(|cluster| cluster.name == name) else {
        return Err(Failure::new(format!("there is no PostgreSQL `{}` in it", name.escape_debug()))
            .hint("`postgres.NAME.pool`, with the name of one"));
    };
    if !cluster.is_rendered() {
        return Err(Failure::new(format!("no pool of `{name}` is rendered: its manager is not Patroni"))
            .hint("what its manager opens and takes stands in that one's own configuration"));
    }
    match Budget::of(&blueprint.regions, cluster, &blueprint.services) {
        Some(budget) => output.result(&report::budget::text(&budget, &loaded.document)),
        None => return Err(Failure::new(format!("max_connections of `{name}` is no number"))),
    }
    Ok(ExitStatus::Ok)
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
