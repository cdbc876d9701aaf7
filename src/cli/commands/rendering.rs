//! What several commands begin with: one blueprint, and what it renders to, accepted by the readers.

use std::collections::BTreeMap;

use super::templates;
use crate::blueprint::Blueprint;
use crate::blueprint::load::{self, Loaded};
use crate::cli::args::{self, Rendering};
use crate::cli::{Failure, inputs};
use crate::loading;
use crate::render::{ArtifactSet, Object, Selection, render};
use crate::verify::verify;

/// The one blueprint that was named, loaded.
pub(super) fn one(named: &args::Blueprint) -> Result<Loaded, Failure> {
    let files = load::parse_decoded(inputs::read(&named.files)?);
    if files.bases() > 1 {
        return Err(Failure::new("more than one blueprint was named")
            .hint("`kind: Overlay` makes a file a patch for the first one; name one blueprint at a time"));
    }
    super::known_environment(&files, named.environment.as_deref())?;
    Ok(loading::load(&files, 0, named.environment.as_deref()))
}

/// What is rendered, accepted by the readers.
pub(super) struct Rendered {
    pub set: ArtifactSet,
    pub objects: BTreeMap<String, Vec<Object>>,
    pub selection: Selection,
}

/// Renders what was asked for. What the real system would refuse goes nowhere.
pub(super) fn rendered(args: &Rendering, blueprint: &Blueprint) -> Result<Rendered, Failure> {
    for region in &args.region {
        if blueprint.region(region).is_none() {
            let names: Vec<&str> = blueprint.regions.iter().map(|r| r.name.as_str()).collect();
            return Err(Failure::new(format!("there is no region `{region}`"))
                .hint(format!("the blueprint has: {}", names.join(", "))));
        }
    }
    let engine = templates::engine(args.templates.as_deref())?;
    let selection = Selection { only: args.only.clone(), skip: args.skip.clone(), regions: args.region.clone() };
    let set = render(blueprint, &engine, &selection).map_err(|errors| templates::failure(&errors))?;
    let verified = verify(blueprint, &set, &selection);
    if !verified.problems.is_empty() {
        return Err(templates::refused(&verified.problems));
    }
    Ok(Rendered { set, objects: verified.objects, selection })
}
