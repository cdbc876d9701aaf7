//! Records of one name and type are chosen by different policies.
//!
//! # What it finds
//! Record sets of one name and type, in Route 53's change batches, of which one has another routing field (`Failover`,
//! `GeoLocation`, `Weight`, `Region`, `MultiValueAnswer`, …) than the first, or none where the first has one. Batches for
//! the same hosted zone are looked at together; what a `DELETE` takes away does not count. A blueprint has one `routing` for
//! a name.
//!
//! # Why it matters
//! Route 53 refuses the change, and with it the whole batch.
//!
//! # Example
//! ```json
//! [{"Name": "api.example.com", "Type": "A", "SetIdentifier": "eu", "GeoLocation": {"ContinentCode": "EU"}},
//!  {"Name": "api.example.com", "Type": "A", "SetIdentifier": "second", "Failover": "SECONDARY"}]
//! ```
//!
//! # Fix
//! Nest: the name has one policy, and its records are aliases to names below, each with the policy of its own.
//!
//! # Source
//! facts.md F-DN-06: Route 53 documentation, values of record sets.

use super::records::{Set, groups};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "DN006",
    name: "policies-mixed",
    group: Group::Dns,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for group in groups(estate) {
        let Some(first) = group.first() else { continue };
        let Some(other) = group.iter().find(|set| word(**set) != word(*first)) else { continue };
        findings.push(
            RULE.finding(
                place(*other),
                format!("`{}` {} has two routing policies", first.name().escape_debug(), first.kind().escape_debug()),
            )
            .label(word(*other))
            .also(place(*first), word(*first))
            .because(
                "the records of a name and type are all chosen in the same way; Route 53 refuses the batch (F-DN-06)",
            )
            .fix("give each policy a name of its own, and let the upper one lead to it by alias records"),
        );
    }
}

/// How a set is chosen, in a word.
fn word(set: Set<'_>) -> &str {
    set.policy().map_or("simple", |entry| &entry.key)
}

fn place(set: Set<'_>) -> Place {
    let name = set.node.get("Name").map_or(set.node.span, |name| name.span);
    Place::Span(set.policy().map_or(name, |entry| entry.key_span))
}
