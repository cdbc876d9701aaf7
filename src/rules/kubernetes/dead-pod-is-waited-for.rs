//! The ingress waits long for a connection to a pod that is gone.
//!
//! # What it finds
//! `proxy-connect-timeout` above 5 s: as an annotation of an Ingress, or in the ConfigMap of the controller of ingress-nginx.
//!
//! # Why it matters
//! A pod on a lost node answers nothing, not even that the port is closed. Until its endpoint is taken away, every request
//! that is sent there hangs for so long before the next pod is tried; the timeout counts for each of the tries.
//!
//! # Example
//! ```yaml
//! nginx.ingress.kubernetes.io/proxy-connect-timeout: "60"
//! ```
//!
//! # Fix
//! 2 to 5 s; leave it out for 5 s. How long an answer may take is `proxy-read-timeout`.
//!
//! # Source
//! facts.md R-K8-32, F-LB-06: ingress-nginx, annotations.md, "Custom timeouts".

use super::ingress_nginx::{configs, seconds, setting};
use super::objects::{Object, at, int_at, of_kind};
use crate::document::Node;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8032",
    name: "dead-pod-is-waited-for",
    group: Group::Kubernetes,
    level: Level::Warning,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

/// So many seconds are enough, and the default.
const ENOUGH: i64 = 5;
/// So many pods are tried for one request, unless something else is written.
const TRIES: i64 = 3;

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for ingress in of_kind(estate, "Ingress") {
        let tries = setting(ingress, "proxy-next-upstream-tries").and_then(seconds);
        judge(ingress, setting(ingress, "proxy-connect-timeout"), tries, findings);
    }
    for config in configs(estate) {
        let tries = int_at(config.node, &["data", "proxy-next-upstream-tries"]);
        judge(config, at(config.node, &["data", "proxy-connect-timeout"]), tries, findings);
    }
}

fn judge(object: Object<'_>, timeout: Option<&Node>, tries: Option<i64>, findings: &mut Vec<Diagnostic>) {
    let Some(node) = timeout else { return };
    let Some(seconds) = seconds(node).filter(|seconds| *seconds > ENOUGH) else { return };
    let tries = tries.filter(|tries| *tries > 0).unwrap_or(TRIES);
    findings.push(
        RULE.finding(
            Place::Span(node.span),
            format!("`{}` waits {seconds} s for a pod that is gone", object.name().escape_debug()),
        )
        .label(format!("{seconds} s > {ENOUGH} s"))
        .because(format!(
            "a request to a lost node hangs until the connection is given up, and so with each of {tries} tries: up to {} s \
             (R-K8-32)",
            seconds.saturating_mul(tries)
        ))
        .fix("write 2 to 5, or leave it out for 5"),
    );
}
