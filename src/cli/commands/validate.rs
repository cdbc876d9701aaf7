//! `hagen validate`: everything that is wrong with a blueprint, in one run.

use crate::blueprint::load::{self, Loaded};
use crate::blueprint::resolved;
use crate::cli::args::Validate;
use crate::cli::output::Output;
use crate::cli::{ExitStatus, Failure, inputs};
use crate::loading;
use crate::report::{Format, Section};

/// Validates every base with its overlays, alone and in every environment (decision 3).
pub fn run(args: &Validate, output: &mut Output) -> Result<ExitStatus, Failure> {
    let files = load::parse_decoded(inputs::read(&args.blueprint.files)?);
    let environment = args.blueprint.environment.as_deref();
    super::known_environment(&files, environment)?;
    let runs: Vec<Loaded> =
        (0..files.bases().max(1)).flat_map(|base| loading::load_all(&files, base, environment)).collect();
    let invalid = runs.iter().any(Loaded::is_invalid);
    // The blueprints themselves: what was asked for with `--environment`, otherwise the bases alone.
    let wanted = || {
        let asked = |run: &&Loaded| run.environment.as_deref() == environment;
        runs.iter().filter(asked).filter_map(|run| Some((run.blueprint.as_ref()?, &run.document)))
    };
    let sections: Vec<Section<'_>> = runs
        .iter()
        .map(|run| Section {
            environment: run.environment.as_deref(),
            document: &run.document,
            findings: &run.problems,
            fail_on: None,
        })
        .collect();
    if args.resolved && !invalid && args.format == Format::Json {
        let resolved: Vec<_> = wanted().map(|(blueprint, document)| resolved::json(blueprint, document)).collect();
        output.result(&format!("{}\n", serde_json::to_string_pretty(&resolved).unwrap_or_default()));
        return Ok(ExitStatus::Ok);
    }
    output.findings(&sections, args.format);
    if invalid {
        return Ok(ExitStatus::DoesNotPass);
    }
    if args.format == Format::Human {
        for (blueprint, document) in wanted() {
            if args.resolved {
                output.result(&resolved::print(blueprint, document));
            } else {
                output.note(&format!("{}: valid, {}", blueprint.name, summary(blueprint)));
            }
        }
    }
    Ok(ExitStatus::Ok)
}

fn summary(blueprint: &crate::blueprint::Blueprint) -> String {
    let plural = |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    let mut parts = vec![
        plural(blueprint.regions.len(), "region", "regions"),
        plural(blueprint.services.len(), "service", "services"),
        format!("{} PostgreSQL", blueprint.postgres.len()),
        format!("{} Redis", blueprint.redis.len()),
    ];
    let environments = blueprint.spec.environments.len();
    if environments > 0 {
        parts.push(plural(environments, "environment", "environments"));
    }
    parts.join(", ")
}
