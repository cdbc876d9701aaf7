//! Whether every region's services can reach what they need: a service that is told no address starts, and fails at its first call.

use super::Resolver;
use crate::blueprint::{Need, NeedTarget, Region, Service, names, raw};
use crate::diagnostics::{Diagnostic, Place};
use crate::path;

impl Resolver<'_> {
    /// A data store that hagen renders has an address in every region whose services need it, or `env` names one.
    ///
    /// Of stores that others run nothing is known; there the service's configuration says what is left to write.
    pub(super) fn stores_are_reached(&mut self, services: &[Service]) {
        // There the other region is empty until it is rebuilt from a backup, and then it is the primary one.
        if self.spec.strategy == raw::Strategy::BackupAndRestore {
            return;
        }
        for service in services.iter().filter(|service| service.on_kubernetes()) {
            for need in &service.needs {
                let at = path!["services", &service.name, "needs", &need.reference];
                self.store_is_reached(service, need, Place::Key(at.clone()));
                let known =
                    |fallback: &&raw::Reference| service.needs.iter().all(|need| need.reference != fallback.as_str());
                if let Some(fallback) = need.spec.fallback.as_ref().filter(known) {
                    let (section, name) = fallback.parts();
                    let target = NeedTarget::of_section(section);
                    let spec = raw::Need::default();
                    let instead = Need { reference: fallback.to_string(), target, name: name.to_owned(), spec };
                    self.store_is_reached(service, &instead, Place::Value(at.key("fallback")));
                }
            }
        }
    }

    fn store_is_reached(&mut self, service: &Service, need: &Need, place: Place) {
        let variable = format!("{}_HOST", names::env_prefix(&need.name));
        let spec = &service.spec;
        if spec.env.keys().chain(spec.secrets.keys()).any(|name| name.as_str() == variable) {
            return;
        }
        let cut_off: Vec<&Region> = self.regions.iter().filter(|region| self.is_cut_off(need, region)).collect();
        let Some(first) = cut_off.first() else { return };
        let names: Vec<&str> = cut_off.iter().map(|region| region.name.as_str()).collect();
        let primary = self.regions.first().map_or("", |region| region.name.as_str());
        let (because, way) = if need.target == NeedTarget::Postgres {
            let to = names.join(", ");
            let endpoints: Vec<String> =
                std::iter::once(primary).chain(names.iter().copied()).map(|name| format!("{name}: HOST")).collect();
            (
                format!(
                    "the cluster is in `{primary}` only, and no address inside of a Kubernetes cluster can be routed between regions"
                ),
                format!(
                    "write `crossRegion: {{to: [{to}], endpoints: {{{}}}}}` under `{}`",
                    endpoints.join(", "),
                    need.reference
                ),
            )
        } else {
            (
                format!("`{}.regions` leaves `{}` out", need.reference, first.name),
                format!("name the region in `{}.regions`", need.reference),
            )
        };
        let title = format!("services in {} cannot reach `{}`", quoted(&names), need.reference);
        let section = if need.target == NeedTarget::Postgres { "postgres" } else { "redis" };
        let store = path![section, &need.name];
        let mut problem = Diagnostic::error("BP135", place, title)
            .because(because)
            .fix(format!("{way}; or the address that they shall take: `env: {{{variable}: HOST}}`"));
        problem.rests_on = ["crossRegion", "regions", "manager", "platform"].map(|field| store.key(field)).to_vec();
        let services = path!["services", &service.name];
        problem.rests_on.extend([services.key("env"), services.key("secrets"), path!["regions"], path!["strategy"]]);
        self.problems.push(problem);
    }

    /// Whether a region's services are told no address of a data store. What `crossRegion` leaves out is said there (BP049).
    fn is_cut_off(&self, need: &Need, region: &Region) -> bool {
        match need.target {
            NeedTarget::Postgres => self.spec.postgres.get(need.name.as_str()).is_some_and(|cluster| {
                cluster.manager == raw::Manager::Patroni && cluster.cross_region.is_none() && !region.is_primary()
            }),
            NeedTarget::Redis => self.spec.redis.get(need.name.as_str()).is_some_and(|cluster| {
                matches!(cluster.platform, raw::StorePlatform::Kubernetes | raw::StorePlatform::Hosts)
                    && cluster.regions.as_ref().is_some_and(|regions| !regions.contains(&region.name))
            }),
            NeedTarget::Service | NeedTarget::External => false,
        }
    }
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
