//! `hagen validate`: everything that is wrong with a blueprint, in one run.

use crate::blueprint::load::Loaded;
use crate::blueprint::resolved;
use crate::cli::args::Validate;
use crate::cli::output::Output;
use crate::cli::{ExitStatus, Failure, loading};
use crate::report::{Format, Section};

/// Validates every base with its overlays, alone and in every environment (decision 3).
pub fn run(args: &Validate, output: &mut Output) -> Result<ExitStatus, Failure> {
    let files = loading::files(&args.blueprint)?;
    let mut runs: Vec<Loaded> = Vec::new();
    for base in 0..files.bases().max(1) {
        match &args.blueprint.environment {
            Some(environment) => runs.push(loading::load(&files, base, Some(environment))),
            None => {
                let alone = loading::load(&files, base, None);
                let readable = !alone.problems.iter().any(|p| matches!(p.id, "BP001" | "BP002"));
                runs.push(alone);
                if readable {
                    runs.extend(
                        files.environments().iter().map(|environment| loading::load(&files, base, Some(environment))),
                    );
                }
            }
        }
    }
    // A problem of the base shows in every environment: it is said once.
    let known: Vec<_> = runs.first().map(|first| first.problems.clone()).unwrap_or_default();
    let sections: Vec<(Option<String>, Vec<_>)> = runs
        .iter()
        .enumerate()
        .map(|(at, run)| {
            let fresh = run.problems.iter().filter(|p| at == 0 || run.environment.is_none() || !known.contains(p));
            (run.environment.clone(), fresh.cloned().collect())
        })
        .collect();
    let sections: Vec<Section<'_>> = runs
        .iter()
        .zip(&sections)
        .map(|(run, (environment, findings))| Section {
            environment: environment.as_deref(),
            document: &run.document,
            findings,
        })
        .collect();
    if !args.resolved || runs.iter().any(Loaded::is_invalid) || args.format == Format::Json {
        output.findings(&sections, args.format);
    }
    if runs.iter().any(Loaded::is_invalid) {
        return Ok(ExitStatus::DoesNotPass);
    }
    if args.resolved && args.format == Format::Human {
        let wanted = runs.iter().filter(|run| run.environment == args.blueprint.environment);
        for run in wanted {
            if let Some(blueprint) = &run.blueprint {
                output.result(&resolved::print(blueprint, &run.document));
            }
        }
    } else if args.format == Format::Human {
        for run in runs.iter().filter(|run| run.environment.is_none() || args.blueprint.environment.is_some()) {
            if let Some(blueprint) = &run.blueprint {
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
