//! All contact with files, behind one small trait: the real system in [`os`], one in memory in [`memory`].
//!
//! Nothing here knows what the files mean. No operation follows a symbolic link at its last step.

pub mod bounded;
pub mod clock;
pub mod memory;
pub mod os;

use std::any::Any;
use std::io::Result;
use std::path::{Path, PathBuf};

pub use memory::Memory;
pub use os::Os;

/// What stands at a path, without following a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// A file, and whether its owner may run it.
    File {
        /// Whether its owner may run it.
        executable: bool,
    },
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A socket, a device, a pipe.
    Other,
}

/// Proof that this process alone works on a directory; dropped, it lets go.
pub type Guard = Box<dyn Any + Send>;

/// The outside.
pub trait Env: Sync {
    /// The whole content of a file.
    fn read(&self, path: &Path) -> Result<Vec<u8>>;
    /// What stands at a path; `None` when there is nothing.
    fn look(&self, path: &Path) -> Result<Option<Entry>>;
    /// The names in a directory, sorted.
    fn list(&self, path: &Path) -> Result<Vec<String>>;
    /// The path without links, `.` and `..`; it must exist.
    fn canonical(&self, path: &Path) -> Result<PathBuf>;
    /// Makes one directory, which must not be there.
    fn create_directory(&self, path: &Path) -> Result<()>;
    /// Writes a new file: 0644, or 0755 for one that is run, less what the umask takes. An old file is replaced.
    fn write(&self, path: &Path, bytes: &[u8], executable: bool) -> Result<()>;
    /// Waits until a file or directory is on the disk.
    fn sync(&self, path: &Path) -> Result<()>;
    /// Moves a file over another or into a free place.
    fn rename(&self, from: &Path, to: &Path) -> Result<()>;
    /// Removes a file or a link, not what it points at.
    fn remove_file(&self, path: &Path) -> Result<()>;
    /// Removes an empty directory.
    fn remove_directory(&self, path: &Path) -> Result<()>;
    /// Takes a lock file for this process alone; `None` while another one holds it. It dies with the process.
    fn lock(&self, path: &Path) -> Result<Option<Guard>>;
}
