//! Critical alerts go to a mailbox or a chat channel, and wake nobody.
//!
//! # What it finds
//! `monitoring`, and no contact of `operations.escalation` has a pager (`pagerduty`), while mail or chat are there. Where
//! not even these are, BP221 says so.
//!
//! # Why it matters
//! At night a message is read in the morning. Every recovery that needs people then has no bound, whatever is promised.
//!
//! # Example
//! ```yaml
//! operations:
//!   contacts: {on-call: {email: on-call@example.org, respondWithin: 15m}}
//!   escalation: [on-call]
//! ```
//!
//! # Fix
//! `pagerduty: {secret: NAME, key: KEY}` for the first contact; chat stays beside it. A mail address that pages is waived
//! with that reason.
//!
//! # Source
//! facts.md X-HU-1.

use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "AL018",
    name: "critical-alerts-page-nobody",
    group: Group::Alerts,
    level: Level::Warning,
    security: false,
    fields: &["operations.escalation", "operations.contacts.*.pagerduty", "operations.smtp", "operations.slack"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let operations = &blueprint.spec.operations;
    let contacts = || operations.escalation.iter().filter_map(|name| operations.contacts.get(name));
    if blueprint.spec.monitoring.is_none() || contacts().any(|contact| contact.pagerduty.is_some()) {
        return;
    }
    let mail = operations.smtp.is_some() && contacts().any(|contact| contact.email.is_some());
    let chat = operations.slack.is_some() && operations.channels.incidents.is_some();
    let way = match (mail, chat) {
        (true, true) => "a mailbox and a chat channel",
        (true, false) => "a mailbox",
        (false, true) => "a chat channel",
        (false, false) => return,
    };
    let at = path!["operations", "escalation"];
    let place = if operations.escalation.is_empty() { Place::Key(at) } else { Place::Value(at.index(0)) };
    findings.push(
        RULE.finding(place, "critical alerts wake nobody")
            .label("nobody here has a pager")
            .because(format!("they go to {way}, which is read in the morning: until then nothing is decided (X-HU-1)"))
            .fix("give the first contact `pagerduty: {secret: NAME, key: KEY}`"),
    );
}
