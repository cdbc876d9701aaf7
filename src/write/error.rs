//! What can stop a run, each with the place and the next step.

use std::fmt;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

/// Why a directory could not be written.
#[derive(Debug)]
pub enum WriteError {
    /// Files stand in the way that hagen did not write, or that people changed since.
    Conflicts {
        /// The directory.
        root: PathBuf,
        /// Each file.
        conflicts: Vec<Conflict>,
    },
    /// The directory belongs to another blueprint or environment.
    Foreign {
        /// The directory.
        root: PathBuf,
        /// Whose it is.
        theirs: String,
        /// Who asks.
        ours: String,
    },
    /// Another run works on the directory.
    Busy {
        /// The directory.
        root: PathBuf,
    },
    /// The output directory is something else.
    NoDirectory {
        /// Its path.
        path: PathBuf,
    },
    /// A rendered file has a path that leads out of the directory, or two cannot stand side by side.
    Path {
        /// The path.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The lock file or the journal cannot be understood.
    Unreadable {
        /// Its path.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Somebody changed files after a run was interrupted, and before the next one could finish it.
    ChangedMeanwhile {
        /// The directory.
        root: PathBuf,
        /// The files.
        files: Vec<String>,
    },
    /// The system refused.
    Io {
        /// What was to be done: `write`, `read`.
        doing: &'static str,
        /// The path.
        path: PathBuf,
        /// Its answer.
        error: Error,
    },
}

/// A file that is not overwritten or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Its path, relative to the directory.
    pub path: String,
    /// What is the matter.
    pub kind: ConflictKind,
    /// What is there against what would be written, as a unified diff; empty where that says nothing.
    pub diff: String,
}

/// Why a file is not overwritten or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConflictKind {
    /// hagen wrote it, and somebody changed it since.
    Edited,
    /// hagen never wrote it.
    Unknown,
    /// hagen wrote it and would remove it now, but somebody changed it since.
    EditedAndObsolete,
    /// A directory or something stranger stands where the file belongs.
    NoFile,
    /// A part of its path is a file.
    ThroughFile,
    /// A part of its path is a symbolic link, which is not followed.
    ThroughLink,
}

impl ConflictKind {
    /// Whether `--force` overwrites it.
    pub const fn can_be_forced(self) -> bool {
        matches!(self, Self::Edited | Self::Unknown | Self::EditedAndObsolete)
    }

    const fn because(self) -> &'static str {
        match self {
            Self::Edited => "was changed by hand since hagen wrote it",
            Self::Unknown => "is not from hagen, and stands in the way",
            Self::EditedAndObsolete => "is no longer rendered, but was changed by hand since hagen wrote it",
            Self::NoFile => "is no file: move it away",
            Self::ThroughFile => "cannot be written: a part of its path is a file; move that away",
            Self::ThroughLink => {
                "cannot be written: a part of its path is a symbolic link, which hagen does not follow"
            }
        }
    }
}

impl WriteError {
    /// An answer of the system.
    pub fn io(doing: &'static str, path: &Path, error: Error) -> Self {
        Self::Io { doing, path: path.to_owned(), error }
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path, self.kind.because())?;
        if !self.diff.is_empty() {
            write!(f, "\n{}", self.diff.trim_end())?;
        }
        Ok(())
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflicts { root, conflicts } => {
                let root = root.display();
                writeln!(f, "nothing was written into {root}: {} in the way", count(conflicts.len(), "file"))?;
                for conflict in conflicts {
                    writeln!(f, "{conflict}")?;
                }
                if conflicts.iter().all(|c| c.kind.can_be_forced()) {
                    write!(f, "next: carry the change into the blueprint or a template, or overwrite it with --force")
                } else {
                    write!(f, "next: move what is in the way, or render into another directory")
                }
            }
            Self::Foreign { root, theirs, ours } => write!(
                f,
                "{} belongs to {theirs}, and this is {ours}\nnext: render into another directory, one for each blueprint and environment",
                root.display()
            ),
            Self::Busy { root } => write!(
                f,
                "another hagen is writing into {} right now\nnext: wait until it is done, and run again",
                root.display()
            ),
            Self::NoDirectory { path } => {
                write!(f, "{} is no directory\nnext: give another one with -o", path.display())
            }
            Self::Path { path, why } => write!(
                f,
                "a rendered file cannot be called {path:?}: {why}\nnext: rename the part of the blueprint that it is named after"
            ),
            Self::Unreadable { path, why } => write!(
                f,
                "{} cannot be understood: {why}\nnext: restore it from version control; or remove it and run with --force, which overwrites the files that hagen renders",
                path.display()
            ),
            Self::ChangedMeanwhile { root, files } => write!(
                f,
                "a run into {} was interrupted, and since then these were changed: {}\nnext: save the changes elsewhere, and finish the interrupted run with --force",
                root.display(),
                files.join(", ")
            ),
            Self::Io { doing, path, error } => {
                write!(f, "cannot {doing} {}: {error}\nnext: {}", path.display(), remedy(error))
            }
        }
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(error),
            _ => None,
        }
    }
}

fn remedy(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "make room on that file system and run again; the files there are as they were"
        }
        ErrorKind::PermissionDenied => "allow this user to write there, or give another directory with -o",
        ErrorKind::ReadOnlyFilesystem => "give a directory on a file system that can be written, with -o",
        ErrorKind::NotADirectory => "a part of that path is a file: give another directory with -o",
        ErrorKind::CrossesDevices => {
            "that directory is on another file system: render into one tree without mounts inside"
        }
        ErrorKind::NotFound => "make the directory that it stands in, and run again",
        _ => "mend that and run again; an unfinished run is finished or undone by the next one",
    }
}

/// `1 file`, `2 files`.
fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
