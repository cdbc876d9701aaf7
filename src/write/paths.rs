//! Paths of rendered files: below the directory, with one form only, and none in another's way.

use super::commit::{JOURNAL, RUNNING, STAGE_PREFIX};
use super::{LOCK, WriteError};
use crate::render::ArtifactSet;

/// Whether every path can stand in the directory.
pub fn check(files: &ArtifactSet) -> Result<(), WriteError> {
    for path in files.keys() {
        let refuse = |why| Err(WriteError::Path { path: path.clone(), why });
        if let Some(why) = fault(path) {
            return refuse(why);
        }
        let mut above = path.as_str();
        while let Some((parent, _)) = above.rsplit_once('/') {
            if files.contains_key(parent) {
                return refuse("a part of it is a rendered file itself");
            }
            above = parent;
        }
    }
    Ok(())
}

/// What is wrong with a path; `None` when it leads to a place below the directory that hagen may write.
pub fn fault(path: &str) -> Option<&'static str> {
    if path.is_empty() || path.len() > 1024 {
        return Some("it is empty or too long");
    }
    if path.chars().any(|c| c.is_control() || matches!(c, '\\' | ':')) {
        return Some("it has characters that no file name should have");
    }
    for part in path.split('/') {
        if part.is_empty() || part == "." || part == ".." {
            return Some("it leads out of the output directory");
        }
        if part.len() > 255 {
            return Some("a part of it is too long");
        }
        if part.starts_with(STAGE_PREFIX) || part == PROBE {
            return Some("hagen needs that name itself");
        }
    }
    let own = [LOCK, JOURNAL, RUNNING].contains(&path);
    own.then_some("hagen needs that name itself")
}

/// The file that is moved into a directory and back to see whether files can be put there.
pub const PROBE: &str = ".hagen-probe";
