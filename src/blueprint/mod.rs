//! The blueprint: what may be written ([`raw`]), and the resolved model that every later stage reads.
//!
//! A resolved item is what was written (`spec`) plus what follows from it: references looked up,
//! defaults that depend on other fields filled in, targets found. Whatever was derived is listed in
//! [`Blueprint::derived`] with its reason. Nothing here reads a file or renders anything.

pub mod budget;
pub mod credential;
pub mod cron;
pub mod dns;
pub mod explain;
pub mod load;
pub mod names;
pub mod parameters;
pub mod placement;
pub mod raw;
pub mod resolve;
pub mod resolved;
pub mod schema;
pub mod secrets;
pub mod units;
pub mod validate;

mod backups;
mod datastore;
pub mod service;

use std::collections::BTreeMap;

pub use backups::BackupType;
pub use datastore::{Credentials, EtcdMember, Member, Postgres, PostgresRole, Redis, Router};
pub use service::{Need, NeedTarget, Service};

use units::{Duration, Percent};

/// A resolved blueprint.
#[derive(Debug, Clone)]
pub struct Blueprint {
    /// What was written, with the constant defaults.
    pub spec: raw::Blueprint,
    /// The environment that was chosen, if any.
    pub environment: Option<String>,
    /// The system's name.
    pub name: String,
    /// The Kubernetes namespace of everything.
    pub namespace: String,
    /// The regions: the primary first, the others by name.
    pub regions: Vec<Region>,
    /// The services, by name.
    pub services: Vec<Service>,
    /// The PostgreSQL clusters, by name.
    pub postgres: Vec<Postgres>,
    /// The Redis clusters, by name.
    pub redis: Vec<Redis>,
    /// The services on Kubernetes that call something, by its reference, as places in `services`.
    pub callers: BTreeMap<String, Vec<usize>>,
    /// What was derived from other fields, by blueprint path.
    pub derived: BTreeMap<String, Derived>,
}

/// A value that was derived from other fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derived {
    /// The value, as it would be written.
    pub value: String,
    /// How it follows.
    pub because: String,
}

/// A region.
#[derive(Debug, Clone)]
pub struct Region {
    /// Its name.
    pub name: String,
    /// What was written.
    pub spec: raw::Region,
}

impl Region {
    /// Whether the writer of the data is here.
    pub fn is_primary(&self) -> bool {
        self.spec.role == raw::RegionRole::Primary
    }

    /// The share of the primary's replicas that always runs here.
    pub fn warm(&self) -> Percent {
        if self.is_primary() { Percent::whole(100) } else { self.spec.warm.unwrap_or(Percent::whole(100)) }
    }
}

/// The targets of an item, each with where it is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Targets {
    /// The share of good requests.
    pub availability: Option<Percent>,
    /// Recovery time objective.
    pub rto: Option<Duration>,
    /// Recovery point objective.
    pub rpo: Option<Duration>,
}

impl Blueprint {
    /// The region that writes.
    pub fn primary(&self) -> &Region {
        // `resolve` refuses a blueprint without exactly one primary region, which then stands first.
        &self.regions[0]
    }

    /// The region of that name.
    pub fn region(&self, name: &str) -> Option<&Region> {
        self.regions.iter().find(|region| region.name == name)
    }

    /// The service of that name.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.binary_search_by(|s| s.name.as_str().cmp(name)).ok().map(|i| &self.services[i])
    }

    /// The PostgreSQL cluster of that name.
    pub fn postgres(&self, name: &str) -> Option<&Postgres> {
        self.postgres.iter().find(|p| p.name == name)
    }

    /// The PostgreSQL clusters whose members are pods.
    pub fn postgres_in_pods(&self) -> impl Iterator<Item = &Postgres> {
        self.postgres.iter().filter(|p| p.is_rendered() && p.on_kubernetes())
    }

    /// The PostgreSQL clusters that have pods in a region.
    pub fn postgres_in<'a>(&'a self, region: &'a Region) -> impl Iterator<Item = &'a Postgres> {
        self.postgres.iter().filter(|p| p.has_pods(region))
    }

    /// The Redis cluster of that name.
    pub fn redis(&self, name: &str) -> Option<&Redis> {
        self.redis.iter().find(|r| r.name == name)
    }

    /// The targets of an item in a scenario, or in general: the first that is written of its own, its tier's for the
    /// scenario, the global one for the scenario, its tier's, the global one (decision 4).
    pub fn targets(&self, own: &raw::Tier, tier: Option<&raw::Name>, scenario: Option<raw::Scenario>) -> Targets {
        let objectives = &self.spec.objectives;
        let tier = tier.and_then(|name| objectives.tiers.get(name));
        let of = |target: &raw::Target| (None, target.rto, target.rpo);
        let mut chain = Vec::with_capacity(6);
        if let Some(scenario) = scenario {
            chain.extend(own.scenarios.get(&scenario).map(of));
        }
        chain.push((own.availability, own.rto, own.rpo));
        if let Some(scenario) = scenario {
            chain.extend(tier.and_then(|t| t.scenarios.get(&scenario)).map(of));
            chain.extend(objectives.scenarios.get(&scenario).map(of));
        }
        chain.extend(tier.map(|t| (t.availability, t.rto, t.rpo)));
        chain.push((objectives.availability, objectives.rto, objectives.rpo));
        Targets {
            availability: chain.iter().find_map(|c| c.0),
            rto: chain.iter().find_map(|c| c.1),
            rpo: chain.iter().find_map(|c| c.2),
        }
    }
}
