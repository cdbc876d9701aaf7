//! What stands in the directory now: the lock file, and each file that is rendered or was.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::lock::digest;
use super::{LOCK, Lock, WriteError, kustomization, paths};
use crate::env::{Entry, Env};
use crate::render::ArtifactSet;

/// What stands at the path of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Missing,
    /// A file.
    File {
        /// The digest of its content.
        sha256: String,
        /// Whether it may be run.
        executable: bool,
        /// Its content, when it is text and differs from what is rendered.
        text: Option<String>,
    },
    /// A symbolic link in the file's place.
    Link,
    /// A directory in the file's place.
    Directory {
        /// The files and links in it, at any depth.
        holds: Vec<String>,
    },
    /// A socket, a device or a pipe in the file's place.
    NoFile,
    /// A part of the path is a file: its path.
    ThroughFile(String),
    /// A part of the path is a symbolic link.
    ThroughLink,
}

/// The state of a directory.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// The directory.
    pub root: PathBuf,
    /// The lock file, if there is one.
    pub lock: Option<Lock>,
    /// The text of the lock file.
    pub lock_text: String,
    /// What stands at each path that is rendered or locked.
    pub found: BTreeMap<String, Found>,
}

impl State {
    /// Reads the directory as far as `files` and the lock concern it.
    pub fn read(env: &dyn Env, root: &Path, files: &ArtifactSet) -> Result<Self, WriteError> {
        let (lock, lock_text) = read_lock(env, root)?;
        let mut wanted: BTreeMap<&str, Option<&str>> =
            files.values().map(|a| (a.path.as_str(), Some(a.text.as_str()))).collect();
        for file in lock.iter().flat_map(|lock| &lock.files) {
            wanted.entry(&file.path).or_insert(None);
        }
        // What a kustomization names may be there without being rendered now.
        let listed: Vec<String> = files.values().flat_map(kustomization::listed).collect();
        for path in &listed {
            wanted.entry(path).or_insert(None);
        }
        let through = parents(env, root, wanted.keys().copied())?;
        let found = wanted
            .par_iter()
            .map(|(path, rendered)| Ok(((*path).to_owned(), find(env, root, path, *rendered, &through)?)))
            .collect::<Result<BTreeMap<_, _>, WriteError>>()?;
        Ok(Self { root: root.to_owned(), lock, lock_text, found })
    }

    /// What stands at a path.
    pub fn at(&self, path: &str) -> &Found {
        self.found.get(path).unwrap_or(&Found::Missing)
    }
}

fn read_lock(env: &dyn Env, root: &Path) -> Result<(Option<Lock>, String), WriteError> {
    let path = root.join(LOCK);
    let unreadable = |why: String| WriteError::Unreadable { path: path.clone(), why };
    match env.look(&path).map_err(|e| WriteError::io("read", &path, e))? {
        None => return Ok((None, String::new())),
        Some(Entry::File { .. }) => {}
        Some(_) => return Err(unreadable("it is no plain file".to_owned())),
    }
    let bytes = env.read(&path).map_err(|e| WriteError::io("read", &path, e))?;
    let lock = Lock::parse(&bytes).map_err(unreadable)?;
    // Whoever can write the lock must not be able to have other files removed.
    if let Some(file) = lock.files.iter().find(|file| paths::fault(&file.path).is_some()) {
        return Err(unreadable(format!("it lists {:?}, which hagen never writes", file.path)));
    }
    Ok((Some(lock), String::from_utf8_lossy(&bytes).into_owned()))
}

/// The directories of all paths that are not directories: files and links.
pub(super) fn parents<'a>(
    env: &dyn Env,
    root: &Path,
    paths: impl Iterator<Item = &'a str>,
) -> Result<BTreeMap<String, Entry>, WriteError> {
    let mut seen = BTreeMap::new();
    for path in paths {
        let ends = path.match_indices('/').map(|(at, _)| at);
        for end in ends {
            let parent = &path[..end];
            if seen.contains_key(parent) {
                continue;
            }
            let full = root.join(parent);
            let entry = env.look(&full).map_err(|e| WriteError::io("read", &full, e))?;
            seen.insert(parent.to_owned(), entry);
        }
    }
    let odd = |entry: Option<Entry>| entry.filter(|entry| *entry != Entry::Directory);
    Ok(seen.into_iter().filter_map(|(path, entry)| Some((path, odd(entry)?))).collect())
}

fn find(
    env: &dyn Env,
    root: &Path,
    path: &str,
    rendered: Option<&str>,
    through: &BTreeMap<String, Entry>,
) -> Result<Found, WriteError> {
    for (end, _) in path.match_indices('/') {
        match through.get(&path[..end]) {
            None => {}
            Some(Entry::Link) => return Ok(Found::ThroughLink),
            Some(_) => return Ok(Found::ThroughFile(path[..end].to_owned())),
        }
    }
    let full = root.join(path);
    let executable = match env.look(&full).map_err(|e| WriteError::io("read", &full, e))? {
        None => return Ok(Found::Missing),
        Some(Entry::File { executable }) => executable,
        Some(Entry::Link) => return Ok(Found::Link),
        Some(Entry::Other) => return Ok(Found::NoFile),
        Some(Entry::Directory) => {
            let mut holds = Vec::new();
            walk(env, root, path, &mut holds)?;
            return Ok(Found::Directory { holds });
        }
    };
    let bytes = env.read(&full).map_err(|e| WriteError::io("read", &full, e))?;
    let sha256 = digest(&bytes);
    let same = rendered.is_some_and(|text| text.as_bytes() == bytes);
    let text = if same { None } else { String::from_utf8(bytes).ok() };
    Ok(Found::File { sha256, executable, text })
}

/// The files and links in a directory, at any depth.
fn walk(env: &dyn Env, root: &Path, directory: &str, holds: &mut Vec<String>) -> Result<(), WriteError> {
    let full = root.join(directory);
    for name in env.list(&full).map_err(|e| WriteError::io("read", &full, e))? {
        let path = format!("{directory}/{name}");
        let entry = env.look(&full.join(&name)).map_err(|e| WriteError::io("read", &full, e))?;
        if entry == Some(Entry::Directory) {
            walk(env, root, &path, holds)?;
        } else {
            holds.push(path);
        }
    }
    Ok(())
}
