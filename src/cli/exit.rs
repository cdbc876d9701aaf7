//! Exit statuses. One meaning each, over all commands; `diff` alone reads an invalid blueprint as 2.

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum ExitStatus {
    /// All is well.
    Ok = 0,
    /// The blueprint does not pass, or what was compared differs.
    DoesNotPass = 1,
    /// hagen could not do its work: usage, a file that cannot be read or written, a refused overwrite.
    CouldNotRun = 2,
}

impl From<ExitStatus> for std::process::ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status as u8)
    }
}
