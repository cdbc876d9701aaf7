//! `hagen diff`: what is rendered against what is deployed.

use super::live;
use super::rendering::{self, Rendered};
use crate::cli::args::Diff;
use crate::cli::output::Output;
use crate::cli::{ExitStatus, Failure};
use crate::diff::{Comparison, Masks, Options, compare};
use crate::env::clock;
use crate::report::{self, DiffFormat, Format, Section};
use crate::state;

/// Loads, renders, verifies, reads what is deployed, compares.
pub fn run(args: &Diff, output: &mut Output) -> Result<ExitStatus, Failure> {
    if args.against.is_empty() && args.live.is_none() {
        return Err(Failure::new("what the blueprint is to be compared with was not said")
            .hint("`--against FILE…` takes what other programs printed, a rendered tree or `git:REVISION`; `--live` asks what runs"));
    }
    let loaded = rendering::one(&args.blueprint)?;
    let Some(blueprint) = &loaded.blueprint else {
        let section = Section {
            environment: loaded.environment.as_deref(),
            document: &loaded.document,
            findings: &loaded.problems,
            fail_on: None,
        };
        output.findings(&[section], Format::Human);
        // Status 1 means differences alone.
        return Err(Failure::new("the blueprint cannot be rendered, so there is nothing to compare")
            .hint("mend what is said above; `hagen validate` says it alone"));
    };
    let Rendered { set, selection, .. } = rendering::rendered(&args.rendering, blueprint)?;
    let (mut state, mut unread) = state::read(&args.against, &blueprint.name);
    let mut unreached = Vec::new();
    if let Some(kinds) = &args.live {
        let live = live::ask(args, kinds, blueprint, &set)?;
        state.deployed.extend(live.state.deployed);
        unread.extend(live.unread);
        unreached = live.unreached;
    }
    let previous = args.previous.as_deref().map(|source| state::tree(source, &blueprint.name)).transpose();
    let previous = previous.map_err(|problem| failure(&problem))?;
    let options = Options { unmanaged: args.show_unmanaged, budget: args.change_budget.into() };
    let comparison = compare(blueprint, &set, &selection, &state, previous.as_ref(), options);
    let said: Vec<String> = unread
        .iter()
        .map(|problem| format!("{}: {}", problem.source, problem.why))
        .chain(comparison.refused.iter().cloned())
        .map(|said| Masks::default().text(&said))
        .collect();
    let shown =
        report::diff::Shown { comparison: &comparison, document: &loaded.document, max: args.max_risk, unread: &said };
    match args.format {
        DiffFormat::Human => {
            let text = report::diff::human(&shown, args.unified, output.colors_results());
            if args.no_pager { output.result(&text) } else { output.paged(&text) }
        }
        DiffFormat::Json => output.result(&report::diff::json(&shown)),
        DiffFormat::Markdown => output.result(&report::diff::markdown(&shown)),
    }
    if comparison.is_elsewhere() {
        output
            .note("nothing that is rendered is there: a new system, or the wrong one; `--max-risk` lets neither pass");
    }
    for said in &comparison.over_budget {
        output.note(&format!("over the budget: {}", report::one_line(said)));
    }
    for said in comparison.adopted.iter().chain(&comparison.unknown).chain(&unreached) {
        output.note(&format!("note: {}", report::one_line(said)));
    }
    // A comparison of nothing is no clean one.
    let troubles = unread.len() + comparison.refused.len() + usize::from(comparison.is_nothing());
    let kept = live::metrics(args, &report::diff::metrics(&shown, &blueprint.name, troubles, clock::seconds()));
    // The others were compared and shown.
    let refused = comparison.refused.iter().map(|why| {
        Failure::new(report::one_line(&Masks::default().text(why)))
            .hint("`NAME=PATH` says of which region or cluster a file is; `hagen help diff` tells more")
    });
    let mut failures = unread.iter().map(failure).chain(refused).chain(kept.err());
    if let Some(first) = failures.next() {
        failures.for_each(|other| output.failure(&other));
        return Err(first);
    }
    if comparison.is_nothing() {
        return Err(Failure::new("nothing that is rendered is in these sources, so nothing was compared")
            .hint("`hagen help diff` lists the sources; `--only` and `--region` may leave out what they show"));
    }
    Ok(status(args, &comparison))
}

pub(super) fn failure(problem: &state::Unread) -> Failure {
    // What a server says may hold what it was asked about.
    let why = Masks::default().text(&problem.why);
    Failure::new(report::one_line(&format!("{}: {why}", problem.source))).hint(problem.hint.clone())
}

fn status(args: &Diff, comparison: &Comparison) -> ExitStatus {
    let counts = comparison.risk().is_some_and(|risk| args.max_risk.is_none_or(|most| risk > most))
        || !comparison.over_budget.is_empty()
        || comparison.is_elsewhere();
    if counts && !args.exit_zero { ExitStatus::DoesNotPass } else { ExitStatus::Ok }
}
