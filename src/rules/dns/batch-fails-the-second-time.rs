//! A batch of DNS changes can be applied once only.
//!
//! # What it finds
//! `Action: CREATE` in a batch of changes for Route 53. hagen itself renders `UPSERT` only.
//!
//! # Why it matters
//! `CREATE` fails when the record exists, and a batch is applied as a whole or not at all. A second run, after a first one of
//! which nobody knows how far it came, changes nothing: not the record that exists, and none of the others.
//!
//! # Example
//! ```json
//! {"Changes": [{"Action": "CREATE", "ResourceRecordSet": {"Name": "api.example.com", "Type": "A"}}]}
//! ```
//!
//! # Fix
//! `"Action": "UPSERT"`.
//!
//! # Source
//! facts.md F-DN-11: Route 53, ChangeResourceRecordSets.

use super::records::all_changes;
use crate::rules::kubernetes::objects::{at, text_at};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "DN002",
    name: "batch-fails-the-second-time",
    group: Group::Dns,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for (_, change) in all_changes(estate) {
        let Some(action) = at(change, &["Action"]).filter(|_| text_at(change, &["Action"]) == Some("CREATE")) else {
            continue;
        };
        let name = text_at(change, &["ResourceRecordSet", "Name"]).unwrap_or("a record");
        findings.push(
            RULE.finding(
                Place::Span(action.span),
                format!("the batch with `{}` can be applied once only", name.escape_debug()),
            )
            .label("fails where the record exists, and the whole batch with it")
            .because("CREATE refuses a record that exists, and a batch is applied as a whole or not at all (F-DN-11)")
            .fix("write `\"Action\": \"UPSERT\"`"),
        );
    }
}
