//! Writing a directory: what a user finds in it after a run, after a crash, after an edit.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use hagen::env::{Entry, Env, Guard, Memory, Os};
use hagen::render::{Artifact, ArtifactKind, ArtifactSet, Family, Selection};
use hagen::write::{ConflictKind, Outcome, Recovery, Request, Staleness, WriteError, check, digest, write};

/// What a directory holds: a line for each file and directory.
type Tree = Vec<String>;

fn line(path: &Path, bytes: &[u8], executable: bool) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = if text.len() > 40 { digest(bytes)[..8].to_owned() } else { text.into_owned() };
    format!("{} {text:?}{}", path.display(), if executable { " x" } else { "" })
}

fn artifact(path: &str, text: &str, kind: ArtifactKind, family: Family) -> Artifact {
    let region = path.split_once('/').map(|(first, _)| first.to_owned()).filter(|first| first != "global");
    let origins = vec![hagen::path!["services", "api"]];
    Artifact { path: path.to_owned(), kind, family, region, text: text.to_owned(), origins, template: "t.yaml.tera" }
}

fn set(files: &[(&str, &str)]) -> ArtifactSet {
    let kind = |path: &str| if path.ends_with(".sh") { ArtifactKind::Shell } else { ArtifactKind::Kubernetes };
    let family = |path: &str| if path.contains("dns") { Family::Dns } else { Family::Kubernetes };
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), artifact(path, text, kind(path), family(path))));
    files.collect()
}

struct Job {
    files: ArtifactSet,
    selection: Selection,
    environment: Option<&'static str>,
    blueprint: &'static str,
    force: bool,
}

impl Job {
    fn new(files: &[(&str, &str)]) -> Self {
        let selection = Selection::default();
        Self { files: set(files), selection, environment: None, blueprint: "shop", force: false }
    }

    fn request<'a>(&'a self, objects: &'a BTreeMap<String, Vec<hagen::render::Object>>) -> Request<'a> {
        let all: String = self.files.values().map(|a| a.text.as_str()).collect();
        Request {
            files: &self.files,
            selection: &self.selection,
            blueprint: self.blueprint,
            environment: self.environment,
            model: digest(all.as_bytes()),
            objects,
            force: self.force,
        }
    }

    fn run(&self, env: &dyn Env, root: &Path) -> std::result::Result<Outcome, WriteError> {
        write(env, root, &self.request(&BTreeMap::new()))
    }

    fn check(&self, env: &dyn Env, root: &Path) -> Vec<(String, Staleness)> {
        let differences = check(env, root, &self.request(&BTreeMap::new())).unwrap();
        differences.into_iter().map(|d| (d.path, d.what)).collect()
    }
}

fn old() -> Job {
    Job::new(&[
        ("README.md", "one\n"),
        ("home/kubernetes/api.yaml", "a: 1\n"),
        ("home/kubernetes/web.yaml", "w: 1\n"),
        ("home/gone/deep/x.yaml", "x: 1\n"),
        ("home/turns", "a file\n"),
        ("global/dns/apply.sh", "#!/bin/sh\n"),
    ])
}

fn new() -> Job {
    Job::new(&[
        ("README.md", "two\n"),
        ("home/kubernetes/api.yaml", "a: 1\n"),
        ("home/kubernetes/web.yaml", "w: 2\n"),
        ("home/turns/into.yaml", "a: directory\n"),
        ("far/away/new.yaml", "n: 1\n"),
        ("global/dns/apply.sh", "#!/bin/sh\nset -eu\n"),
    ])
}

fn tree(env: &Memory) -> Tree {
    let mut tree: Tree = env.files().iter().map(|(path, (bytes, x))| line(path, bytes, *x)).collect();
    tree.extend(env.directories().iter().map(|path| format!("{}/", path.display())));
    tree.sort();
    tree
}

fn disk(root: &Path) -> Tree {
    let mut tree = Tree::new();
    for entry in walkdir::WalkDir::new(root).min_depth(1) {
        let entry = entry.unwrap();
        let path = entry.path().strip_prefix(root).unwrap();
        let executable = matches!(Os.look(entry.path()).unwrap(), Some(Entry::File { executable: true }));
        if entry.file_type().is_file() {
            tree.push(line(path, &std::fs::read(entry.path()).unwrap(), executable));
        } else {
            tree.push(format!("{}/", path.display()));
        }
    }
    tree.sort();
    tree
}

/// An environment that fails from its n-th change on: by an error, or by the end of the process in the middle of it.
struct Breaks<'a> {
    inner: &'a dyn Env,
    changes: AtomicUsize,
    at: usize,
    how: How,
}

#[derive(Clone, Copy, PartialEq)]
enum How {
    /// The change does not happen, and none after it: the process is dead.
    Dead,
    /// The system answers this once, and goes on.
    Answers(ErrorKind),
    /// The process aborts, a write half done.
    Aborts,
}

impl<'a> Breaks<'a> {
    fn new(inner: &'a dyn Env, at: usize, how: How) -> Self {
        Self { inner, changes: AtomicUsize::new(0), at, how }
    }

    fn change(&self, half: impl FnOnce(), whole: impl FnOnce() -> Result<()>) -> Result<()> {
        let number = self.changes.fetch_add(1, Ordering::SeqCst);
        match self.how {
            How::Dead if number >= self.at => {
                if number == self.at {
                    half();
                }
                Err(Error::other("dead"))
            }
            How::Answers(kind) if number == self.at => Err(Error::from(kind)),
            How::Aborts if number == self.at => {
                half();
                std::process::abort()
            }
            _ => whole(),
        }
    }
}

impl Env for Breaks<'_> {
    fn read(&self, path: &Path) -> Result<Vec<u8>> {
        self.inner.read(path)
    }
    fn look(&self, path: &Path) -> Result<Option<Entry>> {
        self.inner.look(path)
    }
    fn list(&self, path: &Path) -> Result<Vec<String>> {
        self.inner.list(path)
    }
    fn canonical(&self, path: &Path) -> Result<PathBuf> {
        self.inner.canonical(path)
    }
    fn create_directory(&self, path: &Path) -> Result<()> {
        self.change(|| {}, || self.inner.create_directory(path))
    }
    fn write(&self, path: &Path, bytes: &[u8], executable: bool) -> Result<()> {
        let half = || self.inner.write(path, &bytes[..bytes.len() / 2], executable).unwrap();
        self.change(half, || self.inner.write(path, bytes, executable))
    }
    fn sync(&self, path: &Path) -> Result<()> {
        self.change(|| {}, || self.inner.sync(path))
    }
    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.change(|| {}, || self.inner.rename(from, to))
    }
    fn remove_file(&self, path: &Path) -> Result<()> {
        self.change(|| {}, || self.inner.remove_file(path))
    }
    fn remove_directory(&self, path: &Path) -> Result<()> {
        self.change(|| {}, || self.inner.remove_directory(path))
    }
    fn lock(&self, path: &Path) -> Result<Option<Guard>> {
        self.inner.lock(path)
    }
}

const ROOT: &str = "/out";

fn memory_with(job: &Job) -> Memory {
    let env = Memory::default();
    job.run(&env, Path::new(ROOT)).unwrap();
    env
}

#[test]
fn a_run_writes_what_is_rendered_and_the_lock_says_so() {
    let (env, root) = (Memory::default(), Path::new("/deep/out"));
    let outcome = old().run(&env, root).unwrap();
    assert_eq!(outcome.created.len(), 6);
    let lock = String::from_utf8(env.read(&root.join("hagen.lock.json")).unwrap()).unwrap();
    let lock: serde_json::Value = serde_json::from_str(&lock).unwrap();
    assert_eq!(lock["files"][1]["path"], "global/dns/apply.sh");
    assert_eq!(lock["files"][1]["executable"], true);
    assert_eq!(lock["files"][1]["sha256"], digest(b"#!/bin/sh\n"));
    assert_eq!(lock["files"][1]["from"][0], "services.api");
    assert!(env.look(&root.join("global/dns/apply.sh")).unwrap() == Some(Entry::File { executable: true }));
    let left: Vec<PathBuf> = env.files().into_keys().filter(|p| p.to_string_lossy().contains(".hagen")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_second_run_touches_nothing() {
    let root = tempfile::tempdir().unwrap();
    let time = |path: &str| std::fs::metadata(root.path().join(path)).unwrap().modified().unwrap();
    old().run(&Os, root.path()).unwrap();
    let before: Vec<_> = ["README.md", "hagen.lock.json"].map(time).into();
    std::thread::sleep(std::time::Duration::from_millis(20));
    let outcome = old().run(&Os, root.path()).unwrap();
    assert_eq!(outcome, Outcome { unchanged: 6, ..Outcome::default() });
    assert_eq!(before, Vec::from(["README.md", "hagen.lock.json"].map(time)));
    new().run(&Os, root.path()).unwrap();
    assert_eq!(std::fs::read_to_string(root.path().join("home/kubernetes/api.yaml")).unwrap(), "a: 1\n");
}

#[test]
fn what_is_no_longer_rendered_goes_with_its_empty_directories_and_nothing_else() {
    let env = memory_with(&old());
    let root = Path::new(ROOT);
    env.write(&root.join("home/gone/mine.txt"), b"mine", false).unwrap();
    let outcome = new().run(&env, root).unwrap();
    assert_eq!(outcome.removed, ["home/gone/deep/x.yaml", "home/turns"]);
    assert_eq!(env.look(&root.join("home/gone/deep")).unwrap(), None);
    assert_eq!(env.read(&root.join("home/gone/mine.txt")).unwrap(), b"mine");
    assert_eq!(env.read(&root.join("home/turns/into.yaml")).unwrap(), b"a: directory\n");
}

/// After a death at any change, a run over the old files, or over the new ones, ends with a whole tree and no leftovers.
#[test]
fn after_a_death_at_any_moment_the_next_run_ends_with_a_whole_tree() {
    let root = Path::new(ROOT);
    let (before, after) = (memory_with(&old()), memory_with(&new()));
    for start in [Memory::default(), before.snapshot()] {
        let mut at = 0;
        loop {
            let env = start.snapshot();
            if new().run(&Breaks::new(&env, at, How::Dead), root).is_ok() {
                break;
            }
            for (next, expected) in [(new(), &after), (old(), &before)] {
                let env = env.snapshot();
                next.run(&env, root).unwrap_or_else(|e| panic!("death at change {at}: {e}"));
                assert_eq!(tree(&env), tree(expected), "death at change {at}");
            }
            at += 1;
        }
        assert!(at > 40, "only {at} changes were tried");
    }
}

/// A second death while the first is being mended changes nothing about that.
#[test]
fn a_death_during_the_recovery_is_survived_too() {
    let root = Path::new(ROOT);
    let (before, after) = (memory_with(&old()), memory_with(&new()));
    for first in 0.. {
        let env = before.snapshot();
        if new().run(&Breaks::new(&env, first, How::Dead), root).is_ok() {
            break;
        }
        for second in 0.. {
            let env = env.snapshot();
            if new().run(&Breaks::new(&env, second, How::Dead), root).is_ok() {
                break;
            }
            new().run(&env, root).unwrap_or_else(|e| panic!("deaths at {first}, {second}: {e}"));
            assert_eq!(tree(&env), tree(&after), "deaths at {first}, {second}");
        }
    }
}

/// Before the journal stands, a refusal of the system leaves the old tree; after it, the next run finishes the new one.
#[test]
fn a_refusal_of_the_system_leaves_the_old_tree_or_is_finished_later() {
    let root = Path::new(ROOT);
    let (before, after) = (memory_with(&old()), memory_with(&new()));
    let mut untouched = 0;
    for kind in [ErrorKind::StorageFull, ErrorKind::PermissionDenied] {
        for at in 0.. {
            let env = before.snapshot();
            let Err(error) = new().run(&Breaks::new(&env, at, How::Answers(kind)), root) else {
                if at < 80 {
                    continue;
                }
                break;
            };
            let text = error.to_string();
            assert!(text.contains("next: ") && text.contains(ROOT), "{text}");
            untouched += usize::from(tree(&env) == tree(&before));
            new().run(&env, root).unwrap();
            assert_eq!(tree(&env), tree(&after), "refused change {at}");
        }
    }
    assert!(untouched > 20, "{untouched}");
}

/// The child of the test below: writes the new files and aborts at the change that the environment names.
#[test]
#[ignore = "run by kill_dash_nine"]
fn child() {
    let Ok(root) = std::env::var("HAGEN_TEST_ROOT") else { return };
    let at = std::env::var("HAGEN_TEST_ABORT_AT").unwrap().parse().unwrap();
    new().run(&Breaks::new(&Os, at, How::Aborts), Path::new(&root)).unwrap();
}

#[test]
fn kill_dash_nine() {
    let whole = tempfile::tempdir().unwrap();
    new().run(&Os, whole.path()).unwrap();
    let mut recovered = Vec::new();
    for at in 0.. {
        let root = tempfile::tempdir().unwrap();
        old().run(&Os, root.path()).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "write::child", "--ignored"]).env("HAGEN_TEST_ROOT", root.path());
        let output = child.env("HAGEN_TEST_ABORT_AT", at.to_string()).output().unwrap();
        let died = !output.status.success();
        recovered.push(new().run(&Os, root.path()).unwrap().recovered);
        assert_eq!(disk(root.path()), disk(whole.path()), "killed at change {at}");
        if !died {
            break;
        }
    }
    assert!(recovered.contains(&Some(Recovery::Finished)) && recovered.contains(&Some(Recovery::Undone)));
}

#[test]
fn an_edited_file_is_not_overwritten_and_its_diff_is_shown() {
    let env = memory_with(&old());
    let root = Path::new(ROOT);
    env.write(&root.join("README.md"), b"one\nmy note\n", false).unwrap();
    let before = tree(&env);
    assert_eq!(old().check(&env, root), [("README.md".to_owned(), Staleness::Edited)]);
    let error = new().run(&env, root).unwrap_err();
    let WriteError::Conflicts { conflicts, .. } = &error else { panic!("{error}") };
    assert_eq!(conflicts[0].kind, ConflictKind::Edited);
    assert!(error.to_string().contains("-my note\n+two"), "{error}");
    assert!(error.to_string().contains("--force"), "{error}");
    assert_eq!(tree(&env), before, "nothing is written at all");
    let forced = Job { force: true, ..new() };
    forced.run(&env, root).unwrap();
    assert_eq!(env.read(&root.join("README.md")).unwrap(), b"two\n");
}

#[test]
fn an_edited_file_that_is_no_longer_rendered_is_not_removed() {
    let env = memory_with(&old());
    let root = Path::new(ROOT);
    env.write(&root.join("home/gone/deep/x.yaml"), b"mine\n", false).unwrap();
    let error = new().run(&env, root).unwrap_err();
    assert!(error.to_string().contains("no longer rendered, but was changed by hand"), "{error}");
    assert_eq!(env.read(&root.join("home/gone/deep/x.yaml")).unwrap(), b"mine\n");
}

#[test]
fn somebody_elses_file_in_the_way_is_not_overwritten() {
    let env = Memory::default();
    let root = Path::new(ROOT);
    env.create_directory(root).unwrap();
    env.write(&root.join("README.md"), b"mine\n", false).unwrap();
    let error = old().run(&env, root).unwrap_err();
    assert!(error.to_string().contains("README.md is not from hagen"), "{error}");
    assert_eq!(env.files().len(), 1);
    // One that says the same already is no loss.
    env.write(&root.join("README.md"), b"one\n", false).unwrap();
    old().run(&env, root).unwrap();
}

#[test]
fn a_directory_of_another_blueprint_or_environment_is_refused() {
    let env = memory_with(&old());
    let root = Path::new(ROOT);
    for other in [Job { blueprint: "bank", ..old() }, Job { environment: Some("staging"), force: true, ..old() }] {
        let error = other.run(&env, root).unwrap_err().to_string();
        assert!(error.contains("belongs to blueprint `shop`") && error.contains("next: "), "{error}");
    }
}

#[test]
fn what_is_not_picked_stays_in_the_directory_and_in_the_lock() {
    let env = memory_with(&old());
    let root = Path::new(ROOT);
    let picked = Selection { only: vec![Family::Dns], ..Selection::default() };
    let part = Job { files: new().files, selection: picked, ..new() };
    let outcome = part.run(&env, root).unwrap();
    assert_eq!((outcome.changed, outcome.removed), (vec!["global/dns/apply.sh".to_owned()], vec![]));
    assert_eq!(env.read(&root.join("README.md")).unwrap(), b"one\n");
    assert_eq!(part.check(&env, root), []);
    let lock = String::from_utf8(env.read(&root.join("hagen.lock.json")).unwrap()).unwrap();
    assert_eq!(lock.matches("\"path\"").count(), 6, "{lock}");
    // The rest is known as what it is, and a whole run goes on from there.
    new().run(&env, root).unwrap();
    assert_eq!(tree(&env), tree(&memory_with(&new())));
    let region = Selection { regions: vec!["far".to_owned()], ..Selection::default() };
    let part = Job { files: ArtifactSet::new(), selection: region, ..new() };
    assert_eq!(part.run(&env, root).unwrap().removed, ["far/away/new.yaml"]);
}

#[test]
fn check_names_what_is_not_up_to_date_and_writes_nothing() {
    let env = memory_with(&old());
    let root = Path::new(ROOT);
    assert_eq!(old().check(&env, root), []);
    env.remove_file(&root.join("home/kubernetes/api.yaml")).unwrap();
    let before = tree(&env);
    let found = new().check(&env, root);
    let expected = [
        ("README.md", Staleness::Stale),
        ("far/away/new.yaml", Staleness::Missing),
        ("global/dns/apply.sh", Staleness::Stale),
        ("home/gone/deep/x.yaml", Staleness::Extra),
        ("home/kubernetes/api.yaml", Staleness::Missing),
        ("home/kubernetes/web.yaml", Staleness::Stale),
        ("home/turns", Staleness::Extra),
        ("home/turns/into.yaml", Staleness::Missing),
    ];
    let found: Vec<(&str, Staleness)> = found.iter().map(|(p, w)| (p.as_str(), *w)).collect();
    assert_eq!(found, expected);
    assert_eq!(tree(&env), before);
    assert_eq!(old().check(&Memory::default(), root).len(), 6);
}

#[test]
fn two_runs_at_once_are_not_possible() {
    let root = tempfile::tempdir().unwrap();
    let held = Os.lock(&root.path().join(hagen::write::RUNNING)).unwrap().unwrap();
    let error = old().run(&Os, root.path()).unwrap_err();
    assert!(matches!(error, WriteError::Busy { .. }), "{error}");
    drop(held);
    // The mark of a dead process is no lock.
    std::fs::write(root.path().join(hagen::write::RUNNING), "").unwrap();
    old().run(&Os, root.path()).unwrap();
}

#[test]
fn no_path_leads_out_of_the_directory() {
    for path in ["../x", "a/../../x", "/etc/x", "a//b", "a/./b", "hagen.lock.json", "a\\b", "a\0b", ".hagen-stage-1/x"]
    {
        let error = Job::new(&[(path, "x\n")]).run(&Memory::default(), Path::new(ROOT)).unwrap_err();
        assert!(matches!(error, WriteError::Path { .. }), "{path}: {error}");
    }
    let error = Job::new(&[("a", "x\n"), ("a/b", "x\n")]).run(&Memory::default(), Path::new(ROOT)).unwrap_err();
    assert!(matches!(error, WriteError::Path { .. }), "{error}");
}

#[test]
fn a_lock_that_lists_files_elsewhere_removes_nothing() {
    let env = memory_with(&old());
    let root = Path::new(ROOT);
    env.write(Path::new("/precious"), b"x", false).unwrap();
    let path = root.join("hagen.lock.json");
    let lock = String::from_utf8(env.read(&path).unwrap()).unwrap().replace("home/gone/deep/x.yaml", "../precious");
    env.write(&path, lock.as_bytes(), false).unwrap();
    let error = new().run(&env, root).unwrap_err();
    assert!(matches!(error, WriteError::Unreadable { .. }), "{error}");
    assert!(env.read(Path::new("/precious")).is_ok());
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    use std::os::unix::fs::symlink;
    let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    symlink(outside.path(), root.path().join("home")).unwrap();
    let error = Job { force: true, ..old() }.run(&Os, root.path()).unwrap_err();
    assert!(error.to_string().contains("symbolic link"), "{error}");
    std::fs::remove_file(root.path().join("home")).unwrap();
    std::fs::write(outside.path().join("target"), "precious").unwrap();
    symlink(outside.path().join("target"), root.path().join("README.md")).unwrap();
    assert!(old().run(&Os, root.path()).is_err());
    Job { force: true, ..old() }.run(&Os, root.path()).unwrap();
    assert_eq!(std::fs::read_to_string(outside.path().join("target")).unwrap(), "precious");
    assert_eq!(std::fs::read_to_string(root.path().join("README.md")).unwrap(), "one\n");
    // The output directory itself may be reached through a link.
    let link = outside.path().join("out");
    symlink(root.path(), &link).unwrap();
    assert_eq!(old().run(&Os, &link).unwrap().unchanged, 6);
}

#[cfg(unix)]
#[test]
fn scripts_may_be_run_and_other_files_may_not() {
    use std::os::unix::fs::PermissionsExt;
    let root = tempfile::tempdir().unwrap();
    old().run(&Os, root.path()).unwrap();
    let mode = |path: &str| std::fs::metadata(root.path().join(path)).unwrap().permissions().mode() & 0o111;
    assert_ne!(mode("global/dns/apply.sh"), 0);
    assert_eq!(mode("README.md"), 0);
    std::fs::set_permissions(root.path().join("global/dns/apply.sh"), PermissionsExt::from_mode(0o644)).unwrap();
    assert_eq!(old().run(&Os, root.path()).unwrap().changed, ["global/dns/apply.sh"]);
    assert_ne!(mode("global/dns/apply.sh"), 0);
}

#[test]
fn an_output_directory_that_is_a_file_is_named() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    std::fs::write(&file, "x").unwrap();
    for path in [file.clone(), file.join("below")] {
        let error = old().run(&Os, &path).unwrap_err().to_string();
        assert!(error.contains("file") && error.contains("next: "), "{error}");
    }
    assert_eq!(std::fs::read_to_string(file).unwrap(), "x");
}
