//! A file system in memory, for tests and for rendering without a disk. It has no links and no other users.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Entry, Env, Guard};

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    File { bytes: Vec<u8>, executable: bool },
    Directory,
}

/// A file system in memory. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    nodes: Arc<Mutex<BTreeMap<PathBuf, Node>>>,
    locks: Arc<Mutex<Vec<PathBuf>>>,
}

fn error<T>(kind: ErrorKind) -> Result<T> {
    Err(Error::from(kind))
}

impl Memory {
    fn nodes(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Node>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All files, by path, with whether they may be run.
    pub fn files(&self) -> BTreeMap<PathBuf, (Vec<u8>, bool)> {
        let mut files = BTreeMap::new();
        for (path, node) in self.nodes().iter() {
            if let Node::File { bytes, executable } = node {
                files.insert(path.clone(), (bytes.clone(), *executable));
            }
        }
        files
    }

    /// All directories.
    pub fn directories(&self) -> Vec<PathBuf> {
        self.nodes().iter().filter(|(_, node)| **node == Node::Directory).map(|(path, _)| path.clone()).collect()
    }

    /// A copy that shares nothing with this one.
    #[must_use]
    pub fn snapshot(&self) -> Self {
        let nodes = self.nodes().clone();
        Self { nodes: Arc::new(Mutex::new(nodes)), locks: Arc::default() }
    }

    fn parent_is_there(nodes: &BTreeMap<PathBuf, Node>, path: &Path) -> Result<()> {
        match path.parent() {
            None => Ok(()),
            Some(parent) if parent.as_os_str().is_empty() || parent == Path::new("/") => Ok(()),
            Some(parent) => match nodes.get(parent) {
                Some(Node::Directory) => Ok(()),
                Some(Node::File { .. }) => error(ErrorKind::NotADirectory),
                None => error(ErrorKind::NotFound),
            },
        }
    }
}

impl Env for Memory {
    fn read(&self, path: &Path) -> Result<Vec<u8>> {
        match self.nodes().get(path) {
            Some(Node::File { bytes, .. }) => Ok(bytes.clone()),
            Some(Node::Directory) => error(ErrorKind::IsADirectory),
            None => error(ErrorKind::NotFound),
        }
    }

    fn look(&self, path: &Path) -> Result<Option<Entry>> {
        Ok(self.nodes().get(path).map(|node| match node {
            Node::File { executable, .. } => Entry::File { executable: *executable },
            Node::Directory => Entry::Directory,
        }))
    }

    fn list(&self, path: &Path) -> Result<Vec<String>> {
        if self.look(path)? != Some(Entry::Directory) {
            return error(ErrorKind::NotFound);
        }
        let nodes = self.nodes();
        let inside = nodes.keys().filter(|p| p.parent() == Some(path));
        Ok(inside.filter_map(|p| p.file_name()).map(|n| n.to_string_lossy().into_owned()).collect())
    }

    fn canonical(&self, path: &Path) -> Result<PathBuf> {
        match self.look(path)? {
            Some(_) => Ok(path.to_owned()),
            None => error(ErrorKind::NotFound),
        }
    }

    fn create_directory(&self, path: &Path) -> Result<()> {
        let mut nodes = self.nodes();
        Self::parent_is_there(&nodes, path)?;
        if nodes.contains_key(path) {
            return error(ErrorKind::AlreadyExists);
        }
        nodes.insert(path.to_owned(), Node::Directory);
        Ok(())
    }

    fn write(&self, path: &Path, bytes: &[u8], executable: bool) -> Result<()> {
        let mut nodes = self.nodes();
        Self::parent_is_there(&nodes, path)?;
        if nodes.get(path) == Some(&Node::Directory) {
            return error(ErrorKind::IsADirectory);
        }
        nodes.insert(path.to_owned(), Node::File { bytes: bytes.to_owned(), executable });
        Ok(())
    }

    fn sync(&self, _: &Path) -> Result<()> {
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        let mut nodes = self.nodes();
        Self::parent_is_there(&nodes, to)?;
        if nodes.get(to) == Some(&Node::Directory) {
            return error(ErrorKind::IsADirectory);
        }
        match nodes.remove(from) {
            Some(node) => {
                nodes.insert(to.to_owned(), node);
                Ok(())
            }
            None => error(ErrorKind::NotFound),
        }
    }

    fn remove_file(&self, path: &Path) -> Result<()> {
        let mut nodes = self.nodes();
        match nodes.get(path) {
            Some(Node::File { .. }) => {
                nodes.remove(path);
                Ok(())
            }
            Some(Node::Directory) => error(ErrorKind::IsADirectory),
            None => error(ErrorKind::NotFound),
        }
    }

    fn remove_directory(&self, path: &Path) -> Result<()> {
        let mut nodes = self.nodes();
        if nodes.keys().any(|p| p.parent() == Some(path)) {
            return error(ErrorKind::DirectoryNotEmpty);
        }
        match nodes.get(path) {
            Some(Node::Directory) => {
                nodes.remove(path);
                Ok(())
            }
            Some(Node::File { .. }) => error(ErrorKind::NotADirectory),
            None => error(ErrorKind::NotFound),
        }
    }

    fn lock(&self, path: &Path) -> Result<Option<Guard>> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        if locks.iter().any(|held| held == path) {
            return Ok(None);
        }
        locks.push(path.to_owned());
        Ok(Some(Box::new(Held { locks: Arc::clone(&self.locks), path: path.to_owned() })))
    }
}

/// A lock in memory.
struct Held {
    locks: Arc<Mutex<Vec<PathBuf>>>,
    path: PathBuf,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.locks.lock().unwrap_or_else(PoisonError::into_inner).retain(|held| held != &self.path);
    }
}
