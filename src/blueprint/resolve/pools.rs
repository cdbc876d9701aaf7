//! The connection budget of PostgreSQL (X-PG-6, R-PG-32): what pools and services may open at the primary fits `max_connections`.

use super::Resolver;
use crate::blueprint::{NeedTarget, Postgres, Service, raw};
use crate::diagnostics::{Diagnostic, Place};
use crate::path;

/// `max_connections` of Patroni and PostgreSQL where nothing is written.
const MAX_CONNECTIONS: u64 = 100;
/// Three for superusers, and five for Patroni, the exporter and a rewind.
const RESERVED: u64 = 8;

impl Resolver<'_> {
    /// Holds the pools of all regions, and the services that go past them, against the server.
    pub(super) fn connection_budget(&mut self, clusters: &[Postgres], services: &[Service]) {
        for cluster in clusters.iter().filter(|cluster| cluster.is_rendered()) {
            let at = path!["postgres", &cluster.name];
            let most = match cluster.spec.parameters.iter().find(|(name, _)| name.as_str() == "max_connections") {
                Some((_, value)) => value.0.parse::<u64>().ok(),
                None => Some(MAX_CONNECTIONS),
            };
            let Some(most) = most else { continue };
            let pools = self.pools(cluster);
            let pool = &cluster.spec.pool;
            let size = u64::from(pool.size);
            let direct = self.direct(cluster, services);
            let opened = pools * size + direct.iter().map(|(_, connections)| connections).sum::<u64>();
            if opened + RESERVED <= most {
                continue;
            }
            let mut terms = Vec::new();
            if pools > 0 {
                terms.push(format!("{pools} pools × {size}"));
            }
            terms.extend(direct.iter().map(|(service, connections)| format!("{service} {connections}")));
            terms.push(format!("{RESERVED} for superusers, Patroni and the exporter"));
            let written = cluster.spec.parameters.keys().any(|name| name.as_str() == "max_connections");
            let place = at.key("parameters").key("max_connections");
            let mut problem = Diagnostic::error(
                "BP190",
                if pools > 0 { Place::Key(at.key("pool")) } else { Place::Key(at.clone()) },
                format!("PostgreSQL `{}` may be asked for more connections than it takes", cluster.name),
            )
            .because(format!(
                "{} = {} > max_connections {most} (X-PG-6, R-PG-32)",
                terms.join(" + "),
                opened + RESERVED
            ));
            if written {
                problem = problem.also(Place::Value(place), "the most");
            }
            let fits =
                most.saturating_sub(RESERVED + opened - pools * size).checked_div(pools).filter(|fits| *fits > 0);
            let raise = format!("`parameters: {{max_connections: {}}}`", opened + RESERVED);
            self.problems.push(problem.fix(match fits {
                Some(fits) => format!("write `pool: {{size: {fits}}}`, or {raise}"),
                None => format!("write {raise}"),
            }));
        }
    }

    /// How many pools lead to the primary: those of its region, and those of the regions whose services write there.
    fn pools(&self, cluster: &Postgres) -> u64 {
        if cluster.spec.pool.kind != raw::PoolKind::Pgbouncer {
            return 0;
        }
        let of_region = |region: &crate::blueprint::Region| match (cluster.on_kubernetes(), cluster.role(region)) {
            (_, None) => 0,
            (true, Some(_)) => u64::from(cluster.spec.pool.replicas),
            // A pool on hosts leads to the router beside it, which leads to its own region.
            (false, Some(_)) if region.is_primary() => cluster.routers(region).len() as u64,
            (false, Some(_)) => 0,
        };
        self.regions.iter().map(of_region).sum()
    }

    /// What services open past the pool, at their most pods in all regions. A service that says no `poolSize` is unknown.
    fn direct<'s>(&self, cluster: &Postgres, services: &'s [Service]) -> Vec<(&'s str, u64)> {
        let pooled = cluster.spec.pool.kind == raw::PoolKind::Pgbouncer;
        let of = |service: &'s Service| {
            let need = service.needs.iter().find(|n| n.target == NeedTarget::Postgres && n.name == cluster.name)?;
            if pooled && need.spec.via != Some(raw::Via::Direct) {
                return None;
            }
            let pods: u64 = self.regions.iter().map(|region| u64::from(service.replicas(region).1)).sum();
            Some((service.name.as_str(), pods * u64::from(need.spec.pool_size?)))
        };
        services.iter().filter(|service| service.on_kubernetes()).filter_map(of).collect()
    }
}
