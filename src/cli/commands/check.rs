//! `hagen check`: the gate before a merge. Everything that `validate` says, then what the rules find.

use std::path::Path;

use super::own::Rules;
use super::{files, fix, overwrites, templates};
use crate::blueprint::{Blueprint, load};
use crate::cli::args::Check;
use crate::cli::output::Output;
use crate::cli::{ExitStatus, Failure, inputs};
use crate::diagnostics::Diagnostic;
use crate::document::Document;
use crate::env::clock;
use crate::render::{Engine, Selection, render};
use crate::report::{self, CheckFormat, Section};
use crate::rules::policy::{self, Flags};
use crate::rules::rendered;
use crate::verify::verify;
use crate::{loading, rules};

/// One base in one environment: what was loaded, what is reported of it, whether that fails.
pub(super) struct Run {
    pub(super) loaded: load::Loaded,
    pub(super) findings: Vec<Diagnostic>,
    fails: bool,
}

/// Checks every base with its overlays, alone and in every environment.
pub fn run(args: &Check, output: &mut Output) -> Result<ExitStatus, Failure> {
    let today = args.now.clone().unwrap_or_else(clock::today);
    let rules = Rules::read(&args.own)?;
    let own = rules.as_ref().map(Rules::ids);
    let flags = Flags { fail_on: args.fail_on, levels: args.levels.clone(), today, own };
    if let Some((message, hint)) = policy::unknown(&flags) {
        return Err(Failure::new(message).hint(hint));
    }
    if !args.from.is_empty() {
        return files::run(args, &flags, rules.as_ref(), output);
    }
    let judges =
        Judges { engine: templates::engine(args.templates.as_deref())?, foreign: args.templates.is_some(), own: rules };
    let mut runs = read(args, &flags, &judges, output)?;
    if args.fix {
        fix::run(&runs, args.diff, output)?;
        if !args.diff {
            // What is reported is what is left.
            runs = read(args, &flags, &judges, output)?;
        }
    }
    let sections: Vec<Section<'_>> = runs
        .iter()
        .map(|run| Section {
            environment: run.loaded.environment.as_deref(),
            document: &run.loaded.document,
            findings: &run.findings,
            fail_on: files::fail_on(flags.fail_on, run.loaded.blueprint.as_ref().map(|b| b.spec.policy.fail_on)),
        })
        .collect();
    write(args, &sections, output)?;
    Ok(if runs.iter().any(|run| run.fails) { ExitStatus::DoesNotPass } else { ExitStatus::Ok })
}

/// Reads the blueprint and checks it.
fn read(args: &Check, flags: &Flags, judges: &Judges, output: &mut Output) -> Result<Vec<Run>, Failure> {
    let files = load::parse_decoded(inputs::read(&args.blueprint)?);
    let environment = args.environment.as_deref();
    super::known_environment(&files, environment)?;
    let mut runs = Vec::new();
    for base in 0..files.bases().max(1) {
        runs.extend(of_base(loading::load_all(&files, base, environment), flags, judges, output)?);
    }
    Ok(runs)
}

/// The base and its environments. What the base has is not said again of an environment; a waiver is unused when nothing
/// falls under it in any of them.
fn of_base(
    loaded: Vec<load::Loaded>,
    flags: &Flags,
    judges: &Judges,
    output: &mut Output,
) -> Result<Vec<Run>, Failure> {
    let mut runs: Vec<Run> = Vec::new();
    let mut unused: Option<Vec<Diagnostic>> = None;
    for mut loaded in loaded {
        let problems = std::mem::take(&mut loaded.problems);
        let Some(blueprint) = &loaded.blueprint else {
            // What could not be read may be what a waiver is for.
            unused = Some(Vec::new());
            runs.push(Run { loaded, findings: problems, fails: true });
            continue;
        };
        let found = problems.into_iter().chain(judges.found(blueprint, &loaded.document, output)?).collect();
        let verdict = policy::apply(&blueprint.spec.policy, &loaded.document, flags, found);
        let mut findings = verdict.findings;
        match &mut unused {
            None => unused = Some(verdict.unused),
            Some(unused) => unused.retain(|waiver| verdict.unused.contains(waiver)),
        }
        if let Some(base) = runs.first() {
            findings.retain(|finding| !base.findings.iter().any(|of_base| is_said(of_base, finding)));
        }
        load::sort(&loaded.document, &mut findings);
        let fails = policy::fails(&blueprint.spec.policy, flags, &findings);
        runs.push(Run { loaded, findings, fails });
    }
    // Of one environment alone nobody knows what the others need.
    if let (Some(run), Some(unused)) = (runs.first_mut(), unused)
        && run.loaded.environment.is_none()
        && let Some(blueprint) = &run.loaded.blueprint
    {
        run.findings.extend(policy::leveled(&blueprint.spec.policy, &run.loaded.document, flags, unused));
        load::sort(&run.loaded.document, &mut run.findings);
        run.fails |= policy::fails(&blueprint.spec.policy, flags, &run.findings);
    }
    Ok(runs)
}

/// Whether the base says what is found in an environment: the same of the same place, in whatever file it shows.
fn is_said(of_base: &Diagnostic, finding: &Diagnostic) -> bool {
    let of = |finding: &'_ Diagnostic| (finding.level, finding.waived.is_some());
    of_base.id == finding.id
        && of_base.title == finding.title
        && of_base.primary.place == finding.primary.place
        && of(of_base) == of(finding)
}

/// What judges a blueprint beside the rules: the templates that it is rendered with, and the users' own rules.
struct Judges {
    engine: Engine,
    /// Whether some of the templates are the user's own: nobody has shown that what these write is accepted.
    foreign: bool,
    own: Option<Rules>,
}

impl Judges {
    /// What is found in a blueprint, and in what it renders to.
    fn found(
        &self,
        blueprint: &Blueprint,
        document: &Document,
        output: &mut Output,
    ) -> Result<Vec<Diagnostic>, Failure> {
        let all = Selection::default();
        let set = render(blueprint, &self.engine, &all).map_err(|errors| templates::failure(&errors))?;
        if self.foreign {
            let verified = verify(blueprint, &set, &all);
            if !verified.problems.is_empty() {
                return Err(templates::refused(&verified.problems));
            }
        }
        let mut found = rules::check(blueprint);
        let shown = rendered::check(blueprint, document, &set, &found, self.foreign);
        found.extend(shown);
        if let Some(own) = &self.own {
            found.extend(own.check(blueprint, document, &set, output)?);
        }
        Ok(found)
    }
}

/// The reports: to the terminal, for people to stderr and for programs to stdout, or to files.
pub(super) fn write(args: &Check, sections: &[Section<'_>], output: &mut Output) -> Result<(), Failure> {
    let default = [(CheckFormat::Human, None)];
    let formats = if args.formats.is_empty() { &default[..] } else { &args.formats };
    if formats.iter().filter(|(_, file)| file.is_none()).count() > 1 {
        return Err(Failure::new("two reports cannot share the terminal").hint("give one of them a file: `json=FILE`"));
    }
    overwrites::nothing(args, sections)?;
    for (format, file) in formats {
        match file {
            Some(file) => {
                let look = report::Look { color: false, ..output.look() };
                let text = report::check(sections, *format, look);
                to_file(file, &text)?;
            }
            None => {
                let text = report::check(sections, *format, output.look());
                match format {
                    CheckFormat::Human => output.aside(&text),
                    CheckFormat::Concise => {
                        output.result(&text);
                        output.note(report::summary(sections).trim_end());
                    }
                    _ => output.result(&text),
                }
            }
        }
    }
    Ok(())
}

fn to_file(file: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(file, text).map_err(|error| Failure::new(format!("{}: {error}", file.display())))
}
