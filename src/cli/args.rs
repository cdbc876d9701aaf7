//! The arguments, and nothing else.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

use super::commands::SHIPPED;
use crate::render::Family;
use crate::report::Format;

/// One high-availability and disaster-recovery blueprint in; Kubernetes, Patroni, Redis, Route 53 and alert files out.
#[derive(Debug, Parser)]
#[command(name = "hagen", version, propagate_version = true, max_term_width = 100)]
#[command(
    after_help = "Exit status: 0 all is well; 1 the blueprint does not pass (or differs); 2 hagen could not do its work."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct Global {
    /// When to colour what is printed; `NO_COLOR` is respected.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Color,
    /// Print nothing but findings and results.
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Print more of what is done.
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub verbose: bool,
}

/// When to colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a starter blueprint.
    Init(Init),
    /// Check syntax, fields, units and references: all problems in one run.
    ///
    /// Every environment is checked too, unless one is named. Several blueprints may be named, each with `kind: Blueprint`: they are
    /// checked one by one, and every overlay among the files is applied to each of them.
    Validate(Validate),
    /// Render everything that the blueprint promises.
    Render(Render),
    /// Explain a field of the blueprint, or the id of a check, fact, formula or rule.
    Explain(Explain),
    /// Print the JSON Schema of the language, for editors.
    Schema(Schema),
    /// Print a completion script for a shell.
    Completions(Completions),
    /// Print a manual page: of hagen, or of one of its commands.
    Man(Man),
}

/// The blueprint to work on.
#[derive(Debug, Args)]
pub struct Blueprint {
    /// The blueprint; then overlays, of which a later one wins over an earlier one. A directory means its `*.yaml` and `*.yml`, which
    /// have no order: two overlays in it that differ about a field are an error. `-` means standard input.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The environment of the blueprint.
    #[arg(short, long, value_name = "ENV")]
    pub environment: Option<String>,
}

/// Arguments of `init`.
#[derive(Debug, Args)]
pub struct Init {
    /// Which of the shipped blueprints to start from.
    #[arg(long, value_name = "NAME", default_value = "minimal", value_parser = PossibleValuesParser::new(SHIPPED.map(|(name, _)| name)))]
    pub from: String,
    /// Where to write `blueprint.yaml`.
    #[arg(default_value = ".", value_name = "DIR")]
    pub directory: PathBuf,
}

/// Arguments of `validate`.
#[derive(Debug, Args)]
pub struct Validate {
    /// The blueprint.
    #[command(flatten)]
    pub blueprint: Blueprint,
    /// Print the blueprint with all defaults and where each comes from.
    #[arg(long)]
    pub resolved: bool,
    /// How findings are printed.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: Format,
}

/// Arguments of `render`.
#[derive(Debug, Args)]
pub struct Render {
    /// The blueprint.
    #[command(flatten)]
    pub blueprint: Blueprint,
    /// The directory to write.
    #[arg(short, long, value_name = "DIR", required_unless_present = "stdout", conflicts_with = "stdout")]
    pub output: Option<PathBuf>,
    /// Compare only: exit 1 and say what is stale.
    #[arg(long, conflicts_with_all = ["stdout", "force"])]
    pub check: bool,
    /// With --check: print what differs in each stale file, as a unified diff.
    #[arg(long, requires = "check")]
    pub diff: bool,
    /// Print the Kubernetes objects instead of writing files.
    #[arg(long)]
    pub stdout: bool,
    /// Overwrite files that were edited by hand.
    #[arg(long)]
    pub force: bool,
    /// Only this region.
    #[arg(long, value_name = "REGION")]
    pub region: Vec<String>,
    /// Only this part of the output.
    #[arg(long, value_enum, value_name = "FAMILY", value_delimiter = ',')]
    pub only: Vec<Family>,
    /// Not this part of the output.
    #[arg(long, value_enum, value_name = "FAMILY", value_delimiter = ',')]
    pub skip: Vec<Family>,
    /// Templates to use instead of the built-in ones, by the same paths.
    #[arg(long, value_name = "DIR")]
    pub templates: Option<PathBuf>,
    /// How findings are printed.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: Format,
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// The path of a field, where `*` stands for any name: 'services.*.replicas.min'; or an id that a message, a comment or a
    /// page cites: BP048, F-PT-02, X-PG-6, R-PG-32.
    #[arg(value_name = "PATH|ID")]
    pub path: String,
}

/// Arguments of `schema`.
#[derive(Debug, Args)]
pub struct Schema {
    /// The schema of overlays instead: nothing is required, `null` deletes.
    #[arg(long)]
    pub overlay: bool,
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell.
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// Arguments of `man`.
#[derive(Debug, Args)]
pub struct Man {
    /// The command that the page is for: `hagen man render`; all of hagen when there is none.
    #[arg(value_name = "COMMAND")]
    pub command: Option<String>,
}
