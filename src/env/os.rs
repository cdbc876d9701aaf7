//! The real file system.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Error, ErrorKind, Result, Write};
use std::path::{Path, PathBuf};

use super::{Entry, Env, Guard};

/// The machine that hagen runs on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Os;

/// How often a lock is tried when the file behind it changes hands.
const TRIES: usize = 16;

impl Env for Os {
    fn read(&self, path: &Path) -> Result<Vec<u8>> {
        fs::read(path)
    }

    fn look(&self, path: &Path) -> Result<Option<Entry>> {
        let metadata = match fs::symlink_metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            Err(error) => return Err(error),
        };
        let kind = metadata.file_type();
        Ok(Some(if kind.is_symlink() {
            Entry::Link
        } else if kind.is_dir() {
            Entry::Directory
        } else if kind.is_file() {
            Entry::File { executable: executable(&metadata) }
        } else {
            Entry::Other
        }))
    }

    fn list(&self, path: &Path) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(path)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort_unstable();
        Ok(names)
    }

    fn canonical(&self, path: &Path) -> Result<PathBuf> {
        fs::canonicalize(path)
    }

    fn create_directory(&self, path: &Path) -> Result<()> {
        fs::create_dir(path)
    }

    fn write(&self, path: &Path, bytes: &[u8], executable: bool) -> Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        with_mode(&mut options, if executable { 0o755 } else { 0o644 });
        options.open(path)?.write_all(bytes)
    }

    fn sync(&self, path: &Path) -> Result<()> {
        // A directory cannot be opened on every system; there the file system keeps the order by itself.
        match File::open(path) {
            Ok(file) => file.sync_all(),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> Result<()> {
        fs::remove_file(path)
    }

    fn remove_directory(&self, path: &Path) -> Result<()> {
        fs::remove_dir(path)
    }

    fn lock(&self, path: &Path) -> Result<Option<Guard>> {
        for _ in 0..TRIES {
            if self.look(path)? == Some(Entry::Link) {
                return Err(Error::other("it is a symbolic link"));
            }
            let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
            // The last holder removes the file: what was locked must still be what stands there.
            if same(&file, path) {
                return Ok(Some(Box::new(Held { path: path.to_owned(), _file: file })));
            }
        }
        Ok(None)
    }
}

/// A lock that is held; it goes with the file, also when the process is killed.
struct Held {
    path: PathBuf,
    _file: File,
}

impl Drop for Held {
    fn drop(&mut self) {
        // Removed while it is still locked, so nobody else's is removed. Left behind it does no harm.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(unix)]
fn executable(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o100 != 0
}

#[cfg(unix)]
fn with_mode(options: &mut OpenOptions, mode: u32) {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(mode);
}

#[cfg(unix)]
fn same(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(a), Ok(b)) => a.ino() == b.ino() && a.dev() == b.dev(),
        _ => false,
    }
}

#[cfg(not(unix))]
fn executable(_: &fs::Metadata) -> bool {
    false
}

#[cfg(not(unix))]
fn with_mode(_: &mut OpenOptions, _: u32) {}

#[cfg(not(unix))]
fn same(_: &File, path: &Path) -> bool {
    path.exists()
}
