//! A batch of DNS changes is larger than Route 53 takes.
//!
//! # What it finds
//! A batch with more than 1000 records (each value and each alias is one) or more than 32,000 characters of values; those of
//! an `UPSERT` count twice. hagen cuts its batches itself.
//!
//! # Why it matters
//! The request is refused as a whole, when it is needed.
//!
//! # Example
//! ```json
//! {"Changes": [{"Action": "UPSERT"}]}
//! ```
//! with 501 such changes of one value each.
//!
//! # Fix
//! Several batches: what aliases lead to first, then the aliases.
//!
//! # Source
//! facts.md F-DN-12: Route 53 documentation, quotas.

use super::records::{changes, values};
use crate::document::Node;
use crate::rules::kubernetes::objects::{list, text_at};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "DN016",
    name: "batch-too-large",
    group: Group::Dns,
    level: Level::Warning,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

const RECORDS: usize = 1000;
const CHARACTERS: usize = 32_000;

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for batch in estate.of(Kind::Route53Changes) {
        let Some(changes) = changes(batch) else { continue };
        let (mut records, mut characters) = (0, 0);
        for change in list(changes) {
            let (more, longer) = size(change);
            records += more;
            characters += longer;
        }
        let (count, most, what) = match () {
            () if records > RECORDS => (records, RECORDS, "records"),
            () if characters > CHARACTERS => (characters, CHARACTERS, "characters of values"),
            () => continue,
        };
        findings.push(
            RULE.finding(Place::Span(changes.span), format!("a batch of {count} {what} is refused"))
                .label("all in one request")
                .because(format!(
                    "Route 53 takes {most} {what} in a request, and counts those of an UPSERT twice (F-DN-12)"
                ))
                .fix(format!("cut it into {} batches or more", count.div_ceil(most))),
        );
    }
}

/// How many records and characters of values a change counts for.
fn size(change: &Node) -> (usize, usize) {
    let Some(set) = change.get("ResourceRecordSet") else { return (0, 0) };
    let times = if text_at(change, &["Action"]) == Some("UPSERT") { 2 } else { 1 };
    let alias = usize::from(set.get("AliasTarget").is_some());
    let (count, length) =
        values(set).fold((alias, 0), |(count, length), value| (count + 1, length + value.chars().count()));
    (times * count, times * length)
}
