//! The rules: what is legal and will still hurt. One file a rule, in the folder of its family.
//!
//! A rule sees the resolved blueprint, or files: hand-written ones or those that hagen rendered. It knows no clock, file
//! system, network or stream, and it knows nothing of levels that a policy changes or of waivers: [`policy`] applies those.

pub mod elsewhere;
pub mod policy;
mod promised;
pub mod rendered;
mod rule;
mod settings;
mod view;
pub mod waiver;

mod alerts;
mod backup;
mod dns;
mod edge;
mod kubernetes;
mod postgres;
mod redis;
mod resilience;
mod runbooks;
mod targets;

pub use rule::{Check, Group, HEADINGS, Rule};

use std::collections::HashSet;

use rayon::prelude::*;

use crate::blueprint::Blueprint;
use crate::diagnostics::Diagnostic;
use crate::estate::Estate;
use view::View;

/// The rules of a family, by id.
const fn of(group: Group) -> &'static [&'static Rule] {
    match group {
        Group::Kubernetes => kubernetes::RULES,
        Group::Postgres => postgres::RULES,
        Group::Backup => backup::RULES,
        Group::Redis => redis::RULES,
        Group::Dns => dns::RULES,
        Group::Edge => edge::RULES,
        Group::Resilience => resilience::RULES,
        Group::Alerts => alerts::RULES,
        Group::Targets => targets::RULES,
        Group::Runbooks => runbooks::RULES,
    }
}

/// All rules, by family and id.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    Group::ALL.into_iter().flat_map(|group| of(group).iter().copied())
}

/// The rule of an id, in large or small letters, or of a name.
pub fn find(id: &str) -> Option<&'static Rule> {
    all().find(|rule| rule.id.eq_ignore_ascii_case(id) || rule.name == id)
}

/// What the rules find in a blueprint, in the order of the rules.
pub fn check(blueprint: &Blueprint) -> Vec<Diagnostic> {
    let rules: Vec<&Rule> = all().collect();
    let found: Vec<Vec<Diagnostic>> = rules
        .par_iter()
        .map(|rule| {
            let mut findings = Vec::new();
            if let Check::Blueprint(check) | Check::Both(check, _) = rule.check {
                check(blueprint, &mut findings);
            }
            findings
        })
        .collect();
    found.into_iter().flatten().collect()
}

/// What the rules find in files, in the order of the rules; the files of each cluster are looked at by themselves.
pub fn check_files(estate: &Estate) -> Vec<Diagnostic> {
    in_files(estate, |rule| match rule.check {
        Check::Files(check) | Check::Both(_, check) => Some(check),
        Check::Blueprint(_) => None,
    })
}

/// What the rules find in files that a blueprint was rendered to: those that cannot say it of the blueprint itself, which knows
/// more than its files show.
fn check_rendered(estate: &Estate) -> Vec<Diagnostic> {
    in_files(estate, |rule| match rule.check {
        Check::Files(check) => Some(check),
        Check::Blueprint(_) | Check::Both(..) => None,
    })
}

fn in_files(estate: &Estate, of: impl Fn(&Rule) -> Option<rule::OfFiles> + Sync) -> Vec<Diagnostic> {
    let checks: Vec<rule::OfFiles> = all().filter_map(of).collect();
    let clusters = estate.clusters();
    let views: Vec<View<'_>> = clusters.iter().map(View::new).collect();
    let runs: Vec<(&rule::OfFiles, &View<'_>)> =
        checks.iter().flat_map(|check| views.iter().map(move |view| (check, view))).collect();
    let found: Vec<Vec<Diagnostic>> = runs
        .into_par_iter()
        .map(|(check, view)| {
            let mut findings = Vec::new();
            check(view, &mut findings);
            findings
        })
        .collect();
    let mut findings: Vec<Diagnostic> = found.into_iter().flatten().collect();
    if clusters.len() > 1 {
        // What lies in no cluster's directory was looked at with each of them.
        let mut seen = HashSet::new();
        findings
            .retain(|found| seen.insert((found.id.clone(), format!("{:?}", found.primary.place), found.title.clone())));
    }
    findings
}

/// What every rule needs.
mod prelude {
    pub(super) use super::rule::{Check, Group, Rule};
    pub(super) use super::view::View;
    pub(super) use crate::blueprint::Blueprint;
    pub(super) use crate::diagnostics::{Diagnostic, Level, Place};
    pub(super) use crate::estate::{Estate, Kind};
    pub(super) use crate::path;
}
