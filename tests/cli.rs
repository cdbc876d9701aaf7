//! The command line as a shell meets it: what each command says where, and how it ends.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A directory with blueprints in every state, and a way to run the program in it.
pub struct Shell {
    directory: TempDir,
}

impl Shell {
    pub fn new() -> Self {
        let shell = Self { directory: TempDir::new().unwrap() };
        let minimal = include_str!("../blueprints/minimal.yaml");
        shell.write("good.yaml", minimal);
        shell.write("warns.yaml", include_str!("cli/warns.yaml"));
        shell.write("bad.yaml", &minimal.replace("rto: 30m", "rto: 30"));
        shell.write("broken.yaml", "metadata: [\n");
        shell.write("bytes.yaml", "x");
        std::fs::write(shell.directory.path().join("bytes.yaml"), b"\xff\xfe").unwrap();
        shell
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.directory.path().join(name)).unwrap()
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// All files below a directory, in order.
    pub fn files(&self, below: &str) -> Vec<String> {
        let walk = walkdir::WalkDir::new(self.path().join(below)).sort_by_file_name().into_iter();
        let files = walk.map(|entry| entry.unwrap()).filter(|entry| entry.file_type().is_file());
        files.map(|entry| entry.path().strip_prefix(self.path()).unwrap().display().to_string()).collect()
    }

    /// The line of `bad.yaml` that is wrong.
    fn line(&self) -> usize {
        self.read("bad.yaml").lines().position(|line| line.contains("rto: 30,")).unwrap() + 1
    }

    fn there(&self, name: &str) -> bool {
        self.directory.path().join(name).exists()
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hagen"));
        command.args(line.split_whitespace()).current_dir(self.directory.path()).env_remove("NO_COLOR");
        command
    }

    pub fn run(&self, line: &str) -> Ran {
        Ran::of(line, self.command(line).stdin(Stdio::null()).output().unwrap())
    }
}

/// How a run ended, and what it printed.
pub struct Ran {
    line: String,
    status: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    fn of(line: &str, output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let status = output.status.code().unwrap_or(-1);
        Self { line: line.to_owned(), status, out: text(output.stdout), err: text(output.stderr) }
    }

    #[track_caller]
    pub fn ends(self, status: i32) -> Self {
        assert_eq!(self.status, status, "`{}`\nstdout: {}\nstderr: {}", self.line, self.out, self.err);
        assert!(!self.err.contains("panicked"), "{}", self.err);
        self
    }
}

#[test]
fn the_exit_status_says_whether_it_was_the_blueprint_or_the_world() {
    let shell = Shell::new();
    for (input, validate, render) in [
        ("good.yaml", 0, 0),
        ("warns.yaml", 0, 0),
        ("bad.yaml", 1, 1),
        ("broken.yaml", 1, 1),
        ("bytes.yaml", 1, 1),
        ("absent.yaml", 2, 2),
        ("good.yaml good.yaml", 0, 2),
    ] {
        for format in ["human", "json"] {
            shell.run(&format!("validate --format {format} {input}")).ends(validate);
            let out = format!("{}-{format}", input.replace(' ', "-"));
            shell.run(&format!("render --format {format} {input} -o {out}")).ends(render);
            assert_eq!(shell.there(&format!("{out}/README.md")), render == 0, "{input}");
        }
    }
    for usage in
        ["", "no-such-command", "render good.yaml", "render good.yaml -o x --stdout", "validate", "render --frobnicate"]
    {
        let ran = shell.run(usage).ends(2);
        assert!(ran.out.is_empty() && !ran.err.is_empty(), "`{usage}`");
    }
    for fine in [
        "--help",
        "--version",
        "render --help",
        "schema",
        "schema --overlay",
        "man",
        "man render",
        "help",
        "help render",
        "help --help",
        "explain F-PT-02",
        "explain r-pg-32",
        "completions bash",
    ] {
        let ran = shell.run(fine).ends(0);
        assert!(ran.err.is_empty() && !ran.out.is_empty(), "`{fine}`");
    }
}

#[test]
fn the_connections_of_a_cluster_are_added_up_with_their_fields() {
    let shell = Shell::new();
    let root = env!("CARGO_MANIFEST_DIR");
    let said = shell.run(&format!("explain postgres.main.pool {root}/blueprints/agentic-platform.yaml")).ends(0).out;
    let line = |start: &str| {
        said.lines().find(|line| line.trim_start().starts_with(start)).unwrap_or_else(|| panic!("{said}"))
    };
    assert!(
        line("6 pools × 15").contains(" 90 ") && line("6 pools × 15").contains("postgres.main.pool.size ("),
        "{said}"
    );
    assert!(
        line("together").contains(" 98 ") && line("together").contains("max_connections 100: 2 are free"),
        "{said}"
    );
    assert!(line("l01-data-layer: 20 pods × 10").contains(" 200 "), "{said}");
    // What does not fit is said by the check, with the same sum.
    let broken =
        shell.run(&format!("explain postgres.main.pool {root}/tests/broken/70-connection-budget.yaml")).ends(1);
    assert!(broken.err.contains("BP190"), "{}", broken.err);
    shell.run(&format!("explain postgres.none.pool {root}/blueprints/minimal.yaml")).ends(2);
    shell.run(&format!("explain services.api.port {root}/blueprints/minimal.yaml")).ends(2);
}

#[test]
fn results_go_to_stdout_and_findings_to_stderr() {
    let shell = Shell::new();
    let human = shell.run("validate bad.yaml").ends(1);
    assert!(
        human.out.is_empty()
            && human.err.contains(&format!("bad.yaml:{}:", shell.line()))
            && human.err.contains("1 error"),
        "{}",
        human.err
    );
    let json = shell.run("validate bad.yaml --format json").ends(1);
    let report: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert!(json.err.is_empty());
    assert_eq!(report["summary"]["errors"], 1);
    let finding = &report["findings"][0];
    assert_eq!((finding["file"].as_str(), finding["line"].as_u64()), (Some("bad.yaml"), Some(shell.line() as u64)));
    assert!(finding["fix"].is_string(), "{finding}");
    let warned = shell.run("render warns.yaml --stdout --format json").ends(0);
    assert!(warned.out.starts_with("---\n"), "objects only: {}", &warned.out[..80]);
    let quiet = shell.run("validate -q good.yaml").ends(0);
    assert!(quiet.out.is_empty() && quiet.err.is_empty());
}

#[test]
fn the_resolved_blueprint_says_where_each_value_comes_from() {
    let shell = Shell::new();
    let human = shell.run("validate --resolved good.yaml").ends(0);
    assert!(human.out.contains("# default") && human.out.contains("# derived: "), "{}", human.out);
    let json = shell.run("validate --resolved --format json good.yaml").ends(0);
    let resolved: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(resolved[0]["blueprint"]["services"]["api"]["port"], 8080);
    assert_eq!(resolved[0]["origins"]["services.api.port"]["file"], "good.yaml");
    assert_eq!(resolved[0]["origins"]["services.api.replicas.min"], "default");
}

#[test]
fn a_directory_is_written_compared_and_guarded() {
    let shell = Shell::new();
    shell.run("render good.yaml -o out --check").ends(1);
    shell.run("render good.yaml -o out").ends(0);
    shell.run("render good.yaml -o out --check").ends(0);
    let before = shell.read("out/home/kubernetes/api.yaml");
    shell.write("out/home/kubernetes/api.yaml", &format!("{before}# by hand\n"));
    let stale = shell.run("render good.yaml -o out --check").ends(1);
    assert!(stale.out.contains("home/kubernetes/api.yaml"), "{}", stale.out);
    let refused = shell.run("render good.yaml -o out").ends(2);
    assert!(refused.err.contains("by hand") && refused.err.contains("--force"), "{}", refused.err);
    assert!(shell.read("out/home/kubernetes/api.yaml").ends_with("# by hand\n"), "nothing is lost");
    shell.run("render good.yaml -o out --force").ends(0);
    assert_eq!(shell.read("out/home/kubernetes/api.yaml"), before);
    shell.run("render warns.yaml -o out").ends(2);
}

#[test]
fn a_pipe_that_closes_is_no_failure_and_a_full_disk_is_one() {
    let shell = Shell::new();
    let mut child = shell.command("schema").stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    if Path::new("/dev/full").exists() {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let status = shell.command("schema").stdout(full).status().unwrap();
        assert_eq!(status.code(), Some(2));
    }
}

#[test]
fn standard_input_is_a_blueprint() {
    let shell = Shell::new();
    let good = std::fs::File::open(shell.directory.path().join("good.yaml")).unwrap();
    let output = shell.command("validate -").stdin(good).output().unwrap();
    Ran::of("validate -", output).ends(0);
    let bad = std::fs::File::open(shell.directory.path().join("bad.yaml")).unwrap();
    let ran = Ran::of("validate -", shell.command("validate -").stdin(bad).output().unwrap()).ends(1);
    assert!(ran.err.contains(&format!("-:{}:", shell.line())), "{}", ran.err);
}

#[test]
fn neither_locale_nor_zone_nor_place_changes_a_byte() {
    let shell = Shell::new();
    shell.run("render good.yaml -o here").ends(0);
    let mut elsewhere = shell.command("render good.yaml -o there");
    elsewhere
        .env("LC_ALL", "tr_TR.UTF-8")
        .env("TZ", "Pacific/Kiritimati")
        .env("RAYON_NUM_THREADS", "1")
        .env("HOME", "/nowhere");
    assert_eq!(elsewhere.status().unwrap().code(), Some(0));
    for file in walkdir::WalkDir::new(shell.directory.path().join("here")).into_iter().filter_map(Result::ok) {
        if file.file_type().is_file() {
            let name = file.path().strip_prefix(shell.directory.path().join("here")).unwrap();
            let other = shell.directory.path().join("there").join(name);
            assert_eq!(std::fs::read(file.path()).unwrap(), std::fs::read(other).unwrap(), "{}", name.display());
        }
    }
}

#[test]
fn several_bases_each_have_their_own_environments() {
    let shell = Shell::new();
    let two = shell.read("good.yaml").replace("name: minimal", "name: two");
    shell.write("two.yaml", &format!("{two}environments: {{dev: {{objectives: {{rto: 1h}}}}}}\n"));
    let ran = shell.run("validate good.yaml two.yaml").ends(0);
    assert!(ran.err.contains("minimal: valid") && ran.err.contains("two: valid"), "{}", ran.err);
}

#[test]
fn what_the_system_refuses_is_said_in_words() {
    let shell = Shell::new();
    let first = shell.run("init fresh").ends(0);
    assert!(first.err.contains("fresh/blueprint.yaml and fresh/hagen.schema.json"), "{}", first.err);
    shell.write("file", "");
    for (command, words) in [
        ("init fresh", "it is there already"),
        ("init file/below", "a part of the path is a file"),
        ("validate nowhere.yaml", "it is not there"),
        ("validate file/below.yaml", "a part of the path is a file"),
    ] {
        let refused = shell.run(command).ends(2);
        assert!(refused.err.contains(words) && refused.err.contains("help: "), "{command}: {}", refused.err);
        assert!(!refused.err.contains("os error"), "{command}: {}", refused.err);
    }
}

#[test]
fn what_is_stale_is_shown_when_it_is_asked_for() {
    let shell = Shell::new();
    shell.run("render good.yaml -o out").ends(0);
    let changed = shell.read("good.yaml").replace("port: 8080", "port: 8090");
    shell.write("good.yaml", &changed);
    let short = shell.run("render good.yaml -o out --check").ends(1);
    assert!(!short.out.contains("8090"), "{}", short.out);
    let long = shell.run("render good.yaml -o out --check --diff").ends(1);
    let api = "home/kubernetes/api.yaml";
    assert!(long.out.contains(&format!("--- {api} (there)\n+++ {api} (rendered)\n@@")), "{}", long.out);
    assert!(long.out.contains("\n-") && long.out.contains("8090"), "{}", long.out);
    let json = shell.run("render good.yaml -o out --check --diff --format json").ends(1);
    let report: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    let stale = report["stale"].as_array().unwrap();
    assert!(stale.iter().any(|file| file["diff"].as_str().is_some_and(|diff| diff.contains("8090"))), "{stale:?}");
    shell.run("render good.yaml -o out --diff").ends(2);
}

#[test]
fn the_manual_page_leads_to_those_of_the_commands() {
    let shell = Shell::new();
    let page = shell.run("man").ends(0).out;
    assert!(
        page.contains("hagen man COMMAND") && page.contains("Exit status") && !page.contains("hagen\\-help"),
        "{page}"
    );
    shell.run("man help").ends(2);
}
