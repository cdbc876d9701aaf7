//! Members of one cluster look for each other in different places.
//!
//! # What it finds
//! Files of Patroni that belong together (their directories lie side by side, their `name`s differ in their number
//! only) and of which one has another `scope`, `namespace` or set of hosts of etcd, Consul or ZooKeeper than the
//! others. Another scope counts when that file alone has it, another set of hosts when it has none in common with the
//! others'; a `standby_cluster` has its own.
//!
//! # Why it matters
//! Patroni knows a cluster by its scope, its namespace and its consensus store. Members that disagree about one of
//! them are two clusters: each elects a leader, and both are written to.
//!
//! # Example
//! ```yaml
//! # pg-1/patroni.yml, pg-2/patroni.yml
//! scope: orders
//! # pg-3/patroni.yml
//! scope: order
//! ```
//!
//! # Fix
//! Write all three from one source.
//!
//! # Source
//! Patroni, docs/yaml_configuration.rst (facts.md R-PG-41).

use std::collections::{BTreeMap, BTreeSet};

use super::configured::{at, dcs, key, list, text_at};
use crate::document::Node;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "PG041",
    name: "members-of-one-cluster-disagree",
    group: Group::Postgres,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

/// A member of a cluster.
struct Member<'a> {
    tree: &'a Node,
    name: &'a str,
    scope: &'a str,
    namespace: &'a str,
    /// Where its consensus store is: `etcd-1:2379`.
    hosts: BTreeSet<&'a str>,
    /// The section that says so.
    store: &'static str,
}

/// What belongs together: the directory, and the name without its number.
type Family<'a> = (&'a str, &'a str);

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let mut families: BTreeMap<Family<'_>, Vec<Member<'_>>> = BTreeMap::new();
    for tree in estate.of(Kind::Patroni) {
        let Some(member) = member(tree) else { continue };
        let file = estate.sources.get(tree.span.file as usize).map_or("", |source| source.name.as_str());
        let stem = member.name.trim_end_matches(|c: char| c.is_ascii_digit());
        families.entry((near(file), stem)).or_default().push(member);
    }
    for members in families.values() {
        let names: BTreeSet<&str> = members.iter().map(|member| member.name).collect();
        // Of one name twice: two environments, not one cluster.
        if names.len() == members.len() {
            compare(members, findings);
        }
    }
}

fn compare(members: &[Member<'_>], findings: &mut Vec<Diagnostic>) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for member in members {
        *counts.entry(member.scope).or_default() += 1;
    }
    // The first one whose scope most of them have.
    let most = counts.values().copied().max().unwrap_or_default();
    let Some(first) = members.iter().find(|member| counts.get(member.scope) == Some(&most)) else { return };
    for other in members {
        let lone = counts.get(other.scope) == Some(&1);
        let shared = !first.hosts.is_disjoint(&other.hosts);
        let apart = !shared && !first.hosts.is_empty() && !other.hosts.is_empty();
        let (what, here, there) = if other.scope != first.scope {
            if !(lone && shared) {
                continue;
            }
            ("scope", "scope", "scope")
        } else if shared && other.namespace != first.namespace {
            ("namespace", "namespace", "namespace")
        } else if apart && !is_copy(first.tree) && !is_copy(other.tree) {
            ("consensus store", other.store, first.store)
        } else {
            continue;
        };
        findings.push(
            RULE.finding(
                key(other.tree, &[here]),
                format!("`{}` and `{}` are in different clusters", first.name.escape_debug(), other.name.escape_debug()),
            )
            .label(format!("another {what}"))
            .also(key(first.tree, &[there]), format!("the {what} of `{}`", first.name.escape_debug()))
            .because("members that do not share scope, namespace and consensus store each elect a leader: both are written to (R-PG-41)")
            .fix(format!("give all members one {what}")),
        );
    }
}

fn member(tree: &Node) -> Option<Member<'_>> {
    let stores = ["etcd3", "etcd", "consul", "zookeeper"];
    let store = stores.into_iter().find(|store| tree.get(store).is_some()).unwrap_or("etcd3");
    let mut hosts = BTreeSet::new();
    for node in ["hosts", "host"].into_iter().filter_map(|name| at(tree, &[store, name])) {
        let texts = std::iter::once(node).chain(list(node)).filter_map(Node::scalar);
        hosts.extend(texts.flat_map(|text| text.text.split(',')).map(str::trim).filter(|host| !host.is_empty()));
    }
    Some(Member {
        tree,
        name: text_at(tree, &["name"])?,
        scope: text_at(tree, &["scope"])?,
        namespace: text_at(tree, &["namespace"]).unwrap_or("service").trim_matches('/'),
        hosts,
        store,
    })
}

/// The directory in which the directories of members lie.
fn near(file: &str) -> &str {
    let above = |path: &str| path.rsplit_once('/').map_or(0, |(above, _)| above.len());
    let directory = &file[..above(file)];
    &directory[..above(directory)]
}

/// Whether a cluster follows another one, which has a consensus store of its own.
fn is_copy(tree: &Node) -> bool {
    dcs(tree).is_some_and(|dcs| dcs.get("standby_cluster").is_some())
}
