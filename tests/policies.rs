//! The users' own rules as they meet them: policies of conftest over rendered objects, new ones over the blueprint, what is
//! refused, what is given up, and the tests of policies.

use std::path::Path;

use crate::cli::{Ran, Shell};

const CHECK: &str = "check base.yaml --policy policy --now 2027-01-15";

/// A blueprint in which hagen's own rules find nothing, beside policies.
fn shell(policies: &[(&str, &str)]) -> Shell {
    let shell = Shell::new();
    shell.write("base.yaml", include_str!("rules/base.yaml"));
    for (name, text) in policies {
        shell.write(&format!("policy/{name}"), text);
    }
    shell
}

/// What a policy says, with the status that it must end with.
#[track_caller]
fn said(policy: &str, status: i32) -> String {
    shell(&[("a.rego", policy)]).run(CHECK).ends(status).err
}

/// The same, where `said` is what was said.
#[track_caller]
fn said_of(policy: &str, status: i32) -> String {
    said(policy, status)
}

/// The findings of a JSON report.
fn findings(ran: &Ran) -> Vec<serde_json::Value> {
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    json["findings"].as_array().unwrap().clone()
}

#[test]
fn policies_of_either_version_run_unchanged() {
    let old = "package main\ndeny[msg] {\n  input.kind == \"Deployment\"\n  msg := sprintf(\"%s stands\", [input.metadata.name])\n}\n";
    let imported = "package main\nimport future.keywords\ndeny contains msg if {\n  input.kind == \"Deployment\"\n  msg := sprintf(\"%s stands\", [input.metadata.name])\n}\n";
    let new = "package main\ndeny contains msg if {\n  input.kind == \"Deployment\"\n  msg := sprintf(\"%s stands\", [input.metadata.name])\n}\n";
    let named = format!("{}import rego.v1\n{}", &new[..13], &new[13..]);
    for policy in [old, imported, new, &named] {
        let said = said(policy, 1);
        assert!(said.contains("error[rego.main.deny]: api stands"), "{policy}\n{said}");
        assert!(said.contains("base.yaml:28:3") && said.contains("  api:\n"), "{said}");
        assert!(said.contains("Deployment base/api in eu-west-1/kubernetes/api.yaml"), "{said}");
        assert!(said.contains("the same holds for Deployment base/api in us-east-1/kubernetes/api.yaml"), "{said}");
        assert!(said.contains("rule `deny` in policy/a.rego:"), "{said}");
        assert!(!said.contains("treated as identifier"), "{said}");
    }
    // Both in one directory, in one package.
    let both = shell(&[("a.rego", old), ("b/c.rego", &new.replace("stands", "is there"))]);
    let said = both.run(CHECK).ends(1).err;
    assert!(said.contains("api stands") && said.contains("api is there"), "{said}");
}

#[test]
fn the_name_of_a_rule_gives_its_level_and_its_result_the_message() {
    let policy = r#"package main
service { input.kind == "Service"; input.metadata.name == "api" }
warn_soft[msg] { service; msg := "soft" }
violation[{"msg": msg, "fix": "write less", "details": {"n": 1}}] { service; msg := "an object\nwith a second line" }
deny_two[msg] { service; msg := "first" }
deny_two[msg] { service; msg := "second" }
deny = [] { true }
allow { service }
"#;
    let found = findings(&shell(&[("a.rego", policy)]).run(&format!("{CHECK} --format json")).ends(1));
    let seen: Vec<(&str, &str, &str)> = found
        .iter()
        .map(|f| (f["id"].as_str().unwrap(), f["level"].as_str().unwrap(), f["title"].as_str().unwrap()))
        .collect();
    assert_eq!(
        seen,
        [
            ("rego.main.deny_two", "error", "first"),
            ("rego.main.deny_two", "error", "second"),
            ("rego.main.violation", "error", "an object"),
            ("rego.main.warn_soft", "warning", "soft"),
        ]
    );
    let violation = &found[2];
    assert_eq!(violation["fix"], "write less");
    assert!(violation["why"].as_str().unwrap().starts_with("with a second line\n"), "{violation}");
}

#[test]
fn an_exception_silences_what_it_names() {
    let policy = r#"package main
deny_name[msg] { input.kind == "Deployment"; msg := sprintf("name of %s", [input.metadata.name]) }
deny_other[msg] { input.kind == "Deployment"; msg := sprintf("other of %s", [input.metadata.name]) }
exception[rules] { input.metadata.name == "api"; rules := ["name"] }
"#;
    let ran = shell(&[("a.rego", policy)]).run(&format!("{CHECK} --verbose")).ends(1);
    assert!(!ran.err.contains("name of api") && ran.err.contains("other of api"), "{}", ran.err);
    assert!(ran.err.contains("silence 2 results"), "{}", ran.err);
}

#[test]
fn namespaces_and_data_are_those_of_conftest() {
    let one = "package one\ndeny[msg] { input.kind == \"Namespace\"; msg := \"from one\" }\n";
    let two = "package team.two\ndeny[msg] { input.kind == \"Namespace\"; data.limits.deep.pods < 3; msg := sprintf(\"from two in %s\", [data.conftest.file.name]) }\n";
    let shell = shell(&[("a.rego", one), ("b.rego", two)]);
    shell.write("data/limits/deep.yaml", "deep: {pods: 2}\n");
    let all = shell.run(&format!("{CHECK} --data data")).ends(1).err;
    assert!(all.contains("error[rego.one.deny]: from one"), "{all}");
    assert!(all.contains("error[rego.team.two.deny]: from two in 00-namespace.yaml"), "{all}");
    let two = shell.run(&format!("{CHECK} --data data --namespace team.two")).ends(1).err;
    assert!(!two.contains("from one") && two.contains("from two"), "{two}");
    let wrong = shell.run(&format!("{CHECK} --namespace main")).ends(2).err;
    assert!(wrong.contains("no policy is of the package `main`") && wrong.contains("one, team.two"), "{wrong}");
    shell.run("check base.yaml --namespace one").ends(2);
}

const MODEL: &str = r#"package hagen.services
import rego.v1
deny_warm contains {"msg": sprintf("%s has %d pods", [name, service.replicas.min]), "path": ["services", name, "replicas", "min"]} if {
  some name, service in input.blueprint.services
  service.replicas.min < 4
}
"#;

#[test]
fn a_policy_over_the_blueprint_points_at_the_line_that_it_names() {
    let said = said(MODEL, 1);
    assert!(said.contains("error[rego.hagen.services.deny_warm]: api has 3 pods"), "{said}");
    let line =
        include_str!("rules/base.yaml").lines().position(|line| line.contains("replicas: {min: 3, max: 9}")).unwrap()
            + 1;
    assert!(said.contains(&format!("base.yaml:{line}:21")) && said.contains("                    ^"), "{said}");
    let text = MODEL.replace(
        r#"["services", name, "replicas", "min"]"#,
        r#"sprintf("blueprint.services.%s.replicas.min", [name])"#,
    );
    let as_text = said_of(&text, 1);
    assert!(as_text.contains(&format!("base.yaml:{line}:21")), "{as_text}");
    let wrong = said_of(&MODEL.replace(r#"["services", name, "replicas", "min"]"#, "\"a..b\""), 2);
    assert!(wrong.contains("error[BP177]") && wrong.contains("cannot be read"), "{wrong}");
}

#[test]
fn levels_and_waivers_hold_for_rules_in_rego() {
    let shell = shell(&[("a.rego", MODEL)]);
    let over =
        |policy: &str| shell.write("over.yaml", &format!("apiVersion: hagen.dev/v1\nkind: Overlay\npolicy:\n{policy}"));
    let check = CHECK.replace("base.yaml", "base.yaml over.yaml");
    for (policy, flags, status) in [
        ("  levels: {rego: warning}\n", "", 0),
        ("  levels: {rego: warning, rego.hagen.services: error}\n", "", 1),
        ("  levels: {rego.hagen.services: error, rego.hagen.services.deny_warm: off}\n", "", 0),
        ("  failOn: warning\n", "--level rego.hagen=warning", 1),
        ("  failOn: warning\n", "--level rego=off", 0),
        (
            "  waive: [{rule: rego.hagen.services.deny_warm, at: services.api, reason: x, owner: web, until: 2027-02-01}]\n",
            "",
            0,
        ),
        (
            "  waive: [{rule: rego.hagen.services.deny_warm, at: services.api, reason: x, owner: web, until: 2027-01-01}]\n",
            "",
            1,
        ),
    ] {
        over(policy);
        shell.run(&format!("{check} {flags}")).ends(status);
    }
    // Without the policies nobody knows whether the waiver is used.
    over("  waive: [{rule: rego.main.deny, at: services.api, reason: x, owner: web, until: 2027-02-01}]\n");
    let without = shell.run("check base.yaml over.yaml --now 2027-01-15 --fail-on info").ends(0).err;
    assert!(!without.contains("BP174"), "{without}");
    assert!(shell.run(&check).ends(1).err.contains("warning[BP174]"));
    let wrong = shell.run(&format!("{CHECK} --level rego.hagen.service=off")).ends(2).err;
    assert!(
        wrong.contains("the policies have no rule or package") && wrong.contains("rego.hagen.services.deny_warm"),
        "{wrong}"
    );
    // As a comment on the line.
    let base = include_str!("rules/base.yaml");
    let mark = "replicas: {min: 3, max: 9}  # hagen: waive rego.hagen.services.deny_warm reason=\"x\" owner=y until=2027-02-01";
    shell.write("base.yaml", &base.replace("replicas: {min: 3, max: 9}", mark));
    assert!(shell.run(CHECK).ends(0).err.contains("1 waived"));
}

#[test]
fn every_format_reports_them() {
    let shell = shell(&[("a.rego", MODEL)]);
    for format in ["concise", "github", "gitlab", "junit", "markdown", "sarif"] {
        let out = shell.run(&format!("{CHECK} --format {format}")).ends(1).out;
        assert!(out.contains("rego.hagen.services.deny_warm") && out.contains("api has 3 pods"), "{format}: {out}");
    }
    let sarif: serde_json::Value =
        serde_json::from_str(&shell.run(&format!("{CHECK} --format sarif")).ends(1).out).unwrap();
    let rule = &sarif["runs"][0]["tool"]["driver"]["rules"][0];
    assert_eq!(
        (rule["id"].as_str(), rule["name"].as_str()),
        (Some("rego.hagen.services.deny_warm"), Some("deny_warm"))
    );
}

#[test]
fn what_asks_the_world_is_refused_at_its_place() {
    for (call, asks) in [
        ("http.send({\"method\": \"get\", \"url\": \"http://127.0.0.1\"})", "network"),
        ("net.lookup_ip_addr(\"localhost\")", "network"),
        ("time.now_ns()", "clock"),
        ("rand.intn(\"x\", 3)", "chance"),
        ("uuid.rfc4122(\"x\")", "chance"),
        ("opa.runtime()", "environment"),
        ("parse_config(\"hcl2\", \"x\")", "conftest"),
        ("parse_config_file(\"x.yaml\")", "file"),
        ("parse_combined_config_files([\"x.yaml\"])", "files"),
    ] {
        let name = call.split('(').next().unwrap();
        let policy = format!("package main\n# {call}\ndeny[msg] {{\n  x := {call}\n  msg := \"{name}\"\n}}\n");
        let said = said(&policy, 2);
        assert!(said.contains(&format!("error[BP176]: `{name}` is refused")) && said.contains(asks), "{said}");
        assert!(said.contains("policy/a.rego:4:8") && said.contains("help: "), "{said}");
    }
    // A call that no reader of words sees.
    let hidden = said("package main\nimport rego.v1\ndeny contains msg if {\n  msg := time [\"now_ns\"]()\n}\n", 2);
    assert!(hidden.contains("error[BP17"), "{hidden}");
}

#[test]
fn a_broken_policy_is_the_worlds_fault_and_named() {
    let said_v1 = said("package main\n\ndeny contains msg if {\n  msg := \n}\n", 2);
    assert!(
        said_v1.contains("error[BP175]") && said_v1.contains("policy/a.rego:4:7") && said_v1.contains("Rego v1"),
        "{said_v1}"
    );
    let said_v0 = said("package main\n\nok { true }\n\ndeny[msg] {\n  msg := \n}\n", 2);
    assert!(
        said_v0.contains("error[BP175]") && said_v0.contains("policy/a.rego:5:11") && said_v0.contains("Rego v0"),
        "{said_v0}"
    );
    let unsafe_name = said("package main\nimport rego.v1\ndeny contains msg if {\n  msg := nobody\n}\n", 2);
    assert!(unsafe_name.contains("policy/a.rego:4:") && unsafe_name.contains("nobody"), "{unsafe_name}");
    let absent = said("package main\nimport rego.v1\ndeny contains msg if {\n  msg := crypto.sha256(\"x\")\n}\n", 2);
    assert!(absent.contains("the function `crypto.sha256` does not exist here"), "{absent}");
    let never = said("package main\nimport rego.v1\ndeny if {\n  input.kind == \"Deployment\"\n}\n", 2);
    assert!(
        never.contains("error[BP177]") && never.contains("could never fail") && never.contains("contains msg"),
        "{never}"
    );
    for (policy, why) in [
        ("deny", "package"),
        ("", "package"),
        ("package main\nallow { true }\n", "no rule that could find anything"),
        ("package main\ndeny[msg] { msg := {\"x\": 1} }\n", "without a text `msg`"),
        ("package main\ndeny[msg] { msg := 1 }\n", "neither a text nor an object"),
    ] {
        let said = said(policy, 2);
        assert!(said.contains(why), "{policy}: {said}");
    }
    // All of them at once.
    let two =
        shell(&[("a.rego", "package a\ndeny[msg] {"), ("b.rego", "package b\ndeny[msg] { msg := time.now_ns() }")]);
    let said = two.run(CHECK).ends(2).err;
    assert!(said.contains("2 things are wrong") && said.contains("a.rego:2") && said.contains("b.rego:2:20"), "{said}");
    let empty = shell(&[("a_test.rego", "package a\n")]).run(CHECK).ends(2).err;
    assert!(empty.contains("there is no policy") && empty.contains("hagen policy test"), "{empty}");
    assert!(shell(&[]).run(CHECK).ends(2).err.contains("policy: it is not there"));
}

#[test]
fn a_policy_without_end_is_given_up() {
    let began = std::time::Instant::now();
    let endless = said(
        "package main\nimport rego.v1\ndeny contains \"x\" if {\n  some a in numbers.range(1, 100000)\n  some b in numbers.range(1, 100000)\n  a + b == 0\n}\n",
        2,
    );
    assert!(endless.contains("error[BP177]: `deny` runs longer than 5s"), "{endless}");
    assert!(began.elapsed().as_secs() < 40);
    let range = said(
        "package main\nimport rego.v1\ndeny contains \"x\" if {\n  count(numbers.range(1, 1000000000)) == 0\n}\n",
        2,
    );
    assert!(range.contains("a range of more than 1000000 numbers") && range.contains("policy/a.rego:4:22"), "{range}");
    let deep = format!("package main\ndeny[msg] {{ msg := {}1{} }}\n", "[".repeat(20_000), "]".repeat(20_000));
    assert!(said(&deep, 2).contains("brackets or signs stand more than 20 deep"));
    let signs = format!("package main\ndeny[msg] {{ msg := {}1 }}\n", "- ".repeat(50_000));
    assert!(said(&signs, 2).contains("brackets or signs stand more than 20 deep"));
    let wide = format!("package main\ndeny[msg] {{ msg := {}1 }}\n", "1+".repeat(200_000));
    assert!(said(&wide, 2).contains("error[BP175]"));
    let circle = said("package main\nimport rego.v1\nf(x) := g(x)\ng(x) := f(x)\ndeny contains f(1)\n", 2);
    assert!(circle.contains("error[BP175]: `f` comes back to itself, by way of `data.main.g`"), "{circle}");
    let many = said(
        "package main\nimport rego.v1\ndeny contains msg if {\n  input.kind == \"Namespace\"\n  some n in numbers.range(1, 20000)\n  msg := sprintf(\"%d\", [n])\n}\n",
        2,
    );
    assert!(many.contains("more than 10000 findings"), "{many}");
}

#[test]
fn a_policy_that_takes_all_memory_is_given_up() {
    if !Path::new("/proc/self/status").exists() {
        return;
    }
    // Forty times twice as long as before.
    let doubled: Vec<String> = (0..40).map(|at| format!("  t{} := concat(\"\", [t{at}, t{at}])\n", at + 1)).collect();
    let policy = format!(
        "package main\nimport rego.v1\ndeny contains msg if {{\n  t0 := \"0123456789\"\n{}  msg := t40\n}}\n",
        doubled.concat()
    );
    let said = said(&policy, 2);
    assert!(said.contains("more than 1024 MiB") || said.contains("longer than"), "{said}");
}

#[test]
fn a_function_that_hides_that_it_calls_itself_is_given_up() {
    if !Path::new("/proc/self/status").exists() {
        return;
    }
    // No reader of words sees through all of these; each fills a stack, which must end neither the process nor the gate.
    for calls in ["f (x)", "data[\"main\"][\"f\"](x)"] {
        let policy = format!(
            "package main\nimport rego.v1\nf(x) := y if {{ y := {calls} }}\ndeny contains m if {{ m := f(\"a\") }}\n"
        );
        let said = said(&policy, 2);
        assert!(said.contains("1024 MiB of memory") || said.contains("longer than"), "{calls}: {said}");
        assert!(said.contains("policy/a.rego:") && !said.contains("panicked"), "{calls}: {said}");
    }
}

#[test]
fn a_panic_of_the_engine_is_no_panic_for_users() {
    let policy = "package main\nimport rego.v1\ndeny contains m if {\n  m := sprintf(\"%.999999999f\", [1.5])\n}\ntest_it if count(deny) > 0\n";
    let shell = shell(&[("a.rego", policy)]);
    let said = shell.run(CHECK).ends(2).err;
    assert!(said.contains("error[BP177]: `deny` cannot be judged: the engine breaks down"), "{said}");
    assert!(!said.contains("panicked") && !said.contains(".rs:"), "{said}");
    let tested = shell.run("policy test policy").ends(1);
    assert!(tested.out.contains("the engine breaks down") && !tested.err.contains("panicked"), "{}", tested.err);
}

const LIMITED: &str = "package main\nimport rego.v1\ndeny contains msg if {\n  input.kind == \"Namespace\"\n  msg := sprintf(\"%v\", [data.x])\n}\n";

#[test]
fn hostile_data_ends_soon_and_names_its_file() {
    let shell = shell(&[("a.rego", LIMITED)]);
    let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (this, last) in "bcdefghij".chars().zip("abcdefghi".chars()) {
        let nine = vec![format!("*{last}"); 9].join(", ");
        bomb.push_str(&format!("{this}: &{this} [{nine}]\n"));
    }
    for (text, said) in [
        (bomb.as_str(), "expand to more than 100,000 values"),
        (&format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 19), vec!["*a"; 100].join(", ")), "or to long texts"),
        (&"[".repeat(400_000), "no YAML for data"),
        ("x: 1\nx: 2\n", "a.yaml:2: no YAML for data: `x` stands twice"),
        ("x: 1\n---\nx: 2\n", "it holds 2 documents"),
        ("- x\n", "it is no map"),
        ("", "it is no map"),
    ] {
        shell.write("a.yaml", text);
        let ran = shell.run(&format!("{CHECK} --data a.yaml")).ends(2).err;
        assert!(ran.contains("a.yaml") && ran.contains(said), "{ran}");
    }
    shell.write("a.json", &format!("{{\"x\": {}", "[".repeat(400_000)));
    assert!(shell.run(&format!("{CHECK} --data a.json")).ends(2).err.contains("a.json: no JSON"));
}

#[test]
fn data_that_is_not_there_is_said() {
    let shell = shell(&[("a.rego", LIMITED)]);
    shell.write("data/a.txt", "x: 1\n");
    let ran = shell.run(&format!("{CHECK} --data data")).ends(2).err;
    assert!(ran.contains("there is no data in data") && ran.contains("*.yaml"), "{ran}");
    if Path::new("/dev/zero").exists() {
        assert!(shell.run(&format!("{CHECK} --data /dev/zero")).ends(2).err.contains("/dev/zero: more than"));
    }
}

#[test]
fn yaml_from_wherever_has_the_types_that_conftest_gives() {
    let yaml = "[0755, 010, 0x1F, 0o17, 0b11, 1_000, yes, off, 08, \"010\", 2027-01-15]";
    let values = "[493, 8, 31, 15, 3, 1000, true, false, 8, \"010\", \"2027-01-15\"]";
    let shell = shell(&[("a.rego", LIMITED)]);
    shell.write("a.yaml", &format!("x: {yaml}\n"));
    let ran = shell.run(&format!("{CHECK} --data a.yaml")).ends(1).err;
    assert!(ran.contains(&format!("error[rego.main.deny]: {values}")), "{ran}");
    shell.write("policy/a.rego", &LIMITED.replace("data.x", "input.x"));
    shell.write("k8s/a.yaml", &format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: n}}\nx: {yaml}\n"));
    let ran = shell.run("check --files k8s --policy policy").ends(1).err;
    assert!(ran.contains(&format!("error[rego.main.deny]: {values}")), "{ran}");
}

#[test]
fn the_tests_of_policies_pass_or_say_where_they_do_not() {
    let policy = "package main\nimport rego.v1\ndeny contains \"x\" if input.kind == \"Pod\"\n";
    let tests = "package main_test\nimport rego.v1\nimport data.main\n\ntest_pod if main.deny[\"x\"] with input as {\"kind\": \"Pod\"}\n\ntest_other if {\n  print(\"here\", 1)\n  count(main.deny) == 1 with input as {}\n}\n\ntodo_test_later if false\n\ntest_false := false\n";
    let shell = shell(&[("a.rego", policy), ("a_test.rego", tests)]);
    let ran = shell.run("policy test policy").ends(1);
    assert!(
        ran.out.contains(
            "policy/a_test.rego:7: main_test.test_other does not hold\n    it prints policy/a_test.rego:8: here 1\n"
        ),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("policy/a_test.rego:14: main_test.test_false does not hold\n"), "{}", ran.out);
    assert!(ran.out.ends_with("1 passed, 2 failed, 1 skipped\n"), "{}", ran.out);
    let json: serde_json::Value =
        serde_json::from_str(&shell.run("policy test --policy policy --format json").ends(1).out).unwrap();
    assert_eq!(json["summary"], serde_json::json!({"passed": 1, "failed": 2, "skipped": 1}));
    let junit = shell.run("policy test policy --format junit").ends(1).out;
    assert!(junit.contains("tests=\"4\" failures=\"2\" skipped=\"1\"") && junit.contains("line=\"7\""), "{junit}");
    shell.write("policy/a_test.rego", &tests[..tests.find("test_other").unwrap()]);
    assert_eq!(shell.run("policy test policy").ends(0).out, "1 passed, 0 failed\n");
    shell.write("policy/a_test.rego", "package a\n");
    assert!(shell.run("policy test policy").ends(2).err.contains("there is no test"));
    shell.write("policy/a_test.rego", "package a\ntest_x { parse_config(\"yaml\", \"x\") }\n");
    let refused = shell.run("policy test policy").ends(2).err;
    assert!(refused.contains("`parse_config` is refused") && refused.contains("a_test.rego:2:10"), "{refused}");
    shell.run("policy test").ends(2);
}

#[test]
fn hand_written_objects_are_judged_too() {
    let shell = shell(&[(
        "a.rego",
        "package main\ndeny[msg] { input.spec.replicas == 1; msg := sprintf(\"%s is alone\", [input.metadata.name]) }\n",
    )]);
    shell.write("k8s/a.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: shop\nspec:\n  replicas: 1\n");
    let said = shell.run("check --files k8s --policy policy").ends(1).err;
    assert!(said.contains("error[rego.main.deny]: web is alone") && said.contains("k8s/a.yaml:8:9"), "{said}");
    assert!(said.contains("Deployment shop/web"), "{said}");
}

#[test]
fn the_examples_do_what_their_page_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let shell = Shell::new();
    for (from, to) in [("policies", "policies"), ("one-service/blueprint.yaml", "one-service/blueprint.yaml")] {
        let from = root.join(from);
        for entry in walkdir::WalkDir::new(&from) {
            let entry = entry.unwrap();
            if entry.file_type().is_file() {
                let inside = entry.path().strip_prefix(&from).unwrap();
                let name =
                    if inside.as_os_str().is_empty() { to.to_owned() } else { format!("{to}/{}", inside.display()) };
                shell.write(&name, &std::fs::read_to_string(entry.path()).unwrap());
            }
        }
    }
    let said = shell
        .run("check one-service/blueprint.yaml --policy policies/policy --data policies/data --now 2027-01-15")
        .ends(1)
        .err;
    assert!(said.contains("error[rego.hagen.services.deny_contact]: `web` is public"), "{said}");
    assert!(said.contains("one-service/blueprint.yaml:23:15"), "{said}");
    assert!(said.contains("warning[rego.hagen.services.warn_replicas]: `web` may grow to 9 pods"), "{said}");
    assert!(!said.contains("rego.main") && !said.contains("rego.requests"), "{said}");
    assert_eq!(shell.run("policy test policies/policy").ends(0).out, "6 passed, 0 failed\n");
    // Another image is found by what conftest would find, too.
    let blueprint = shell.read("one-service/blueprint.yaml").replace("registry.example.com", "docker.example.net");
    shell.write("one-service/blueprint.yaml", &blueprint);
    let said = shell.run("check one-service/blueprint.yaml --policy policies/policy --data policies/data").ends(1).err;
    assert!(
        said.contains("error[rego.main.deny_registry]") && said.contains("one-service/blueprint.yaml:12:3"),
        "{said}"
    );
}

#[test]
fn the_policy_of_the_page_finds_what_the_page_shows() {
    let page = include_str!("../docs/policies.md");
    let block = |begins: &str| {
        let at =
            page.find(&format!("```rego\n{begins}")).unwrap_or_else(|| panic!("no block that begins with {begins}"));
        page[at + 8..].split("```").next().unwrap()
    };
    let shell = shell(&[("a.rego", block("package main")), ("b.rego", block("package hagen"))]);
    let said = shell.run(CHECK).ends(1).err;
    let shown = page.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    for line in shown.lines().map(str::trim_end) {
        assert!(
            said.lines().any(|other| other.trim_end() == line),
            "the page shows what is not said: {line:?}\n{said}"
        );
    }
}
