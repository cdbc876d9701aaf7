//! From what was written to the resolved model: references, derived defaults, and what contradicts itself.
//!
//! All problems of a blueprint are collected. Whether a combination is wise is not judged here but by the rules
//! of `check`; what stands here makes rendering impossible or its meaning unclear.

mod contradictions;
mod datastores;
mod defaults;
mod derive;
mod directories;
mod dns;
mod edge;
mod expressible;
mod machines;
mod pools;
mod reach;
mod redis;
mod refused;
mod regions;
mod sentinel;
mod services;
mod units;
mod unrendered;
mod waits;

use std::collections::BTreeMap;

use super::{Blueprint, Derived, Region, Service, raw};
use crate::diagnostics::Diagnostic;
use crate::document::Path;

/// What is known while resolving, and what was found wrong.
pub(super) struct Resolver<'a> {
    pub(super) spec: &'a raw::Blueprint,
    pub(super) waits: waits::Waits<'a>,
    pub(super) regions: Vec<Region>,
    pub(super) derived: BTreeMap<String, Derived>,
    pub(super) problems: Vec<Diagnostic>,
    /// What was written and could not be read: it is not there, and not missing.
    unread: &'a [Path],
}

impl Resolver<'_> {
    /// Whether a path, or what it stands in, was written and could not be read.
    fn is_unread(&self, path: &Path) -> bool {
        self.unread.iter().any(|unread| path.starts_with(unread))
    }

    fn derived(&mut self, path: &Path, value: impl ToString, because: impl Into<String>) {
        self.derived.insert(path.to_string(), Derived { value: value.to_string(), because: because.into() });
    }
}

/// Who calls what: each need, and each fallback of one.
fn callers(services: &[Service]) -> BTreeMap<String, Vec<usize>> {
    let mut callers: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, service) in services.iter().enumerate().filter(|(_, service)| service.on_kubernetes()) {
        let fallbacks = service.needs.iter().filter_map(|need| Some(need.spec.fallback.as_ref()?.as_str()));
        for reference in service.needs.iter().map(|need| need.reference.as_str()).chain(fallbacks) {
            let known = callers.entry(reference.to_owned()).or_default();
            if known.last() != Some(&at) {
                known.push(at);
            }
        }
    }
    callers
}

/// Resolves a blueprint. With problems of level error there is no blueprint.
pub fn resolve(spec: raw::Blueprint, environment: Option<String>) -> (Option<Blueprint>, Vec<Diagnostic>) {
    resolve_read(spec, environment, &[])
}

/// Resolves what could be read of a blueprint, without what could not.
pub fn resolve_read(
    spec: raw::Blueprint,
    environment: Option<String>,
    unread: &[Path],
) -> (Option<Blueprint>, Vec<Diagnostic>) {
    let mut resolver = Resolver {
        spec: &spec,
        waits: waits::waits(&spec),
        regions: Vec::new(),
        derived: BTreeMap::new(),
        problems: Vec::new(),
        unread,
    };
    resolver.regions();
    resolver.platform();
    let services = resolver.services();
    let postgres = resolver.postgres();
    let redis = resolver.redis();
    resolver.destinations();
    resolver.dns();
    resolver.health_is_served(&services);
    resolver.expressible(&services);
    resolver.connection_budget(&postgres, &services);
    resolver.edge(&services);
    resolver.stores_are_reached(&services);
    resolver.fallbacks_fit(&services);
    resolver.contradictions();
    resolver.refused(&postgres, &redis);
    resolver.defaults();
    resolver.unrendered(&postgres);
    let Resolver { regions, derived, problems, .. } = resolver;
    if problems.iter().any(|p| p.level == crate::diagnostics::Level::Error) {
        return (None, problems);
    }
    let name = spec.metadata.name.to_string();
    let namespace = spec.platform.namespace.as_ref().map_or_else(|| name.clone(), ToString::to_string);
    let callers = callers(&services);
    let blueprint =
        Blueprint { spec, environment, name, namespace, regions, services, postgres, redis, callers, derived };
    (Some(blueprint), problems)
}
