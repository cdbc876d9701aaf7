//! From texts to blueprints that can be rendered: what every command does first, in the same way.
//!
//! It stands beside the stages because it joins two of them: the blueprint's own checks and what only the renderers know.

use crate::blueprint::load::{self, Files, Loaded};
use crate::render;
use crate::rules;

/// One base with its overlays in an environment, with the problems that only the renderers know. With an error among them
/// there is no blueprint.
pub fn load(files: &Files, base: usize, environment: Option<&str>) -> Loaded {
    let mut loaded = files.load(base, environment);
    if let Some(blueprint) = &loaded.blueprint {
        loaded.problems.extend(render::problems(blueprint));
        loaded.problems.extend(rules::policy::problems(blueprint));
        load::sort(&loaded.document, &mut loaded.problems);
    }
    if loaded.is_invalid() {
        loaded.blueprint = None;
    }
    loaded
}

/// One base alone and in each of its environments; in one environment only, if one is given (decision 3). A problem that the
/// base has alone is not said again for its environments.
pub fn load_all(files: &Files, base: usize, environment: Option<&str>) -> Vec<Loaded> {
    if environment.is_some() {
        return vec![load(files, base, environment)];
    }
    let alone = load(files, base, None);
    let mut runs = Vec::new();
    if files.is_readable() {
        for name in files.environments(base) {
            let mut run = load(files, base, Some(&name));
            run.problems.retain(|problem| !alone.problems.contains(problem));
            runs.push(run);
        }
    }
    runs.insert(0, alone);
    runs
}
