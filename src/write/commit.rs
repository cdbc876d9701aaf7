//! Carrying a plan out so that a crash at any moment leaves the old tree or the new one.
//!
//! 1. Everything new is written into a stage inside the directory, and every directory is tried.
//! 2. The journal is moved into place: from here on the new tree is decided.
//! 3. Files are renamed from the stage one by one, obsolete ones removed, the lock file last.
//! 4. The journal goes, then the stage.
//!
//! The next run finds a journal and does 3 and 4 again, or finds a stage alone and throws it away.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::lock::digest;
use super::paths::{PROBE, fault};
use super::plan::Plan;
use super::{LOCK, Recovery, WriteError, state};
use crate::env::{Entry, Env};

/// The journal: it stands in the directory while files are renamed.
pub const JOURNAL: &str = ".hagen-journal.json";
/// The lock file of a run: whoever holds it writes.
pub const RUNNING: &str = ".hagen-running";
/// How the name of a stage begins.
pub const STAGE_PREFIX: &str = ".hagen-stage-";

/// In the stage: what was done outside of it before the journal stood.
const PREPARED: &str = "prepared.json";
/// In the stage: the new lock file.
const NEW_LOCK: &str = "lock";
/// In the stage: the journal, before it is moved into place.
const NEW_JOURNAL: &str = "journal";
/// In the stage: the file that tries directories.
const TRY: &str = "try";

/// How many files are waited for one by one until they are on the disk. Beyond that it would cost more than everything
/// else together; what a power cut tears then differs from its digest in the lock, and the next run says so.
const SYNC_AT_MOST: usize = 64;

/// What is to be done once the stage is complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Journal {
    /// The name of the stage.
    stage: String,
    /// The files to be moved out of the stage; each is called by its number there.
    renames: Vec<Rename>,
    /// The files to be removed.
    removes: Vec<Remove>,
    /// Whether there is a new lock file.
    lock: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rename {
    path: String,
    sha256: String,
    before: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Remove {
    path: String,
    sha256: String,
}

/// What stands outside of the stage before there is a journal.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Prepared {
    /// Directories that were made, parents first.
    made: Vec<String>,
    /// Directories that were tried.
    tried: Vec<String>,
}

/// Carries a plan out.
pub fn apply(env: &dyn Env, root: &Path, plan: &Plan<'_>) -> Result<(), WriteError> {
    if plan.writes.is_empty() && plan.removes.is_empty() && plan.lock.is_none() {
        return Ok(());
    }
    let digest = digest(plan.lock.as_deref().unwrap_or_default().as_bytes());
    let stage = format!("{STAGE_PREFIX}{}", &digest[..12]);
    let journal = Journal {
        stage: stage.clone(),
        renames: plan
            .writes
            .iter()
            .map(|w| Rename { path: w.path.clone(), sha256: w.sha256.clone(), before: w.before.clone() })
            .collect(),
        removes: plan
            .removes
            .iter()
            .map(|(path, sha256)| Remove { path: path.clone(), sha256: sha256.clone() })
            .collect(),
        lock: plan.lock.is_some(),
    };
    if let Err(error) = prepare(env, root, plan, &journal) {
        // The old tree is untouched. What cannot be tidied up now, the next run tidies up.
        let _ = undo(env, root, &stage);
        return Err(error);
    }
    finish(env, root, &journal)
}

/// Finishes or undoes what an interrupted run left behind.
pub fn recover(env: &dyn Env, root: &Path, force: bool) -> Result<Option<Recovery>, WriteError> {
    let path = root.join(JOURNAL);
    let mut done = None;
    if env.look(&path).map_err(|e| WriteError::io("read", &path, e))?.is_some() {
        let bytes = env.read(&path).map_err(|e| WriteError::io("read", &path, e))?;
        let unreadable = |why: String| WriteError::Unreadable { path: path.clone(), why };
        let journal: Journal = serde_json::from_slice(&bytes).map_err(|e| unreadable(e.to_string()))?;
        let all = journal.renames.iter().map(|r| &r.path).chain(journal.removes.iter().map(|r| &r.path));
        if all.into_iter().any(|path| fault(path).is_some()) || !is_stage(&journal.stage) {
            return Err(unreadable("it names files that hagen never writes".to_owned()));
        }
        let changed = changed_meanwhile(env, root, &journal)?;
        if !changed.is_empty() && !force {
            return Err(WriteError::ChangedMeanwhile { root: root.to_owned(), files: changed });
        }
        finish(env, root, &journal)?;
        done = Some(Recovery::Finished);
    }
    for name in env.list(root).map_err(|e| WriteError::io("read", root, e))? {
        if is_stage(&name) && env.look(&root.join(&name)).is_ok_and(|e| e == Some(Entry::Directory)) {
            let held = undo(env, root, &name)?;
            done = done.or(held.then_some(Recovery::Undone));
        }
    }
    Ok(done)
}

fn is_stage(name: &str) -> bool {
    name.strip_prefix(STAGE_PREFIX).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Fills the stage, tries the directories, moves the journal into place.
fn prepare(env: &dyn Env, root: &Path, plan: &Plan<'_>, journal: &Journal) -> Result<(), WriteError> {
    let stage = root.join(&journal.stage);
    env.create_directory(&stage).map_err(|e| WriteError::io("make", &stage, e))?;
    let write = |name: &str, bytes: &[u8], executable: bool| {
        let path = stage.join(name);
        env.write(&path, bytes, executable).map_err(|e| WriteError::io("write", &path, e))?;
        if plan.writes.len() <= SYNC_AT_MOST {
            env.sync(&path).map_err(|e| WriteError::io("write", &path, e))?;
        }
        Ok(())
    };
    let prepared = directories(env, root, journal)?;
    write(PREPARED, &json(&prepared), false)?;
    write(TRY, b"", false)?;
    for directory in &prepared.tried {
        let (ours, theirs) = (stage.join(TRY), root.join(directory).join(PROBE));
        env.rename(&ours, &theirs).map_err(|e| WriteError::io("write into", &root.join(directory), e))?;
        env.rename(&theirs, &ours).map_err(|e| WriteError::io("write into", &root.join(directory), e))?;
    }
    for directory in &prepared.made {
        let path = root.join(directory);
        env.create_directory(&path).map_err(|e| WriteError::io("make", &path, e))?;
    }
    let one = |(number, file): (usize, &super::Write<'_>)| {
        write(&number.to_string(), file.text.as_bytes(), file.executable).map_err(|error| match error {
            // The file's own name says more than that of its place in the stage.
            WriteError::Io { doing, error, .. } => WriteError::io(doing, &root.join(&file.path), error),
            other => other,
        })
    };
    if plan.writes.len() <= SYNC_AT_MOST {
        plan.writes.iter().enumerate().try_for_each(one)?;
    } else {
        plan.writes.par_iter().enumerate().try_for_each(one)?;
    }
    if let Some(text) = &plan.lock {
        write(NEW_LOCK, text.as_bytes(), false)?;
    }
    let (from, to) = (stage.join(NEW_JOURNAL), root.join(JOURNAL));
    env.write(&from, &json(journal), false).map_err(|e| WriteError::io("write", &to, e))?;
    for path in [&from, &stage] {
        env.sync(path).map_err(|e| WriteError::io("write", path, e))?;
    }
    env.rename(&from, &to).map_err(|e| WriteError::io("write", &to, e))?;
    env.sync(root).map_err(|e| WriteError::io("write", root, e))
}

/// The directories that the plan needs: those to be made, and those that are there and must take files.
fn directories(env: &dyn Env, root: &Path, journal: &Journal) -> Result<Prepared, WriteError> {
    let mut all: BTreeSet<&str> = BTreeSet::new();
    for path in journal.renames.iter().map(|r| &r.path).chain(journal.removes.iter().map(|r| &r.path)) {
        all.extend(path.match_indices('/').map(|(at, _)| &path[..at]));
    }
    let holds = |directory: &str, path: &str| path.rsplit_once('/').is_some_and(|(parent, _)| parent == directory);
    let mut prepared = Prepared::default();
    let mut blocked: Vec<&str> = Vec::new();
    for directory in all {
        let full = root.join(directory);
        match env.look(&full).map_err(|e| WriteError::io("read", &full, e))? {
            // Below an obsolete file, which must go first: made later.
            _ if blocked.iter().any(|b| directory.strip_prefix(b).is_some_and(|rest| rest.starts_with('/'))) => {}
            None => prepared.made.push(directory.to_owned()),
            Some(Entry::Directory) => {
                let mut paths = journal.renames.iter().map(|r| &r.path).chain(journal.removes.iter().map(|r| &r.path));
                if paths.any(|path| holds(directory, path)) {
                    prepared.tried.push(directory.to_owned());
                }
            }
            Some(_) => blocked.push(directory),
        }
    }
    Ok(prepared)
}

/// The files that stand there neither as before the interrupted run nor as it would leave them.
fn changed_meanwhile(env: &dyn Env, root: &Path, journal: &Journal) -> Result<Vec<String>, WriteError> {
    let through = state::parents(env, root, journal.renames.iter().map(|r| r.path.as_str()))?;
    let mut changed: Vec<String> =
        through.iter().filter(|(_, entry)| **entry == Entry::Link).map(|(path, _)| path.clone()).collect();
    for rename in &journal.renames {
        let path = root.join(&rename.path);
        match env.look(&path).map_err(|e| WriteError::io("read", &path, e))? {
            Some(Entry::File { .. }) => {
                let there = digest(&env.read(&path).map_err(|e| WriteError::io("read", &path, e))?);
                if there != rename.sha256 && Some(&there) != rename.before.as_ref() {
                    changed.push(rename.path.clone());
                }
            }
            Some(Entry::Link) if rename.before.is_some() => changed.push(rename.path.clone()),
            _ => {}
        }
    }
    for remove in &journal.removes {
        let path = root.join(&remove.path);
        if let Some(Entry::File { .. }) = env.look(&path).map_err(|e| WriteError::io("read", &path, e))? {
            let there = digest(&env.read(&path).map_err(|e| WriteError::io("read", &path, e))?);
            if there != remove.sha256 {
                changed.push(remove.path.clone());
            }
        }
    }
    Ok(changed)
}

/// Does what the journal says, as far as it is not done yet, and takes journal and stage away.
fn finish(env: &dyn Env, root: &Path, journal: &Journal) -> Result<(), WriteError> {
    let stage = root.join(&journal.stage);
    let targets: BTreeSet<&str> = journal.renames.iter().map(|r| r.path.as_str()).collect();
    // What makes room, a file for a directory or a directory for a file, goes before the new files come; all else after.
    let makes_room = |path: &str| {
        let inside = format!("{path}/");
        targets.range(inside.as_str()..).next().is_some_and(|next| next.starts_with(&inside))
            || path.match_indices('/').any(|(at, _)| targets.contains(&path[..at]))
    };
    let (first, last): (Vec<&Remove>, Vec<&Remove>) = journal.removes.iter().partition(|r| makes_room(&r.path));
    for remove in first {
        remove_with_directories(env, root, &remove.path)?;
    }
    let mut ready: BTreeSet<String> = BTreeSet::new();
    for (number, rename) in journal.renames.iter().enumerate() {
        let (from, to) = (stage.join(number.to_string()), root.join(&rename.path));
        if env.look(&from).map_err(|e| WriteError::io("read", &from, e))?.is_none() {
            continue;
        }
        make_parents(env, root, &rename.path, &mut ready)?;
        env.rename(&from, &to).map_err(|e| WriteError::io("write", &to, e))?;
    }
    for remove in last {
        remove_with_directories(env, root, &remove.path)?;
    }
    let (from, to) = (stage.join(NEW_LOCK), root.join(LOCK));
    if journal.lock && env.look(&from).map_err(|e| WriteError::io("read", &from, e))?.is_some() {
        env.rename(&from, &to).map_err(|e| WriteError::io("write", &to, e))?;
    }
    env.sync(root).map_err(|e| WriteError::io("write", root, e))?;
    remove_if_there(env, &root.join(JOURNAL))?;
    undo(env, root, &journal.stage).map(|_| ())
}

fn make_parents(env: &dyn Env, root: &Path, path: &str, ready: &mut BTreeSet<String>) -> Result<(), WriteError> {
    for (at, _) in path.match_indices('/') {
        if ready.contains(&path[..at]) {
            continue;
        }
        let directory = root.join(&path[..at]);
        if env.look(&directory).map_err(|e| WriteError::io("read", &directory, e))?.is_none() {
            env.create_directory(&directory).map_err(|e| WriteError::io("make", &directory, e))?;
        }
        ready.insert(path[..at].to_owned());
    }
    Ok(())
}

/// Takes a stage away with everything that was prepared from it; whether it held new files.
fn undo(env: &dyn Env, root: &Path, stage: &str) -> Result<bool, WriteError> {
    let path = root.join(stage);
    let prepared: Prepared =
        env.read(&path.join(PREPARED)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    for directory in prepared.tried.iter().filter(|d| fault(d).is_none()) {
        let directory = root.join(directory);
        if env.look(&directory).is_ok_and(|entry| entry == Some(Entry::Directory)) {
            remove_if_there(env, &directory.join(PROBE))?;
        }
    }
    for directory in prepared.made.iter().rev().filter(|d| fault(d).is_none()) {
        // It stays where it is in use by now.
        let _ = env.remove_directory(&root.join(directory));
    }
    let mut held = false;
    let names = match env.list(&path) {
        Ok(names) => names,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(WriteError::io("read", &path, error)),
    };
    // The note of what was prepared goes last, so that a crash in here loses nothing.
    for name in names.iter().filter(|name| *name != PREPARED) {
        held |= name.bytes().all(|b| b.is_ascii_digit()) || name == NEW_LOCK;
        remove_if_there(env, &path.join(name))?;
    }
    remove_if_there(env, &path.join(PREPARED))?;
    match env.remove_directory(&path) {
        Ok(()) => Ok(held),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(held),
        Err(error) => Err(WriteError::io("remove", &path, error)),
    }
}

/// Removes a file, and the directories above it that are empty then.
fn remove_with_directories(env: &dyn Env, root: &Path, path: &str) -> Result<(), WriteError> {
    let full = root.join(path);
    // In a repetition a directory may stand there by now: then the file is gone already.
    if matches!(env.look(&full).map_err(|e| WriteError::io("read", &full, e))?, Some(Entry::File { .. } | Entry::Link))
    {
        remove_if_there(env, &full)?;
    }
    let mut path = path;
    while let Some((parent, _)) = path.rsplit_once('/') {
        // Only an empty directory goes: whatever people put there keeps it. In a repetition it may be gone already.
        match env.remove_directory(&root.join(parent)) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(_) => break,
        }
        path = parent;
    }
    Ok(())
}

fn remove_if_there(env: &dyn Env, path: &Path) -> Result<(), WriteError> {
    match env.remove_file(path) {
        Ok(()) => Ok(()),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(()),
        Err(error) => Err(WriteError::io("remove", path, error)),
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    // Neither of the two forms can fail to be written.
    serde_json::to_vec(value).unwrap_or_default()
}
