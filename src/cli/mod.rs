//! The command line: parse the arguments, call one function, choose an exit status.

mod args;
mod commands;
pub mod exit;
mod inputs;
mod output;

use std::ffi::OsString;

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

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Runs the command line.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitStatus {
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
