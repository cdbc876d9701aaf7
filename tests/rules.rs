//! The rules: each with blueprints that it finds something in, at the very line, and others that it passes.
//!
//! `tests/rules/ID/fail*.yaml` says `# expect: ID` on the lines that must be pointed at; `pass*.yaml` says nothing. A fixture
//! is a whole blueprint, or an overlay on `tests/rules/base.yaml`, in which no rule finds anything.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use hagen::blueprint::explain::explain;
use hagen::blueprint::load::{Input, Loaded, parse};
use hagen::diagnostics::Place;
use hagen::document::{Document, Node, NodeKind, Span, edit};
use hagen::estate::Estate;
use hagen::loading::load;
use hagen::render::{ArtifactKind, Engine, Selection, render};
use hagen::report;
use hagen::rules::{self, Check, Group, HEADINGS, Rule};

use crate::support::{fixture, marks, shipped};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules")
}

fn loaded(path: &Path) -> Loaded {
    let input = |path: &Path| Input {
        name: path.display().to_string(),
        text: std::fs::read_to_string(path).unwrap(),
        directory: None,
    };
    let fixture = input(path);
    let overlay = fixture.text.contains("\nkind: Overlay") || fixture.text.starts_with("kind: Overlay");
    let inputs = if overlay { vec![input(&root().join("base.yaml")), fixture] } else { vec![fixture] };
    load(&parse(inputs), 0, None)
}

/// Whether a fixture is a blueprint; others are files that somebody wrote by hand.
fn is_blueprint(path: &Path) -> bool {
    path.is_file() && std::fs::read_to_string(path).unwrap().contains("apiVersion: hagen.dev/")
}

/// Where the findings of a rule stand: the file's name and the line.
fn found(path: &Path, id: &str) -> BTreeSet<(String, usize)> {
    let (findings, document) = if is_blueprint(path) {
        let loaded = loaded(path);
        let blueprint =
            loaded.blueprint.as_ref().unwrap_or_else(|| panic!("{}: {:#?}", path.display(), loaded.problems));
        (rules::check(blueprint), loaded.document)
    } else {
        let text = |file: PathBuf| (file.display().to_string(), std::fs::read_to_string(&file).unwrap());
        let estate = Estate::read(fixture(path).into_iter().map(text));
        assert!(estate.problems.is_empty() && !estate.files.is_empty(), "{}: {:?}", path.display(), estate.problems);
        let findings = rules::check_files(&estate);
        let root = Node { span: Span::default(), kind: NodeKind::Map(Vec::new()) };
        (findings, Document { sources: std::sync::Arc::unwrap_or_clone(estate.sources), root })
    };
    let place = |finding: hagen::diagnostics::Diagnostic| {
        let span = document.span(&finding.primary.place);
        let source = &document.sources[span.file as usize];
        let file = Path::new(&source.name).file_name().unwrap().to_string_lossy().into_owned();
        (file, source.position(span.start).line)
    };
    findings.into_iter().filter(|finding| finding.id == id).map(place).collect()
}

/// Where a fixture says that a rule must find something: the file's name and the line.
fn expected(path: &Path, id: &str) -> BTreeSet<(String, usize)> {
    marks(path).into_iter().filter(|(_, _, marked)| marked == id).map(|(file, line, _)| (file, line)).collect()
}

#[test]
fn every_rule_finds_what_its_fixtures_say_and_nothing_else() {
    let mut failures = Vec::new();
    for rule in rules::all() {
        let directory = root().join(rule.id);
        let Ok(entries) = std::fs::read_dir(&directory) else {
            failures.push(format!("{}: no fixtures", rule.id));
            continue;
        };
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let (mut pass, mut fail) = (0, 0);
        for path in paths {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let (found, expected) = (found(&path, rule.id), expected(&path, rule.id));
            if name.starts_with("fail") {
                fail += 1;
                assert!(!expected.is_empty(), "{}/{name} expects nothing", rule.id);
            } else {
                pass += 1;
                assert!(name.starts_with("pass") && expected.is_empty(), "{}/{name}", rule.id);
            }
            if found != expected {
                failures.push(format!("{}/{name}: expected {expected:?}, found {found:?}", rule.id));
            }
        }
        if pass == 0 || fail == 0 {
            failures.push(format!("{}: {fail} failing and {pass} passing fixtures", rule.id));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn what_a_rule_offers_mends_what_it_finds() {
    for rule in rules::all() {
        for entry in std::fs::read_dir(root().join(rule.id)).into_iter().flatten() {
            let path = entry.unwrap().path();
            if !is_blueprint(&path) {
                continue;
            }
            let before = loaded(&path);
            let Some(blueprint) = &before.blueprint else { continue };
            let of_rule = |blueprint| rules::check(blueprint).into_iter().filter(|finding| finding.id == rule.id);
            let offered: Vec<_> = of_rule(blueprint).filter_map(|finding| finding.edit).collect();
            if offered.is_empty() {
                continue;
            }
            let sets = offered.iter().filter_map(|wanted| edit::set(&before.document, &wanted.path, &wanted.value));
            let sets: Vec<_> = sets.collect();
            assert!(!sets.is_empty(), "{}: nothing of it can be written", path.display());
            let texts = (0..before.document.sources.len()).map(|file| {
                let name = before.document.sources[file].name.clone();
                Input { name, text: edit::apply(&before.document, file as u32, &sets).unwrap(), directory: None }
            });
            let after = load(&parse(texts.collect()), 0, None);
            let blueprint =
                after.blueprint.as_ref().unwrap_or_else(|| panic!("{}: {:#?}", path.display(), after.problems));
            let left = of_rule(blueprint).filter(|finding| finding.edit.is_some()).count();
            assert_eq!(left, 0, "{}: still there", path.display());
        }
    }
}

#[test]
fn no_rule_finds_anything_in_the_base_of_the_fixtures() {
    let loaded = loaded(&root().join("base.yaml"));
    let blueprint = loaded.blueprint.as_ref().unwrap_or_else(|| panic!("{:#?}", loaded.problems));
    let found: Vec<String> = rules::check(blueprint).into_iter().map(|f| format!("{}: {}", f.id, f.title)).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_catalogue_is_whole() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rules");
    let mut ids = BTreeSet::new();
    let mut listed = BTreeSet::new();
    for rule in rules::all() {
        let (id, file) = (rule.id, format!("{}/{}.rs", rule.group.name(), rule.name));
        assert!(ids.insert(id), "{id} stands twice");
        assert!(id.len() == 5 && id.starts_with(rule.group.prefix()), "{id} is in {}", rule.group.name());
        assert!(source.join(&file).is_file(), "{id}: no {file}");
        assert!(rule.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-' || b.is_ascii_digit()), "{}", rule.name);
        assert!(rule.summary().ends_with('.'), "{id}: the first line of its documentation is a sentence");
        for heading in HEADINGS {
            assert!(!rule.section(heading).is_empty(), "{id}: `# {heading}` is missing in {file}");
        }
        for field in rule.fields {
            assert!(explain(field).is_ok(), "{id}: there is no field `{field}`");
        }
        listed.insert(file);
    }
    for group in Group::ALL {
        for entry in std::fs::read_dir(source.join(group.name())).unwrap() {
            let name = entry.unwrap().file_name().to_string_lossy().into_owned();
            if name.contains('-') {
                let file = format!("{}/{name}", group.name());
                assert!(listed.contains(&file), "{file} is not in the list of its family");
            }
        }
    }
    for entry in std::fs::read_dir(root()).unwrap().map(|entry| entry.unwrap()).filter(|e| e.path().is_dir()) {
        let name = entry.file_name().to_string_lossy().into_owned();
        assert!(ids.contains(name.as_str()), "tests/rules/{name} is for no rule");
    }
}

#[test]
fn the_page_of_rules_is_what_the_rules_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules.md");
    let page = report::rules::page();
    if std::env::var_os("HAGEN_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/rules.md is stale; `just bless` writes it");
}

/// What hagen itself must never write: every rule about files looks at everything that the shipped blueprints render to.
#[test]
fn no_rule_finds_anything_in_what_is_rendered() {
    let engine = Engine::embedded().unwrap();
    let mut found = Vec::new();
    for (name, blueprint) in shipped() {
        let set = render(&blueprint, &engine, &Selection::default()).unwrap();
        // Tests of alerts are full of what must fire.
        let read = set.into_values().filter(|artifact| artifact.kind != ArtifactKind::PrometheusTests);
        let estate = Estate::read(read.map(|artifact| (artifact.path, artifact.text)));
        assert!(estate.files.len() > 3, "{name}: {}", estate.files.len());
        found.extend(estate.problems.iter().map(|problem| format!("{name}: {}", problem.title)));
        // What a blueprint asks for and answers for, it gets.
        let waived: BTreeSet<&str> = blueprint.spec.policy.waive.iter().map(|waiver| waiver.rule.as_str()).collect();
        for finding in rules::check_files(&estate).into_iter().filter(|finding| !waived.contains(&*finding.id)) {
            let Place::Span(span) = finding.primary.place else { panic!("{}: a place in a file", finding.id) };
            let source = &estate.sources[span.file as usize];
            let line = source.position(span.start).line;
            found.push(format!("{name}: {}:{line}: {}: {}", source.name, finding.id, finding.title));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The first block of the example of a rule: its language and its text.
fn example(rule: &Rule) -> (&'static str, &'static str) {
    let block = rule.section("Example").split("```").nth(1).unwrap_or_default();
    block.split_once('\n').unwrap_or_default()
}

/// Rules whose example shows that something is not written: laid over the base of the fixtures, it is there.
const LEFT_OUT: [&str; 19] = [
    "AL008", "AL012", "AL015", "AL018", "BK007", "BK013", "BK016", "DN013", "DN017", "K8014", "PG007", "PG016",
    "RB001", "RB008", "RD010", "TG003", "TG004", "TG006", "TG011",
];

/// Rules whose example is of a hand-written file, although they look at blueprints as well.
const OF_FILES: [&str; 1] = ["RT004"];

#[test]
fn what_an_example_shows_is_of_the_language_and_is_found() {
    let base = std::fs::read_to_string(root().join("base.yaml")).unwrap();
    let (mut failures, mut held) = (Vec::new(), 0);
    let mut left_out = BTreeSet::new();
    for rule in rules::all() {
        let (language, text) = example(rule);
        if matches!(rule.check, Check::Files(_)) || OF_FILES.contains(&rule.id) {
            let estate = Estate::read([(format!("example.{language}"), text.to_owned())]);
            let problems = estate.problems.iter().map(|problem| format!("{}: {}", rule.id, problem.title));
            failures.extend(problems);
            continue;
        }
        let input = |name: &str, text: String| Input { name: name.to_owned(), text, directory: None };
        let example = input("example.yaml", format!("apiVersion: hagen.dev/v1\nkind: Overlay\n{text}"));
        let loaded = load(&parse(vec![input("base.yaml", base.clone()), example]), 0, None);
        match &loaded.blueprint {
            // A part of a blueprint that needs more to be one: its fields are the language's, at least.
            None => {
                let unknown = loaded.problems.iter().filter(|problem| ["BP001", "BP007"].contains(&&*problem.id));
                failures.extend(unknown.map(|problem| format!("{}: {}", rule.id, problem.title)));
            }
            Some(blueprint) if rules::check(blueprint).iter().any(|finding| finding.id == rule.id) => held += 1,
            Some(_) => {
                left_out.insert(rule.id);
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(left_out, BTreeSet::from(LEFT_OUT));
    assert!(held > 50, "{held}");
}
