//! The connection budget of PostgreSQL (X-PG-6, R-PG-32): what pools and services may open at the primary fits `max_connections`.

use super::Resolver;
use crate::blueprint::budget::{Budget, RESERVED};
use crate::blueprint::{Postgres, Service};
use crate::diagnostics::{Diagnostic, Place};
use crate::path;

impl Resolver<'_> {
    /// Holds the pools of all regions, and the services that go past them, against the server.
    pub(super) fn connection_budget(&mut self, clusters: &[Postgres], services: &[Service]) {
        for cluster in clusters.iter().filter(|cluster| cluster.is_rendered()) {
            let at = path!["postgres", &cluster.name];
            let Some(budget) = Budget::of(&self.regions, cluster, services) else { continue };
            let Budget { most, pools, size, .. } = budget;
            if budget.wanted() <= most {
                continue;
            }
            let mut terms = Vec::new();
            if pools > 0 {
                terms.push(format!("{pools} pools × {size}"));
            }
            let direct = budget.direct.iter().filter_map(|share| Some((&share.service, share.all()?)));
            terms.extend(direct.map(|(service, connections)| format!("{service} {connections}")));
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
                budget.wanted()
            ));
            if written {
                problem = problem.also(Place::Value(place), "the most");
            }
            let fits = most.saturating_sub(budget.wanted() - pools * size).checked_div(pools).filter(|fits| *fits > 0);
            let raise = format!("`parameters: {{max_connections: {}}}`", budget.wanted());
            self.problems.push(problem.fix(match fits {
                Some(fits) => format!("write `pool: {{size: {fits}}}`, or {raise}"),
                None => format!("write {raise}"),
            }));
        }
    }
}
