//! One file a command: arguments in, one function called, an exit status out.

mod explain;
mod init;
mod render;
mod schema;
mod validate;

use clap::CommandFactory;

use super::args::{Cli, Command};
use super::output::Output;
use super::{ExitStatus, Failure};

/// Runs the command that was given.
pub fn run(cli: &Cli, output: &mut Output) -> Result<ExitStatus, Failure> {
    match &cli.command {
        Command::Init(args) => init::run(args, output),
        Command::Validate(args) => validate::run(args, output),
        Command::Render(args) => render::run(args, output),
        Command::Explain(args) => explain::run(args, output),
        Command::Schema(args) => schema::run(args, output),
        Command::Completions(args) => {
            let mut script = Vec::new();
            clap_complete::generate(args.shell, &mut Cli::command(), "hagen", &mut script);
            output.result(&String::from_utf8_lossy(&script));
            Ok(ExitStatus::Ok)
        }
        Command::Man => {
            let mut page = Vec::new();
            let written = clap_mangen::Man::new(Cli::command()).render(&mut page);
            written.map_err(|error| Failure::new(format!("the manual page: {error}")))?;
            output.result(&String::from_utf8_lossy(&page));
            Ok(ExitStatus::Ok)
        }
    }
}
