//! `hagen explain PATH`: what a field of the blueprint means.

use crate::blueprint::explain;
use crate::cli::args::Explain;
use crate::cli::output::Output;
use crate::cli::{ExitStatus, Failure};

/// Prints meaning, type, default and what a field renders into.
pub fn run(args: &Explain, output: &mut Output) -> Result<ExitStatus, Failure> {
    match explain::explain(&args.path) {
        Ok(text) => {
            output.result(&text);
            Ok(ExitStatus::Ok)
        }
        Err(explain::Unknown { message, fix }) => Err(Failure::new(message).hint(fix)),
    }
}
