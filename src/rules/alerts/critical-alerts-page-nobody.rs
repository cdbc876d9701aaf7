//! Critical alerts go to a mailbox or a chat channel, and wake nobody.
//!
//! # What it finds
//! `monitoring`, and no contact of `operations.escalation` has a pager (`pagerduty`), while mail or chat are there. Where
//! not even these are, BP221 says so. In Alertmanager's configuration: a route for `severity` critical or page, or the only
//! route, whose receiver has mail or chat only, or nothing at all. A webhook may lead to a pager and is left alone.
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

use std::collections::BTreeMap;

use crate::document::Node;
use crate::rules::kubernetes::objects::{list_at, text_at};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "AL018",
    name: "critical-alerts-page-nobody",
    group: Group::Alerts,
    level: Level::Warning,
    security: false,
    fields: &["operations.escalation", "operations.contacts.*.pagerduty", "operations.smtp", "operations.slack"],
    check: Check::Both(check, files),
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

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for file in estate.of(Kind::Alertmanager) {
        let receivers: BTreeMap<&str, &Node> = list_at(file, &["receivers"])
            .filter_map(|receiver| Some((text_at(receiver, &["name"])?, receiver)))
            .collect();
        for named in critical(file) {
            let Some(receiver) = named.scalar().and_then(|scalar| receivers.get(&*scalar.text)) else { continue };
            if !is_quiet(receiver) {
                continue;
            }
            findings.push(
                RULE.finding(Place::Span(named.span), "critical alerts wake nobody")
                    .label("gets the critical alerts")
                    .also(Place::Span(receiver.span), "has no pager")
                    .because("at night a message is read in the morning, and the recovery that waits for people has no bound (X-HU-1)")
                    .fix("give the receiver a pager (pagerduty_configs, opsgenie_configs, …) beside the chat"),
            );
        }
    }
}

/// The receivers of critical alerts, where they are named.
fn critical(file: &Node) -> Vec<&Node> {
    let Some(root) = file.get("route") else { return Vec::new() };
    let default = root.get("receiver");
    if list_at(root, &["routes"]).next().is_none() {
        return default.into_iter().collect();
    }
    let mut found = Vec::new();
    let mut open = vec![(root, default)];
    while let Some((route, inherited)) = open.pop() {
        let receiver = route.get("receiver").or(inherited);
        if is_critical(route) {
            found.extend(receiver);
            continue;
        }
        open.extend(list_at(route, &["routes"]).map(|below| (below, receiver)));
    }
    found
}

/// Whether a route says that it is for critical alerts.
fn is_critical(route: &Node) -> bool {
    let names =
        |value: &str| value.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| matches!(word, "critical" | "page"));
    let by_map = ["match", "match_re"].into_iter().any(|key| text_at(route, &[key, "severity"]).is_some_and(names));
    let by_list = list_at(route, &["matchers"]).filter_map(Node::scalar).any(|matcher| {
        let text: String = matcher.text.chars().filter(|c| !c.is_whitespace() && *c != '"').collect();
        text.strip_prefix("severity=").is_some_and(names)
    });
    by_map || by_list
}

/// Whether a receiver has nothing that can wake anybody.
fn is_quiet(receiver: &Node) -> bool {
    const QUIET: [&str; 9] = [
        "email_configs",
        "slack_configs",
        "msteams_configs",
        "msteamsv2_configs",
        "discord_configs",
        "telegram_configs",
        "webex_configs",
        "wechat_configs",
        "mattermost_configs",
    ];
    receiver.map().unwrap_or_default().iter().all(|entry| &*entry.key == "name" || QUIET.contains(&&*entry.key))
}
