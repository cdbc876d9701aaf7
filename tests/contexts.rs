//! What templates see: nothing that none of them reads. A field that nobody reads looks like a promise, and is worked out for
//! nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use hagen::blueprint::load::{Input, parse};
use hagen::render::engine::embedded_templates;
use hagen::render::{Engine, Selection, render};
use serde_json::Value;

/// What every file of a PostgreSQL cluster on Kubernetes sees, whether it has pods or not.
const OF_ALL: [&str; 7] =
    ["namespace", "pull_secrets", "priority", "pod_security", "container_security", "labels", "selector"];

/// Read where such a context lies inside of another one: of a health check by the page, of the Secrets by the page of hosts.
const INSIDE: [&str; 3] = ["column", "purpose", "replication"];

type Words = BTreeSet<String>;

/// An engine whose templates say their own name and what they see.
fn mirror() -> Engine {
    let of = |(path, _): (&str, &str)| (path.to_owned(), format!("{path}\n{{{{ __tera_context | json }}}}\n"));
    Engine::new(&embedded_templates().map(of).collect()).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

/// Notes what a template saw, by its name: it may see several contexts; of a file with parts, what each of them saw too.
fn note(text: &str, seen: &mut BTreeMap<String, BTreeSet<Words>>) {
    let (template, context) = text.split_once('\n').unwrap();
    let Ok(Value::Object(context)) = serde_json::from_str(context) else { panic!("{template}: {context}") };
    let words = context.keys().filter(|key| *key != "parts").cloned().collect();
    seen.entry(template.to_owned()).or_default().insert(words);
    for part in context.get("parts").and_then(Value::as_object).into_iter().flat_map(|parts| parts.values()) {
        note(part.as_str().unwrap(), seen);
    }
}

/// The blueprints of the examples and of this directory: each kind of file is in one of them.
fn blueprints() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = Vec::new();
    for directory in ["examples", "blueprints", "tests/alerts", "tests/conformance/blueprints"] {
        let found = walkdir::WalkDir::new(root.join(directory)).sort_by_file_name().into_iter().map(Result::unwrap);
        all.extend(found.map(walkdir::DirEntry::into_path).filter(|path| {
            let is_yaml = path.extension().is_some_and(|e| e == "yaml");
            is_yaml && std::fs::read_to_string(path).unwrap().lines().any(|line| line.starts_with("apiVersion: hagen"))
        }));
    }
    all
}

/// The names that a template and what it includes read: of `a.b` it is `a`.
fn reads(path: &str, texts: &BTreeMap<&str, &str>, names: &mut Words) {
    let tag = regex_lite::Regex::new(r"(?s)\{\{(.*?)\}\}|\{%(.*?)%\}").unwrap();
    let quoted = regex_lite::Regex::new(r#""([^"]*)"|'[^']*'"#).unwrap();
    let name = regex_lite::Regex::new(r"([A-Za-z_][A-Za-z0-9_]*)(\.[A-Za-z0-9_]+)*").unwrap();
    for tag in tag.captures_iter(texts[path]) {
        let tag = tag.get(1).or(tag.get(2)).unwrap().as_str();
        if let Some(included) = tag.trim_matches(['-', ' ']).strip_prefix("include") {
            let included = quoted.captures(included).unwrap();
            reads(included.get(1).unwrap().as_str(), texts, names);
        }
        names.extend(name.captures_iter(&quoted.replace_all(tag, "")).map(|name| name[1].to_owned()));
    }
}

#[test]
fn no_template_is_told_what_none_reads() {
    let (engine, mut seen) = (mirror(), BTreeMap::new());
    let found = blueprints();
    assert!(found.len() >= 15, "{found:#?}");
    for path in found {
        let text = std::fs::read_to_string(&path).unwrap();
        let files = parse(vec![Input { name: path.display().to_string(), text, directory: None }]);
        let Some(blueprint) = files.load(0, None).blueprint else { continue };
        let set = render(&blueprint, &engine, &Selection::default()).unwrap();
        set.into_iter().for_each(|(_, artifact)| note(&artifact.text, &mut seen));
    }
    let texts: BTreeMap<&str, &str> = embedded_templates().collect();
    let read_by = |path: &String| {
        let mut names = Words::new();
        reads(path, &texts, &mut names);
        names
    };
    // Templates share a context, or the part that several contexts have in common: then it is enough that one of them reads it.
    let one_in_other = |a: &Words, b: &Words| (a.len() > 2 && a.is_subset(b)) || (b.len() > 2 && b.is_subset(a));
    let kin = |one: &String, other: &String| seen[one].iter().any(|a| seen[other].iter().any(|b| one_in_other(a, b)));
    let mut faults = BTreeSet::new();
    for (path, contexts) in &seen {
        let mut family = BTreeSet::from([path]);
        while let Some(next) =
            seen.keys().find(|next| !family.contains(next) && family.iter().any(|own| kin(own, next)))
        {
            family.insert(next);
        }
        let names: Words = family.into_iter().flat_map(read_by).collect();
        let known = |word: &str| OF_ALL.contains(&word) || INSIDE.contains(&word);
        let unread = contexts.iter().flatten().filter(|word| !names.contains(*word) && !known(word));
        faults.extend(unread.map(|word| format!("{path}: `{word}`")));
    }
    assert!(seen.len() >= 60, "{:#?}", seen.keys());
    assert!(faults.is_empty(), "{faults:#?}");
}
