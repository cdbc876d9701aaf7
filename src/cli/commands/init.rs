//! `hagen init`: a blueprint to start from.

use std::io::Write;
use std::path::Path;

use crate::blueprint::schema;
use crate::cli::args::Init;
use crate::cli::output::Output;
use crate::cli::{ExitStatus, Failure};

/// The shipped blueprints, by name.
pub const SHIPPED: [(&str, &str); 6] = [
    ("minimal", include_str!("../../../blueprints/minimal.yaml")),
    ("one-service", include_str!("../../../examples/one-service/blueprint.yaml")),
    ("data-on-hosts", include_str!("../../../examples/data-on-hosts/blueprint.yaml")),
    ("active-passive", include_str!("../../../examples/active-passive/blueprint.yaml")),
    ("agentic-platform", include_str!("../../../blueprints/agentic-platform.yaml")),
    ("loopback-hosts", include_str!("../../../blueprints/loopback-hosts.yaml")),
];

/// The schema that an editor finds beside the blueprint.
const SCHEMA: &str = "hagen.schema.json";

/// Writes `blueprint.yaml` and the schema of the language into a directory; never over a file that is there.
pub fn run(args: &Init, output: &mut Output) -> Result<ExitStatus, Failure> {
    // The names were checked with the arguments.
    let text = SHIPPED.iter().find(|(name, _)| *name == args.from).map_or("", |(_, text)| text);
    let path = args.directory.join("blueprint.yaml");
    let made = std::fs::create_dir_all(&args.directory);
    made.map_err(|error| Failure::system("make", &args.directory, &error))?;
    create(&path, &with_schema(text)).map_err(|error| Failure::system("write", &path, &error))?;
    let schema = args.directory.join(SCHEMA);
    let text =
        serde_json::to_string_pretty(&*schema::SCHEMA).map_err(|error| Failure::new(format!("the schema: {error}")))?;
    let written = match create(&schema, &format!("{text}\n")) {
        Ok(()) => format!(" and {} (for editors)", schema.display()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            output.note(&format!("{} is left as it is; `hagen schema` prints this version's", schema.display()));
            String::new()
        }
        Err(error) => return Err(Failure::system("write", &schema, &error)),
    };
    output.note(&format!("{}{written} written. Next: hagen validate {0}", path.display()));
    Ok(ExitStatus::Ok)
}

/// Writes a file that is not there yet.
fn create(path: &Path, text: &str) -> std::io::Result<()> {
    std::fs::File::options().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

/// A blueprint whose first line tells editors where the schema is: beside it.
fn with_schema(text: &str) -> String {
    let body = match text.split_once('\n') {
        Some((first, rest)) if first.contains("$schema=") => rest,
        _ => text,
    };
    format!("# yaml-language-server: $schema=./{SCHEMA}\n{body}")
}
