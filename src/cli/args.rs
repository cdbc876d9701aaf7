//! The arguments, and nothing else.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

use super::commands::SHIPPED;
use crate::blueprint::raw::PolicyLevel;
use crate::blueprint::units::{Duration, UnitError};
use crate::diff::Risk;
use crate::render::Family;
use crate::report::{CheckFormat, DiffFormat, Format};
use crate::rules::waiver::is_date;
use crate::state::LiveKind;

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
    /// Find what is legal and will still hurt: the gate before a merge.
    Check(Check),
    /// List the rules of `check`.
    Rules(Rules),
    /// Your own rules, in Rego: run their tests.
    #[command(subcommand)]
    Policy(Policy),
    /// Render everything that the blueprint promises.
    Render(Render),
    /// Compare what is rendered with what is deployed: what would change, and how dangerous that is.
    ///
    /// Exit status: 0 no difference (with --max-risk: none above it), 1 differences, 2 a source that cannot be read or an invalid blueprint.
    Diff(Diff),
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

/// What is rendered, and with which templates.
#[derive(Debug, Args)]
pub struct Rendering {
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

/// Arguments of `check`.
#[derive(Debug, Args)]
#[command(override_usage = "hagen check [OPTIONS] <FILE>...\n       hagen check [OPTIONS] --files <DIR>...")]
pub struct Check {
    /// The blueprint; then overlays in the order in which they count. A directory means its `*.yaml`, `-` standard input.
    #[arg(required_unless_present = "from", value_name = "FILE")]
    pub blueprint: Vec<PathBuf>,
    /// The environment of the blueprint.
    #[arg(short, long, value_name = "ENV", conflicts_with = "from")]
    pub environment: Option<String>,
    /// Instead of a blueprint: hand-written files, or a directory with all below it. Kubernetes manifests, the configuration of
    /// Patroni, PostgreSQL, etcd, PgBouncer, pgBackRest, Redis, HAProxy, Alertmanager, Prometheus rules, Route 53 batches.
    #[arg(long = "files", id = "from", value_name = "DIR", conflicts_with_all = ["blueprint", "fix"])]
    pub from: Vec<PathBuf>,
    /// The lowest level that fails; the blueprint's `policy.failOn`, or `error`, when it is not given.
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    pub fail_on: Option<PolicyLevel>,
    /// The level of a rule or group: `K8012=error`, `backup=off`. It wins over the blueprint's `policy.levels`.
    #[arg(long = "level", value_name = "RULE=LEVEL", value_parser = rule_level)]
    pub levels: Vec<(String, PolicyLevel)>,
    /// How findings are printed: FORMAT, or FORMAT=FILE to write a file; several at once.
    ///
    /// Formats: human, concise, json, sarif, junit, github, gitlab, markdown. Without FILE, human goes to stderr and every other
    /// format to stdout; only one of them can. Remarks and the line that counts always go to stderr.
    #[arg(long = "format", value_name = "FORMAT[=FILE]", value_parser = check_format)]
    pub formats: Vec<(CheckFormat, Option<PathBuf>)>,
    /// Write the values that rules know into the blueprint; comments and layout stay.
    #[arg(long)]
    pub fix: bool,
    /// With `--fix`: show what would change, and write nothing.
    #[arg(long, requires = "fix")]
    pub diff: bool,
    /// Templates to use instead of the built-in ones: the rules look at what they write, too.
    #[arg(long, value_name = "DIR", conflicts_with = "from")]
    pub templates: Option<PathBuf>,
    /// The day that waivers are held against, instead of today: `2027-06-30`.
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub now: Option<String>,
    /// Your own rules, in Rego.
    #[command(flatten)]
    pub own: Own,
}

/// Rules in Rego, and what belongs to them.
#[derive(Debug, Args)]
#[command(next_help_heading = "Rules of your own")]
pub struct Own {
    /// Policies in Rego, v0 or v1: a file, or a directory with all `*.rego` below it, `*_test.rego` left out. Rules called `deny`,
    /// `violation` and `warn` (and `deny_…`) are judged over every rendered object of Kubernetes, as conftest does it; those of
    /// packages below `hagen` over the resolved blueprint. docs/policies.md tells how to write one.
    #[arg(long = "policy", value_name = "DIR")]
    pub policies: Vec<PathBuf>,
    /// Only the rules of this package, such as `main`; of all packages when none is named.
    #[arg(long = "namespace", value_name = "PACKAGE", requires = "policies")]
    pub namespaces: Vec<String>,
    /// What policies see as `data`: files of JSON or YAML, or directories of them, whose names become keys.
    #[arg(long, value_name = "PATH", requires = "policies")]
    pub data: Vec<PathBuf>,
}

/// What to do with policies.
#[derive(Debug, Subcommand)]
pub enum Policy {
    /// Run the tests of policies: every rule called `test_…`, as `conftest verify` does.
    Test(PolicyTest),
}

/// Arguments of `policy test`.
#[derive(Debug, Args)]
pub struct PolicyTest {
    /// Policies in Rego with their tests: a file, or a directory with all `*.rego` below it.
    #[arg(required_unless_present = "named", value_name = "DIR")]
    pub policies: Vec<PathBuf>,
    /// The same, as `check` takes it.
    #[arg(long = "policy", id = "named", value_name = "DIR")]
    pub named: Vec<PathBuf>,
    /// What policies see as `data`: files of JSON or YAML, or directories of them, whose names become keys.
    #[arg(long, value_name = "PATH")]
    pub data: Vec<PathBuf>,
    /// How the tests are reported.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: TestFormat,
}

/// How tests are reported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum TestFormat {
    /// What failed, and a line that counts.
    #[default]
    Human,
    /// One JSON document.
    Json,
    /// JUnit XML.
    Junit,
}

fn level(text: &str) -> Result<PolicyLevel, String> {
    match text {
        "off" => Ok(PolicyLevel::Off),
        "info" => Ok(PolicyLevel::Info),
        "warning" => Ok(PolicyLevel::Warning),
        "error" => Ok(PolicyLevel::Error),
        _ => Err("levels are error, warning, info, off".to_owned()),
    }
}

fn rule_level(text: &str) -> Result<(String, PolicyLevel), String> {
    let (rule, given) = text.split_once('=').ok_or("write RULE=LEVEL, such as K8012=error")?;
    Ok((rule.to_owned(), level(given)?))
}

fn check_format(text: &str) -> Result<(CheckFormat, Option<PathBuf>), String> {
    let (format, file) = text.split_once('=').map_or((text, None), |(format, file)| (format, Some(file)));
    let names: Vec<String> = CheckFormat::value_variants()
        .iter()
        .filter_map(|known| Some(known.to_possible_value()?.get_name().to_owned()))
        .collect();
    let format = CheckFormat::from_str(format, false).map_err(|_| format!("formats are {}", names.join(", ")))?;
    match file {
        Some("") => Err("behind `=` stands the file to write".to_owned()),
        file => Ok((format, file.map(PathBuf::from))),
    }
}

fn date(text: &str) -> Result<String, String> {
    if is_date(text) { Ok(text.to_owned()) } else { Err("write a day such as 2027-06-30".to_owned()) }
}

/// Arguments of `rules`.
#[derive(Debug, Args)]
pub struct Rules {
    /// How they are printed.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: RulesFormat,
}

/// How rules are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum RulesFormat {
    /// A table.
    #[default]
    Human,
    /// The page docs/rules.md.
    Markdown,
    /// One JSON document.
    Json,
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
    /// What is rendered, and with which templates.
    #[command(flatten)]
    pub rendering: Rendering,
    /// How findings are printed.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: Format,
}

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub struct Diff {
    /// The blueprint.
    #[command(flatten)]
    pub blueprint: Blueprint,
    /// What is deployed: what `kubectl get … -o yaml` (or json) printed, best with --show-managed-fields; what `aws route53
    /// list-resource-record-sets` and `list-health-checks` printed; what `patronictl show-config`, `redis-cli CONFIG GET '*'`, `CLUSTER NODES` or `SENTINEL REPLICAS` printed; `/api/v1/rules` of Prometheus, or rule files; a directory of such
    /// files; a directory that `hagen render` wrote; `git:REVISION[:DIRECTORY]`. `NAME=PATH` says of which region or cluster a file is:
    /// `us-east-1=dump.yaml`, `us-east-1/patroni-main=config.json`.
    #[arg(long, num_args = 1.., value_name = "PATH")]
    pub against: Vec<String>,
    /// What is deployed, asked of what runs it: of all that the blueprint and `--endpoint` have an address of, or of these kinds.
    /// Nothing is changed: Kubernetes is asked for dry runs of an apply.
    #[arg(long, value_enum, num_args = 0.., value_delimiter = ',', value_name = "KIND")]
    pub live: Option<Vec<LiveKind>>,
    /// Where a live source is: 'prometheus/us-east-1=https://prometheus.example.com', 'patroni/us-east-1/patroni-main=http://10.0.1.11:8008',
    /// 'kubernetes/us-east-1=CONTEXT', 'route53=HOSTED-ZONE-ID'. Without a name, of all of the kind.
    #[arg(long = "endpoint", value_name = "KIND[/NAME]=ADDRESS", value_parser = endpoint, requires = "live")]
    pub endpoints: Vec<Endpoint>,
    /// The longest that one request to a live source may take.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "15s")]
    pub timeout: std::time::Duration,
    /// Write what was found as metrics of Prometheus to a file, such as one that node_exporter's textfile collector reads.
    #[arg(long, value_name = "FILE")]
    pub metrics: Option<PathBuf>,
    /// Put the same to a Pushgateway: 'http://HOST:9091/metrics/job/hagen_diff'.
    #[arg(long, value_name = "URL", value_parser = url)]
    pub push: Option<String>,
    /// The tree that was rendered before, a directory or `git:REVISION[:DIRECTORY]`: what is rendered no more was hagen's.
    #[arg(long, value_name = "DIR|git:REV")]
    pub previous: Option<String>,
    /// Differences up to this risk are shown, and are no reason for status 1.
    #[arg(long, value_enum, value_name = "RISK")]
    pub max_risk: Option<Risk>,
    /// The share of the records of a zone that may change at once, in percent, from 10 records on: more is status 1, whatever
    /// `--max-risk` says.
    #[arg(long, value_name = "PERCENT", default_value = "30%", value_parser = percent)]
    pub change_budget: u8,
    /// Status 0 even if there are differences.
    #[arg(long)]
    pub exit_zero: bool,
    /// Show labels, annotations and fields that others wrote, too, although they change nothing that runs.
    #[arg(long)]
    pub show_unmanaged: bool,
    /// Show the values that differ line by line, as a unified diff.
    #[arg(long)]
    pub unified: bool,
    /// Print to the terminal without a pager: HAGEN_PAGER, PAGER or less.
    #[arg(long)]
    pub no_pager: bool,
    /// What is rendered, and with which templates.
    #[command(flatten)]
    pub rendering: Rendering,
    /// How differences are printed.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: DiffFormat,
}

/// Where a live source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its kind.
    pub kind: LiveKind,
    /// Which one: a region, `REGION/SCOPE`; all of the kind where there is none.
    pub name: Option<String>,
    /// A URL, `HOST:PORT`, a context, the id of a hosted zone.
    pub address: String,
}

fn endpoint(text: &str) -> Result<Endpoint, String> {
    let (whose, address) = text.split_once('=').ok_or("write KIND/NAME=ADDRESS")?;
    let (kind, name) = whose.split_once('/').map_or((whose, None), |(kind, name)| (kind, Some(name.to_owned())));
    let kind = LiveKind::from_str(kind, false)
        .ok()
        .filter(|kind| *kind != LiveKind::Redis)
        .ok_or("the kind is one of kubernetes, route53, prometheus, patroni: nodes of Redis are asked where the blueprint has them")?;
    if address.is_empty() {
        return Err("the address is empty".to_owned());
    }
    let address = if address.contains("://") { url(address)? } else { address.to_owned() };
    Ok(Endpoint { kind, name, address })
}

/// A URL without credentials: they would stand in messages, in the history of the shell and in the list of processes.
fn url(text: &str) -> Result<String, String> {
    const FORM: &str = "write http://HOST/PATH or https://HOST/PATH";
    let (scheme, rest) = text.split_once("://").ok_or(FORM)?;
    if !matches!(scheme, "http" | "https") {
        return Err(FORM.to_owned());
    }
    if rest.split(['/', '?', '#']).next().is_some_and(|host| host.contains('@')) {
        return Err(
            "write no credentials into an address: HAGEN_PROMETHEUS_AUTHORIZATION, HAGEN_PATRONI_AUTHORIZATION and \
                    HAGEN_PUSH_AUTHORIZATION hold what the Authorization header should say"
                .to_owned(),
        );
    }
    Ok(text.to_owned())
}

fn percent(text: &str) -> Result<u8, String> {
    let number = text.strip_suffix('%').unwrap_or(text).parse::<u8>().ok().filter(|percent| *percent <= 100);
    number.ok_or_else(|| "write a share from 0% to 100%".to_owned())
}

fn duration(text: &str) -> Result<std::time::Duration, String> {
    let duration: Duration = text.parse().map_err(|error: UnitError| error.fix)?;
    let duration = std::time::Duration::from_millis(duration.millis());
    if duration.is_zero() { Err("it must be longer than nothing".to_owned()) } else { Ok(duration) }
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// The path of a field, where `*` stands for any name: 'services.*.replicas.min'; or an id that a message, a comment or a
    /// page cites: BP048, F-PT-02, X-PG-6, R-PG-32.
    #[arg(value_name = "PATH|ID")]
    pub path: String,
    /// A blueprint, and overlays: for `postgres.NAME.pool` the connections that it adds up to, each number with its field.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The environment of the blueprint.
    #[arg(short, long, value_name = "ENV", requires = "files")]
    pub environment: Option<String>,
}

/// Arguments of `schema`.
#[derive(Debug, Args)]
pub struct Schema {
    /// The schema of overlays instead: nothing is required, `null` deletes.
    #[arg(long)]
    pub overlay: bool,
    /// The schema of what `--format json` prints instead.
    #[arg(long, conflicts_with = "overlay")]
    pub report: bool,
    /// The schema of what `diff --format json` prints instead.
    #[arg(long, conflicts_with_all = ["overlay", "report"])]
    pub diff: bool,
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
