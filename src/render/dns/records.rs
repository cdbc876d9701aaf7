//! Record sets, and the batches in which they are applied: what is pointed to comes before what points.

use serde::Serialize;

use super::health::Checks;
use crate::blueprint::dns::{Answer, Location, Record, zones};
use crate::blueprint::raw::Routing;
use crate::blueprint::{Blueprint, Region, names};

/// A request takes 1000 elements, and an UPSERT counts twice (F-DN-12).
const CHANGES: usize = 500;
/// A request takes 32,000 characters of values, and an UPSERT counts twice (F-DN-12). An alias has no `Value`; its target
/// is counted as if it were one, which is on the safe side.
const CHARACTERS: usize = 16_000;

/// A file of changes, applied as a whole or not at all.
#[derive(Debug, Serialize)]
pub struct Batch {
    /// Its file, without directory and ending.
    pub name: String,
    /// What it does, in the request's comment and on the page.
    pub comment: String,
    /// The record sets.
    pub records: Vec<RecordSet>,
}

/// A record set: always an alias.
#[derive(Debug, Clone, Serialize)]
pub struct RecordSet {
    /// The name, with its final dot.
    pub name: String,
    /// `A` or `AAAA`.
    pub kind: &'static str,
    /// What tells it from others of the same name and type.
    pub set_identifier: Option<String>,
    /// `PRIMARY` or `SECONDARY`.
    pub failover: Option<&'static str>,
    /// A continent's code.
    pub continent: Option<String>,
    /// A country's code, or `*` for everywhere else.
    pub country: Option<String>,
    /// Where the id of its health check belongs.
    pub health_check: Option<String>,
    /// The hosted zone that the target is in.
    pub zone: String,
    /// The target, with its final dot.
    pub target: String,
    /// Whether the target's health is its own.
    pub evaluate: bool,
    /// The same for the plan, in the order and with the words in which the AWS CLI prints a record set.
    pub columns: Vec<String>,
}

/// What a record set of one policy has beyond name and target.
#[derive(Default)]
struct Policy {
    set_identifier: Option<String>,
    failover: Option<&'static str>,
    continent: Option<String>,
    country: Option<String>,
    health_check: Option<String>,
}

/// Everything that the record sets of one public name are made from.
struct Builder<'a> {
    zone: &'a str,
    record: &'a Record<'a>,
    checks: &'a Checks,
    kinds: &'static [&'static str],
}

/// All batches, in the order in which they are applied.
pub fn batches(blueprint: &Blueprint, records: &[Record], checks: &Checks) -> Vec<Batch> {
    let zone = blueprint.spec.dns.as_ref().map_or("", |dns| dns.hosted_zone_id.as_str());
    let mut stages: [(&str, &str, Vec<RecordSet>); 3] = [
        ("regions", "a name for each region, to its load balancer", Vec::new()),
        ("failover", "failover pairs between the regions", Vec::new()),
        ("answers", "the public names", Vec::new()),
    ];
    for record in records {
        let kinds: &[&str] = if record.dual_stack { &["A", "AAAA"] } else { &["A"] };
        let builder = Builder { zone, record, checks, kinds };
        for region in record.regions(&blueprint.regions) {
            stages[0].2.extend(regional(record, region));
        }
        let mut built: Vec<&str> = Vec::new();
        for answer in &record.answers {
            let head = answer.order[0].name.as_str();
            if answer.order.len() > 1 && record.spec.routing == Routing::Geolocation && !built.contains(&head) {
                built.push(head);
                let name = names::failover_host(&record.host, head, &[]);
                let pairs = builder.chain(&answer.order, name);
                stages[1].2.extend(pairs);
            }
        }
        for answer in &record.answers {
            let (pairs, answers) = builder.answer(answer);
            stages[1].2.extend(pairs);
            stages[2].2.extend(answers);
        }
    }
    let mut batches = Vec::new();
    for (name, comment, records) in stages {
        let chunks = chunk(records);
        let several = chunks.len() > 1;
        for (part, records) in chunks.into_iter().enumerate() {
            let suffix = if several { format!("-{}", part + 1) } else { String::new() };
            let name = format!("{:02}-{name}{suffix}", batches.len() + 1);
            let comment = format!("hagen {}: {comment}", blueprint.name);
            batches.push(Batch { name, comment, records });
        }
    }
    batches
}

/// A region's own name: an alias to its load balancer, whose address stands only here.
fn regional(record: &Record, region: &Region) -> Vec<RecordSet> {
    let Some(balancer) = &region.spec.load_balancer else { return Vec::new() };
    let known = zones::load_balancer(&region.name, balancer.kind).map(str::to_owned);
    let zone = balancer.hosted_zone_id.clone().or(known).unwrap_or_default();
    let kinds: &[&'static str] = if balancer.dual_stack { &["A", "AAAA"] } else { &["A"] };
    let name = names::regional_host(&record.host, &region.name);
    let of =
        |kind: &&'static str| RecordSet::new(kind, &name, (&zone, balancer.dns_name.as_str(), true), Policy::default());
    kinds.iter().map(of).collect()
}

impl Builder<'_> {
    /// An alias within the zone, for each address family.
    fn within(&self, name: &str, target: &str, evaluate: bool, policy: impl Fn() -> Policy) -> Vec<RecordSet> {
        let of = |kind: &&'static str| RecordSet::new(kind, name, (self.zone, target, evaluate), policy());
        self.kinds.iter().map(of).collect()
    }

    /// The failover pairs of an order of regions; the outermost one is called `name` and comes last.
    fn chain(&self, order: &[&Region], name: String) -> Vec<RecordSet> {
        let host = &self.record.host;
        let mut sets = Vec::new();
        for at in (0..order.len().saturating_sub(1)).rev() {
            let passed: Vec<&str> = order[..at].iter().map(|region| region.name.as_str()).collect();
            let pair = if at == 0 { name.clone() } else { names::failover_host(host, &order[at].name, &passed) };
            let last = at + 2 == order.len();
            let behind = order[at + 1];
            let target = if last {
                names::regional_host(host, &behind.name)
            } else {
                let passed: Vec<&str> = order[..=at].iter().map(|region| region.name.as_str()).collect();
                names::failover_host(host, &behind.name, &passed)
            };
            let health = match (self.record.is_gated(order, at), last) {
                (true, true) => self.checks.gated(self.record, behind),
                (true, false) => self.checks.gate(self.record),
                (false, true) => self.checks.region(self.record, behind),
                // The pairs in there have their own checks, and EvaluateTargetHealth passes them on.
                (false, false) => None,
            };
            let first = names::regional_host(host, &order[at].name);
            let rank = |failover: &'static str, health: Option<String>| Policy {
                set_identifier: Some(failover.to_lowercase()),
                failover: Some(failover),
                health_check: health,
                ..Policy::default()
            };
            let own = || rank("PRIMARY", self.checks.region(self.record, order[at]));
            sets.extend(self.within(&pair, &first, true, own));
            sets.extend(self.within(&pair, &target, true, || rank("SECONDARY", health.clone())));
        }
        sets
    }

    /// The public name for one location, with the inner pairs that `routing: failover` needs besides.
    fn answer(&self, answer: &Answer) -> (Vec<RecordSet>, Vec<RecordSet>) {
        let host = &self.record.host;
        let head = &answer.order[0].name;
        if answer.location == Location::Anywhere {
            if answer.order.len() == 1 {
                let target = names::regional_host(host, head);
                return (Vec::new(), self.within(host, &target, true, Policy::default));
            }
            let (outer, inner) = self
                .chain(&answer.order, host.clone())
                .into_iter()
                .partition(|set| set.name.trim_end_matches('.') == host.as_str());
            return (inner, outer);
        }
        let alone = answer.order.len() == 1;
        let target = if alone { names::regional_host(host, head) } else { names::failover_host(host, head, &[]) };
        let evaluate = self.record.evaluates();
        let (id, continent, country) = match &answer.location {
            Location::Continent(continent) => {
                let code = format!("{continent:?}").to_uppercase();
                (format!("continent-{code}"), Some(code), None)
            }
            Location::Country(code) => (format!("country-{code}"), None, Some(code.clone())),
            Location::Default | Location::Anywhere => ("default".to_owned(), None, Some("*".to_owned())),
        };
        let policy = || Policy {
            set_identifier: Some(id.clone()),
            continent: continent.clone(),
            country: country.clone(),
            ..Policy::default()
        };
        (Vec::new(), self.within(host, &target, evaluate, policy))
    }
}

impl RecordSet {
    fn new(kind: &'static str, name: &str, alias: (&str, &str, bool), policy: Policy) -> Self {
        let (zone, target, evaluate) = alias;
        let column = |value: Option<&str>| value.unwrap_or("None").to_owned();
        let columns = vec![
            name.to_owned(),
            kind.to_owned(),
            column(policy.set_identifier.as_deref()),
            column(policy.failover),
            column(policy.continent.as_deref()),
            column(policy.country.as_deref()),
            column(policy.health_check.as_deref()),
            zone.to_owned(),
            target.to_owned(),
            if evaluate { "True" } else { "False" }.to_owned(),
        ];
        Self {
            name: format!("{name}."),
            kind,
            set_identifier: policy.set_identifier,
            failover: policy.failover,
            continent: policy.continent,
            country: policy.country,
            health_check: policy.health_check,
            zone: zone.to_owned(),
            target: format!("{target}."),
            evaluate,
            columns,
        }
    }
}

/// Cuts a list into requests that Route 53 takes.
fn chunk(records: Vec<RecordSet>) -> Vec<Vec<RecordSet>> {
    let (mut chunks, mut current, mut characters) = (Vec::new(), Vec::new(), 0);
    for record in records {
        if current.len() == CHANGES || characters + record.target.len() > CHARACTERS {
            chunks.push(std::mem::take(&mut current));
            characters = 0;
        }
        characters += record.target.len();
        current.push(record);
    }
    if !current.is_empty() {
        chunks.push(current);
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(target: &str) -> RecordSet {
        RecordSet::new("A", "a.example.com", ("Z1", target, true), Policy::default())
    }

    #[test]
    fn a_request_never_holds_more_than_route_53_takes() {
        let chunks = chunk(vec![set("b.example.com"); 1201]);
        assert!(chunks.iter().all(|c| c.len() <= 500));
        assert_eq!(chunks.iter().map(Vec::len).sum::<usize>(), 1201);
        let long = "x".repeat(200);
        let chunks = chunk(vec![set(&long); 200]);
        assert!(chunks.iter().all(|c| c.iter().map(|r| r.target.len()).sum::<usize>() <= 16_000));
        assert!(chunk(Vec::new()).is_empty());
    }
}
