//! Route 53's files as rules look at them: changes, record sets, the names of load balancers.

use std::collections::BTreeMap;

use crate::blueprint::raw::LoadBalancerKind;
use crate::document::Node;
use crate::document::node::Entry;
use crate::estate::{Estate, Kind};
use crate::rules::kubernetes::objects::{at, list_at, text_at};

/// The fields of a record set that say by what Route 53 chooses among those of a name and type (F-DN-10).
const POLICIES: [&str; 7] =
    ["Failover", "GeoLocation", "Weight", "Region", "MultiValueAnswer", "GeoProximityLocation", "CidrRoutingConfig"];

/// The changes of a batch: all of a request, with or without what surrounds them.
pub fn changes(batch: &Node) -> Option<&Node> {
    at(batch, &["Changes"]).or_else(|| at(batch, &["ChangeBatch", "Changes"]))
}

/// All changes, each with its batch.
pub fn all_changes(estate: &Estate) -> impl Iterator<Item = (&Node, &Node)> {
    let batches = estate.of(Kind::Route53Changes);
    batches.flat_map(|batch| {
        let changes = changes(batch).into_iter().flat_map(crate::rules::kubernetes::objects::list);
        changes.map(move |change| (batch, change))
    })
}

/// A record set that stays.
#[derive(Clone, Copy)]
pub struct Set<'a> {
    /// What stands in it.
    pub node: &'a Node,
}

impl<'a> Set<'a> {
    /// Its name as it is written.
    pub fn name(self) -> &'a str {
        text_at(self.node, &["Name"]).unwrap_or_default()
    }

    /// Its type: `A`.
    pub fn kind(self) -> &'a str {
        text_at(self.node, &["Type"]).unwrap_or_default()
    }

    /// The field by which it is chosen; none for the only one of its name and type.
    pub fn policy(self) -> Option<&'a Entry> {
        POLICIES.into_iter().find_map(|key| self.node.entry(key))
    }

    /// Where it is an alias to.
    pub fn alias(self) -> Option<&'a Node> {
        self.node.get("AliasTarget")
    }

    /// Whether nothing is asked behind it: the secondary of a pair, the default of locations. Such a one may well be
    /// answered whether it is healthy or not.
    pub fn is_last(self) -> bool {
        let failover = text_at(self.node, &["Failover"]);
        let country = text_at(self.node, &["GeoLocation", "CountryCode"]);
        failover == Some("SECONDARY") || country == Some("*")
    }

    /// Whether it takes no share of the clients: by weight it is answered only when nothing else is there.
    pub fn is_unused(self) -> bool {
        text_at(self.node, &["Weight"]).is_some_and(|weight| weight.trim() == "0")
    }

    /// Whether a health check of its own judges it.
    pub fn is_judged(self) -> bool {
        text_at(self.node, &["HealthCheckId"]).is_some_and(|id| !id.is_empty())
    }
}

/// A name as names are compared: small, without the dot at the end.
pub fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// The record sets that no change takes away.
pub fn sets(estate: &Estate) -> impl Iterator<Item = (&Node, Set<'_>)> {
    all_changes(estate)
        .filter(|(_, change)| text_at(change, &["Action"]) != Some("DELETE"))
        .filter_map(|(batch, change)| Some((batch, Set { node: change.get("ResourceRecordSet")? })))
}

/// The record sets of every name and type, by hosted zone, in the order of the files.
pub fn groups(estate: &Estate) -> Vec<Vec<Set<'_>>> {
    let mut places: BTreeMap<(&str, String, &str), usize> = BTreeMap::new();
    let mut groups: Vec<Vec<Set<'_>>> = Vec::new();
    for (batch, set) in sets(estate) {
        let zone = text_at(batch, &["HostedZoneId"]).unwrap_or_default();
        let at = *places.entry((zone, plain(set.name()), set.kind())).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[at].push(set);
    }
    groups
}

/// What the values of a record set are.
pub fn values(set: &Node) -> impl Iterator<Item = &str> {
    list_at(set, &["ResourceRecords"]).filter_map(|record| text_at(record, &["Value"]))
}

/// What the name of an AWS load balancer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Balancer {
    /// It is of a kind and in a region.
    In(String, LoadBalancerKind),
    /// It names no region: AWS gives no such name.
    Nowhere,
}

/// What a name below `amazonaws.com` says of the load balancer; none for other names and for such as are filled in later.
pub fn balancer(name: &str) -> Option<Balancer> {
    let name = plain(name);
    if name.contains(['$', '{', '<', '@', '%']) {
        return None;
    }
    let host = name.strip_suffix(".amazonaws.com")?;
    let labels: Vec<&str> = host.split('.').collect();
    match labels[..] {
        // Behind its own name, which a `dualstack.` may stand before.
        [_, .., region, "elb"] if is_region(region) => Some(Balancer::In(region.into(), LoadBalancerKind::Application)),
        [_, .., "elb", region] if is_region(region) => Some(Balancer::In(region.into(), LoadBalancerKind::Network)),
        [.., "elb"] | [.., "elb", _] => Some(Balancer::Nowhere),
        _ => None,
    }
}

/// Whether a label has the form of a region: `eu-west-1`, `us-gov-east-1`.
fn is_region(label: &str) -> bool {
    let parts: Vec<&str> = label.split('-').collect();
    let letters = |part: &&str| part.len() >= 2 && part.bytes().all(|b| b.is_ascii_lowercase());
    match parts[..] {
        [ref words @ .., number] => {
            words.len() >= 2
                && words.iter().all(letters)
                && !number.is_empty()
                && number.bytes().all(|b| b.is_ascii_digit())
        }
        [] => false,
    }
}
