//! Clients from most of the world get no answer, because no location stands for the others.
//!
//! # What it finds
//! Geolocation records of a name and type, in Route 53's change batches, of which none has `CountryCode: "*"`. A default that
//! the zone has already is not in the files: then leave this to a waiver, or put the default beside them. In a blueprint BP053
//! refuses it.
//!
//! # Why it matters
//! Route 53 answers by the most specific location that fits. Whoever is in none of them, or cannot be placed at all, gets no
//! address: the name does not exist for them.
//!
//! # Example
//! ```json
//! {"Name": "api.example.com", "Type": "A", "SetIdentifier": "na", "GeoLocation": {"ContinentCode": "NA"}}
//! ```
//!
//! # Fix
//! A further record of the same name and type with `"GeoLocation": {"CountryCode": "*"}`.
//!
//! # Source
//! facts.md F-DN-05, X-DN-4: Route 53 documentation, geolocation routing.

use std::collections::BTreeSet;

use super::records::groups;
use crate::rules::kubernetes::objects::text_at;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "DN001",
    name: "locations-without-a-default",
    group: Group::Dns,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for group in groups(estate) {
        let located: Vec<_> = group.iter().filter_map(|set| Some((set, set.node.entry("GeoLocation")?))).collect();
        let Some((first, entry)) = located.first() else { continue };
        if located.iter().any(|(set, _)| text_at(set.node, &["GeoLocation", "CountryCode"]) == Some("*")) {
            continue;
        }
        let codes: BTreeSet<&str> = located
            .iter()
            .filter_map(|(_, entry)| {
                ["SubdivisionCode", "CountryCode", "ContinentCode"]
                    .into_iter()
                    .find_map(|key| text_at(&entry.value, &[key]))
            })
            .collect();
        let codes: Vec<String> = codes.iter().map(|code| code.escape_debug().to_string()).collect();
        findings.push(
            RULE.finding(
                Place::Span(entry.key_span),
                format!("`{}` {} has no default location", first.name().escape_debug(), first.kind().escape_debug()),
            )
            .label(format!("only clients in {} are answered", codes.join(", ")))
            .because("a client that is in none of the locations gets no answer at all (F-DN-05, X-DN-4)")
            .fix("add a record of this name and type with `\"GeoLocation\": {\"CountryCode\": \"*\"}`"),
        );
    }
}
