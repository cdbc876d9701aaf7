//! `hagen schema`: the JSON Schema of the language, and of reports.

use crate::blueprint::schema;
use crate::cli::args::Schema;
use crate::cli::output::Output;
use crate::cli::{ExitStatus, Failure};
use crate::report;

/// Prints the schema.
pub fn run(args: &Schema, output: &mut Output) -> Result<ExitStatus, Failure> {
    let text = if args.diff {
        serde_json::to_string_pretty(&report::diff::schema())
    } else if args.report {
        serde_json::to_string_pretty(&report::schema())
    } else if args.overlay {
        serde_json::to_string_pretty(&schema::overlay())
    } else {
        serde_json::to_string_pretty(&*schema::SCHEMA)
    };
    let text = text.map_err(|error| Failure::new(format!("the schema: {error}")))?;
    output.result(&text);
    output.result("\n");
    Ok(ExitStatus::Ok)
}
