//! The public records as Route 53 will answer them: who is sent where, and which region takes over from which.
//!
//! This is the meaning of `dns.records` (decision 5), without a word about Route 53's own objects; the renderer turns
//! it into record sets, `resolve` refuses what cannot be built, and the table of answers is computed from it (X-DN-4).

pub mod countries;
pub mod zones;

use std::collections::BTreeSet;

use super::raw::{self, DnsFailover, Routing};
use super::{Region, names};

/// A public name with its answers.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// Its label in the zone; `@` is the zone itself.
    pub label: &'a str,
    /// Its whole name.
    pub host: String,
    /// What was written.
    pub spec: &'a raw::Record,
    /// How a region that fails is taken out; never where there is only one region to send to.
    pub failover: DnsFailover,
    /// Who is answered what, the most general location first.
    pub answers: Vec<Answer<'a>>,
    /// Whether every region that it can lead to has IPv6: with AAAA for some of them only, an IPv6 client would be
    /// sent to another region than an IPv4 client, or find nothing behind the failover.
    pub dual_stack: bool,
}

/// What the clients of a location are answered.
#[derive(Debug, Clone)]
pub struct Answer<'a> {
    /// The location.
    pub location: Location,
    /// The region that answers, and behind it those that take over, in this order.
    pub order: Vec<&'a Region>,
}

/// Where clients are, as Route 53 tells them apart (F-DN-05).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Location {
    /// Anywhere: the record does not ask.
    Anywhere,
    /// Wherever no other location fits.
    Default,
    /// A continent.
    Continent(raw::Continent),
    /// A country.
    Country(String),
}

impl Record<'_> {
    /// The regions that it can lead to, each once: the primary first, the others by name.
    pub fn regions<'a>(&'a self, all: &'a [Region]) -> Vec<&'a Region> {
        let used: BTreeSet<&str> =
            self.answers.iter().flat_map(|a| a.order.iter().map(|region| region.name.as_str())).collect();
        all.iter().filter(|region| used.contains(region.name.as_str())).collect()
    }

    /// Whether the alias at a location passes on the health of what it leads to.
    ///
    /// Where it does and everything behind it is unhealthy, Route 53 answers with the next larger location (F-DN-05). A
    /// gate that is closed counts as unhealthy, so where that larger location leads to another region, clients would get
    /// past the gate. There the alias must not pass it on: the pairs behind it decide alone, and they hold every region.
    /// Nor where `failover: none` says that clients stay where they are, even when their region is down.
    pub fn evaluates(&self) -> bool {
        let head = |answer: &Answer| answer.order.first().map(|region| region.name.clone());
        let same = self.answers.windows(2).all(|pair| head(&pair[0]) == head(&pair[1]));
        self.spec.failover != Some(DnsFailover::None) && (self.failover != DnsFailover::Gated || same)
    }

    /// Whether the step from `order[at]` to what stands behind it waits for people: where the primary is passed over.
    pub fn is_gated(&self, order: &[&Region], at: usize) -> bool {
        self.failover == DnsFailover::Gated && order.get(at).is_some_and(|region| region.is_primary())
    }
}

/// The records of a blueprint. `regions` has the primary first.
pub fn records<'a>(spec: &'a raw::Blueprint, regions: &'a [Region]) -> Vec<Record<'a>> {
    let Some(dns) = &spec.dns else { return Vec::new() };
    dns.records.iter().map(|(label, record)| build(spec, regions, label, record)).collect()
}

fn build<'a>(spec: &'a raw::Blueprint, regions: &'a [Region], label: &'a str, record: &'a raw::Record) -> Record<'a> {
    let host = spec.dns.as_ref().map_or_else(String::new, |dns| names::record_host(label, dns.zone.as_str()));
    let failover = failover(spec, record, &host);
    let failover = if regions.len() < 2 { DnsFailover::None } else { failover };
    let order = |head: &'a Region| {
        let others = regions.iter().filter(|other| other.name != head.name && failover != DnsFailover::None);
        std::iter::once(head).chain(others).collect::<Vec<_>>()
    };
    let mut answers = Vec::new();
    if record.routing == Routing::Geolocation {
        for region in regions {
            let Some(geo) = &region.spec.geo else { continue };
            // Geography steers only where every region serves; elsewhere all leaves lead to the primary (decision 5).
            let steers = spec.strategy == raw::Strategy::ActiveActive;
            let head = if steers { Some(region) } else { regions.first() };
            let Some(head) = head else { continue };
            let continents = geo.continents.iter().map(|c| Location::Continent(*c));
            let countries = geo.countries.iter().map(|c| Location::Country(c.clone()));
            let default = geo.default.then_some(Location::Default);
            let locations = default.into_iter().chain(continents).chain(countries);
            answers.extend(locations.map(|location| Answer { location, order: order(head) }));
        }
        answers.sort_by(|a, b| a.location.cmp(&b.location));
    } else if let Some(primary) = regions.first() {
        answers.push(Answer { location: Location::Anywhere, order: order(primary) });
    }
    let mut led_to = answers.iter().flat_map(|a| &a.order);
    let dual_stack = led_to.all(|region| region.spec.load_balancer.as_ref().is_some_and(|b| b.dual_stack));
    Record { label, host, spec: record, failover, answers, dual_stack }
}

/// How a record fails over: as it says; else gated where people must first promote a data store behind it, and
/// automatically where every region serves anyway (decision 5). A simple record never does.
pub fn failover(spec: &raw::Blueprint, record: &raw::Record, host: &str) -> DnsFailover {
    if record.routing == Routing::Simple {
        return DnsFailover::None;
    }
    record.failover.unwrap_or_else(|| {
        let gated = spec.strategy != raw::Strategy::ActiveActive && writes_postgres(spec, host);
        if gated { DnsFailover::Gated } else { DnsFailover::Automatic }
    })
}

/// Whether a service behind a host, or one that it calls, writes to PostgreSQL. A host without a known service is
/// taken to lead to all of them.
fn writes_postgres(spec: &raw::Blueprint, host: &str) -> bool {
    let only_record = spec.dns.as_ref().is_some_and(|dns| dns.records.len() == 1);
    let serves = |service: &raw::Service| {
        let route = service.route.as_ref().and_then(|route| route.host.as_ref());
        service.exposure == raw::Exposure::Public && route.map_or(only_record, |name| name.as_str() == host)
    };
    let mut todo: Vec<&str> = spec.services.iter().filter(|(_, s)| serves(s)).map(|(name, _)| name.as_str()).collect();
    if todo.is_empty() {
        return !spec.postgres.is_empty();
    }
    let mut seen: BTreeSet<&str> = todo.iter().copied().collect();
    while let Some(service) = todo.pop().and_then(|name| spec.services.get(name)) {
        for (reference, need) in &service.needs {
            match reference.parts() {
                ("postgres", _) if need.read != Some(raw::ReadFrom::Local) => return true,
                ("services", next) if seen.insert(next) => todo.push(next),
                _ => {}
            }
        }
    }
    false
}

/// What is answered at a location while one region is down (X-DN-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered<'a> {
    /// The region that is answered.
    pub region: &'a str,
    /// The region that goes on being answered until people open the gate.
    pub until_gate_opens: Option<&'a str>,
}

/// What the clients of a location are answered, with a region down or with all of them up.
///
/// The walk goes from the location to the larger ones, as Route 53 does (F-DN-05). `None` is no answer at all.
pub fn answer<'a>(record: &Record<'a>, location: &Location, down: Option<&str>) -> Option<Answered<'a>> {
    let of = |wanted: &Location| record.answers.iter().find(|answer| answer.location == *wanted);
    let found = of(&Location::Anywhere).or_else(|| of(location)).or_else(|| of(&Location::Default))?;
    let (&first, _) = found.order.split_first()?;
    let Some(at) = found.order.iter().position(|region| Some(region.name.as_str()) != down) else {
        // Nothing else is left: Route 53 answers with what is unhealthy (F-DN-04).
        return Some(Answered { region: &first.name, until_gate_opens: None });
    };
    let gated = (0..at).any(|step| record.is_gated(&found.order, step));
    Some(Answered { region: &found.order[at].name, until_gate_opens: gated.then_some(&first.name) })
}

#[cfg(test)]
mod tests;
