//! `hagen init`: a blueprint to start from.

use std::io::Write;

use crate::cli::args::Init;
use crate::cli::output::Output;
use crate::cli::{ExitStatus, Failure};
use crate::diagnostics::nearest;

/// The shipped blueprints, by name.
pub const SHIPPED: &[(&str, &str)] = &[
    ("agentic-platform", include_str!("../../../blueprints/agentic-platform.yaml")),
    ("loopback-hosts", include_str!("../../../blueprints/loopback-hosts.yaml")),
    ("minimal", include_str!("../../../blueprints/minimal.yaml")),
];

/// Writes `blueprint.yaml` into a directory; never over a file that is there.
pub fn run(args: &Init, output: &mut Output) -> Result<ExitStatus, Failure> {
    let names: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
    let Some((_, text)) = SHIPPED.iter().find(|(name, _)| *name == args.from) else {
        let hint = nearest(&args.from, names.iter().copied())
            .map_or_else(|| format!("there are: {}", names.join(", ")), |near| format!("did you mean `{near}`?"));
        return Err(Failure::new(format!("no shipped blueprint is called `{}`", args.from)).hint(hint));
    };
    let path = args.directory.join("blueprint.yaml");
    let failed = |error: std::io::Error| {
        let failure = Failure::new(format!("{}: {error}", path.display()));
        match error.kind() {
            std::io::ErrorKind::AlreadyExists => failure.hint("it is left as it is; name another directory"),
            _ => failure,
        }
    };
    std::fs::create_dir_all(&args.directory).map_err(failed)?;
    let mut file = std::fs::File::options().write(true).create_new(true).open(&path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    output.note(&format!("{} written. Next: hagen validate {0}", path.display()));
    Ok(ExitStatus::Ok)
}
