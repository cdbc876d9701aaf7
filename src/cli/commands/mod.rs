//! One file a command: arguments in, one function called, an exit status out.

mod check;
mod diff;
mod explain;
mod files;
mod fix;
mod init;
mod live;
mod overwrites;
#[cfg_attr(not(feature = "rego"), path = "own_absent.rs")]
mod own;
mod policy;
mod render;
mod rendering;
mod rules;
mod schema;
mod shell;
mod templates;
mod validate;

pub use init::SHIPPED;

use super::args::{Cli, Command};
use super::output::Output;
use super::{ExitStatus, Failure};
use crate::blueprint::load::{Files, environment};

/// An environment that no blueprint has is a slip in the command, like a region that is not there.
fn known_environment(files: &Files, name: Option<&str>) -> Result<(), Failure> {
    let Some(name) = name.filter(|_| files.is_readable() && files.bases() > 0) else { return Ok(()) };
    let known: Vec<String> = (0..files.bases()).flat_map(|base| files.environments(base)).collect();
    if known.iter().any(|other| other == name) {
        return Ok(());
    }
    let names: Vec<&str> = known.iter().map(String::as_str).collect();
    Err(Failure::new(format!("there is no environment `{}`", name.escape_debug()))
        .hint(environment::instead(name, &names)))
}

/// Runs the command that was given.
pub fn run(cli: &Cli, output: &mut Output) -> Result<ExitStatus, Failure> {
    match &cli.command {
        Command::Init(args) => init::run(args, output),
        Command::Validate(args) => validate::run(args, output),
        Command::Check(args) => check::run(args, output),
        Command::Rules(args) => rules::run(args, output),
        Command::Policy(args) => policy::run(args, output),
        Command::Render(args) => render::run(args, output),
        Command::Diff(args) => diff::run(args, output),
        Command::Explain(args) => explain::run(args, output),
        Command::Schema(args) => schema::run(args, output),
        Command::Completions(args) => Ok(shell::completions(args, output)),
        Command::Man(args) => shell::man(args, output),
    }
}
