//! `hagen diff` as CI and people meet it: sources, exit codes, risks, what is printed.

use crate::cli::Shell;

const MINIMAL: &str = include_str!("../blueprints/minimal.yaml");

/// A blueprint, and the tree that it renders to.
fn shell() -> Shell {
    let shell = Shell::new();
    shell.write("blueprint.yaml", MINIMAL);
    shell.run("render blueprint.yaml -o out").ends(0);
    shell
}

/// The rendered objects, as `kubectl get -o yaml` would print them in a list.
fn dump(shell: &Shell, name: &str, edit: impl Fn(String) -> String) {
    let mut items = String::from("apiVersion: v1\nkind: List\nitems:\n");
    for file in shell.files("out") {
        if !file.contains("/kubernetes/") || file.ends_with("kustomization.yaml") {
            continue;
        }
        for document in edit(shell.read(&file)).split("---\n").filter(|document| document.contains("\nkind: ")) {
            for (at, line) in document.lines().enumerate() {
                items.push_str(if at == 0 { "- " } else { "  " });
                items.push_str(line);
                items.push('\n');
            }
        }
    }
    shell.write(name, &items);
}

#[test]
fn what_is_as_rendered_is_no_difference() {
    let shell = shell();
    dump(&shell, "dump.yaml", |text| text);
    for source in ["out", "dump.yaml"] {
        let ran = shell.run(&format!("diff blueprint.yaml --against {source}")).ends(0);
        assert!(ran.out.starts_with("no difference; "), "{}", ran.out);
    }
}

#[test]
fn a_change_is_named_with_its_risk_its_reason_and_the_line_that_it_comes_from() {
    let shell = shell();
    let of_service = |text: &str| text.contains("\nkind: Deployment\n") && text.contains("component: service\n");
    dump(&shell, "dump.yaml", |text| {
        if of_service(&text) { text.replace("periodSeconds: 5", "periodSeconds: 55") } else { text }
    });
    let said = shell.run("diff blueprint.yaml --against dump.yaml").ends(1).out;
    assert!(said.contains("containers[api].startupProbe.periodSeconds: 55 -> 5"), "{said}");
    assert!(said.contains("[rolling-restart]") && said.contains("every pod is replaced"), "{said}");
    let line = MINIMAL.lines().position(|line| line == "services:").unwrap() + 2;
    assert!(said.contains(&format!("(blueprint.yaml:{line})")), "{line}: {said}");
    assert!(said.contains("highest risk rolling-restart"), "{said}");
    for (flags, status) in [
        ("--max-risk metadata", 1),
        ("--max-risk rolling-restart", 0),
        ("--exit-zero", 0),
        ("--format json", 1),
        ("--format markdown", 1),
        ("--unified", 1),
        // A gate that compared nothing must not let pass.
        ("--only dns", 2),
    ] {
        shell.run(&format!("diff blueprint.yaml --against dump.yaml {flags}")).ends(status);
    }
    let json = shell.run("diff blueprint.yaml --against dump.yaml --format json").ends(1).out;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["risk"], "rolling-restart");
    assert_eq!(json["differences"][0]["changes"][0]["before"], 55);
}

#[test]
fn objects_that_are_missing_and_those_left_over_are_named() {
    let shell = shell();
    dump(&shell, "dump.yaml", |text| {
        let kept = text.split("---\n").filter(|document| !document.contains("\nkind: NetworkPolicy\n"));
        kept.collect::<Vec<_>>().join("---\n")
    });
    let said = shell.run("diff blueprint.yaml --against dump.yaml").ends(1);
    assert!(said.out.contains("+ NetworkPolicy"), "{}", said.out);
    assert!(said.err.contains("no source has any NetworkPolicy: were they asked for?"), "{}", said.err);
    dump(&shell, "dump.yaml", |text| text.clone() + "---\n" + &text.replace("name: ", "name: old-"));
    let said = shell.run("diff blueprint.yaml --against dump.yaml").ends(1).out;
    assert!(!said.contains("~ "), "{said}");
    assert!(said.contains("- Deployment minimal/old-api  [brief-outage]"), "{said}");
    assert!(said.contains("- StatefulSet minimal/old-postgres-main  [data-loss]"), "{said}");
}

#[test]
fn a_tree_and_a_revision_of_git_are_compared_object_by_object() {
    let shell = shell();
    let git = |arguments: &str| {
        let mut command = std::process::Command::new("git");
        command.args(["-c", "user.name=t", "-c", "user.email=t@example.org"]).args(arguments.split(' '));
        assert!(command.current_dir(shell.path()).output().unwrap().status.success(), "{arguments}");
    };
    git("init --quiet");
    git("add .");
    git("commit --quiet -m first");
    shell.run("diff blueprint.yaml --against git:HEAD").ends(0);
    shell.run("diff blueprint.yaml --against git:HEAD:out").ends(0);
    shell.write(
        "blueprint.yaml",
        &MINIMAL.replace("    # replicas: {min: 3, max: 9}", "    replicas: {min: 4, max: 9}"),
    );
    for source in ["git:HEAD", "out"] {
        let said = shell.run(&format!("diff blueprint.yaml --against {source}")).ends(1).out;
        assert!(said.contains("spec.replicas: 3 -> 4"), "{source}: {said}");
    }
    for (source, cause) in
        [("git:nowhere", "git:nowhere"), ("git:HEAD:elsewhere", "hagen.lock.json"), ("git:", "no revision")]
    {
        let said = shell.run(&format!("diff blueprint.yaml --against {source}")).ends(2).err;
        assert!(said.contains(cause) && said.contains("help: "), "{source}: {said}");
    }
}

#[test]
fn a_source_that_cannot_be_read_is_named_and_the_others_are_shown() {
    let shell = shell();
    dump(&shell, "dump.yaml", |text| text.replace("periodSeconds: 5", "periodSeconds: 55"));
    shell.write("empty.yaml", "");
    shell.write("cut.json", "{\"kind\": \"List\", \"items\": [");
    shell.write("prose.yaml", "a: page\n");
    for (source, cause) in [
        ("empty.yaml", "it is empty"),
        ("cut.json", "no JSON"),
        ("prose.yaml", "nothing that is known"),
        ("none.yaml", "No such file"),
    ] {
        let ran = shell.run(&format!("diff blueprint.yaml --against dump.yaml {source}")).ends(2);
        assert!(ran.out.contains("periodSeconds: 55 -> 5"), "{}", ran.out);
        assert!(ran.err.contains(source) && ran.err.contains(cause) && ran.err.contains("help: "), "{}", ran.err);
    }
    // Status 1 means differences alone.
    shell.write("broken.yaml", "apiVersion: hagen.dev/v1\nkind: Blueprint\n");
    shell.run("diff broken.yaml --against dump.yaml").ends(2);
}

#[test]
fn no_credential_is_in_any_output_and_equal_ones_can_be_told_from_others() {
    let shell = shell();
    let canary = "c4n4ry-5ecret";
    dump(&shell, "dump.yaml", |text| {
        text.replace(
            "      containers:\n",
            &format!(
                "      initContainers:\n        - name: first\n          image: x:1\n          env:\n            - {{name: DB_PASSWORD, value: {canary}}}\n            \
                 - {{name: URL, value: \"postgres://app:{canary}@db/x\"}}\n            - {{name: API_TOKEN, value: another-{canary}}}\n          args: [\"--password={canary}\"]\n      containers:\n"
            ),
        )
    });
    for flags in ["", "--unified", "--format json", "--format markdown", "--show-unmanaged"] {
        let ran = shell.run(&format!("diff blueprint.yaml --against dump.yaml {flags}")).ends(1);
        assert!(!ran.out.contains(canary) && !ran.err.contains(canary), "{flags}: {}", ran.out);
        assert!(ran.out.contains("(secret 1)") && ran.out.contains("(secret 3)"), "{flags}: {}", ran.out);
        assert!(!ran.out.contains("(secret 4)"), "{flags}: {}", ran.out);
    }
}

#[test]
fn what_no_source_shows_is_said() {
    let shell = Shell::new();
    shell.write("two.yaml", include_str!("../blueprints/agentic-platform.yaml"));
    shell.run("render two.yaml -o out").ends(0);
    let objects = shell.read("out/eu-west-1/kubernetes/l09-gateway.yaml");
    shell.write("eu.yaml", &objects);
    let said = shell.run("diff two.yaml --against eu.yaml --max-risk data-loss").ends(0).err;
    assert!(said.contains("nothing is known of: objects of us-east-1, Route 53"), "{said}");
    // Several dumps of one cluster are one, and a file that is unknown keeps none of the others back.
    let half = |text: &str, kind: &str| {
        let kept =
            text.split("---\n").filter(|document| document.contains("\nkind: Deployment\n") == (kind == "Deployment"));
        kept.collect::<Vec<_>>().join("---\n")
    };
    shell.write("dumps/a.yaml", &half(&objects, "Deployment"));
    shell.write("dumps/b.yaml", &half(&objects, "others"));
    let [one, two] =
        ["eu.yaml", "dumps"].map(|source| shell.run(&format!("diff two.yaml --against {source}")).ends(1).out);
    assert_eq!(one, two);
    shell.write("dumps/c.yaml", "a: page\n");
    let ran = shell.run("diff two.yaml --against dumps").ends(2);
    assert!(
        ran.out == one && ran.err.contains("dumps/c.yaml: what stands in it is nothing that is known"),
        "{}",
        ran.err
    );
    // A file of no region, and one of another system.
    shell.write("none.yaml", "apiVersion: v1\nkind: List\nitems: []\n");
    let ran = shell.run("diff two.yaml --against eu.yaml none.yaml").ends(2);
    assert!(ran.out.contains("eu-west-1") && ran.err.contains("us-east-1=none.yaml"), "{}{}", ran.out, ran.err);
    shell.run("diff two.yaml --against eu.yaml us-east-1=none.yaml").ends(1);
    shell.run("diff two.yaml --against mars=none.yaml").ends(2);
}

#[test]
fn what_goes_by_another_name_is_moved() {
    let shell = shell();
    shell.write("blueprint.yaml", &MINIMAL.replace("\n  api:\n", "\n  web:\n"));
    let said = shell.run("diff blueprint.yaml --against out").ends(1).out;
    assert!(said.contains("> Deployment minimal/web (was Deployment minimal/api)  [brief-outage]"), "{said}");
    assert!(said.contains("6 moved; ") && !said.contains("left over"), "{said}");
    let json = shell.run("diff blueprint.yaml --against out --format json").ends(1).out;
    assert!(json.contains("\"moved_from\": \"ServiceAccount minimal/api\""), "{json}");
}

#[test]
fn what_others_applied_is_told_as_an_adoption() {
    let shell = shell();
    let fields =
        "  managedFields: [{manager: kubectl-client-side-apply, operation: Update, fieldsV1: {'f:spec': {}}}]\n";
    dump(&shell, "dump.yaml", |text| text.replace("\nmetadata:\n", &format!("\nmetadata:\n{fields}")));
    let said = shell.run("diff blueprint.yaml --against dump.yaml").ends(0).err;
    assert!(said.contains("objects that are there are not hagen's yet"), "{said}");
    assert!(said.contains("kubectl-client-side-apply ") && said.contains("--force-conflicts"), "{said}");
}

#[test]
fn more_records_than_the_budget_allows_stop_whatever_risk_is_allowed() {
    let shell = Shell::new();
    shell.write("two.yaml", include_str!("../blueprints/agentic-platform.yaml"));
    shell.run("render two.yaml -o out").ends(0);
    let mut records = Vec::new();
    for file in shell.files("out").iter().filter(|file| file.contains("/dns/") && file.ends_with(".json")) {
        let batch: serde_json::Value = serde_json::from_str(&shell.read(file)).unwrap();
        let changes = batch.pointer("/ChangeBatch/Changes").and_then(|changes| changes.as_array().cloned());
        records.extend(changes.unwrap_or_default().into_iter().map(|change| change["ResourceRecordSet"].clone()));
    }
    assert!(records.len() >= 10, "{}", records.len());
    let run = |changed: usize, flags: &str| {
        let mut records = records.clone();
        for record in records.iter_mut().take(changed) {
            record["TTL"] = 77.into();
        }
        shell.write("records.json", &serde_json::json!({ "ResourceRecordSets": records }).to_string());
        shell.run(&format!("diff two.yaml --only dns --max-risk data-loss --against records.json {flags}"))
    };
    run(1, "").ends(0);
    let said = run(records.len(), "").ends(1).err;
    assert!(said.contains("more than the change budget of 30 %") && said.contains("`--change-budget 100`"), "{said}");
    run(records.len(), "--change-budget 100").ends(0);
}

#[test]
fn a_watch_leaves_metrics_whatever_it_finds() {
    let shell = shell();
    dump(&shell, "dump.yaml", |text| text.replace("periodSeconds: 5", "periodSeconds: 55"));
    shell.run("diff blueprint.yaml --against dump.yaml --exit-zero --metrics drift.prom").ends(0);
    let metrics = shell.read("drift.prom");
    for line in [
        "hagen_diff_differences{blueprint=\"minimal\",risk=\"data-loss\"} 0\n",
        "# TYPE hagen_diff_same gauge\n",
        "hagen_diff_unread_sources{blueprint=\"minimal\"} 0\n",
        "hagen_diff_artifact_differences{blueprint=\"minimal\",region=\"home\",artifact=\"home/kubernetes/api.yaml\",risk=\"rolling-restart\"} 1\n",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    shell.run("diff blueprint.yaml --against dump.yaml none.yaml --exit-zero --metrics drift.prom").ends(2);
    assert!(shell.read("drift.prom").contains("hagen_diff_unread_sources{blueprint=\"minimal\"} 1\n"));
    let failed = shell.run("diff blueprint.yaml --against dump.yaml --metrics nowhere/drift.prom").ends(2).err;
    assert!(failed.contains("nowhere/drift.prom"), "{failed}");
}

#[test]
fn reports_for_programs_have_the_schema_that_is_printed() {
    let shell = shell();
    let schema: serde_json::Value = serde_json::from_str(&shell.run("schema --diff").ends(0).out).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    dump(&shell, "dump.yaml", |text| text.replace("periodSeconds: 5", "periodSeconds: 55"));
    shell.write("renamed.yaml", &MINIMAL.replace("\n  api:\n", "\n  web:\n"));
    for (blueprint, source, status) in
        [("blueprint.yaml", "out", 0), ("blueprint.yaml", "dump.yaml", 1), ("renamed.yaml", "out", 1)]
    {
        let report = shell.run(&format!("diff {blueprint} --against {source} --format json")).ends(status).out;
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        assert!(schema.is_valid(&report), "{report}");
    }
}

#[test]
fn the_layout_of_redis_is_compared_by_who_serves_what() {
    let shell = Shell::new();
    shell.write("hosts.yaml", include_str!("../examples/data-on-hosts/blueprint.yaml"));
    shell.run("render hosts.yaml -o out").ends(0);
    let roles: serde_json::Value = serde_json::from_str(&shell.read("out/home/redis/sessions/roles.json")).unwrap();
    let id = |name: &str| format!("{:0>40}", name.rsplit('-').next().unwrap());
    // As CLUSTER NODES prints it; `swapped` says of which shard the replica is the primary.
    let nodes = |swapped: Option<usize>| {
        let mut text = String::new();
        for node in roles["nodes"].as_array().unwrap() {
            let (name, shard) = (node["name"].as_str().unwrap(), node["shard"].as_u64().unwrap() as usize);
            let of = &roles["shards"][shard];
            let (mut primary, mut replica) = (of["primary"].as_str().unwrap(), of["replicas"][0].as_str().unwrap());
            if swapped == Some(shard) {
                std::mem::swap(&mut primary, &mut replica);
            }
            let rest = if name == primary {
                format!("master - 0 0 1 connected {}-{}", of["first"], of["last"])
            } else {
                format!("slave {} 0 0 1 connected", id(primary))
            };
            text += &format!("{} {}:{}@16379 {rest}\n", id(name), node["host"].as_str().unwrap(), node["port"]);
        }
        text
    };
    shell.write("nodes.txt", &nodes(None));
    shell.run("diff hosts.yaml --against nodes.txt").ends(0);
    shell.write("nodes.txt", &nodes(Some(1)));
    let said = shell.run("diff hosts.yaml --against nodes.txt").ends(1).out;
    assert!(said.contains("shards[1].primary: \"redis-6\" -> \"redis-2\"") && said.contains("[failover]"), "{said}");
    assert!(said.contains("failback.sh") && !said.contains("replicas"), "{said}");
    // One that is gone, one that failed, one that nobody declared.
    let lines: Vec<String> = nodes(None).lines().skip(1).map(str::to_owned).collect();
    let text = lines.join("\n").replacen("slave", "slave,fail", 1).replacen("10.0.3.21", "10.9.9.9", 1);
    shell.write("nodes.txt", &text);
    let said = shell.run("diff hosts.yaml --against nodes.txt").ends(1).out;
    for part in ["shards[0].primary", "nodes[redis-1]", ".state: \"failed\" -> \"ok\"", "nodes[10.9.9.9:6379]"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    // A primary that failed, and that nobody took over from, serves nothing.
    shell.write("nodes.txt", &nodes(None).replacen("master", "master,fail", 1));
    let said = shell.run("diff hosts.yaml --against nodes.txt").ends(1).out;
    assert!(said.contains("nobody serves these slots") && said.contains("[brief-outage]"), "{said}");
    shell.write("nodes.txt", &nodes(None).replace("10.0.", "10.9."));
    let said = shell.run("diff hosts.yaml --against nodes.txt").ends(2).err;
    assert!(said.contains("no rendered cluster of Redis has its nodes"), "{said}");
}

#[test]
fn live_sources_that_do_not_answer_are_named() {
    let shell = Shell::new();
    shell.write("two.yaml", include_str!("../blueprints/agentic-platform.yaml"));
    for (flags, cause) in [
        ("--live --endpoint prometheus=http://x:c4n4ry@127.0.0.1:1", "write no credentials into an address"),
        ("--against x --push http://x:c4n4ry@127.0.0.1:1/metrics", "write no credentials into an address"),
        ("--live --endpoint redis=127.0.0.1:1", "nodes of Redis are asked where the blueprint has them"),
        ("--live --endpoint prometheus", "KIND/NAME=ADDRESS"),
        ("--live two.yaml", "possible values: kubernetes, route53, prometheus, patroni, redis"),
        ("--live --timeout 5", "write `5s` for seconds"),
        ("--endpoint kubernetes=x", "--live"),
        ("", "`--against FILE…` takes what other programs printed"),
    ] {
        let said = shell.run(&format!("diff two.yaml {flags}")).ends(2).err;
        assert!(said.contains(cause), "{flags}: {said}");
    }
    if cfg!(feature = "live") {
        shell.write("minimal.yaml", MINIMAL);
        // Who names a kind wants to know of it; one that has something to say does not cover for one that has not.
        let said = shell.run("diff minimal.yaml --live redis,patroni --timeout 2s").ends(2).err;
        assert!(said.contains("nothing is rendered for redis") && said.contains("Patroni of home/"), "{said}");
    }
    let said =
        shell.run("diff two.yaml --live prometheus --endpoint prometheus=http://127.0.0.1:1 --timeout 2s").ends(2).err;
    if cfg!(feature = "live") {
        assert!(said.contains("prometheus/us-east-1: http://127.0.0.1:1/api/v1/rules: "), "{said}");
        assert!(said.contains("HAGEN_PROMETHEUS_AUTHORIZATION"), "{said}");
    } else {
        assert!(said.contains("built without the clients that `--live` needs"), "{said}");
    }
}

#[test]
fn hostile_sources_end_nothing_and_smuggle_nothing() {
    let shell = Shell::new();
    shell.write("two.yaml", include_str!("../blueprints/agentic-platform.yaml"));
    // A chain of operators is a tree as deep as it is long.
    let chain = format!("a{}", " or a".repeat(10_000));
    let rules = serde_json::json!({"groups": [{"name": "g", "rules": [{"alert": "A", "expr": chain}]}]});
    shell.write("chain.json", &rules.to_string());
    shell.run("diff two.yaml --against us-east-1=chain.json").ends(1);
    // Nothing of a zone is nothing, and half of it is not all of it.
    shell.write("none.json", r#"{"ResourceRecordSets": []}"#);
    let said = shell.run("diff two.yaml --only dns --against none.json --max-risk data-loss").ends(1);
    assert!(said.err.contains("a new system, or the wrong one"), "{}", said.err);
    shell.write("half.json", r#"{"ResourceRecordSets": [], "IsTruncated": true}"#);
    let said = shell.run("diff two.yaml --only dns --against half.json").ends(2).err;
    assert!(said.contains("only the first part of the answer"), "{said}");
    // Names that others chose write no lines of their own.
    shell.write("hosts.yaml", include_str!("../examples/data-on-hosts/blueprint.yaml"));
    let config =
        serde_json::json!({"ttl": 30, "loop_wait": 10, "retry_timeout": 10, "x\n::error::spoof\u{1b}[2K; rm -rf |": 1});
    shell.write("config.json", &config.to_string());
    for format in ["human", "markdown", "json"] {
        let said = shell.run(&format!("diff hosts.yaml --against config.json --format {format}")).ends(1).out;
        assert!(!said.contains('\u{1b}') && !said.lines().any(|line| line.starts_with("::error")), "{said}");
        assert!(!said.contains("--set x"), "{said}");
    }
    // An object that stands there twice, each time as another one.
    let one = shell_objects("registry.example.com/a:1");
    let two = shell_objects("registry.example.com/b:1");
    shell.write("twice.yaml", &format!("{one}---\n{two}"));
    shell.write("minimal.yaml", MINIMAL);
    let said = shell.run("diff minimal.yaml --against home=twice.yaml").ends(2).err;
    assert!(said.contains("which of them is deployed?"), "{said}");
}

/// A Deployment of the minimal blueprint with an image.
fn shell_objects(image: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: api, namespace: minimal}}\nspec:\n  template: {{spec: {{containers: [{{name: api, \
         image: '{image}'}}]}}}}\n"
    )
}

#[test]
fn links_and_pipes_in_directories_are_not_followed() {
    let shell = shell();
    shell.write("outside.txt", "TOP-SECRET\n");
    std::fs::remove_file(shell.path().join("out/README.md")).unwrap();
    std::os::unix::fs::symlink(shell.path().join("outside.txt"), shell.path().join("out/README.md")).unwrap();
    let said = shell.run("diff blueprint.yaml --against out").ends(1).out;
    assert!(!said.contains("TOP-SECRET") && said.contains("+ README.md"), "{said}");
    shell.write("dumps/a.yaml", "apiVersion: v1\nkind: List\nitems: []\n");
    std::os::unix::fs::symlink(shell.path().join("outside.txt"), shell.path().join("dumps/b.txt")).unwrap();
    let said = shell.run("diff blueprint.yaml --against home=dumps").ends(2).err;
    assert!(said.contains("dumps/b.txt: it is no regular file"), "{said}");
    // A file of metrics goes to where it was named, not where a link beside it leads.
    shell.write("victim", "precious");
    std::os::unix::fs::symlink(shell.path().join("victim"), shell.path().join("h.prom.tmp")).unwrap();
    shell.run("diff blueprint.yaml --against out --exit-zero --metrics h.prom").ends(0);
    assert_eq!(shell.read("victim"), "precious");
    assert!(shell.read("h.prom").contains("hagen_diff_same"));
}
