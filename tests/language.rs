//! The language as a user meets it: shipped blueprints, schema, defaults, overlays.

use std::path::{Path, PathBuf};

use hagen::blueprint::load::{Input, Loaded, parse};
use hagen::blueprint::schema;
use proptest::prelude::*;
use serde_json::Value;

fn shipped() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("blueprints");
    let mut files: Vec<PathBuf> = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn load(texts: &[&str], environment: Option<&str>) -> Loaded {
    let input =
        |(at, text): (usize, &&str)| Input { name: format!("{at}.yaml"), text: (*text).to_owned(), directory: None };
    parse(texts.iter().enumerate().map(input).collect()).load(0, environment)
}

/// The plain value of a blueprint, as an editor's validator reads it.
fn plain(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap()
}

#[test]
fn shipped_blueprints_are_valid_in_every_environment() {
    for file in shipped() {
        let text = std::fs::read_to_string(&file).unwrap();
        let files = parse(vec![Input { name: file.display().to_string(), text, directory: None }]);
        for environment in std::iter::once(None).chain(files.environments(0).into_iter().map(Some)) {
            let loaded = files.load(0, environment.as_deref());
            assert!(loaded.blueprint.is_some(), "{} {environment:?}: {:#?}", file.display(), loaded.problems);
        }
    }
}

#[test]
fn an_independent_validator_accepts_the_shipped_and_refuses_the_broken() {
    let validator = jsonschema::draft202012::new(&schema::SCHEMA).unwrap();
    for file in shipped() {
        let value = plain(&std::fs::read_to_string(&file).unwrap());
        let errors: Vec<String> =
            validator.iter_errors(&value).map(|e| format!("{e} at {}", e.instance_path())).collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", file.display());
    }
    let minimal = plain(include_str!("../blueprints/minimal.yaml"));
    let broken = |pointer: &str, value: Value| {
        let mut document = minimal.clone();
        *document.pointer_mut(pointer).unwrap() = value;
        !validator.is_valid(&document)
    };
    assert!(broken("/objectives/rto", Value::from(15)));
    assert!(broken("/services/api/port", Value::from("eighty")));
    assert!(broken("/regions/home/role", Value::from("primry")));
    assert!(broken("/metadata", serde_json::json!({"name": "minimal", "ownr": "x"})));
    let overlay = jsonschema::draft202012::new(&schema::overlay()).unwrap();
    let patch =
        serde_json::json!({"apiVersion": "hagen.dev/v1", "kind": "Overlay", "services": {"api": {"autoscale": null}}});
    assert!(overlay.is_valid(&patch) && !validator.is_valid(&patch));
}

#[test]
fn the_schema_that_editors_read_is_that_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/hagen.schema.json");
    let current = format!("{}\n", serde_json::to_string_pretty(&*schema::SCHEMA).unwrap());
    if std::env::var_os("HAGEN_BLESS").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let stands = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stands == current, "docs/hagen.schema.json is stale: HAGEN_BLESS=1 cargo test writes it anew");
}

#[test]
fn the_page_of_facts_is_that_of_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/facts.md");
    let current = hagen::diagnostics::facts::page();
    if std::env::var_os("HAGEN_BLESS").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let stands = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stands == current, "docs/facts.md is stale: `just bless` writes it anew");
}

#[test]
fn every_pattern_of_the_language_compiles() {
    fn walk(node: &Value, patterns: &mut Vec<String>) {
        match node {
            Value::Object(map) => {
                patterns.extend(map.get("pattern").and_then(Value::as_str).map(str::to_owned));
                map.values().for_each(|value| walk(value, patterns));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, patterns)),
            _ => {}
        }
    }
    let mut patterns = Vec::new();
    walk(&schema::SCHEMA, &mut patterns);
    assert!(patterns.len() > 30);
    for pattern in patterns {
        assert!(regex_lite::Regex::new(&pattern).is_ok(), "{pattern}: it would hold everything for well-formed");
    }
}

#[test]
fn every_field_has_a_description() {
    fn walk(node: &Value, at: &str, missing: &mut Vec<String>) {
        if let Some(properties) = node.get("properties").and_then(Value::as_object) {
            for (name, field) in properties {
                if field.get("description").is_none() {
                    missing.push(format!("{at}.{name}"));
                }
                walk(field, &format!("{at}.{name}"), missing);
            }
        }
    }
    let mut missing = Vec::new();
    walk(&schema::SCHEMA, "", &mut missing);
    for (name, definition) in schema::SCHEMA["$defs"].as_object().unwrap() {
        walk(definition, name, &mut missing);
    }
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn overlays_and_environments_patch_the_base() {
    let base = include_str!("../blueprints/minimal.yaml");
    let overlay = "apiVersion: hagen.dev/v1\nkind: Overlay\nservices: {api: {replicas: {min: 5}}}\nenvironments: {dev: {services: {api: {replicas: {min: 1}}}}}\n";
    let with = |environment| load(&[base, overlay], environment).blueprint.unwrap().services[0].spec.replicas.min;
    assert_eq!(with(None), 5);
    assert_eq!(with(Some("dev")), 1);
}

#[test]
fn a_target_is_the_first_one_written() {
    let text = include_str!("../blueprints/agentic-platform.yaml");
    let blueprint = load(&[text], None).blueprint.unwrap();
    let service = blueprint.service("l10-interface").unwrap();
    let rto = |scenario| {
        blueprint.targets(&service.spec.objectives, service.spec.tier.as_ref(), scenario).rto.unwrap().to_string()
    };
    assert_eq!(rto(None), "1h", "its tier");
    assert_eq!(rto(Some(hagen::blueprint::raw::Scenario::ZoneLoss)), "10m", "the global scenario wins over its tier");
}

#[test]
fn hostile_yaml_is_refused_at_once() {
    let bombs = [
        format!("a: &a [{}]\nb: [{}]\n", "x,".repeat(20_000), "*a,".repeat(20_000)),
        "[".repeat(100_000),
        "{a: ".repeat(100_000),
        "- ".repeat(100_000),
        "? ".repeat(100_000),
        "a: &a {b: *a}\n".to_owned(),
        "\u{0}".to_owned(),
        String::new(),
        "---\na: 1\n---\nb: 2\n".to_owned(),
        "<<: {a: 1}\n".to_owned(),
        "!!python/object:os.system {}\n".to_owned(),
        "apiVersion: \u{202e}x\n".to_owned(),
    ];
    for bomb in &bombs {
        let loaded = load(&[bomb], None);
        assert!(loaded.is_invalid() && !loaded.problems.is_empty(), "{:?}", &bomb[..bomb.len().min(40)]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever stands in a file, it is read or refused with a place; it never panics.
    #[test]
    fn no_input_panics(at in 0usize..4000, junk in "\\PC{0,12}", text in prop::sample::select(vec![
        include_str!("../blueprints/agentic-platform.yaml"),
        include_str!("../blueprints/minimal.yaml"),
        include_str!("../blueprints/loopback-hosts.yaml"),
    ])) {
        let mut at = at.min(text.len());
        while !text.is_char_boundary(at) { at -= 1; }
        let mutated = format!("{}{junk}{}", &text[..at], &text[at..]);
        let loaded = load(&[&mutated], None);
        for problem in &loaded.problems {
            let span = loaded.document.span(&problem.primary.place);
            prop_assert!((span.end as usize) <= mutated.len());
        }
        prop_assert_eq!(loaded.blueprint.is_none(), loaded.problems.iter().any(|p| p.level == hagen::diagnostics::Level::Error));
    }

    /// A path is read back as it was printed, whatever its keys hold.
    #[test]
    fn paths_read_back_as_printed(steps in prop::collection::vec(prop_oneof![
        "\\PC{0,12}".prop_map(Ok),
        "[a-z\\.\\[\"\\\\\n]{0,6}".prop_map(Ok),
        (0usize..100).prop_map(Err),
    ], 0..6)) {
        let path = steps.into_iter().fold(hagen::document::Path::root(), |path, step| match step {
            Ok(key) => path.key(key),
            Err(index) => path.index(index),
        });
        prop_assert_eq!(path.to_string().parse::<hagen::document::Path>(), Ok(path));
    }

    /// The reader agrees with an independent one on what a well-formed file holds.
    #[test]
    fn scalars_read_back_as_written(text in "\\PC{0,40}") {
        let yaml = format!("key: {}\n", hagen::render::quote::yaml_string(&text));
        let value: Value = serde_yaml::from_str(&yaml).unwrap();
        prop_assert_eq!(value["key"].as_str(), Some(text.as_str()));
        let source = hagen::document::Source::new("x", yaml);
        let (node, problems) = hagen::document::yaml::parse(&source, 0);
        prop_assert!(problems.is_empty());
        let node = node.unwrap();
        prop_assert_eq!(&*node.get("key").unwrap().scalar().unwrap().text, text.as_str());
    }
}
