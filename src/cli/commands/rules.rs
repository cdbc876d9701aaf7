//! `hagen rules`: which rules there are.

use crate::cli::args::{Rules, RulesFormat};
use crate::cli::output::Output;
use crate::cli::{ExitStatus, Failure};
use crate::report::rules;

/// Prints the rules.
pub fn run(args: &Rules, output: &mut Output) -> Result<ExitStatus, Failure> {
    let text = match args.format {
        RulesFormat::Human => rules::table(),
        RulesFormat::Markdown => rules::page(),
        RulesFormat::Json => rules::json(),
    };
    output.result(&text);
    Ok(ExitStatus::Ok)
}
