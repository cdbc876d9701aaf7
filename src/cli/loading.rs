//! From the files that a command names to blueprints: what `validate` and `render` do first, in the same way.

use super::Failure;
use crate::blueprint::load::{self, Files, Loaded};
use crate::cli::{args, inputs};
use crate::render;

/// The files that were named, parsed.
pub fn files(args: &args::Blueprint) -> Result<Files, Failure> {
    Ok(load::parse(inputs::read(&args.files)?))
}

/// One base in an environment, with the problems that only the renderers know.
pub fn load(files: &Files, base: usize, environment: Option<&str>) -> Loaded {
    let mut loaded = files.load(base, environment);
    if let Some(blueprint) = &loaded.blueprint {
        let problems = render::problems(blueprint);
        if !problems.is_empty() {
            loaded.problems.extend(problems);
            load::sort(&loaded.document, &mut loaded.problems);
        }
    }
    if loaded.is_invalid() {
        loaded.blueprint = None;
    }
    loaded
}
