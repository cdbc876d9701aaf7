//! `hagen check` as CI and people meet it: what fails, who decided so, what is accepted until when, and what is printed.

use crate::cli::Shell;

/// A blueprint with one finding that is a warning (K8012) and one that is an error (RD008), and a policy.
fn shell(policy: &str) -> Shell {
    let shell = Shell::new();
    shell.write("base.yaml", include_str!("rules/base.yaml"));
    let policy = if policy.is_empty() { String::new() } else { format!("policy:\n{policy}") };
    shell.write(
        "over.yaml",
        &format!(
            "apiVersion: hagen.dev/v1\nkind: Overlay\nservices:\n  api:\n    autoscale: {{cpu: 70%}}  # the peak\n\
             redis:\n  sessions:\n    eviction: allkeys-lru\n{policy}"
        ),
    );
    shell
}

const CHECK: &str = "check base.yaml over.yaml --now 2027-01-15";

#[test]
fn what_fails_is_decided_by_the_level_the_policy_and_the_flags_in_this_order() {
    let shell_of = |policy: &str| shell(policy);
    let plain = shell_of("");
    let said = plain.run(CHECK).ends(1).err;
    assert!(
        said.contains("warning[K8012]") && said.contains("error[RD008]") && said.contains("1 error, 1 warning"),
        "{said}"
    );
    assert!(said.contains("over.yaml:5:22") && said.contains("base.yaml:"), "{said}");
    for (policy, flags, status) in [
        ("", "--level RD008=warning", 0),
        ("", "--level RD008=warning --fail-on warning", 1),
        ("", "--level redis=off --fail-on warning", 1),
        ("", "--level redis=off --level kubernetes=off --fail-on info", 0),
        ("", "--level redis=off --level RD008=error", 1),
        ("", "--fail-on off", 0),
        ("  levels: {RD008: info}\n", "", 0),
        ("  levels: {redis: info, RD008: error}\n", "", 1),
        ("  levels: {RD008: info}\n", "--level RD008=error", 1),
        ("  failOn: warning\n  levels: {RD008: off}\n", "", 1),
        ("  failOn: warning\n  levels: {RD008: info}\n", "--fail-on error", 0),
    ] {
        shell_of(policy).run(&format!("{CHECK} {flags}")).ends(status);
    }
    let said = shell_of("  levels: {K8012: error}\n").run(CHECK).ends(1).err;
    assert!(said.contains("error by `policy.levels.K8012` (over.yaml:10); warning by default"), "{said}");
    let said = plain.run(&format!("{CHECK} --level K8012=error")).ends(1).err;
    assert!(said.contains("error by `--level K8012=error`; warning by default"), "{said}");
    // A name that means nothing would be obeyed in silence.
    let said = plain.run(&format!("{CHECK} --level K8O12=off")).ends(2).err;
    assert!(said.contains("did you mean `K8012`?"), "{said}");
    let said = shell_of("  levels: {K8O12: off}\n").run(CHECK).ends(1).err;
    assert!(said.contains("BP019") || said.contains("BP171") || said.contains("BP009"), "{said}");
    let said = shell_of("  levels: {K8999: info}\n").run(CHECK).ends(1).err;
    assert!(said.contains("error[BP171]") && said.contains("over.yaml:10"), "{said}");
}

const WAIVE: &str = "  waive:\n    - {rule: RD008, at: redis.sessions, reason: \"sessions are short\", owner: web, until: 2027-01-15}\n";

#[test]
fn a_waiver_holds_until_its_last_day_and_is_counted() {
    let shell = shell(WAIVE);
    let said = shell.run(CHECK).ends(0).err;
    assert!(!said.contains("RD008") && said.contains("1 warning, 1 waived"), "{said}");
    let json: serde_json::Value =
        serde_json::from_str(&shell.run(&format!("{CHECK} --format json")).ends(0).out).unwrap();
    assert_eq!(json["summary"]["waived"], 1);
    let waived = json["findings"].as_array().unwrap().iter().find(|f| f["id"] == "RD008").unwrap();
    assert_eq!(waived["waived"]["owner"], "web");
    // The day after, the finding is back, and the waiver is named too.
    let said = shell.run("check base.yaml over.yaml --now 2027-01-16").ends(1).err;
    assert!(
        said.contains("error[RD008]") && said.contains("warning[BP173]") && said.contains("over.yaml:11"),
        "{said}"
    );
}

#[test]
fn a_waiver_that_nothing_falls_under_is_a_warning() {
    let unused = WAIVE.replace("redis.sessions", "redis.cache");
    let said = shell(&unused).run(CHECK).ends(1).err;
    assert!(said.contains("warning[BP174]") && said.contains("error[RD008]"), "{said}");
    // Of an environment by itself nobody can say that what the base needs is for nothing.
    let alone = shell("");
    alone.write("more.yaml", &format!("apiVersion: hagen.dev/v1\nkind: Overlay\npolicy:\n{WAIVE}environments:\n  lab:\n    platform: {{namespace: lab}}\n    redis: {{sessions: {{eviction: noeviction}}}}\n"));
    let said = alone.run("check base.yaml more.yaml --now 2027-01-15 -e lab").ends(0).err;
    assert!(!said.contains("BP174"), "{said}");
    // One that another environment needs is used.
    let shell = shell("");
    shell.write("over.yaml", &format!(
        "apiVersion: hagen.dev/v1\nkind: Overlay\npolicy:\n{WAIVE}environments:\n  lab:\n    platform: {{namespace: lab}}\n    \
         redis: {{sessions: {{eviction: allkeys-lru}}}}\n"
    ));
    let said = shell.run(CHECK).ends(0).err;
    assert!(!said.contains("BP174") && said.contains("1 waived"), "{said}");
}

#[test]
fn a_comment_on_the_line_waives_what_stands_there() {
    let shell = shell("");
    let over = shell.read("over.yaml");
    let mark = "# hagen: waive RD008 reason=\"short\" owner=web until=2027-06-30";
    shell.write("over.yaml", &over.replace("allkeys-lru", &format!("allkeys-lru  {mark}")));
    assert!(shell.run(CHECK).ends(0).err.contains("1 waived"));
    shell.write("over.yaml", &over.replace("  sessions:\n", &format!("  {mark}\n  sessions:\n")));
    assert!(shell.run(CHECK).ends(0).err.contains("1 waived"), "on a line of its own, for all that is below the next");
    shell.write("over.yaml", &over.replace("allkeys-lru", &format!("allkeys-lru  {}", mark.replace(" owner=web", ""))));
    let said = shell.run(CHECK).ends(1).err;
    assert!(said.contains("BP172") && said.contains("`owner` is missing"), "{said}");
    // In a text it is no comment.
    let text = format!("metadata: {{description: \"x {}\"}}\n", mark.replace('"', "'"));
    shell.write("over.yaml", &(over + &text));
    let said = shell.run(CHECK).ends(1).err;
    assert!(said.contains("error[RD008]") && !said.contains("BP17"), "{said}");
}

#[test]
fn a_comment_on_a_field_holds_for_all_below_it_and_for_nothing_beside_it() {
    let shell = shell("");
    let over = shell.read("over.yaml");
    let mark = "# hagen: waive K8012 reason=\"the peak is known\" owner=web until=2027-06-30";
    for (line, waived) in [("services:\n", true), ("  api:\n", true), ("redis:\n", false), ("  sessions:\n", false)] {
        shell.write("over.yaml", &over.replace(line, &format!("{} {mark}\n", line.trim_end())));
        let said = shell.run(CHECK).ends(1).err;
        assert_eq!(said.contains("1 waived"), waived, "{line}: {said}");
        assert_eq!(said.contains("warning[BP174]"), !waived, "{line}: {said}");
    }
}

#[test]
fn a_waiver_that_is_written_wrong_says_how_it_is_written() {
    let shell = shell("");
    let over = shell.read("over.yaml");
    for (comment, said) in [
        ("RD999 reason=\"short\" owner=web until=2027-06-30", "error[BP171]: there is no rule `RD999`"),
        ("rd08 reason=\"short\" owner=web until=2027-06-30", "did you mean `RD008`?"),
        ("RD008 reason=is short owner=web until=2027-06-30", "put it in quotes: `reason=\"…\"`"),
        ("RD008 reason=\"short\"", "write `# hagen: waive RD008 reason="),
        ("reason=\"short\"", "it does not say for which rule"),
    ] {
        shell.write("over.yaml", &over.replace("allkeys-lru", &format!("allkeys-lru  # hagen: waive {comment}")));
        let err = shell.run(CHECK).ends(1).err;
        assert!(err.contains(said) && err.contains("over.yaml:8:28"), "{comment}: {err}");
    }
    // In `policy.waive` the place is the entry, not the list.
    let missing = WAIVE.replace(", owner: web", "");
    let said = self::shell(&missing).run(CHECK).ends(1).err;
    assert!(said.contains("`owner` is missing") && said.contains("over.yaml:11:8"), "{said}");
}

#[test]
fn junit_fails_where_the_exit_status_does() {
    let shell = shell("");
    for (flags, status, failures) in [
        ("", 1, 1),
        ("--fail-on warning", 1, 2),
        ("--fail-on off", 0, 0),
        ("--level RD008=warning", 0, 0),
        ("--level RD008=info --fail-on info", 1, 2),
    ] {
        let xml = shell.run(&format!("{CHECK} --format junit {flags}")).ends(status).out;
        let counted = xml.matches("<failure ").count();
        assert!(counted == failures && xml.contains(&format!("failures=\"{failures}\"")), "{flags}: {xml}");
        assert_eq!(xml.matches("<system-out>").count(), 2 - failures, "{flags}: {xml}");
    }
}

/// What no reader takes is counted, what is no YAML yet is a remark, and neither is taken for something that is wrong.
#[test]
fn files_that_are_not_for_hagen_are_remarks() {
    let shell = Shell::new();
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {}\n";
    shell.write("all/service.yaml", service);
    shell.write("all/README.md", "write `# hagen: waive ID` on the line\n");
    shell.write("all/chart/Chart.yaml", "apiVersion: v2\nname: chart\n");
    for name in ["a.yaml", "deep/b.yaml", "_helpers.tpl"] {
        shell.write(&format!("all/chart/templates/{name}"), "{{- if .Values.a }}\na: {{ .Values.b }}\n{{- end }}\n");
    }
    shell.write("all/jinja.yaml", "scope: {{ cluster }}\n");
    shell.write("all/jinja2.yaml", "{% if a %}\nscope: b\n{% endif %}\n");
    // Templates are no chart because of their name.
    shell.write("all/templates/service.yaml", service);
    let said = shell.run("check --files all --fail-on off").ends(0).err;
    for part in [
        "3 files of the Helm chart `all/chart` left out",
        "`helm template all/chart > DIR/FILE.yaml`",
        "2 files of templates left out, which are no YAML yet (all/jinja.yaml and others)",
        "4 files read, 2 of them nothing is known to read",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("BP0") && !said.contains("BP17"), "{said}");
    let quiet = shell.run("check --files all --fail-on off --quiet").ends(0).err;
    assert!(!quiet.contains("left out") && !quiet.contains("files read"), "{quiet}");
    for named in ["all/chart/templates", "all/chart/templates/deep/b.yaml", "all/jinja.yaml"] {
        let said = shell.run(&format!("check --files {named}")).ends(2).err;
        assert!(said.contains("left out") && said.contains("rendered to"), "{named}: {said}");
    }
    // Quotes that are forgotten in rules of Prometheus are no template's.
    let rules = "groups:\n  - name: a\n    rules:\n      - {alert: A, expr: up}\n      - alert: B\n        annotations:\n          \
                 summary: {{ $labels.instance }} is down\n";
    shell.write("rules.yaml", rules);
    let said = shell.run("check --files rules.yaml").ends(1).err;
    assert!(
        said.contains("error[BP001]") && said.contains("rules.yaml:7:") && said.contains("\n1 file read\n"),
        "{said}"
    );
    let said = shell.run("check --files nope").ends(2).err;
    assert!(said.contains("cannot read nope: it is not there\nhelp: check the name"), "{said}");
    assert!(shell.run("check").ends(2).err.contains("--files <DIR>"));
    let said = shell.run("explain rego.main.deny_x").ends(2).err;
    assert!(said.contains("a rule of your own") && said.contains("docs/policies.md"), "{said}");
}

/// The workflow that users copy: its commands are ones that hagen takes.
#[test]
fn the_workflow_for_users_runs() {
    let shell = Shell::new();
    shell.write("blueprint.yaml", include_str!("../blueprints/minimal.yaml"));
    shell.run("render blueprint.yaml -o out").ends(0);
    let workflow = include_str!("../examples/ci/github.yml");
    let commands: Vec<&str> =
        workflow.lines().filter_map(|line| line.trim_start().strip_prefix("- run: hagen ")).collect();
    for command in &commands {
        shell.run(command).ends(0);
    }
    for name in ["validate ", "check ", "render "] {
        assert!(commands.iter().any(|command| command.starts_with(name)), "{name}: {commands:?}");
    }
    assert!(workflow.contains("sarif_file: hagen.sarif") && shell.read("hagen.sarif").contains("\"2.1.0\""));
}

#[test]
fn several_reports_come_of_one_run() {
    let shell = shell("");
    let line =
        format!("{CHECK} --format sarif=out.sarif --format junit=out.xml --format gitlab=out.json --format concise");
    let ran = shell.run(&line).ends(1);
    assert!(
        ran.out.contains("over.yaml:8:15: error[RD008]: ") && ran.err.trim() == "1 error, 1 warning",
        "{}{}",
        ran.out,
        ran.err
    );
    let sarif: serde_json::Value = serde_json::from_str(&shell.read("out.sarif")).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    for result in results {
        let index = result["ruleIndex"].as_u64().unwrap() as usize;
        assert_eq!(sarif["runs"][0]["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
        assert!(result["partialFingerprints"]["hagen/v1"].is_string());
    }
    assert_eq!(results[0]["locations"][0]["physicalLocation"]["region"]["startLine"], 5);
    assert!(shell.read("out.xml").contains("failures=\"1\""), "a warning fails nothing here");
    let gitlab: serde_json::Value = serde_json::from_str(&shell.read("out.json")).unwrap();
    assert_eq!(gitlab.as_array().unwrap().len(), 2);
    let github = shell.run(&format!("{CHECK} --format github")).ends(1).out;
    assert!(
        github.lines().all(|line| line.starts_with("::")) && github.contains("file=over.yaml,line=8,col=15"),
        "{github}"
    );
    let page = shell.run(&format!("{CHECK} --format markdown")).ends(1).out;
    assert!(page.starts_with("### hagen check: 1 error, 1 warning\n") && page.contains("`over.yaml:8`"), "{page}");
    // Two on one terminal could not be told apart.
    shell.run(&format!("{CHECK} --format json --format sarif")).ends(2);
    shell.run(&format!("{CHECK} --format yaml")).ends(2);
    shell.run(&format!("{CHECK} --format json=no/such/directory")).ends(2);
}

#[test]
fn fix_writes_the_one_right_value_and_leaves_the_rest_as_it_was() {
    let shell = shell("");
    let before = shell.read("over.yaml");
    let shown = shell.run(&format!("{CHECK} --fix --diff")).ends(1).out;
    assert!(
        shown.contains("-    autoscale: {cpu: 70%}  # the peak")
            && shown.contains("+    autoscale: {cpu: 66%}  # the peak"),
        "{shown}"
    );
    assert_eq!(shell.read("over.yaml"), before);
    shell.run(&format!("{CHECK} --fix")).ends(0);
    let mended = before.replace("70%", "66%").replace("allkeys-lru", "noeviction");
    assert_eq!(shell.read("over.yaml"), mended);
}

#[test]
fn nothing_is_found_in_what_is_shipped_that_nobody_answers_for() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let of = |directory: &str| std::fs::read_dir(root.join(directory)).unwrap().map(|entry| entry.unwrap().path());
    let examples = of("examples").map(|directory| directory.join("blueprint.yaml"));
    let mut looked = 0;
    for file in
        of("blueprints").chain(examples).filter(|file| file.extension().is_some_and(|e| e == "yaml") && file.is_file())
    {
        Shell::new().run(&format!("check --fail-on warning --now 2027-01-15 {}", file.display())).ends(0);
        looked += 1;
    }
    assert!(looked >= 6, "{looked}");
}

/// What a template of one's own gets wrong is found in what it renders, and said at the blueprint.
#[test]
fn the_rules_look_at_what_is_rendered_and_point_at_the_blueprint() {
    let shell = shell("");
    let template = include_str!("../templates/patroni/kubernetes/pool.yaml.tera");
    let without = template.replace("  unhealthyPodEvictionPolicy: AlwaysAllow\n", "");
    assert_ne!(without, template);
    shell.write("mine/patroni/kubernetes/pool.yaml.tera", &without);
    let check = "check base.yaml --now 2027-01-15 --fail-on warning --templates mine";
    let said = shell.run(&format!("{check} --format concise")).ends(1).out;
    let found: Vec<&str> = said.lines().filter(|line| line.contains("[K8009]")).collect();
    let main = shell.read("base.yaml").lines().position(|line| line == "  main:").unwrap() + 1;
    assert!(found.len() == 1 && found[0].starts_with(&format!("base.yaml:{main}:3: ")), "{said}");
    let human = shell.run(check).ends(1).err;
    let shows =
        ["it shows in eu-west-1/kubernetes/postgres-main-pool.yaml:", "`templates/patroni/kubernetes/pool.yaml.tera`"];
    assert!(shows.iter().all(|words| human.contains(words)), "{human}");
    // A waiver of the part that it comes from holds for it.
    let waiver = "{rule: K8009, at: postgres.main, reason: once, owner: web, until: 2027-06-30}";
    let overlay = format!("apiVersion: hagen.dev/v1\nkind: Overlay\npolicy: {{waive: [{waiver}]}}\n");
    shell.write("waive.yaml", &overlay);
    let said = shell.run(&check.replace("base.yaml", "base.yaml waive.yaml")).ends(0).err;
    assert!(!said.contains("K8009") && said.contains("waived"), "{said}");
    // hagen's own templates write nothing of the kind.
    shell.run("check base.yaml --now 2027-01-15 --fail-on info").ends(0);
    // One that cannot be rendered, or whose file no reader takes, is no fault of the blueprint, and no pass.
    shell.write("mine/patroni/kubernetes/pool.yaml.tera", "{{ nothing }}");
    shell.run(check).ends(2);
    shell.write("mine/patroni/kubernetes/pool.yaml.tera", &template.replacen("kind: ", "kind: [", 1));
    let said = shell.run(check).ends(2).err;
    assert!(said.contains("would not be accepted") && said.contains("postgres-main-pool.yaml"), "{said}");
}

/// What programs rely on: the schema that is printed accepts the reports, and refuses others.
#[test]
fn a_report_for_programs_is_as_its_schema_says() {
    let shell = shell(WAIVE);
    shell.write("good.yaml", include_str!("../blueprints/minimal.yaml"));
    let json = |line: &str, status| -> serde_json::Value {
        serde_json::from_str(&shell.run(line).ends(status).out).unwrap_or_else(|error| panic!("{line}: {error}"))
    };
    let schema = jsonschema::validator_for(&json("schema --report", 0)).unwrap();
    for (line, status) in [
        (format!("{CHECK} --format json"), 0),
        ("check base.yaml over.yaml --now 2027-01-16 --level K8012=error --format json".to_owned(), 1),
        ("validate good.yaml --format json".to_owned(), 0),
        ("render good.yaml -o out --format json".to_owned(), 0),
        ("render good.yaml -o out --check --format json".to_owned(), 0),
    ] {
        let report = json(&line, status);
        let errors: Vec<String> = schema.iter_errors(&report).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{line}: {errors:?}");
        for field in ["summary", "findings", "version"] {
            let mut less = report.clone();
            less.as_object_mut().unwrap().remove(field);
            assert!(!schema.is_valid(&less), "{line}: without {field}");
        }
    }
}

/// Whatever a finding is about: what stands on its lines, or beside them, may be a password.
#[test]
fn no_report_shows_a_credential() {
    let shell = Shell::new();
    let patroni = "scope: main\nname: a\nrestapi:\n  listen: 0.0.0.0:8008\n  authentication: {username: a, password: CANARY1}\n\
                   bootstrap:\n  dcs: {ttl: 10, loop_wait: 10, retry_timeout: 10}\npostgresql:\n  authentication:\n    \
                   superuser: {username: postgres, password: CANARY2}\n  parameters:\n    wal_level: minimal\n    \
                   primary_conninfo: postgresql://r:CANARY3@a:5432/x\n";
    shell.write("files/patroni.yml", patroni);
    shell.write("files/redis.conf", "port 6379 # x\nrequirepass CANARY4 # x\nappendonly yes # x\nmasterauth CANARY5\n");
    let pod = "{containers: [{name: a, image: 'a:latest', env: [{name: DB_PASSWORD, value: CANARY6}]}]}";
    shell.write(
        "files/pod.yaml",
        &format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec: {pod}\n---\napiVersion: v1\nkind: Secret\n\
                  metadata: {{name: s}}\nstringData:\n  any: CANARY7\n  any: CANARY8\n"
        ),
    );
    for format in ["human", "concise", "json", "sarif", "junit", "github", "gitlab", "markdown"] {
        let ran = shell.run(&format!("check --files files --format {format}")).ends(1);
        let said = format!("{}{}", ran.out, ran.err);
        assert!(said.contains("PG022") && !said.contains("CANARY"), "{format}: {said}");
    }
    // A blueprint that is refused for something else on that line.
    let minimal = include_str!("../blueprints/minimal.yaml");
    shell.write("b.yaml", &format!("{minimal}password: CANARY9\n"));
    let said = shell.run("check b.yaml").ends(1).err;
    assert!(said.contains("BP007") && !said.contains("CANARY"), "{said}");
}

#[test]
fn in_hand_written_files_a_text_is_no_waiver_and_a_comment_is_one() {
    let mark = "# hagen: waive K8002 reason='tests' owner=web until=2027-06-30".replace('\'', "\"");
    let pod = |image: &str, annotation: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, annotations: {{note: {annotation}}}}}\nspec:\n  \
             selector: {{matchLabels: {{app: web}}}}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    spec:\n      \
             containers:\n        - {{name: web, image: \"web:latest\"}}{image}\n"
        )
    };
    let shell = Shell::new();
    let check = "check --files web.yaml --now 2027-01-15";
    shell.write("web.yaml", &pod(&format!("  {mark}"), "none"));
    let said = shell.run(check).ends(0).err;
    assert!(said.contains("1 waived") && !said.contains("[K8002]"), "{said}");
    shell.write("web.yaml", &pod("", &format!("'{mark}'")));
    let said = shell.run(check).ends(1).err;
    assert!(said.contains("[K8002]") && !said.contains("waived") && !said.contains("BP17"), "{said}");
}
