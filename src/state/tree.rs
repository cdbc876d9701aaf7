//! A tree that was rendered before: the files that its lock names.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Unread, content_within};
use crate::write::{LOCK, Lock, LockedFile, paths};

/// A rendered tree.
#[derive(Debug, Clone)]
pub struct Tree {
    /// Where it comes from: what people named.
    pub source: String,
    /// The name of the blueprint that it was rendered from.
    pub blueprint: String,
    /// The text of each file that its lock names, by path.
    pub files: BTreeMap<String, (LockedFile, String)>,
}

impl Tree {
    /// Reads a directory.
    pub fn read(source: &str, root: &Path) -> Result<Self, Unread> {
        let read = |path: &str| content_within(&root.join(path));
        Self::of(source, read)
    }

    /// A tree of which each file can be asked for.
    pub(super) fn of(source: &str, read: impl Fn(&str) -> Result<Vec<u8>, String>) -> Result<Self, Unread> {
        const HINT: &str = "name a directory that `hagen render` wrote";
        let lock = read(LOCK).map_err(|why| Unread::new(source, format!("{LOCK}: {why}"), HINT))?;
        let lock = Lock::parse(&lock).map_err(|why| Unread::new(source, format!("{LOCK}: {why}"), HINT))?;
        let mut files = BTreeMap::new();
        for file in lock.files {
            // Who wrote the lock need not be hagen.
            if let Some(why) = paths::fault(&file.path) {
                return Err(Unread::new(source, format!("{LOCK}: a file `{}`: {why}", file.path.escape_debug()), HINT));
            }
            // A file that is gone, or that is none, is one that is missing, which the comparison says.
            let Ok(bytes) = read(&file.path) else { continue };
            let text = String::from_utf8(bytes)
                .map_err(|_| Unread::new(source, format!("{}: it is no UTF-8", file.path), HINT))?;
            files.insert(file.path.clone(), (file, text));
        }
        Ok(Self { source: source.to_owned(), blueprint: lock.blueprint, files })
    }
}
