//! What people who mean no good, or no harm at all, do to the program: each was a fault once.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use hagen::blueprint::load::{Input, parse};
use hagen::render::{Engine, Selection, render};
use hagen::verify::verify;

fn hagen(at: &Path, arguments: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hagen"));
    command.args(arguments.split_whitespace()).current_dir(at).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn value(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap()
}

/// Loads, renders and verifies a blueprint, and returns its files.
#[track_caller]
fn accepted(value: &Value) -> hagen::render::ArtifactSet {
    let input = Input { name: "attack".to_owned(), text: value.to_string(), directory: None };
    let loaded = parse(vec![input]).load(0, None);
    let blueprint = loaded.blueprint.unwrap_or_else(|| panic!("{:#?}", loaded.problems));
    let set = render(&blueprint, &Engine::embedded().unwrap(), &Selection::default()).unwrap();
    let problems = verify(&blueprint, &set, &Selection::default()).problems;
    assert!(problems.is_empty(), "{problems:#?}");
    set
}

#[test]
fn a_byte_that_is_no_utf8_has_its_place() {
    let at = TempDir::new().unwrap();
    let text = include_str!("../blueprints/minimal.yaml").replace("name: minimal", "name: m\u{fc}nimal");
    let line = text.lines().position(|line| line.contains("name: m\u{fc}nimal")).unwrap() + 1;
    let latin1: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect();
    std::fs::write(at.path().join("latin1.yaml"), latin1).unwrap();
    let wide: Vec<u8> = [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    std::fs::write(at.path().join("wide.yaml"), wide).unwrap();
    for (file, place, cause) in [
        ("latin1.yaml", format!("latin1.yaml:{line}:19"), "another encoding"),
        ("wide.yaml", "wide.yaml:1:1".into(), "UTF-16"),
    ] {
        for command in ["validate", "render -o out"] {
            let output = hagen(at.path(), &format!("{command} {file}"));
            let said = said(&output);
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(said.contains("error[BP001]") && said.contains(&place) && said.contains(cause), "{said}");
            assert!(said.contains("help: save"), "{said}");
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn what_has_no_end_is_too_large() {
    let output = hagen(Path::new("/"), "validate /dev/zero");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("larger than 64 MiB"), "{}", said(&output));
}

#[test]
fn a_part_of_the_output_can_be_applied_as_it_is() {
    let at = TempDir::new().unwrap();
    std::fs::write(at.path().join("b.yaml"), include_str!("../blueprints/agentic-platform.yaml")).unwrap();
    let kubernetes = at.path().join("out/us-east-1/kubernetes");
    let agree = || {
        let file = value(&std::fs::read_to_string(kubernetes.join("kustomization.yaml")).unwrap());
        let listed = file["resources"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned());
        let listed: BTreeSet<String> = listed.collect();
        let there =
            std::fs::read_dir(&kubernetes).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let there: BTreeSet<String> = there.filter(|name| name != "kustomization.yaml").collect();
        assert_eq!(listed, there);
        there.len()
    };
    let mut before = 0;
    for run in ["--only kubernetes", "--only redis", "--only postgres --region us-east-1", "--skip dns", ""] {
        for check in ["", "--check"] {
            let output = hagen(at.path(), &format!("render b.yaml -o out {run} {check}"));
            assert_eq!(output.status.code(), Some(0), "{run} {check}: {}", said(&output));
        }
        let now = agree();
        assert!(now > before || run.is_empty(), "{run}");
        before = now;
    }
    // A part that has no objects leaves the kustomization alone, even one that people changed.
    let path = kubernetes.join("kustomization.yaml");
    let changed = std::fs::read_to_string(&path).unwrap() + "# by hand\n";
    std::fs::write(&path, &changed).unwrap();
    assert_eq!(hagen(at.path(), "render b.yaml -o out --only dns").status.code(), Some(0));
    assert_eq!(hagen(at.path(), "render b.yaml -o out --only redis").status.code(), Some(2));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), changed);
    // What goes with its part goes from the list as well.
    std::fs::write(&path, changed.replace("# by hand\n", "")).unwrap();
    let fewer = include_str!("../blueprints/agentic-platform.yaml").replace("l10-interface", "l11-interface");
    std::fs::write(at.path().join("b.yaml"), fewer).unwrap();
    assert_eq!(hagen(at.path(), "render b.yaml -o out --only kubernetes").status.code(), Some(0));
    agree();
    // Nothing for a cluster: no kustomization.
    assert_eq!(hagen(at.path(), "render b.yaml -o other --only dns").status.code(), Some(0));
    assert!(!at.path().join("other/us-east-1").exists());
}

#[test]
fn a_template_that_nothing_reads_is_refused() {
    let at = TempDir::new().unwrap();
    std::fs::write(at.path().join("b.yaml"), include_str!("../blueprints/minimal.yaml")).unwrap();
    let kubernetes = at.path().join("mine/kubernetes");
    std::fs::create_dir_all(&kubernetes).unwrap();
    let render = || hagen(at.path(), "render b.yaml -o out --templates mine");
    let refused = |words: &[&str]| {
        let output = render();
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
        assert!(!at.path().join("out").exists());
    };
    refused(&["no *.tera"]);
    let text = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/kubernetes/kustomization.yaml.tera"),
    );
    let text = text.unwrap();
    std::fs::write(kubernetes.join("kustomisation.yaml.tera"), &text).unwrap();
    refused(&["kubernetes/kustomisation.yaml.tera", "did you mean `kubernetes/kustomization.yaml.tera`?"]);
    std::fs::remove_file(kubernetes.join("kustomisation.yaml.tera")).unwrap();
    std::fs::write(kubernetes.join("kustomization.yaml"), &text).unwrap();
    refused(&["call it `kubernetes/kustomization.yaml.tera`"]);
    std::fs::remove_file(kubernetes.join("kustomization.yaml")).unwrap();
    // One that another includes is read.
    std::fs::write(kubernetes.join("head.yaml.tera"), "# Ours.\n").unwrap();
    let with = format!("{{% include \"kubernetes/head.yaml.tera\" %}}{text}");
    std::fs::write(kubernetes.join("kustomization.yaml.tera"), with).unwrap();
    let output = render();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let written = std::fs::read_to_string(at.path().join("out/home/kubernetes/kustomization.yaml")).unwrap();
    assert!(written.starts_with("# Ours.\n"), "{written}");
}

#[test]
fn a_service_may_be_called_like_a_part_of_the_output() {
    let text = include_str!("../blueprints/agentic-platform.yaml");
    for name in ["alerts", "dns", "kubernetes", "patroni", "redis"] {
        accepted(&value(&text.replace("l10-interface", name)));
    }
}

#[test]
fn a_cluster_may_have_a_domain_of_its_own() {
    let mut blueprint = value(include_str!("../blueprints/agentic-platform.yaml"));
    blueprint["platform"]["kubernetes"]["domain"] = json!("k8s.example.internal");
    accepted(&blueprint);
}

#[test]
fn clusters_with_certificates_of_their_own_are_scraped_side_by_side() {
    let mut blueprint = value(include_str!("blueprints/hostile/texts.yaml"));
    let mut other = blueprint["postgres"]["main"].clone();
    for (at, part) in ["/hosts", "/consensus/hosts"].iter().enumerate() {
        for (host, facts) in other.pointer_mut(part).unwrap().as_object_mut().unwrap().values_mut().enumerate() {
            facts["address"] = json!(format!("127.0.{}.{}", at + 1, host + 1));
        }
    }
    blueprint["postgres"]["main"]["tls"] = json!({"certificates": "/etc/tls/main"});
    other["tls"] = json!({"certificates": "/etc/tls/other"});
    blueprint["postgres"]["other"] = other;
    let files = accepted(&blueprint);
    let config = value(&files["home/alerts/prometheus.yaml"].text);
    let jobs = config["scrape_configs"].as_array().unwrap();
    let job = |name: &str| jobs.iter().find(|job| job["job_name"] == name).unwrap_or_else(|| panic!("no job {name}"));
    // The rules go by the label: it stays, whatever the job is called.
    assert_eq!(job("patroni-2")["static_configs"][0]["labels"]["job"], "patroni");
    assert_eq!(job("patroni-2")["tls_config"]["ca_file"], "/etc/tls/other/ca.crt");
    assert_eq!(job("postgres")["static_configs"].as_array().unwrap().len(), 6);
    // The operator: as objects of their own names.
    blueprint["monitoring"]["prometheus"]["flavour"] = json!("operator");
    accepted(&blueprint);
}

#[test]
fn a_password_in_the_wrong_field_is_not_repeated() {
    let at = TempDir::new().unwrap();
    let text = include_str!("rules/base.yaml");
    for (field, written) in [
        ("redis: {sessions: {password: hunter2hunter2}}", "hunter2hunter2"),
        ("external: {mail: {url: \"smtp://app:hunter2@mail.example.org\"}}", "hunter2"),
        ("operations: {contacts: {on-call: {pagerduty: {secret: pager, key: \"https://u:hunter2@x y\"}}}}", "hunter2"),
        ("backup: {store: {region: \"postgres://app:hunter2@db/x\"}}", "hunter2"),
        ("postgres: {main: {password: \"hunter2 hunter2\"}}", "hunter2"),
    ] {
        std::fs::write(at.path().join("base.yaml"), text).unwrap();
        let over = format!("apiVersion: hagen.dev/v1\nkind: Overlay\n{field}\n");
        std::fs::write(at.path().join("over.yaml"), over).unwrap();
        for format in ["human", "concise", "json"] {
            let output = hagen(at.path(), &format!("check base.yaml over.yaml --format {format}"));
            let said = said(&output) + &String::from_utf8_lossy(&output.stdout);
            assert!(!said.contains(written), "{format}: {said}");
        }
    }
}

#[test]
fn the_name_of_a_file_gives_no_command_to_who_runs_hagen() {
    let at = TempDir::new().unwrap();
    let name = "x\n::error::owned\n##vso[task.setvariable]a\u{1b}[2J.yaml";
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_hagen")).args(arguments).current_dir(at.path()).output().unwrap();
        said(&output)
    };
    let mut all = run(&["check", name]);
    std::fs::create_dir(at.path().join("files")).unwrap();
    std::fs::write(at.path().join("files").join(name), "nothing that is known").unwrap();
    all += &run(&["check", "--files", "files"]);
    assert!(all.contains("owned"), "{all}");
    let acts = |line: &&str| line.trim_start().starts_with("::") || line.trim_start().starts_with("##");
    assert!(!all.lines().any(|line| acts(&line)) && !all.contains('\u{1b}'), "{all}");
}
