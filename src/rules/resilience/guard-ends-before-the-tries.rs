//! The guard around a call ends before its tries can.
//!
//! # What it finds
//! A need for a data store or an external service with `timeout` < (1 + `retries`) × `perTry`: `timeout` is the guard that the
//! service holds around all tries. Only where all are written. Calls of other services are RT004.
//!
//! # Why it matters
//! The guard cuts off tries that the budget of retries counts on: the caller gets the error of the guard instead of an answer
//! that a shorter try would have left time for, and the last try is load without use.
//!
//! # Example
//! ```yaml
//! services:
//!   api:
//!     needs:
//!       external.mail: {timeout: 10s, perTry: 4s, retries: 3}   # 4 × 4 s = 16 s
//! ```
//!
//! # Fix
//! A shorter `perTry`, fewer `retries`, or a longer `timeout`, if the caller waits for so long.
//!
//! # Source
//! facts.md R-RT-07, X-IS-2, X-IS-4.

use super::tries::cut;
use crate::blueprint::NeedTarget;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "RT007",
    name: "guard-ends-before-the-tries",
    group: Group::Resilience,
    level: Level::Error,
    security: false,
    fields: &["services.*.needs.*.perTry", "services.*.needs.*.timeout", "services.*.needs.*.retries"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for cut in cut(blueprint).filter(|cut| cut.need().target != NeedTarget::Service) {
        let title = format!("the guard of {} ends before its tries", cut.says());
        findings.push(cut.finding(&RULE, title, "the guard holds all tries (R-RT-07, X-IS-2)"));
    }
}
