//! What the chosen targets cannot express: said here, at its line, and never left to a template.

use std::collections::BTreeMap;

use super::Resolver;
use crate::blueprint::units::Duration;
use crate::blueprint::{Service, names, raw};
use crate::diagnostics::{Diagnostic, Place};
use crate::document::Path;
use crate::path;

/// The most listeners that a Gateway may have (its schema in the Gateway API); one is for HTTP.
const MOST_LISTENERS: usize = 64;
/// The longest `stabilizationWindowSeconds` that autoscaling/v2 takes.
const LONGEST_STABILISATION: u64 = 3600;

impl Resolver<'_> {
    /// Looks at what the services ask of Kubernetes and of the edge.
    pub(super) fn expressible(&mut self, services: &[Service]) {
        for service in services.iter().filter(|service| service.on_kubernetes()) {
            self.stabilisation(service);
            self.variables(service);
        }
        if self.spec.edge.ingress != raw::Ingress::None {
            self.routes(services);
        }
        self.windows();
    }

    /// Times that the program behind them does not take, or that mean nothing.
    fn windows(&mut self) {
        let second = Duration::from_secs(1);
        let (hour, day) = (Duration::from_secs(3600), Duration::from_secs(86_400));
        let mut times: Vec<(Path, Duration, Duration, Duration)> = Vec::new();
        for (name, service) in &self.spec.services {
            let at = path!["services", name];
            let probes = [
                ("readiness", service.probes.readiness.as_ref()),
                ("liveness", service.probes.liveness.as_ref()),
                ("startup", service.probes.startup.as_ref()),
            ];
            for (which, probe) in probes.into_iter().filter_map(|(which, probe)| Some((which, probe?))) {
                let here = at.key("probes").key(which);
                times.push((here.key("period"), probe.period, second, hour));
                times.push((here.key("timeout"), probe.timeout, second, hour));
                times.extend(
                    probe.initial_delay.map(|delay| (here.key("initialDelay"), delay, Duration::from_secs(0), day)),
                );
            }
            if let Some(route) = &service.route {
                times.push((at.key("route").key("timeout"), route.timeout, Duration::from_millis(1), day));
            }
            for (reference, need) in &service.needs {
                let here = at.key("needs").key(reference);
                times.extend(need.timeout.map(|timeout| (here.key("timeout"), timeout, Duration::from_millis(1), day)));
            }
        }
        if let Some(monitoring) = &self.spec.monitoring {
            let window = path!["monitoring", "slo", "window"];
            times.push((window, monitoring.slo.window, day, Duration::from_secs(366 * 86_400)));
        }
        for (at, time, least, most) in times.into_iter().filter(|(_, time, least, most)| time < least || time > most) {
            self.problems.push(
                Diagnostic::error("BP125", Place::Value(at.clone()), format!("`{at}` cannot be {time}"))
                    .because(format!("what reads it takes from {least} to {most}"))
                    .fix(format!("write a time between {least} and {most}")),
            );
        }
    }

    fn stabilisation(&mut self, service: &Service) {
        let Some(autoscale) = &service.spec.autoscale else { return };
        let windows = [
            ("scaleDownStabilization", autoscale.scale_down_stabilization),
            ("scaleUpStabilization", autoscale.scale_up_stabilization),
        ];
        for (field, window) in windows.into_iter().filter(|(_, window)| window.secs() > LONGEST_STABILISATION) {
            let at = path!["services", &service.name, "autoscale", field];
            self.problems.push(
                Diagnostic::error("BP120", Place::Value(at), format!("{window} is longer than an autoscaler takes"))
                    .because("autoscaling/v2 refuses a `stabilizationWindowSeconds` above 3600")
                    .fix("write `1h` or less"),
            );
        }
    }

    /// Two needs of one name in different sections would tell the service their addresses in the same variables.
    fn variables(&mut self, service: &Service) {
        let mut prefixes: BTreeMap<String, &str> = BTreeMap::new();
        let at = path!["services", &service.name, "needs"];
        let needed = service.needs.iter().map(|need| (need.reference.as_str(), at.key(&need.reference)));
        let fallbacks = service
            .needs
            .iter()
            .filter_map(|need| Some((need.spec.fallback.as_ref()?.as_str(), at.key(&need.reference).key("fallback"))));
        for (reference, here) in needed.chain(fallbacks) {
            let prefix = names::env_prefix(reference.rsplit_once('.').map_or(reference, |(_, name)| name));
            let other = *prefixes.entry(prefix.clone()).or_insert(reference);
            if other == reference {
                continue;
            }
            self.problems.push(
                Diagnostic::error(
                    "BP121",
                    Place::Key(here),
                    format!("`{other}` and `{reference}` would both be told as {prefix}_HOST"),
                )
                .also(Place::Key(at.key(other)), "the other one")
                .because("a service finds what it needs by the name alone")
                .fix("give one of them another name"),
            );
        }
    }

    fn routes(&mut self, services: &[Service]) {
        let mut seen: BTreeMap<(&str, &str), &str> = BTreeMap::new();
        let mut hosts: BTreeMap<&str, Path> = BTreeMap::new();
        for service in services.iter().filter(|service| service.on_kubernetes() && service.is_public()) {
            let (Some(route), Some(host)) = (&service.spec.route, service.host.as_deref()) else { continue };
            let at = path!["services", &service.name, "route"];
            if host.contains('_') {
                self.problems.push(
                    Diagnostic::error("BP122", Place::Value(at.key("host")), format!("`{host}` cannot be served"))
                        .because("no certificate and no route may hold `_`")
                        .fix("take a host of letters, digits and `-`"),
                );
            }
            let path = route.path.as_str();
            // For a prefix `/v1` and `/v1/` are the same.
            let prefix = path.strip_suffix('/').filter(|short| !short.is_empty()).unwrap_or(path);
            if let Some(other) = seen.insert((host, prefix), &service.name) {
                self.problems.push(
                    Diagnostic::error(
                        "BP123",
                        Place::Key(at.clone()),
                        format!("two services claim {host}{path}: `{other}` and `{}`", service.name),
                    )
                    .also(Place::Key(path!["services", other, "route"]), "the other one")
                    .because("which of them answers would be left to chance")
                    .fix("give one of them another `path` or `host`"),
                );
            }
            hosts.entry(host).or_insert(at);
        }
        if self.spec.edge.ingress == raw::Ingress::GatewayApi
            && let Some(at) = hosts.values().nth(MOST_LISTENERS - 1)
        {
            self.problems.push(
                Diagnostic::error(
                    "BP124",
                    Place::Key(at.clone()),
                    format!("{} public hosts are too many", hosts.len()),
                )
                .because(format!("a Gateway holds {MOST_LISTENERS} listeners: one for HTTP and one for each host"))
                .fix("serve several services below one host, by `path`"),
            );
        }
    }
}
