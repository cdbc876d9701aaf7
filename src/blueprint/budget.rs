//! The connections that a PostgreSQL cluster may be asked for, added up once (X-PG-6, R-PG-32): the check and `explain` read it here.

use super::{NeedTarget, Postgres, Region, Service, raw};

/// `max_connections` of Patroni and PostgreSQL where nothing is written.
const MAX_CONNECTIONS: u64 = 100;
/// Three for superusers, and five for Patroni, the exporter and a rewind.
pub const RESERVED: u64 = 8;

/// What one service opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// The service.
    pub service: String,
    /// How its need is written.
    pub reference: String,
    /// Its pods, at most, in all regions.
    pub pods: u64,
    /// The connections of one pod, where they are known.
    pub each: Option<u64>,
}

impl Share {
    /// All of its connections, where they are known.
    pub fn all(&self) -> Option<u64> {
        Some(self.pods * self.each?)
    }
}

/// Who may open how many connections at the primary.
#[derive(Debug)]
pub struct Budget<'a> {
    /// The cluster.
    pub cluster: &'a Postgres,
    /// `max_connections`.
    pub most: u64,
    /// The pools that lead to the primary.
    pub pools: u64,
    /// What each of them opens.
    pub size: u64,
    /// The services that go past the pool.
    pub direct: Vec<Share>,
    /// The services that the pools take in.
    pub pooled: Vec<Share>,
}

impl<'a> Budget<'a> {
    /// Of a cluster. None where `max_connections` is no number.
    pub fn of(regions: &[Region], cluster: &'a Postgres, services: &[Service]) -> Option<Self> {
        let most = match cluster.spec.parameters.iter().find(|(name, _)| name.as_str() == "max_connections") {
            Some((_, value)) => value.0.parse::<u64>().ok()?,
            None => MAX_CONNECTIONS,
        };
        let (direct, pooled) = shares(regions, cluster, services);
        Some(Self {
            cluster,
            most,
            pools: pools(regions, cluster),
            size: cluster.spec.pool.size.into(),
            direct,
            pooled,
        })
    }

    /// What pools and services may open. A service that says no `poolSize` is unknown, and not in it.
    pub fn opened(&self) -> u64 {
        self.pools * self.size + self.direct.iter().filter_map(Share::all).sum::<u64>()
    }

    /// The same with what is kept for others.
    pub fn wanted(&self) -> u64 {
        self.opened() + RESERVED
    }
}

/// How many pools lead to the primary: those of its region, and those of the regions whose services write there.
fn pools(regions: &[Region], cluster: &Postgres) -> u64 {
    if !cluster.has_pool() {
        return 0;
    }
    let of_region = |region: &Region| match (cluster.on_kubernetes(), cluster.role(region)) {
        (_, None) => 0,
        (true, Some(_)) => u64::from(cluster.spec.pool.replicas),
        // A pool on hosts leads to the router beside it, which leads to its own region.
        (false, Some(_)) if region.is_primary() => cluster.routers(region).len() as u64,
        (false, Some(_)) => 0,
    };
    regions.iter().map(of_region).sum()
}

/// What services open past the pool, and what they open at it, at their most pods in all regions.
fn shares(regions: &[Region], cluster: &Postgres, services: &[Service]) -> (Vec<Share>, Vec<Share>) {
    let (mut direct, mut pooled) = (Vec::new(), Vec::new());
    for service in services.iter().filter(|service| service.on_kubernetes()) {
        let mut needs = service.needs.iter();
        let Some(need) = needs.find(|n| n.target == NeedTarget::Postgres && n.name == cluster.name) else { continue };
        let share = Share {
            service: service.name.clone(),
            reference: need.reference.clone(),
            pods: regions.iter().map(|region| u64::from(service.replicas(region).1)).sum(),
            each: need.spec.pool_size.map(u64::from),
        };
        if cluster.has_pool() && need.spec.via != Some(raw::Via::Direct) {
            pooled.push(share)
        } else {
            direct.push(share)
        }
    }
    (direct, pooled)
}
