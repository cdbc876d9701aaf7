//! From accepted files to a directory: read what is there, plan, stage, rename under a journal, lock file last.
//!
//! A crash at any moment leaves the old tree or the new one once the next run has finished. Only files that the lock
//! file lists are ever removed; what people edited or put there themselves is not overwritten unless they say so.
//! Nothing here knows what the files mean.

mod commit;
mod error;
mod kustomization;
mod lock;
pub mod paths;
mod plan;
mod state;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use commit::{JOURNAL, RUNNING, STAGE_PREFIX};
pub use error::{Conflict, ConflictKind, WriteError};
pub use lock::{LOCK, Lock, LockedFile, digest};
pub use plan::{Plan, Write};
pub use state::{Found, State};

use crate::env::{Entry, Env};
use crate::render::{ArtifactSet, Object, Selection};

/// What is to stand in a directory.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The rendered files: those that the selection picks, or all of them.
    pub files: &'a ArtifactSet,
    /// What the run renders; everything else stays as it is.
    pub selection: &'a Selection,
    /// The name of the blueprint.
    pub blueprint: &'a str,
    /// The environment, if one was chosen.
    pub environment: Option<&'a str>,
    /// The digest of the resolved model: [`digest`] of a canonical text of it.
    pub model: String,
    /// The Kubernetes objects in each file, as `verify` read them.
    pub objects: &'a BTreeMap<String, Vec<Object>>,
    /// Whether files that people edited are overwritten.
    pub force: bool,
}

/// What a run did; the paths are relative to the directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Files that are new.
    pub created: Vec<String>,
    /// Files with other content than before.
    pub changed: Vec<String>,
    /// Files that are gone.
    pub removed: Vec<String>,
    /// How many files were right already; they were not touched.
    pub unchanged: usize,
    /// What an interrupted run had left behind and this one finished or undid first.
    pub recovered: Option<Recovery>,
}

/// What became of an interrupted run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// Its journal was complete: it was carried out to the end.
    Finished,
    /// It had not begun to change anything: its stage was thrown away.
    Undone,
}

/// Why a directory is not what the blueprint says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Staleness {
    /// It is as an earlier run wrote it, and the blueprint says something else now.
    Stale,
    /// It is not there.
    Missing,
    /// An earlier run wrote it, and the blueprint has no such file any more.
    Extra,
    /// People changed it, or it is theirs and stands in the way.
    Edited,
    /// A run was interrupted; the next `hagen render` finishes or undoes it.
    Unfinished,
}

impl Staleness {
    /// Its name, as every format writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Edited => "edited",
            Self::Unfinished => "unfinished",
        }
    }
}

/// A file that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// Its path, relative to the directory.
    pub path: String,
    /// What is the matter.
    pub what: Staleness,
}

/// Writes the files into a directory, which is made where it is not there.
pub fn write(env: &dyn Env, root: &Path, request: &Request<'_>) -> Result<Outcome, WriteError> {
    paths::check(request.files)?;
    let root = open(env, root)?;
    let running = root.join(RUNNING);
    let guard = env.lock(&running).map_err(|e| WriteError::io("lock", &running, e))?;
    let Some(guard) = guard else {
        return Err(WriteError::Busy { root });
    };
    let recovered = commit::recover(env, &root, request.force)?;
    let state = State::read(env, &root, request.files)?;
    let plan = plan::plan(request, &state)?;
    let refused = plan.conflicts.iter().any(|conflict| !request.force || !conflict.kind.can_be_forced());
    if refused {
        return Err(WriteError::Conflicts { root, conflicts: plan.conflicts });
    }
    commit::apply(env, &root, &plan)?;
    drop(guard);
    let (created, changed) = plan.writes.iter().partition::<Vec<&Write<'_>>, _>(|write| write.new);
    let paths = |writes: Vec<&Write<'_>>| writes.into_iter().map(|write| write.path.clone()).collect();
    Ok(Outcome {
        created: paths(created),
        changed: paths(changed),
        removed: plan.removes.into_iter().map(|(path, _)| path).collect(),
        unchanged: plan.unchanged,
        recovered,
    })
}

/// Compares a directory with the files; nothing is written. Empty when it is up to date.
pub fn check(env: &dyn Env, root: &Path, request: &Request<'_>) -> Result<Vec<Difference>, WriteError> {
    Ok(compare(env, root, request)?.0)
}

/// Compares a directory with the files, and says what differs in each: what is there against what would be written, as the
/// unified diff that a refusal shows. Files that are missing or extra have none.
pub fn diffs(env: &dyn Env, root: &Path, request: &Request<'_>) -> Result<Vec<(Difference, String)>, WriteError> {
    let (differences, state) = compare(env, root, request)?;
    let diff = |difference: &Difference| {
        let artifact = request.files.get(&difference.path);
        artifact.map(|artifact| plan::diff(artifact, state.at(&difference.path))).unwrap_or_default()
    };
    Ok(differences
        .into_iter()
        .map(|difference| {
            let text = diff(&difference);
            (difference, text)
        })
        .collect())
}

fn compare(env: &dyn Env, root: &Path, request: &Request<'_>) -> Result<(Vec<Difference>, State), WriteError> {
    paths::check(request.files)?;
    let there = env.look(root).map_err(|e| WriteError::io("read", root, e))?;
    let root = match there {
        None => root.to_owned(),
        Some(_) => env.canonical(root).map_err(|e| WriteError::io("read", root, e))?,
    };
    if there.is_some() && env.look(&root).map_err(|e| WriteError::io("read", &root, e))? != Some(Entry::Directory) {
        return Err(WriteError::NoDirectory { path: root });
    }
    let state = State::read(env, &root, request.files)?;
    let mut differences = plan::differences(request, &state)?;
    let journal = root.join(JOURNAL);
    if env.look(&journal).map_err(|e| WriteError::io("read", &journal, e))?.is_some() {
        differences.push(Difference { path: JOURNAL.to_owned(), what: Staleness::Unfinished });
    }
    differences.sort();
    Ok((differences, state))
}

/// The directory without links in its path, made where it is not there.
fn open(env: &dyn Env, root: &Path) -> Result<PathBuf, WriteError> {
    let mut missing = Vec::new();
    let mut at = root;
    while env.look(at).map_err(|e| WriteError::io("read", at, e))?.is_none() {
        missing.push(at);
        match at.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => at = parent,
            _ => break,
        }
    }
    for directory in missing.into_iter().rev() {
        env.create_directory(directory).map_err(|e| WriteError::io("make", directory, e))?;
    }
    let root = env.canonical(root).map_err(|e| WriteError::io("read", root, e))?;
    match env.look(&root).map_err(|e| WriteError::io("read", &root, e))? {
        Some(Entry::Directory) => Ok(root),
        _ => Err(WriteError::NoDirectory { path: root }),
    }
}
