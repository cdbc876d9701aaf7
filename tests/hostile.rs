//! Hostile texts: whatever stands in a free text of a blueprint is refused at its line, or changes the structure of no file.
//!
//! Which fields are free is not listed here: each text of the blueprints below is replaced in turn, and what still loads is free.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use hagen::blueprint::Blueprint;
use hagen::blueprint::load::{Input, parse};
use hagen::render::{Engine, Selection, render};
use hagen::verify::{skeleton, verify};
use proptest::prelude::*;
use serde_json::Value;

/// What breaks out of some syntax or other; the harmless one first: the others are compared with it.
const TEXTS: &[&str] = &[
    "tame",
    "with spaces",
    "'",
    "\"",
    "''' \"\"\" \\",
    "ends in a backslash \\",
    "a: b",
    "a # b",
    "#b",
    "- item",
    "? key",
    "&anchor",
    "*alias",
    "!tag",
    "%directive",
    "@at",
    "`tick`",
    "[list, of]",
    "{map: of}",
    "| block",
    "> folded",
    "---",
    "...",
    "null",
    "no",
    "0o17",
    "1e3",
    "{{ undefined }}",
    "{% for x in y %}",
    "{# comment #}",
    "{{ $labels.instance }}",
    "$(touch /tmp/x)",
    "${HOME}",
    "; rm -rf /",
    "a && b || c",
    "<script>x</script>",
    "[x](javascript:x)",
    "![x](y)",
    "a | b",
    "\\$(x) \\`y\\`",
    "line\nline",
    "line\n---\nkind: Pod",
    "line\r\nline",
    "tab\there",
    "\u{1b}[31mred",
    "nul\0nul",
    "bell\u{7}",
    "\u{85}next line",
    "\u{2028}separator\u{2029}",
    "\u{202e}right to left",
    "\u{feff}mark",
    "EOF",
    "END\nEOF\n",
    "%s %n %i %%",
    "\" on-marked-down x",
    "' OR 1=1; --",
    "a=b\n[section]",
    "trailing ",
    " leading",
    " ",
    "\n",
    "\t",
    " \n ",
    "é ü 漢 🦀",
];

/// Texts that fields with a form may take, each hostile to something.
const FORMED: &[&str] = &["/a'b;$(c)&d!", "https://example.com/a'b;$(c)&d!?e"];

struct Case {
    name: String,
    value: Value,
    /// The free texts, by JSON pointer.
    free: Vec<String>,
    /// The structure of its files with harmless texts.
    tame: LazyLock<Skeletons, Box<dyn FnOnce() -> Skeletons + Send>>,
}

/// Every blueprint that the project has, with its free texts.
static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<PathBuf> =
        ["blueprints", "tests/alerts", "tests/blueprints/route53", "tests/blueprints/hostile"]
            .iter()
            .flat_map(|directory| std::fs::read_dir(root.join(directory)).unwrap())
            .map(|entry| entry.unwrap().path())
            .collect();
    files.sort();
    let case = |path: &PathBuf| {
        let value: Value = serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let mut leaves = Vec::new();
        walk(&value, "", &mut leaves);
        // A text that takes one with a blank and one with a quote has no form.
        let free =
            |pointer: &String| ["two words", "x\"y"].iter().all(|text| load(&with(&value, [pointer], text)).is_some());
        let free = leaves.into_iter().filter(free).collect();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let (harmless, what) = (with(&value, &free, TEXTS[0]), name.clone());
        let tame = LazyLock::new(
            Box::new(move || structure(&load(&harmless).unwrap(), &what)) as Box<dyn FnOnce() -> _ + Send>
        );
        Case { name, value, free, tame }
    };
    files.iter().map(case).collect()
});

fn walk(value: &Value, at: &str, leaves: &mut Vec<String>) {
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match value {
        Value::String(_) => leaves.push(at.to_owned()),
        Value::Array(items) => items.iter().enumerate().for_each(|(n, item)| walk(item, &format!("{at}/{n}"), leaves)),
        Value::Object(entries) => {
            // An environment is loaded only when it is chosen.
            let entries = entries.iter().filter(|(key, _)| !(at.is_empty() && *key == "environments"));
            entries.for_each(|(key, item)| walk(item, &format!("{at}/{}", escaped(key)), leaves));
        }
        _ => {}
    }
}

fn with<'a>(value: &Value, pointers: impl IntoIterator<Item = &'a String>, text: &str) -> Value {
    let mut changed = value.clone();
    for pointer in pointers {
        *changed.pointer_mut(pointer).unwrap() = Value::from(text);
    }
    changed
}

/// The blueprint, or nothing where it is refused; a refusal says where.
fn load(value: &Value) -> Option<Blueprint> {
    let input = Input { name: "hostile".to_owned(), text: value.to_string(), directory: None };
    let loaded = parse(vec![input]).load(0, None);
    assert!(loaded.blueprint.is_some() || !loaded.problems.is_empty());
    loaded.blueprint
}

type Skeletons = BTreeMap<String, Vec<String>>;

/// The structure of all files of a blueprint.
fn structure(blueprint: &Blueprint, what: &str) -> Skeletons {
    static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::embedded().unwrap());
    let set = render(blueprint, &ENGINE, &Selection::default()).unwrap_or_else(|errors| panic!("{what}: {errors:#?}"));
    let problems = verify(blueprint, &set, &Selection::default()).problems;
    assert!(problems.is_empty(), "{what}: {problems:#?}");
    let of = |artifact| skeleton(artifact).unwrap_or_else(|fault| panic!("{what}: {}: {fault:?}", artifact.path));
    set.iter().map(|(path, artifact)| (path.clone(), of(artifact))).collect()
}

/// Sets texts, each at its place, and holds the structure against the harmless one.
fn compare(case: &Case, texts: &[(&String, &str)], tame: &Skeletons) {
    let mut value = case.value.clone();
    for (pointer, text) in texts {
        *value.pointer_mut(pointer).unwrap() = Value::from(*text);
    }
    let what = format!("{}: {texts:?}", case.name);
    let blueprint = load(&value).unwrap_or_else(|| panic!("{what}: each is taken, but not all of them"));
    let hostile = structure(&blueprint, &what);
    assert!(tame.keys().eq(hostile.keys()), "{what}: other files");
    for (path, parts) in tame {
        if let Some((tame, hostile)) = parts.iter().zip(&hostile[path]).find(|(a, b)| a != b) {
            panic!("{what}: the structure of {path} changed: {tame:?} became {hostile:?}");
        }
        assert_eq!(parts.len(), hostile[path].len(), "{what}: {path}");
    }
}

/// Whether a place takes a text; what is refused is refused at its line and changes nothing.
fn takes(case: &Case, pointer: &String, text: &str) -> bool {
    load(&with(&case.value, [pointer], text)).is_some()
}

#[test]
fn there_are_free_texts() {
    let all: Vec<&str> = CASES.iter().flat_map(|case| case.free.iter().map(String::as_str)).collect();
    for expected in ["/metadata/description", "/metadata/owner", "/policy/waive/0/reason", "/services/api/env/GREETING"]
    {
        assert!(all.contains(&expected), "{expected} is not among {all:#?}");
    }
}

#[test]
fn hostile_texts_never_change_the_structure_of_a_file() {
    for case in CASES.iter().filter(|case| !case.free.is_empty()) {
        // Every text at every place of the blueprint that has all of them; elsewhere each place meets another text each time.
        let rounds = if case.name == "texts" { TEXTS.len() - 1 } else { 3 };
        for round in 0..rounds {
            let text = |at: usize| TEXTS[1 + (round + at * 7) % (TEXTS.len() - 1)];
            let texts = case.free.iter().enumerate().map(|(at, pointer)| (pointer, text(at)));
            let taken: Vec<(&String, &str)> = texts.filter(|(pointer, text)| takes(case, pointer, text)).collect();
            // Those that took nothing hold the harmless text, as in what this is compared with.
            let mut all: Vec<(&String, &str)> = case.free.iter().map(|pointer| (pointer, TEXTS[0])).collect();
            all.extend(taken);
            compare(case, &all, &case.tame);
        }
    }
}

#[test]
fn what_a_form_allows_never_changes_the_structure_of_a_file() {
    for case in CASES.iter().filter(|case| ["texts", "low-objective"].contains(&case.name.as_str())) {
        let mut leaves = Vec::new();
        walk(&case.value, "", &mut leaves);
        let tame = structure(&load(&case.value).unwrap(), &case.name);
        for text in FORMED {
            for pointer in leaves.iter().filter(|pointer| takes(case, pointer, text)) {
                compare(case, &[(pointer, text)], &tame);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_changes_the_structure_of_a_file(text in "([a-z0-9]|[-'\"\\\\$`{}#:%|&;<>()\\[\\]!*?@=,./~^+_]|[ \t\n]|\\PC){1,24}") {
        // A parameter of PostgreSQL that is a whole number stays one.
        prop_assume!(text.parse::<i64>().is_err());
        let case = CASES.iter().find(|case| case.name == "texts").unwrap();
        let mut all: Vec<(&String, &str)> = case.free.iter().map(|pointer| (pointer, TEXTS[0])).collect();
        all.extend(case.free.iter().filter(|pointer| takes(case, pointer, &text)).map(|pointer| (pointer, text.as_str())));
        compare(case, &all, &case.tame);
    }
}
