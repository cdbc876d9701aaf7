//! Broken blueprints, each with its expected complaints: a comment `# expect: ID [ID …]` stands on the very line that must
//! be pointed at. A file is a case; a directory is a case of base and overlays. Nothing else may be complained about.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use hagen::blueprint::load::{Input, parse};
use hagen::diagnostics::Diagnostic;
use hagen::loading::load_all;

type Complaint = (String, usize, String);

#[test]
fn every_broken_blueprint_is_complained_about_where_it_is_broken() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= 30, "only {} cases", cases.len());
    let mut failures = Vec::new();
    for case in cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let (found, expected) = (complaints(&case), marks(&case));
        assert!(!expected.is_empty(), "{name} expects nothing");
        if found != expected {
            let missing: Vec<_> = expected.difference(&found).collect();
            let surplus: Vec<_> = found.difference(&expected).collect();
            failures.push(format!("{name}:\n  missing {missing:?}\n  surplus {surplus:?}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn files(case: &Path) -> Vec<PathBuf> {
    if case.is_file() {
        return vec![case.to_owned()];
    }
    let mut files: Vec<PathBuf> = std::fs::read_dir(case).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn complaints(case: &Path) -> BTreeSet<Complaint> {
    let directory = case.is_dir().then(|| case.display().to_string());
    let inputs = files(case).into_iter().map(|file| Input {
        name: file.file_name().unwrap().to_string_lossy().into_owned(),
        text: std::fs::read_to_string(&file).unwrap(),
        directory: directory.clone(),
    });
    let files = parse(inputs.collect());
    let mut found = BTreeSet::new();
    for loaded in load_all(&files, 0, None) {
        for problem in &loaded.problems {
            let span = loaded.document.span(&problem.primary.place);
            let source = &loaded.document.sources[span.file as usize];
            found.insert((source.name.clone(), source.position(span.start).line, problem.id.to_string()));
            assert!(problem.fix.is_some(), "{}: {} offers no fix", case.display(), problem.id);
        }
    }
    found
}

fn marks(case: &Path) -> BTreeSet<Complaint> {
    let mut marks = BTreeSet::new();
    for file in files(case) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        for (at, line) in std::fs::read_to_string(&file).unwrap().lines().enumerate() {
            let Some((_, ids)) = line.split_once("# expect: ") else { continue };
            marks.extend(ids.split_whitespace().map(|id| (name.clone(), at + 1, id.to_owned())));
        }
    }
    marks
}

/// What is complained about in a case by its file.
fn problems(case: &str) -> Vec<Diagnostic> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken").join(case);
    let text = std::fs::read_to_string(path).unwrap();
    let files = parse(vec![Input { name: case.to_owned(), text, directory: None }]);
    load_all(&files, 0, None).into_iter().flat_map(|loaded| loaded.problems).collect()
}

/// What its messages say to do.
fn fixes(case: &str) -> Vec<String> {
    problems(case).into_iter().filter_map(|problem| problem.fix).collect()
}

#[test]
fn a_message_says_what_to_write_instead() {
    let said = fixes("77-meant-otherwise.yaml");
    for fix in [
        "write `zones: [za, zb]` in `us-east-1`",
        "write `kind: network`",
        "write `zones: [zd]`",
        "`secrets: {A: {secret: api, key: token}}`",
        "`B: {secret: api, key: token}`",
        "write `postgres.main: {}`",
        "define a destination under `backup` and name it: `backup.NAME`",
        "with `consensus: {kind: kubernetes}` it needs neither etcd nor a router",
    ] {
        assert!(said.iter().any(|said| said.contains(fix)), "{fix}\n{said:#?}");
    }
    let said = fixes("76-database-out-of-reach.yaml");
    for fix in ["`crossRegion: {to: [bb], endpoints: {aa: HOST, bb: HOST}}`", "`env: {MAIN_HOST: HOST}`"] {
        assert!(said.iter().any(|said| said.contains(fix)), "{fix}\n{said:#?}");
    }
}

#[test]
fn directories_inside_each_other_are_said_once_with_their_machines() {
    let found = problems("251-inside-another.yaml");
    let said: Vec<String> = found
        .iter()
        .filter(|problem| problem.id == "BP251")
        .map(|problem| format!("{}: {}; {}", problem.title, problem.primary.text, problem.related[0].text))
        .collect();
    let expected = [
        "/srv/pg/etcd would lie inside /srv/pg on one machine: data of etcd, on 10.0.0.11 and 2 more; data of PostgreSQL",
        "/srv/pg/redis would lie inside /srv/pg on one machine: data of Redis, on 10.0.0.11 and 2 more; data of PostgreSQL",
    ];
    for expected in expected {
        assert_eq!(said.iter().filter(|said| *said == expected).count(), 1, "{expected}\n{said:#?}");
    }
}

#[test]
fn a_port_that_is_no_field_is_said_to_be_none() {
    let found = problems("245-one-machine.yaml");
    let of = |program: &str| found.iter().find(|p| p.id == "BP245" && p.primary.text == program).unwrap();
    let exporter = of("pgbouncer_exporter");
    assert!(exporter.why.as_ref().unwrap().contains("listens at 9127, its own default, and no field changes that"));
    assert!(exporter.fix.as_ref().unwrap().contains("on another machine: it runs beside the pool"));
}
