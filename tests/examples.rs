//! The examples: each blueprint renders exactly the tree that stands beside it. `HAGEN_BLESS=1 cargo test` writes the trees anew;
//! the difference is then what a reviewer reads.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use hagen::blueprint::load::{Input, parse};
use hagen::render::{ArtifactSet, Engine, Selection, render};

pub fn rendered(blueprint: &Path, environment: Option<&str>) -> ArtifactSet {
    let text = std::fs::read_to_string(blueprint).unwrap();
    let files = parse(vec![Input { name: blueprint.display().to_string(), text, directory: None }]);
    let loaded = files.load(0, environment);
    let blueprint = loaded.blueprint.unwrap_or_else(|| panic!("{:#?}", loaded.problems));
    render(&blueprint, &Engine::embedded().unwrap(), &Selection::default()).unwrap()
}

#[test]
fn examples_render_what_stands_beside_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let bless = std::env::var_os("HAGEN_BLESS").is_some();
    let mut differences = Vec::new();
    let mut cases: Vec<PathBuf> = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|case| case.join("blueprint.yaml").exists());
    cases.sort();
    assert!(cases.len() >= 3);
    for case in cases {
        let files: BTreeMap<String, String> = rendered(&case.join("blueprint.yaml"), None)
            .into_iter()
            .map(|(path, artifact)| (path, artifact.text))
            .collect();
        let expected = case.join("expected");
        if bless {
            let _ = std::fs::remove_dir_all(&expected);
            for (path, text) in &files {
                let path = expected.join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
        }
        let there = tree(&expected);
        let paths: BTreeSet<&String> = files.keys().chain(there.keys()).collect();
        for path in paths {
            if files.get(path) != there.get(path) {
                let diff = similar::TextDiff::from_lines(
                    there.get(path).map_or("", String::as_str),
                    files.get(path).map_or("", String::as_str),
                );
                differences.push(format!("{}/{path}\n{}", case.display(), diff.unified_diff().context_radius(2)));
            }
        }
    }
    assert!(differences.is_empty(), "HAGEN_BLESS=1 cargo test writes these anew:\n{}", differences.join("\n"));
}

/// These are written into a ConfigMap of another file.
const INSIDE: [&str; 5] = [
    "redis/handover.sh.tera",
    "redis/probe.sh.tera",
    "redis/start.sh.tera",
    "redis/sentinel/handover.sh.tera",
    "redis/sentinel/pod-start.sh.tera",
];

/// Whoever wants to know what a file of the data tier looks like finds it in an example.
#[test]
fn every_template_of_the_data_tier_is_shown_by_an_example() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut used = BTreeSet::new();
    for case in std::fs::read_dir(root.join("examples")).unwrap().map(|entry| entry.unwrap().path()) {
        if case.join("blueprint.yaml").exists() {
            used.extend(
                rendered(&case.join("blueprint.yaml"), None).into_values().map(|artifact| artifact.template.to_owned()),
            );
        }
    }
    let templates = tree(&root.join("templates"));
    // What others include is in what they write.
    let mut open: Vec<String> = used.iter().cloned().collect();
    while let Some(name) = open.pop() {
        let included = templates[&name].split("{% include \"").skip(1).filter_map(|rest| rest.split('"').next());
        open.extend(included.map(str::to_owned).filter(|included| used.insert(included.clone())).collect::<Vec<_>>());
    }
    let data = templates.keys().filter(|name| name.starts_with("patroni/") || name.starts_with("redis/"));
    let unseen: Vec<&String> = data.filter(|name| !used.contains(*name) && !INSIDE.contains(&name.as_str())).collect();
    assert!(unseen.is_empty(), "no example shows {unseen:?}");
}

#[test]
fn the_same_input_gives_the_same_bytes_on_any_number_of_threads() {
    let blueprint = Path::new(env!("CARGO_MANIFEST_DIR")).join("blueprints/agentic-platform.yaml");
    let with = |threads: usize| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| rendered(&blueprint, None))
    };
    assert_eq!(with(1), with(7));
}

#[test]
fn every_shipped_blueprint_renders_in_every_environment() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("blueprints");
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let environments = parse(vec![Input { name: String::new(), text, directory: None }]).environments(0);
        for environment in std::iter::once(None).chain(environments.iter().map(|e| Some(e.as_str()))) {
            let files = rendered(&path, environment);
            assert!(files.contains_key("README.md") && files.len() > 5, "{}", path.display());
        }
    }
}

fn tree(root: &Path) -> BTreeMap<String, String> {
    let files =
        walkdir::WalkDir::new(root).into_iter().filter_map(Result::ok).filter(|entry| entry.file_type().is_file());
    files
        .map(|entry| {
            let name = entry.path().strip_prefix(root).unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(entry.path()).unwrap())
        })
        .collect()
}
