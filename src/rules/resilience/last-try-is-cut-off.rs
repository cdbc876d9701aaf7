//! The timeout of a route ends before its last try can.
//!
//! # What it finds
//! A need for another service with `timeout` < (1 + `retries`) × `perTry`. In files an HTTP route of a VirtualService with
//! `timeout` < (1 + `retries.attempts`) × `retries.perTryTimeout`. Only where all three are written: without them nothing
//! follows. One try that is longer than the whole is refused in a blueprint (BP159).
//!
//! # Why it matters
//! `attempts` counts retries, so there is one try more than it says. The last ones are begun and cut off: load on a service in
//! trouble, from which nobody gets an answer.
//!
//! # Example
//! ```yaml
//! timeout: 10s
//! retries: {attempts: 3, perTryTimeout: 3s}   # 4 × 3 s = 12 s
//! ```
//!
//! # Fix
//! A longer `timeout`, fewer `attempts`, or a shorter `perTryTimeout`.
//!
//! # Source
//! facts.md X-IS-2, F-IS-03: Istio, virtual_service.proto.

use super::mesh::{duration, routes};
use super::tries::cut;
use crate::blueprint::NeedTarget;
use crate::blueprint::units::Duration;
use crate::rules::kubernetes::objects::{at, int_at, text_at};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "RT004",
    name: "last-try-is-cut-off",
    group: Group::Resilience,
    level: Level::Error,
    security: false,
    fields: &["services.*.needs.*.perTry", "services.*.needs.*.timeout", "services.*.needs.*.retries"],
    check: Check::Both(check, files),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for cut in cut(blueprint).filter(|cut| cut.need().target == NeedTarget::Service) {
        let title = format!("the last try of {} is cut off", cut.says());
        findings.push(cut.finding(&RULE, title, "what is begun at the end is never answered (X-IS-2)"));
    }
}

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for (object, route) in routes(estate) {
        let time = |path: &[&str]| Some((at(route, path)?, text_at(route, path).and_then(duration)?));
        let Some((whole, timeout)) = time(&["timeout"]) else { continue };
        let Some((each, per_try)) = time(&["retries", "perTryTimeout"]) else { continue };
        let attempts = ["retries", "attempts"];
        let Some((retries, written)) = int_at(route, &attempts).zip(at(route, &attempts)) else { continue };
        let Ok(tries) = u64::try_from(retries).map(|retries| retries.saturating_add(1)) else { continue };
        let needed = per_try.millis().saturating_mul(tries);
        if tries < 2 || timeout.millis() >= needed {
            continue;
        }
        let fit = (timeout.millis() / per_try.millis().max(1)).saturating_sub(1);
        findings.push(
            RULE.finding(Place::Span(whole.span), format!("the last try of a route of `{}` is cut off", object.name()))
                .label("all tries together have this time")
                .also(Place::Span(written.span), format!("{tries} tries"))
                .also(Place::Span(each.span), "for each")
                .because(format!(
                    "(1 + {retries}) × {per_try} = {} > {timeout}: what is begun at the end is never answered (X-IS-2)",
                    Duration::from_millis(needed)
                ))
                .fix(format!(
                    "write `timeout: {}` or more, or `attempts: {fit}`",
                    Duration::from_millis(needed.saturating_add(tries.saturating_mul(250)).div_ceil(1000) * 1000)
                )),
        );
    }
}
