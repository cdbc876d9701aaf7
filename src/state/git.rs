//! A tree that was rendered before, in a revision of a git repository: nothing is checked out.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::{Tree, Unread};
use crate::write::LOCK;

/// Reads `REVISION` or `REVISION:DIRECTORY`. Without a directory it is the one whose lock is this blueprint's.
pub fn tree(source: &str, revision: &str, blueprint: &str) -> Result<Tree, Unread> {
    let (revision, directory) = revision.split_once(':').map_or((revision, None), |(rev, dir)| (rev, Some(dir)));
    if revision.is_empty() || revision.starts_with('-') || revision.contains(char::is_control) {
        return Err(Unread::new(source, "it names no revision", "write `git:main`, or `git:main:DIRECTORY`"));
    }
    let names = names(source, revision)?;
    let directory = match directory {
        Some(directory) => directory.trim_matches('/').to_owned(),
        None => found(source, revision, &names, blueprint)?,
    };
    let prefix = if directory.is_empty() || directory == "." { String::new() } else { format!("{directory}/") };
    let wanted: Vec<&str> = names.iter().map(String::as_str).filter(|name| name.starts_with(&prefix)).collect();
    let texts = contents(source, revision, &wanted)?;
    Tree::of(source, |path| texts.get(&format!("{prefix}{path}")).cloned().ok_or_else(|| format!("not in {revision}")))
}

/// The directory of the one lock that is this blueprint's.
fn found(source: &str, revision: &str, names: &[String], blueprint: &str) -> Result<String, Unread> {
    let is_lock = |name: &&str| *name == LOCK || name.ends_with(&format!("/{LOCK}"));
    let locks: Vec<&str> = names.iter().map(String::as_str).filter(is_lock).collect();
    let texts = contents(source, revision, &locks)?;
    let own = |name: &&&str| {
        let lock = texts.get(**name).and_then(|bytes| crate::write::Lock::parse(bytes).ok());
        lock.is_some_and(|lock| lock.blueprint == blueprint)
    };
    let owned: Vec<&&str> = locks.iter().filter(own).collect();
    match owned[..] {
        [one] => Ok(one.strip_suffix(LOCK).unwrap_or_default().trim_end_matches('/').to_owned()),
        [] => Err(Unread::new(
            source,
            format!("no {LOCK} of `{blueprint}` is in it"),
            format!("write `git:{revision}:DIRECTORY` with the directory that `hagen render` wrote"),
        )),
        _ => Err(Unread::new(
            source,
            format!(
                "several trees of `{blueprint}` are in it: {}",
                owned.iter().map(|n| **n).collect::<Vec<_>>().join(", ")
            ),
            format!("write `git:{revision}:DIRECTORY`"),
        )),
    }
}

fn names(source: &str, revision: &str) -> Result<Vec<String>, Unread> {
    // From the top of the repository, wherever in it the command runs.
    let out = git(source, &["ls-tree", "-r", "-z", "--full-tree", "--name-only", revision], &[])?;
    let names = out.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(names.map(|name| String::from_utf8_lossy(name).into_owned()).collect())
}

/// The contents of files.
fn contents(source: &str, revision: &str, names: &[&str]) -> Result<BTreeMap<String, Vec<u8>>, Unread> {
    let named: Vec<&&str> = names.iter().filter(|name| !name.contains('\n')).collect();
    let asked: String = named.iter().map(|name| format!("{revision}:{name}\n")).collect();
    let out = git(source, &["cat-file", "--batch"], asked.as_bytes())?;
    let (mut found, mut rest) = (BTreeMap::new(), out.as_slice());
    for name in named {
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else { break };
        let header = String::from_utf8_lossy(&rest[..end]).into_owned();
        rest = &rest[end + 1..];
        let Some(size) = header.rsplit(' ').next().and_then(|size| size.parse::<usize>().ok()) else { continue };
        let Some(bytes) = rest.get(..size) else { break };
        found.insert((*name).to_owned(), bytes.to_vec());
        rest = rest.get(size + 1..).unwrap_or_default();
    }
    Ok(found)
}

fn git(source: &str, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, Unread> {
    let unread = |why: String| Unread::new(source, why, "run hagen inside of the repository; is the revision fetched?");
    let mut command = Command::new("git");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| unread(format!("git: {error}")))?;
    let stdin = child.stdin.take();
    let output = std::thread::scope(|scope| {
        // What git answers may fill its pipe before it has read all that is asked.
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input)));
        child.wait_with_output()
    });
    let output = output.map_err(|error| unread(format!("git: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(unread(said.lines().next().unwrap_or("git failed").to_owned()));
    }
    Ok(output.stdout)
}
