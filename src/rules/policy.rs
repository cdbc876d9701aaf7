//! What a policy makes of findings: levels that differ from the rules' own, who decided so, waivers, and what fails.

use std::collections::BTreeMap;

use super::{Group, find, waiver};
use crate::blueprint::Blueprint;
use crate::blueprint::raw::{Policy, PolicyLevel};
use crate::diagnostics::{Diagnostic, Level, Place, nearest, registry};
use crate::document::{Document, Path};
use crate::path;

/// What the command line says of levels and days.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// The lowest level that fails; the blueprint's `policy.failOn` when it is not given.
    pub fail_on: Option<PolicyLevel>,
    /// Levels by rule id or group; the last one counts.
    pub levels: Vec<(String, PolicyLevel)>,
    /// The day that waivers are held against, as `2027-06-30`.
    pub today: String,
    /// The ids of the rules in Rego that were given; `None` when there were none to run, so that nothing is known of them.
    pub own: Option<Vec<String>>,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The findings that are reported, with their levels; the waived ones among them.
    pub findings: Vec<Diagnostic>,
    /// What is to be said of waivers that nothing falls under; another environment may need them.
    pub unused: Vec<Diagnostic>,
}

impl From<PolicyLevel> for Option<Level> {
    fn from(level: PolicyLevel) -> Self {
        match level {
            PolicyLevel::Off => None,
            PolicyLevel::Info => Some(Level::Info),
            PolicyLevel::Warning => Some(Level::Warning),
            PolicyLevel::Error => Some(Level::Error),
        }
    }
}

/// Whether a finding means that the blueprint cannot be used: no policy changes that.
pub fn is_fixed(finding: &Diagnostic) -> bool {
    finding.level == Level::Error && registry::find(&finding.id).is_some()
}

/// Whether a name is that of something whose level can be set: a rule, a group, or a check that only warns.
fn is_known(name: &str) -> bool {
    find(name).is_some_and(|rule| rule.id.eq_ignore_ascii_case(name))
        || Group::ALL.iter().any(|group| group.name() == name)
        || name == SECURITY
        || is_own(name)
        || registry::find(name).is_some()
}

/// The group that lies across the families.
pub const SECURITY: &str = "security";

/// The group of all rules in Rego, and what their ids begin with.
pub const OWN: &str = "rego";

/// Whether a name is that of rules in Rego: one of them, those of a package, all of them.
pub fn is_own(name: &str) -> bool {
    name == OWN || name.strip_prefix(OWN).is_some_and(|rest| rest.starts_with('.'))
}

/// Whether a name means a rule in Rego: the rule itself, or what its id begins with.
fn means_own(name: &str, id: &str) -> bool {
    is_own(name) && id.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The nearest name to one that is not known, as a fix.
fn instead(name: &str) -> String {
    let ids = super::all().map(|rule| rule.id).chain(registry::checks().map(|check| check.id));
    let groups = Group::ALL.iter().map(|group| group.name()).chain([SECURITY]);
    match nearest(name, ids.chain(groups)) {
        Some(near) => format!("did you mean `{near}`? `hagen rules` lists them all"),
        None => "`hagen rules` lists them all".to_owned(),
    }
}

/// What is wrong with the levels of the command line.
pub fn unknown(flags: &Flags) -> Option<(String, String)> {
    if let Some((name, _)) = flags.levels.iter().find(|(name, _)| !is_known(name)) {
        return Some((format!("there is no rule or group `{}`", name.escape_debug()), instead(name)));
    }
    // A rule in Rego is only known where it is given.
    let own = flags.own.as_ref()?;
    let absent = |name: &str| is_own(name) && name != OWN && !own.iter().any(|id| means_own(name, id));
    let (name, _) = flags.levels.iter().find(|(name, _)| absent(name))?;
    let message = format!("the policies have no rule or package `{}`", name.escape_debug());
    Some((message, format!("they have: {}", own.join(", "))))
}

/// What is wrong with the policy of a blueprint: names that mean nothing, days that do not exist.
pub fn problems(blueprint: &Blueprint) -> Vec<Diagnostic> {
    let policy = &blueprint.spec.policy;
    let mut problems = Vec::new();
    let mut name = |place: Place, name: &str| {
        if !is_known(name) {
            problems.push(
                Diagnostic::error("BP171", place, format!("there is no rule or group `{}`", name.escape_debug()))
                    .fix(instead(name)),
            );
        }
    };
    for level in policy.levels.keys() {
        name(Place::Key(path!["policy", "levels", level]), level);
    }
    for (index, waiver) in policy.waive.iter().enumerate() {
        name(Place::Value(path!["policy", "waive"].index(index).key("rule")), &waiver.rule);
    }
    for (index, written) in policy.waive.iter().enumerate() {
        if !waiver::is_date(&written.until) {
            problems.push(
                Diagnostic::error(
                    "BP172",
                    Place::Value(path!["policy", "waive"].index(index).key("until")),
                    format!("`{}` is no day of the calendar", written.until.escape_debug()),
                )
                .fix("write the last day on which it holds: `2027-06-30`"),
            );
        }
    }
    problems
}

/// Who set a level.
enum By<'a> {
    Blueprint(&'a str),
    Flag(&'a str),
}

/// The level that a policy gives to a finding, and who decided so; the blueprint's group, its id, the flags in their order.
fn decided<'a>(
    finding: &Diagnostic,
    levels: &'a BTreeMap<String, PolicyLevel>,
    flags: &'a Flags,
) -> Option<(PolicyLevel, By<'a>)> {
    let rule = find(&finding.id);
    let meant = |name: &str| {
        name.eq_ignore_ascii_case(&finding.id)
            || means_own(name, &finding.id)
            || rule.is_some_and(|rule| rule.group.name() == name || (rule.security && name == SECURITY))
    };
    let written = levels.iter().filter(|(name, _)| meant(name));
    // An id says more than a group, and a group more than what lies across the groups; of two groups of Rego the longer name.
    let written =
        written.max_by_key(|(name, _)| (name.eq_ignore_ascii_case(&finding.id), *name != SECURITY, name.len()));
    let flag = flags.levels.iter().rev().find(|(name, _)| meant(name));
    match (flag, written) {
        (Some((name, level)), _) => Some((*level, By::Flag(name))),
        (None, Some((name, level))) => Some((*level, By::Blueprint(name))),
        (None, None) => None,
    }
}

/// The findings with the levels that the policy gives them; without those that it turns off.
pub fn leveled(
    policy: &Policy,
    document: &Document,
    flags: &Flags,
    found: impl IntoIterator<Item = Diagnostic>,
) -> Vec<Diagnostic> {
    let levels = &policy.levels;
    let mut findings = Vec::new();
    for mut finding in found {
        if !is_fixed(&finding)
            && let Some((level, by)) = decided(&finding, levels, flags)
        {
            let Some(level) = Option::<Level>::from(level) else { continue };
            if level != finding.level {
                let who = match by {
                    By::Flag(name) => format!("`--level {name}={}`", level.name()),
                    By::Blueprint(name) => place(document, &path!["policy", "levels", name]),
                };
                finding.decided = Some(format!("{} by {who}; {} by default", level.name(), finding.level.name()));
                finding.level = level;
            }
        }
        findings.push(finding);
    }
    findings
}

/// Levels and waivers.
pub fn apply(policy: &Policy, document: &Document, flags: &Flags, found: Vec<Diagnostic>) -> Verdict {
    let mut findings = leveled(policy, document, flags, found);
    let (mut waivers, broken) = waiver::all(policy, document);
    // Whether a rule that did not run would have found something is not known.
    waivers.retain(|waiver| flags.own.is_some() || !is_own(waiver.rule()));
    let said = waiver::apply(&mut waivers, document, &flags.today, is_fixed, &mut findings);
    findings.extend(leveled(policy, document, flags, broken.into_iter().chain(said.ended)));
    Verdict { findings, unused: said.unused }
}

/// Whether one of the findings fails the check.
pub fn fails(policy: &Policy, flags: &Flags, findings: &[Diagnostic]) -> bool {
    let fail_on = flags.fail_on.unwrap_or(policy.fail_on);
    findings.iter().any(|finding| is_fixed(finding) || (finding.waived.is_none() && reaches(finding.level, fail_on)))
}

/// Whether a level is at or above the one that fails.
pub const fn reaches(level: Level, fail_on: PolicyLevel) -> bool {
    match fail_on {
        PolicyLevel::Off => false,
        PolicyLevel::Info => true,
        PolicyLevel::Warning => matches!(level, Level::Error | Level::Warning),
        PolicyLevel::Error => matches!(level, Level::Error),
    }
}

/// A field with where it stands: `policy.levels.PG007 (blueprint.yaml:310)`.
fn place(document: &Document, path: &Path) -> String {
    let span = document.span(&Place::Key(path.clone()));
    document.sources.get(span.file as usize).map_or_else(
        || format!("`{path}`"),
        |source| format!("`{path}` ({}:{})", source.name, source.position(span.start).line),
    )
}
