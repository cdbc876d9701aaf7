//! Reports of what somebody hostile wrote, and the files that reports and `--fix` must leave alone.

use crate::cli::Shell;

const CHECK: &str = "check b --now 2027-01-15";
/// A file's name that would be lines of its own.
const NAME: &str = "b/x\n::error file=good.yaml,line=1::forged\u{1b}[2J\u{9b}31m\u{202e}.yaml";

/// Whether a runner of GitHub would obey a line; `:::` stands before places, and is the name of no command.
fn is_command(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("::") && !line.starts_with("::: ")
}

/// A directory with a base and an overlay with two findings that can be mended (K8012, RD008), of some name.
fn shell(name: &str) -> Shell {
    let shell = Shell::new();
    shell.write("b/base.yaml", include_str!("rules/base.yaml"));
    shell.write(
        name,
        "apiVersion: hagen.dev/v1\nkind: Overlay\nservices:\n  api:\n    autoscale: {cpu: 70%}\n\
         redis:\n  sessions:\n    eviction: allkeys-lru\n",
    );
    shell
}

#[test]
fn the_name_of_a_file_forges_no_line_and_controls_no_terminal() {
    let shell = shell(NAME);
    for format in ["human", "concise", "json", "sarif", "junit", "github", "gitlab", "markdown"] {
        let ran = shell.run(&format!("{CHECK} --format {format}")).ends(1);
        let all = ran.out + &ran.err;
        assert!(all.contains("forged"), "{format}: {all}");
        let acts = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!all.contains(acts), "{format}: {all:?}");
        let commands = all.lines().filter(|line| is_command(line));
        let forged = if format == "github" {
            commands.filter(|line| !line.contains("title=")).count()
        } else {
            commands.count()
        };
        assert_eq!(forged, 0, "{format}: {all}");
        // For programs it is the same name.
        if format == "json" {
            let report: serde_json::Value = serde_json::from_str(&all).unwrap();
            assert!(report["findings"].as_array().unwrap().iter().any(|finding| finding["file"] == NAME), "{all}");
        }
    }
}

#[cfg(feature = "rego")]
#[test]
fn a_message_of_several_lines_forges_none() {
    let shell = shell("b/over.yaml");
    shell.write(
        "policy/a.rego",
        "package main\ndeny[msg] { input.kind == \"Namespace\"; msg := \"first\\n::error::forged\\n  ::error::twice\" }\n",
    );
    let said = shell.run(&format!("{CHECK} --policy policy")).ends(1).err;
    assert!(said.contains("first") && said.contains("::error::forged") && said.contains("::error::twice"), "{said}");
    assert!(!said.lines().any(is_command), "{said}");
}

#[test]
fn a_report_is_written_over_nothing_that_is_checked_and_over_no_other_report() {
    let shell = shell("b/over.yaml");
    shell.write("k8s/a.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: n}\n");
    for (line, files) in [
        ("check b --format json=b/over.yaml", ["b/over.yaml", "b/base.yaml"]),
        (
            "check b/base.yaml b/over.yaml --format concise --format json=k8s/../b/base.yaml",
            ["b/over.yaml", "b/base.yaml"],
        ),
        ("check --files k8s --format junit=k8s/a.yaml", ["k8s/a.yaml", "b/base.yaml"]),
    ] {
        let before = files.map(|file| shell.read(file));
        let said = shell.run(line).ends(2).err;
        assert!(said.contains("what is checked"), "{line}: {said}");
        assert_eq!(files.map(|file| shell.read(file)), before, "{line}");
    }
    let said = shell.run(&format!("{CHECK} --format json=out --format sarif=./b/../out")).ends(2).err;
    assert!(said.contains("two reports"), "{said}");
    // What a run before wrote is no input.
    for _ in 0..2 {
        shell.run("check --files k8s --format sarif=k8s/out.sarif --format json=k8s/out.json").ends(0);
        shell.run(&format!("{CHECK} --format json=b/out.json")).ends(1);
    }
}

#[test]
fn what_is_mended_takes_the_place_of_its_file_only() {
    let shell = shell("b/over.yaml");
    shell.write("b/over.yaml.hagen-new", "mine");
    shell.run(&format!("{CHECK} --fix")).ends(0);
    assert!(shell.read("b/over.yaml").contains("66%"));
    assert_eq!(shell.read("b/over.yaml.hagen-new"), "mine");
    #[cfg(unix)]
    {
        let said = shell.run("check b /dev/null --fix").ends(2).err;
        assert!(said.contains("/dev/null is no regular file and cannot be edited in place"), "{said}");
    }
    let said = shell.run("check - --fix").ends(2).err;
    assert!(said.contains("standard input cannot be edited in place"), "{said}");
}

#[test]
fn an_id_without_a_rule_is_explained_and_listed() {
    let shell = Shell::new();
    for (id, words) in [
        ("PG031", ["language: a blueprint with the mistake is refused", "R-PG-31"]),
        ("bk005", ["renderer: ", "Retention never removes the last good copy"]),
        ("R-TG-01", ["assessment: ", "Claimed scenario RTO"]),
    ] {
        let said = shell.run(&format!("explain {id}")).ends(0).out;
        assert!(words.iter().all(|words| said.contains(words)), "{id}: {said}");
    }
    let rules: serde_json::Value = serde_json::from_str(&shell.run("rules --format json").ends(0).out).unwrap();
    let listed = rules["elsewhere"].as_array().unwrap();
    assert!(listed.iter().any(|entry| entry["id"] == "BK009" && entry["why"] == "renderer"), "{listed:?}");
}
