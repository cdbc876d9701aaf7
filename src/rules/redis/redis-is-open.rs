//! Redis lets everybody in who reaches its port, or is spoken to in clear text between hosts.
//!
//! # What it finds
//! `auth.enabled: false` without `tls`, which would demand certificates of clients; and, on hosts, a cluster without `tls`. On
//! Kubernetes without `tls` it stays silent: the rendered NetworkPolicies let in only its clients and its own nodes. Hosts that
//! all have loopback addresses are left out: nobody else reaches them.
//!
//! In redis.conf: `protected-mode no` or `cluster-enabled yes`, and none of `requirepass`, `aclfile`, `user` and `tls-port`, in a file that includes no
//! other and does not keep to loopback by `bind`. As long as `protected-mode` is on, as it is by default, a Redis without
//! logins answers nobody but its own host; the nodes of a cluster have to answer each other.
//!
//! # Why it matters
//! Whoever reaches the port of a Redis without logins reads and deletes everything, and may change its configuration. Without
//! TLS the passwords of the services, the replication and every session cross the network for all to read.
//!
//! # Example
//! ```yaml
//! redis:
//!   sessions:
//!     platform: hosts
//!     auth: {enabled: false}
//! ```
//!
//! # Fix
//! Leave `auth` as it is by default, and on hosts name the certificates: `tls: {certificates: /etc/hagen/tls}`.
//!
//! # Source
//! facts.md R-RD-18; Redis documentation, security.

use super::configured::{directive, word};
use crate::blueprint::Redis;
use crate::document::Node;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "RD018",
    name: "redis-is-open",
    group: Group::Redis,
    level: Level::Warning,
    security: true,
    fields: &["redis.*.auth.enabled", "redis.*.tls", "redis.*.hosts"],
    check: Check::Both(check, files),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for redis in blueprint.redis.iter().filter(|redis| redis.is_rendered() && redis.spec.tls.is_none()) {
        let on_hosts = !redis.on_kubernetes();
        if on_hosts && redis.spec.hosts.values().all(|host| is_loopback(host.address.as_str())) {
            continue;
        }
        let at = path!["redis", redis.name];
        if !redis.spec.auth.enabled {
            findings.push(no_login(redis, on_hosts).rests_on(at.key("tls")));
        } else if on_hosts {
            findings.push(
                RULE.finding(Place::Key(at.clone()), format!("`{}` is spoken to in clear text", redis.name))
                    .label("no `tls`")
                    .also(Place::Key(at.key("hosts")), "over the network between these hosts")
                    .rests_on(at.key("tls"))
                    .because("passwords, replication and every key can be read on the way (R-RD-18)")
                    .fix("write `tls: {certificates: DIRECTORY}`"),
            );
        }
    }
}

fn no_login(redis: &Redis, on_hosts: bool) -> Diagnostic {
    let at = path!["redis", redis.name];
    let who = if on_hosts { "whoever reaches the port" } else { "every pod that the NetworkPolicies let in" };
    RULE.finding(Place::Value(at.key("auth").key("enabled")), format!("`{}` asks nobody who they are", redis.name))
        .label("no logins")
        .because(format!("without logins and without certificates {who} reads and deletes everything (R-RD-18)"))
        .fix("write `enabled: true`, the default; or `tls`, which then demands certificates of clients")
}

fn is_loopback(address: &str) -> bool {
    address == "localhost" || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for file in estate.of(Kind::Redis) {
        let closed = ["requirepass", "aclfile", "user", "tls-port", "include"];
        let alone = word(file, "port").is_some_and(|(_, port)| port == "0");
        if closed.iter().any(|name| directive(file, name).is_some()) || alone || is_local(file) {
            continue;
        }
        let open = word(file, "protected-mode").filter(|(_, mode)| mode.eq_ignore_ascii_case("no"));
        // One that others have to reach: on, which it is by default, protected mode keeps those away as well.
        let shared = word(file, "cluster-enabled").filter(|(_, value)| value.eq_ignore_ascii_case("yes"));
        let (entry, why) = match (open, shared) {
            (Some((entry, _)), _) => (
                entry,
                "whoever reaches the port reads and deletes everything, and may change its configuration (R-RD-18)",
            ),
            (None, Some((entry, _))) => (
                entry,
                "the nodes of a cluster have to reach each other, and protected mode, which is on, answers nobody from another \
                 host: with it the cluster cannot form, and without it whoever reaches the port reads and deletes everything \
                 (R-RD-18)",
            ),
            (None, None) => continue,
        };
        findings.push(
            RULE.finding(Place::Span(entry.key_span), "Redis asks nobody who they are")
                .label("no password, no ACL and no TLS in this file")
                .because(why)
                .fix("name an `aclfile`, and `tls-port` with its certificates"),
        );
    }
}

/// Whether it listens to its own host only.
fn is_local(file: &Node) -> bool {
    directive(file, "bind").is_some_and(|(_, addresses)| {
        let mut addresses = addresses.split_whitespace().map(|address| address.trim_start_matches('-'));
        addresses.all(is_loopback)
    })
}
