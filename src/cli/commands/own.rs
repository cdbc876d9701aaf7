//! The users' own rules: their files read, the rules judged on a thread that can be given up, and what is wrong with them said.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::policy::Tested;
use crate::blueprint::Blueprint;
use crate::cli::args::{Own, PolicyTest};
use crate::cli::output::Output;
use crate::cli::{Failure, policies as files};
use crate::diagnostics::Diagnostic;
use crate::document::Document;
use crate::env::bounded::{self, Bounds, GivenUp};
use crate::estate::{Estate, Kind};
use crate::policies::{self, Outcome, Policies, Problems, Subject, Test, Verdict, limits};
use crate::render::ArtifactSet;
use crate::report::{Format, Look, Section, render as report};

/// Rules that can be judged.
pub struct Rules {
    policies: Arc<Policies>,
    namespaces: Vec<String>,
    /// When the first of them began: all of them together may take so long.
    began: Instant,
}

impl Rules {
    /// Reads the policies that were named; none when there are none.
    pub fn read(args: &Own) -> Result<Option<Self>, Failure> {
        if args.policies.is_empty() {
            return Ok(None);
        }
        let began = Instant::now();
        let (policies, data) = (args.policies.clone(), args.data.clone());
        let policies = bounded(began, move |now| load(&policies, &data, false, now))??;
        let policies = Arc::new(policies.map_err(|problems| refused(&problems))?);
        let known = policies.namespaces();
        if let Some(absent) = args.namespaces.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(Failure::new(format!("no policy is of the package `{}`", absent.escape_debug()))
                .hint(format!("they are of: {}", known.join(", "))));
        }
        let rules = Self { policies, namespaces: args.namespaces.clone(), began };
        if rules.ids().is_empty() {
            return Err(Failure::new("the policies have no rule that could find anything")
                .hint("rules are called `deny`, `violation` or `warn`, or begin with one of these and `_`"));
        }
        Ok(Some(rules))
    }

    /// The ids of all rules.
    pub fn ids(&self) -> Vec<String> {
        self.policies.ids(&self.namespaces)
    }

    /// What the rules find in a blueprint and in what it renders.
    pub fn check(
        &self,
        blueprint: &Blueprint,
        document: &Document,
        files: &ArtifactSet,
        output: &mut Output,
    ) -> Result<Vec<Diagnostic>, Failure> {
        let mut subjects = vec![policies::model(blueprint, document)];
        subjects.extend(policies::objects(files).map_err(Failure::new)?);
        self.judge(subjects, output)
    }

    /// What the rules find in hand-written objects of Kubernetes.
    pub fn check_files(&self, estate: &Estate, output: &mut Output) -> Result<Vec<Diagnostic>, Failure> {
        let name = |node: &crate::document::Node| {
            estate.sources.get(node.span.file as usize).map_or("", |source| source.name.as_str())
        };
        let objects = estate.of(Kind::Kubernetes).filter_map(|node| policies::written(node, name(node)));
        self.judge(objects.collect(), output)
    }

    fn judge(&self, subjects: Vec<Subject>, output: &mut Output) -> Result<Vec<Diagnostic>, Failure> {
        let (policies, namespaces) = (Arc::clone(&self.policies), self.namespaces.clone());
        let judged =
            bounded(self.began, move |now| policies::evaluate(&policies, &namespaces, &subjects, |at| now.set(at)))?;
        let Outcome { findings, excepted, prints } = judged.map_err(|problems| refused(&problems))?;
        for print in prints {
            output.detail(&format!("a policy prints: {print}"));
        }
        if excepted > 0 {
            output.detail(&format!("`exception` rules of the policies silence {excepted} results"));
        }
        Ok(findings)
    }
}

impl From<Test> for Tested {
    fn from(test: Test) -> Self {
        let (passed, why) = match test.verdict {
            Verdict::Passed => (Some(true), None),
            Verdict::Failed(why) => (Some(false), why),
            Verdict::Skipped => (None, None),
        };
        Self { name: test.name, file: test.file, line: test.line, passed, why, prints: test.prints }
    }
}

/// Runs the tests of policies.
pub fn test(args: &PolicyTest) -> Result<Vec<Tested>, Failure> {
    let named: Vec<_> = args.policies.iter().chain(&args.named).cloned().collect();
    let data = args.data.clone();
    let tests = bounded(Instant::now(), move |now| {
        let loaded = load(&named, &data, true, now);
        loaded.map(|policies| policies.map(|policies| policies::test(&policies, |at| now.set(at))))
    })??;
    let tests = tests.map_err(|problems| refused(&problems))?;
    Ok(tests.into_iter().map(Tested::from).collect())
}

/// Reads and loads policies and their data: what is hostile in the files of either meets the same bounds as the rules do.
fn load(
    named: &[PathBuf],
    data: &[PathBuf],
    tests: bool,
    now: &Now,
) -> Result<Result<Policies, Box<Problems>>, Failure> {
    let texts = files::policies(named, tests)?;
    let data = files::data(data, |file| now.set(file))?;
    now.set("");
    Ok(policies::load(texts, data))
}

/// The rule that is judged or the file that is read at the moment, for whoever gives it up.
#[derive(Clone, Default)]
struct Now(Arc<Mutex<String>>);

impl Now {
    fn set(&self, at: &str) {
        if let Ok(mut now) = self.0.lock() {
            at.clone_into(&mut now);
        }
    }

    /// It in words, to be put behind what happened; nothing for what has no name.
    fn said(&self) -> String {
        match self.0.lock() {
            Ok(now) if !now.is_empty() => format!(", in the midst of {now}"),
            _ => String::new(),
        }
    }
}

/// Does work that began at a time, within what all policies may take together.
fn bounded<T: Send + 'static>(began: Instant, work: impl FnOnce(&Now) -> T + Send + 'static) -> Result<T, Failure> {
    let bounds = Bounds { time: limits::ALL.time.saturating_sub(began.elapsed()), ..limits::ALL };
    let now = Now::default();
    let of_work = now.clone();
    bounded::run(bounds, move || work(&of_work)).map_err(|why| {
        let (what, hint) = match why {
            GivenUp::Time => (format!("the policies run longer than {}s", limits::ALL.time.as_secs()), BLAME),
            GivenUp::Memory => {
                (format!("the policies take more than {} MiB of memory", limits::ALL.memory >> 20), ENDLESS)
            }
            GivenUp::Broken => ("the engine of the policies broke down".to_owned(), BLAME),
        };
        Failure::new(format!("{what}{}", now.said())).hint(hint)
    })
}

const BLAME: &str = "`--namespace` judges the packages one by one, which shows the one that is to blame";

const ENDLESS: &str = "look for a function that calls itself, also by another name of its own (`data.main.f`, an import, `with`): Rego \
     has no recursion; or for a text or a list that grows with each step";

/// What is wrong with policies, as findings are shown; it is no fault of the blueprint.
fn refused(problems: &Problems) -> Failure {
    let section = Section { environment: None, document: &problems.document, findings: &problems.found, fail_on: None };
    let said = report(&[section], Format::Human, Look { color: false, width: 140 });
    let many = problems.found.len();
    let count =
        if many == 1 { "a policy is wrong".to_owned() } else { format!("{many} things are wrong with the policies") };
    Failure::new(format!("{count}\n\n{}\n", said.trim_end()))
        .hint("`hagen explain` takes the ids; docs/policies.md tells what policies may do")
}
