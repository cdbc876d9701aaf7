//! Policies as texts to policies that can be judged: each file parsed, what is refused found, and the rules listed.

use std::num::{NonZeroU32, NonZeroUsize};

use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, PolicyLengthConfig, Value};

use super::recursion::{Circle, Functions};
use super::scan::{Scan, Word, scan, words};
use super::{guards, limits, messages, refused};
use crate::diagnostics::{Diagnostic, Place};
use crate::document::{Document, Node, NodeKind, Source, Span};

/// Policies that can be judged.
#[derive(Debug, Clone)]
pub struct Policies {
    pub(super) engine: Engine,
    pub(super) document: Document,
    pub(super) packages: Vec<Package>,
    pub(super) data: Vec<Value>,
    /// Whether a policy asks for the name of the file that an object stands in.
    pub(super) asks_file: bool,
}

/// The package of a file.
#[derive(Debug, Clone)]
pub(super) struct Package {
    /// Its path as the engine takes it: `data.main`.
    pub path: String,
    /// Its name as conftest takes it: `main`.
    pub name: String,
}

/// A rule that is judged: its declarations in all files of its package.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    /// The package.
    pub package: Package,
    /// Its name.
    pub name: String,
    /// Where it is declared first.
    pub span: Span,
}

impl Rule {
    /// The path as the engine takes it.
    pub fn path(&self) -> String {
        format!("{}.{}", self.package.path, self.name)
    }
}

/// Why policies cannot be used: findings with the texts that they point into.
#[derive(Debug, Clone)]
pub struct Problems {
    /// The policies.
    pub document: Document,
    /// What is wrong.
    pub found: Vec<Diagnostic>,
}

/// Reads policies, each with the name of its file, and data for them. All that is wrong with them is said at once.
pub fn load(texts: Vec<(String, String)>, data: Vec<serde_json::Value>) -> Result<Policies, Box<Problems>> {
    let sources: Vec<Source> = texts.into_iter().map(|(name, text)| Source::new(name, text)).collect();
    let root = Node { span: Span::default(), kind: NodeKind::Map(Vec::new()) };
    let document = Document { sources, root };
    let mut found = Vec::new();
    let mut engine = engine();
    let (mut packages, mut functions) = (Vec::new(), Functions::default());
    if let Err(error) = guards::install(&mut engine) {
        found.push(messages::failed(&messages::read(&error), Place::Span(Span::default()), "hagen"));
    }
    for (index, source) in document.sources.iter().enumerate() {
        let Scan { words, deepest } = scan(&source.text);
        found.extend(words.iter().filter_map(|word| refuse(index, word)));
        if deepest.0 > limits::DEPTH {
            found.push(too_deep(index, deepest.1));
            continue;
        }
        match parse(&mut engine, source, &words) {
            Ok(path) => {
                functions.add(index, &path, &words);
                let name = path.strip_prefix("data.").unwrap_or(&path).to_owned();
                packages.push(Package { path, name });
            }
            Err((error, version)) => {
                let said = messages::read(&error);
                let start = messages::span(index, 0, 0);
                found.push(messages::broken(&said, said.place(&document.sources, start), version));
            }
        }
    }
    found.extend(functions.circles().iter().map(circle));
    let mut values = Vec::new();
    for value in data {
        let value = Value::from(value);
        // Twice the same key with two values is the one mistake that there is.
        if let Err(error) = engine.add_data(value.clone()) {
            found.push(messages::failed(&messages::read(&error), Place::Span(Span::default()), "the data"));
        }
        values.push(value);
    }
    if found.is_empty()
        && let Err(error) = engine.eval_query("true".to_owned(), false)
    {
        // The first question makes the engine put all policies together: names that nothing gives a value, and circles.
        let said = messages::read(&error);
        found.push(messages::broken(&said, said.place(&document.sources, Span::default()), "a whole"));
    }
    if !found.is_empty() {
        return Err(Box::new(Problems { document, found }));
    }
    let asks_file = document.sources.iter().any(|source| source.text.contains("conftest"));
    Ok(Policies { engine, document, packages, data: values, asks_file })
}

/// An engine with its limits.
fn engine() -> Engine {
    let mut engine = Engine::new();
    // As OPA and conftest do it: a function that cannot answer makes the rule undefined.
    engine.set_strict_builtin_errors(false);
    engine.set_gather_prints(true);
    let interval = NonZeroU32::new(64).unwrap_or(NonZeroU32::MIN);
    engine.set_execution_timer_config(ExecutionTimerConfig { limit: limits::ONE, check_interval: interval });
    let bytes = NonZeroUsize::new(limits::FILE_BYTES as usize).unwrap_or(NonZeroUsize::MIN);
    let lines = NonZeroUsize::new(limits::LINES as usize).unwrap_or(NonZeroUsize::MIN);
    let columns = NonZeroU32::new(limits::COLUMNS).unwrap_or(NonZeroU32::MIN);
    engine.set_policy_length_config(PolicyLengthConfig { max_col: columns, max_file_bytes: bytes, max_lines: lines });
    engine
}

/// A call of a function that is refused.
fn refuse(file: usize, word: &Word<'_>) -> Option<Diagnostic> {
    let refused = word.called.then(|| refused::find(word.text)).flatten()?;
    let place = Place::Span(messages::span(file, word.start, word.start + word.text.len()));
    let problem =
        Diagnostic::error(messages::REFUSES, place, format!("`{}` is refused: it {}", refused.name, refused.asks));
    Some(problem.because("a policy sees its input and its data, and nothing else").fix(refused.instead))
}

/// Brackets in brackets in brackets, or signs before signs.
fn too_deep(file: usize, start: usize) -> Diagnostic {
    let place = Place::Span(messages::span(file, start, start + 1));
    let title = format!("brackets or signs stand more than {} deep in each other", limits::DEPTH);
    Diagnostic::error(messages::BROKEN, place, title)
        .fix("give the inner part a name of its own; values belong into a file for `--data`")
}

/// A function that calls itself.
fn circle(circle: &Circle) -> Diagnostic {
    let name = circle.name.rsplit('.').next().unwrap_or_default();
    let place = Place::Span(messages::span(circle.file, circle.start, circle.start + name.len()));
    Diagnostic::error(messages::BROKEN, place, format!("`{name}` comes back to itself, by way of `{}`", circle.by))
        .because("Rego has no recursion: every policy ends")
        .fix("`walk` and `graph.reachable` go through what is nested")
}

/// Parses a file into the engine: as Rego v1, or as v0 where only that can be. The package, or the error and the version that it is of.
fn parse(engine: &mut Engine, source: &Source, words: &[Word<'_>]) -> Result<String, (anyhow::Error, &'static str)> {
    let mut add = |old: bool| {
        engine.set_rego_v0(old);
        engine.add_policy(source.name.clone(), source.text.clone())
    };
    let new = match add(false) {
        Ok(package) => return Ok(package),
        Err(error) => error,
    };
    if is_new(words) {
        return Err((new, "Rego v1"));
    }
    match add(true) {
        Ok(package) => Ok(package),
        // Whichever reader came further has understood more of it.
        Err(old) if line(&old) > line(&new) => Err((old, "Rego v0")),
        Err(_) => Err((new, "Rego v1")),
    }
}

/// The line that an error of the engine is about.
fn line(error: &anyhow::Error) -> usize {
    messages::read(error).line()
}

/// Whether a text can be nothing but Rego v1: it says so, or it has its keywords in the head of a rule without importing them.
fn is_new(words: &[Word<'_>]) -> bool {
    let imported = |name: &str| {
        words
            .windows(2)
            .any(|pair| matches!(pair, [import, what] if import.text == "import" && what.text.starts_with(name)))
    };
    let keyword =
        |word: &Word<'_>| word.depth == 0 && !word.called && !word.first && matches!(word.text, "if" | "contains");
    imported("rego.v1") || (!imported("future.keywords") && words.iter().any(keyword))
}

impl Policies {
    /// The texts, for reports.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The rules whose name is wanted, by package and name.
    pub(super) fn rules(&self, wanted: impl Fn(&str) -> bool) -> Vec<Rule> {
        let mut rules: Vec<Rule> = Vec::new();
        for (index, (source, package)) in self.document.sources.iter().zip(&self.packages).enumerate() {
            for word in words(&source.text).iter().filter(|word| word.depth == 0 && wanted(word.text)) {
                let same = |rule: &Rule| rule.name == word.text && rule.package.path == package.path;
                // The engine knows whether the word is the head of a rule.
                if !rules.iter().any(same) && self.declares(source, word.text) {
                    let span = messages::span(index, word.start, word.start + word.text.len());
                    rules.push(Rule { package: package.clone(), name: word.text.to_owned(), span });
                }
            }
        }
        rules.sort_by(|a, b| (&a.package.path, &a.name).cmp(&(&b.package.path, &b.name)));
        rules
    }

    fn declares(&self, source: &Source, name: &str) -> bool {
        self.engine.has_declared_rule_rooted_at(&source.name, name).unwrap_or(false)
    }

    /// Where a rule is declared, for people: `policies/images.rego:12`.
    pub(super) fn position(&self, rule: &Rule) -> (String, usize) {
        let source = self.document.sources.get(rule.span.file as usize);
        source.map_or_else(Default::default, |source| (source.name.clone(), source.position(rule.span.start).line))
    }

    /// The problems of a run.
    pub(super) fn problems(&self, found: Diagnostic) -> Box<Problems> {
        Box::new(Problems { document: self.document.clone(), found: vec![found] })
    }
}
