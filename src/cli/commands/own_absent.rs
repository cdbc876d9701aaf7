//! What stands in for rules in Rego in a build that leaves them out: it says so.

use super::policy::Tested;
use crate::blueprint::Blueprint;
use crate::cli::Failure;
use crate::cli::args::{Own, PolicyTest};
use crate::cli::output::Output;
use crate::diagnostics::Diagnostic;
use crate::document::Document;
use crate::estate::Estate;
use crate::render::ArtifactSet;

/// There are none.
pub enum Rules {}

fn absent() -> Failure {
    Failure::new("this hagen was built without Rego").hint("build it with the feature `rego`, which is on by default")
}

impl Rules {
    /// Refuses policies.
    pub fn read(args: &Own) -> Result<Option<Self>, Failure> {
        if args.policies.is_empty() { Ok(None) } else { Err(absent()) }
    }

    /// Nobody can ask.
    pub fn ids(&self) -> Vec<String> {
        match *self {}
    }

    /// Nobody can ask.
    pub fn check(
        &self,
        _: &Blueprint,
        _: &Document,
        _: &ArtifactSet,
        _: &mut Output,
    ) -> Result<Vec<Diagnostic>, Failure> {
        match *self {}
    }

    /// Nobody can ask.
    pub fn check_files(&self, _: &Estate, _: &mut Output) -> Result<Vec<Diagnostic>, Failure> {
        match *self {}
    }
}

/// Refuses policies.
pub fn test(_: &PolicyTest) -> Result<Vec<Tested>, Failure> {
    Err(absent())
}
