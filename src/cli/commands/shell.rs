//! `hagen completions` and `hagen man`: what a shell and `man` read of the command line itself.

use clap::CommandFactory;

use crate::cli::args::{Cli, Completions, Man};
use crate::cli::output::Output;
use crate::cli::{ExitStatus, Failure};

/// Prints a completion script.
pub fn completions(args: &Completions, output: &mut Output) -> ExitStatus {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "hagen", &mut script);
    output.result(&String::from_utf8_lossy(&script));
    ExitStatus::Ok
}

/// Prints a manual page.
pub fn man(args: &Man, output: &mut Output) -> Result<ExitStatus, Failure> {
    let mut hagen = Cli::command().disable_help_subcommand(true);
    let after = hagen.get_after_help().map(ToString::to_string).unwrap_or_default();
    hagen = hagen.after_long_help(format!("{after}\n\n`hagen man COMMAND` prints the page of one command."));
    // The options of every command reach the commands only when the whole is built.
    hagen.build();
    let command = match &args.command {
        None => hagen,
        Some(name) => hagen.find_subcommand(name).cloned().ok_or_else(|| {
            let names: Vec<&str> = hagen.get_subcommands().map(clap::Command::get_name).collect();
            Failure::new(format!("there is no command `{}`", name.escape_debug()))
                .hint(format!("the commands are {}", names.join(", ")))
        })?,
    };
    let mut page = Vec::new();
    let written = clap_mangen::Man::new(command).render(&mut page);
    written.map_err(|error| Failure::new(format!("the manual page: {error}")))?;
    output.result(&String::from_utf8_lossy(&page));
    Ok(ExitStatus::Ok)
}
