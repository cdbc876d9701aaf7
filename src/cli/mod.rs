//! The command line: parse the arguments, call one function, choose an exit status.

mod args;
mod commands;
pub mod exit;
mod inputs;
mod output;
#[cfg(feature = "rego")]
mod policies;

use std::ffi::OsString;
use std::path::Path;

use clap::Parser;

pub use args::Cli;
pub use exit::ExitStatus;
use output::Output;

/// Why a command could not do its work: exit status 2.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What went wrong, with the name of the file or command.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl Failure {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// The system refused: in words, with what can be done.
    fn system(doing: &str, path: &Path, error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        let (words, hint) = match error.kind() {
            ErrorKind::NotFound => ("it is not there", "check the name"),
            ErrorKind::PermissionDenied => {
                ("this user may not", "check the owner and the mode of the file and its directory")
            }
            ErrorKind::AlreadyExists => {
                ("it is there already", "it is left as it is; name another directory, or move it away")
            }
            ErrorKind::IsADirectory => ("it is a directory", "name a file in it"),
            ErrorKind::NotADirectory => ("a part of the path is a file", "name another directory"),
            ErrorKind::ReadOnlyFilesystem => ("the file system can only be read", "name a directory on another one"),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => ("no room is left", "make room there, and run again"),
            _ => return Self::new(format!("cannot {doing} {}: {error}", path.display())),
        };
        Self::new(format!("cannot {doing} {}: {words}", path.display())).hint(hint)
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Runs the command line.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitStatus {
    let mut args: Vec<OsString> = args.into_iter().collect();
    // `hagen help --help` asks for help on nothing more than `hagen help`.
    if args.get(1).is_some_and(|arg| arg == "help") {
        args.retain(|arg| arg != "--help" && arg != "-h");
    }
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no failure; clap prints them to stdout, usage errors to stderr.
            let status = if error.use_stderr() { ExitStatus::CouldNotRun } else { ExitStatus::Ok };
            return match error.print() {
                Err(failed) if failed.kind() != std::io::ErrorKind::BrokenPipe => ExitStatus::CouldNotRun,
                _ => status,
            };
        }
    };
    let mut output = Output::new(&cli.global);
    match commands::run(&cli, &mut output) {
        Ok(status) if output.failed() => status.max(ExitStatus::CouldNotRun),
        Ok(status) => status,
        Err(failure) => {
            output.failure(&failure);
            ExitStatus::CouldNotRun
        }
    }
}
