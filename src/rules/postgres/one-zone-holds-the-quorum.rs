//! The loss of one zone takes the majority of etcd, and with it every failover.
//!
//! # What it finds
//! A region with two or more PostgreSQL members in which one zone holds so many etcd members that those outside of it are
//! fewer than a majority, `n / 2 + 1`. On Kubernetes the members are spread evenly over the zones of the region; on hosts
//! they are where their `zone` says, and one without a zone counts as outside. Also a number of etcd members that is even
//! or below three where they follow from the PostgreSQL hosts; where the number is written, `validate` speaks of it (BP157).
//!
//! It says nothing about a region with one zone (nothing is left to fail over to), about the Kubernetes API as consensus
//! (its own etcd is out of sight), or about a zone that holds all PostgreSQL members anyway.
//!
//! In a configuration of etcd: an `initial-cluster` of fewer than three members, or of an even number. In which zones
//! they run no file tells.
//!
//! # Why it matters
//! Without a majority Patroni's leader demotes itself and no other member may take over: the database is read-only until the
//! zone is back, however many standbys there are. With two zones one of them always holds the majority.
//!
//! # Example
//! ```yaml
//! regions:
//!   home: {role: primary, zones: [a, b]}
//! postgres:
//!   main: {members: 3, consensus: {kind: etcd, members: 3}}   # 2 in one zone, 1 in the other
//! ```
//!
//! # Fix
//! Three etcd members over three zones, or five as 2-2-1. The third zone needs an etcd member only.
//!
//! # Source
//! facts.md §1.6, F-PT-14: Patroni, docs/ha_multi_dc.rst; etcd documentation, FAQ.

use std::collections::{BTreeMap, BTreeSet};

use crate::blueprint::placement::majority;
use crate::blueprint::{Postgres, Region};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "PG005",
    name: "one-zone-holds-the-quorum",
    group: Group::Postgres,
    level: Level::Error,
    security: false,
    fields: &["postgres.*.consensus.members", "postgres.*.consensus.hosts", "postgres.*.hosts", "regions.*.zones"],
    check: Check::Both(check, files),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for cluster in blueprint.postgres.iter().filter(|cluster| cluster.is_rendered()) {
        for region in blueprint.regions.iter().filter(|region| cluster.role(region).is_some()) {
            if cluster.member_count(region) < 2 || cluster.etcd_count(region) == 0 {
                continue;
            }
            findings.extend(count(cluster, region).or_else(|| zones(cluster, region)));
        }
    }
}

/// Where the etcd members of a cluster are counted.
fn place(cluster: &Postgres) -> Place {
    let at = path!["postgres", cluster.name];
    match (cluster.on_kubernetes(), cluster.spec.consensus.hosts.is_empty()) {
        (true, _) => Place::Value(at.key("consensus").key("members")),
        (false, false) => Place::Key(at.key("consensus").key("hosts")),
        (false, true) => Place::Key(at.key("hosts")),
    }
}

/// A bad number, where the language does not see it.
fn count(cluster: &Postgres, region: &Region) -> Option<Diagnostic> {
    let n = cluster.etcd_count(region);
    let seen = cluster.on_kubernetes() || (region.is_primary() && !cluster.spec.consensus.hosts.is_empty());
    if seen || (n >= 3 && !n.is_multiple_of(2)) {
        return None;
    }
    let why = match n {
        1 => "it is lost with one machine".to_owned(),
        2 => "the majority of two is two: the loss of either stops every failover".to_owned(),
        _ => format!("the majority of {n} is {}: they survive no more losses than {} do", majority(n), n - 1),
    };
    Some(
        RULE.finding(place(cluster), format!("`{}` has {n} etcd members in `{}`", cluster.name, region.name))
            .because(format!("{why} (R-PG-05)"))
            .fix("name 3 hosts, or 5, under `consensus: {hosts: …}`, in three zones"),
    )
}

/// The etcd members in each zone: how many, or at least so many.
fn spread(cluster: &Postgres, region: &Region) -> BTreeMap<String, usize> {
    let mut zones: BTreeMap<String, usize> = BTreeMap::new();
    if cluster.on_kubernetes() {
        let n = cluster.etcd_count(region);
        let z = region.spec.zones.len().max(1);
        for (at, zone) in region.spec.zones.iter().enumerate() {
            zones.insert(zone.clone(), n / z + usize::from(at < n % z));
        }
        return zones;
    }
    for zone in cluster.etcd(region).into_iter().filter_map(|member| member.zone) {
        *zones.entry(zone).or_default() += 1;
    }
    zones
}

fn zones(cluster: &Postgres, region: &Region) -> Option<Diagnostic> {
    let n = cluster.etcd_count(region);
    let majority = majority(n);
    if region.spec.zones.len() < 2 || n < 3 {
        return None;
    }
    let (zone, held) = spread(cluster, region).into_iter().max_by_key(|(_, held)| *held)?;
    let all_there = !cluster.on_kubernetes() && cluster.members(region).iter().all(|member| member.zone == zone);
    if n - held >= majority || all_there {
        return None;
    }
    let z = region.spec.zones.len();
    let fix = if cluster.on_kubernetes() && z == 2 {
        format!("give `{}` a third zone; an etcd member is all that has to run there", region.name)
    } else {
        "spread 3 etcd members over 3 zones, or 5 as 2-2-1".to_owned()
    };
    let title = if cluster.on_kubernetes() {
        format!("one zone of `{}` holds {held} of the {n} etcd members of `{}`", region.name, cluster.name)
    } else {
        format!("zone `{zone}` holds {held} of the {n} etcd members of `{}`", cluster.name)
    };
    Some(
        RULE.finding(place(cluster), title)
            .also(Place::Value(path!["regions", region.name, "zones"]), format!("{z} zones"))
            .because(format!(
                "without that zone {} of {n} are left, and a majority is {n} / 2 + 1 = {majority}: no member may become \
                 primary until the zone is back (R-PG-05)",
                n - held
            ))
            .fix(fix),
    )
}

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let mut seen = BTreeSet::new();
    for node in estate.of(Kind::Etcd).filter_map(|tree| tree.get("initial-cluster")) {
        let Some(members) = node.scalar().map(|scalar| &*scalar.text).filter(|members| seen.insert(*members)) else {
            continue;
        };
        let n = members.split(',').filter(|member| !member.trim().is_empty()).count();
        let majority = majority(n);
        if n == 0 || (n >= 3 && !n.is_multiple_of(2)) {
            continue;
        }
        findings.push(
            RULE.finding(Place::Span(node.span), "the majority of etcd is lost too easily")
                .label(format!("{n} members"))
                .because(format!(
                    "{n} / 2 + 1 = {majority} must be there: {} may be away, as with {} (R-PG-05)",
                    n - majority,
                    if n < 3 { 1 } else { n - 1 }
                ))
                .fix(if n < 3 {
                    "use three members, in three zones"
                } else {
                    "use one member less or one more, in three zones"
                }),
        );
    }
}
