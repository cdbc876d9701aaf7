//! A fallback is declared, and nothing says when the first call is given up.
//!
//! # What it finds
//! A need with a `fallback` and no `timeout`, or whose fallback has none: a fallback that is not a need of the service itself has
//! no place for one. Whether both fit into what callers wait is BP132.
//!
//! # Why it matters
//! A dependency that hangs is worse than one that refuses: without a timeout the fallback is reached when the client library
//! gives up by its own default, long after the caller has gone.
//!
//! # Example
//! ```yaml
//! services:
//!   gateway:
//!     needs:
//!       external.claude: {fallback: external.openai}
//!       external.openai: {timeout: 20s}
//! ```
//!
//! # Fix
//! A `timeout` for each of the two, together no longer than the caller waits.
//!
//! # Source
//! facts.md X-IS-3: outer timeouts hold inner ones.

use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "RT012",
    name: "fallback-without-time",
    group: Group::Resilience,
    level: Level::Warning,
    security: false,
    fields: &["services.*.needs.*.fallback", "services.*.needs.*.timeout"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for service in &blueprint.services {
        let needs = path!["services", service.name, "needs"];
        for need in &service.needs {
            let Some(fallback) = &need.spec.fallback else { continue };
            let at = needs.key(&need.reference);
            let second = service.needs.iter().find(|other| other.reference == fallback.as_str());
            let finding = if need.spec.timeout.is_none() {
                RULE.finding(
                    Place::Value(at.key("fallback")),
                    format!("`{}` may never reach its fallback for `{}`", service.name, need.reference),
                )
                .label("instead of what is never given up")
                .also(Place::Key(at), "no `timeout`")
                .fix("write `timeout`: how long it may take before the fallback is called")
            } else if second.is_none_or(|second| second.spec.timeout.is_none()) {
                let written = second.map_or(at.clone(), |_| needs.key(fallback.as_str()));
                let fix = if second.is_some() {
                    "write its `timeout`"
                } else {
                    "make it a need of the service as well, with a `timeout`"
                };
                RULE.finding(
                    Place::Value(at.key("fallback")),
                    format!("the fallback of `{}` for `{}` has no timeout", service.name, need.reference),
                )
                .label("may take for ever")
                .also(Place::Key(written), "no `timeout` for it here")
                .fix(fix)
            } else {
                continue;
            };
            findings.push(finding.because("what hangs is given up only by a timeout; without one the caller has gone before the fallback answers (X-IS-3)"));
        }
    }
}
