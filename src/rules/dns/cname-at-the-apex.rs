//! A CNAME stands at the apex of its zone.
//!
//! # What it finds
//! In Route 53's change batches a CNAME of a name that also has an SOA, or an NS record, among the files. Which name is the
//! apex is not in a file without them: then nothing is said. hagen renders aliases only.
//!
//! # Why it matters
//! Beside a CNAME a name can have nothing else, and the apex always has SOA and NS: Route 53 refuses the batch.
//!
//! # Example
//! ```json
//! [{"Name": "example.com", "Type": "NS", "TTL": 300, "ResourceRecords": [{"Value": "ns-1.example.net"}]},
//!  {"Name": "example.com", "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": "lb.example.net"}]}]
//! ```
//!
//! # Fix
//! An alias record of type A, and AAAA: it may stand at the apex.
//!
//! # Source
//! facts.md F-DN-09: Route 53 documentation, alias records and others.

use std::collections::BTreeMap;

use super::records::{plain, sets};
use crate::rules::kubernetes::objects::text_at;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "DN010",
    name: "cname-at-the-apex",
    group: Group::Dns,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let mut apexes = BTreeMap::new();
    for (batch, set) in sets(estate).filter(|(_, set)| matches!(set.kind(), "NS" | "SOA")) {
        let zone = text_at(batch, &["HostedZoneId"]).unwrap_or_default();
        apexes.entry((zone, plain(set.name()))).or_insert(set);
    }
    for (batch, set) in sets(estate).filter(|(_, set)| set.kind() == "CNAME") {
        let zone = text_at(batch, &["HostedZoneId"]).unwrap_or_default();
        let Some(apex) = apexes.get(&(zone, plain(set.name()))) else { continue };
        let place =
            |set: &super::records::Set<'_>| Place::Span(set.node.get("Type").map_or(set.node.span, |node| node.span));
        findings.push(
            RULE.finding(place(&set), format!("`{}` cannot be a CNAME", set.name().escape_debug()))
                .label("beside it nothing else may stand")
                .also(place(apex), "and this does")
                .because("a CNAME allows no other record of its name, and the apex of a zone always has SOA and NS (F-DN-09)")
                .fix("write an alias record of type A (and AAAA) instead"),
        );
    }
}
