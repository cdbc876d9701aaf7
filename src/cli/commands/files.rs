//! `hagen check --files`: hand-written files, without a blueprint.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::own::Rules;
use crate::blueprint::load;
use crate::blueprint::raw::{Policy, PolicyLevel};
use crate::cli::args::Check;
use crate::cli::output::Output;
use crate::cli::{ExitStatus, Failure};
use crate::diagnostics::{Diagnostic, Level, Place};
use crate::document::{Document, Source, Span};
use crate::estate::Estate;
use crate::report::Section;
use crate::rules;
use crate::rules::policy::{self, Flags};
use crate::rules::waiver;

/// The largest file that is read: configuration is never that large, and a dump beside it often is.
const BYTES: u64 = 16 << 20;

/// Reads all files, runs every rule that what stands in them can decide, and reports.
pub fn run(args: &Check, flags: &Flags, own: Option<&Rules>, output: &mut Output) -> Result<ExitStatus, Failure> {
    let mut collected = Collected::default();
    for path in &args.from {
        collect(path, &mut collected, output)?;
    }
    for (chart, count) in &collected.charts {
        let (files, chart) = (counted(*count, "file"), chart.display());
        output.note(&format!(
            "{files} of the Helm chart `{chart}` left out: templates are no YAML yet; render it first: \
             `helm template {chart} > DIR/FILE.yaml`"
        ));
    }
    let mut estate = Estate::read(collected.texts);
    let (templates, mut found) = templates(&estate.sources, std::mem::take(&mut estate.problems));
    if let Some(first) = templates.first() {
        let (files, name) = (counted(templates.len(), "file"), &estate.sources[*first as usize].name);
        let such = if templates.len() == 1 { name.clone() } else { format!("{name} and others") };
        output.note(&format!("{files} of templates left out, which are no YAML yet ({such}): render them first"));
    }
    if estate.files.is_empty() && found.is_empty() {
        let failure = Failure::new("there is nothing that hagen knows how to read");
        return Err(if templates.is_empty() && collected.charts.is_empty() {
            failure.hint("`hagen check --help` says what it reads; what a file is follows from its content")
        } else {
            failure.hint("name the directory that the templates are rendered to")
        });
    }
    // Of templates and of files with problems something is said already.
    let mut said = templates.clone();
    said.extend(found.iter().filter_map(span).map(|span| span.file));
    estate.unknown.retain(|index| !said.contains(index));
    for index in &estate.unknown {
        output.detail(&format!("{}: nothing is known to read this", estate.sources[*index as usize].name));
    }
    let read = how_much(estate.sources.len() - templates.len(), estate.unknown.len());
    found.extend(rules::check_files(&estate));
    if let Some(own) = own {
        found.extend(own.check_files(&estate, output)?);
    }
    let policy = Policy::default();
    let mut sources = Arc::unwrap_or_clone(std::mem::take(&mut estate.sources));
    // What looks like a waiver in a file that nobody reads, such as a page about waivers, is none.
    for index in estate.unknown.iter().chain(&templates) {
        let source = &mut sources[*index as usize];
        *source = Source::new(std::mem::take(&mut source.name), String::new());
    }
    let trees = estate.files.iter().filter(|file| file.kind.is_tree()).flat_map(|file| &file.documents);
    let root = waiver::texts(trees, &sources);
    let document = Document { sources, root };
    let verdict = policy::apply(&policy, &document, flags, found);
    let mut findings = verdict.findings;
    findings.extend(policy::leveled(&policy, &document, flags, verdict.unused));
    load::sort(&document, &mut findings);
    let section =
        Section { environment: None, document: &document, findings: &findings, fail_on: fail_on(flags.fail_on, None) };
    super::check::write(args, &[section], output)?;
    output.note(&read);
    Ok(if policy::fails(&policy, flags, &findings) { ExitStatus::DoesNotPass } else { ExitStatus::Ok })
}

/// The lowest level that fails: what the command line says, then the policy.
pub(super) fn fail_on(flag: Option<PolicyLevel>, policy: Option<PolicyLevel>) -> Option<Level> {
    flag.or(policy).unwrap_or_default().into()
}

fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// How much was looked at.
fn how_much(read: usize, unknown: usize) -> String {
    let read = counted(read, "file");
    match unknown {
        0 => format!("{read} read"),
        _ => format!("{read} read, {unknown} of them nothing is known to read (`--verbose` names them)"),
    }
}

/// The files that are templates and therefore no YAML, and the problems of the others.
fn templates(sources: &[Source], problems: Vec<Diagnostic>) -> (BTreeSet<u32>, Vec<Diagnostic>) {
    let broken = problems.iter().filter(|problem| problem.id == "BP001").filter_map(span);
    let of_template = broken.filter(|span| {
        let source = sources.get(span.file as usize);
        source.is_some_and(|source| is_template(&source.text, source.position(span.start).line))
    });
    let files: BTreeSet<u32> = of_template.map(|span| span.file).collect();
    let kept = problems.into_iter().filter(|problem| span(problem).is_none_or(|span| !files.contains(&span.file)));
    let kept = kept.collect();
    (files, kept)
}

/// Where a problem of a file stands.
const fn span(problem: &Diagnostic) -> Option<Span> {
    match problem.primary.place {
        Place::Span(span) => Some(span),
        _ => None,
    }
}

/// Whether a text that is no YAML at a line is a template: it speaks Helm's or Jinja's language, or that very line holds a
/// place to fill. What stands between braces in rules of Prometheus has its quotes forgotten instead.
fn is_template(text: &str, line: usize) -> bool {
    const WORDS: [&str; 6] = [".Values.", ".Release.", ".Chart.", "{{- include ", "{{ include ", "{{- template "];
    const PROMETHEUS: [&str; 4] = ["$labels", "$value", "$externalLabels", "$externalURL"];
    let holds = |line: &str| line.contains("{{") && !PROMETHEUS.iter().any(|word| line.contains(word));
    let spoken = |line: &str| {
        line.trim_start().starts_with("{%") || line.contains("{{") && WORDS.iter().any(|word| line.contains(word))
    };
    text.lines().any(spoken) || text.lines().nth(line.saturating_sub(1)).is_some_and(holds)
}

/// The chart whose templates a file is one of: `CHART/templates/…` beside `CHART/Chart.yaml`.
fn chart_of(file: &Path, known: &mut BTreeMap<PathBuf, bool>) -> Option<PathBuf> {
    let whole = std::path::absolute(file).unwrap_or_else(|_| file.to_path_buf());
    let above = whole.ancestors().skip(1).filter(|directory| directory.ends_with("templates"));
    let mut charts = above.filter_map(Path::parent);
    let chart =
        charts.find(|chart| *known.entry(chart.to_path_buf()).or_insert_with(|| chart.join("Chart.yaml").is_file()))?;
    // As it was named, where that says as much.
    let steps = whole.strip_prefix(chart).map_or(0, |below| below.components().count());
    let named = file.ancestors().nth(steps).filter(|named| !named.as_os_str().is_empty());
    Some(named.map_or_else(|| chart.to_path_buf(), Path::to_path_buf))
}

/// What was read below the paths that were named.
#[derive(Default)]
struct Collected {
    /// The texts, each with its name.
    texts: Vec<(String, String)>,
    /// The Helm charts, each with how many of its templates were left out.
    charts: BTreeMap<PathBuf, usize>,
    /// Whether a directory is a chart, of those that were asked.
    known: BTreeMap<PathBuf, bool>,
}

/// Whether a name says that a program reads the file.
fn is_configuration(path: &Path) -> bool {
    let end = path.extension().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
    ["yaml", "yml", "json", "conf", "cfg", "ini"].contains(&end)
}

/// A file, or all files below a directory, in order; links are followed; what is hidden is left out, and so are the templates of a Helm chart.
fn collect(path: &Path, collected: &mut Collected, output: &mut Output) -> Result<(), Failure> {
    let visible =
        |entry: &walkdir::DirEntry| entry.depth() == 0 || !entry.file_name().to_string_lossy().starts_with('.');
    for entry in walkdir::WalkDir::new(path).follow_links(true).sort_by_file_name().into_iter().filter_entry(visible) {
        let entry = entry.map_err(|error| {
            let at = error.path().unwrap_or(path);
            error.io_error().map_or_else(
                || Failure::new(format!("cannot read {}: its links lead in a circle", at.display())),
                |why| Failure::system("read", at, why),
            )
        })?;
        if !entry.file_type().is_file() {
            continue;
        }
        if let Some(chart) = chart_of(entry.path(), &mut collected.known) {
            *collected.charts.entry(chart).or_default() += 1;
            continue;
        }
        let name = entry.path().display().to_string();
        let failed = |error: std::io::Error| Failure::system("read", entry.path(), &error);
        if std::fs::metadata(entry.path()).map_err(failed)?.len() > BYTES {
            // What is left out passes; nobody would notice.
            if is_configuration(entry.path()) {
                return Err(Failure::new(format!("{name} is larger than 16 MiB"))
                    .hint("split it, or name the files that are to be read instead of the directory"));
            }
            output.note(&format!("{name}: larger than 16 MiB, left out"));
            continue;
        }
        let bytes = std::fs::read(entry.path()).map_err(failed)?;
        match String::from_utf8(bytes) {
            Ok(text) => collected.texts.push((name, text)),
            Err(error) if error.as_bytes().contains(&0) => output.detail(&format!("{name}: no text, left out")),
            // Servers read comments in any encoding.
            Err(error) => {
                output.note(&format!("{name}: not UTF-8 in some places; the rest of it is read"));
                collected.texts.push((name, String::from_utf8_lossy(error.as_bytes()).into_owned()));
            }
        }
    }
    Ok(())
}
