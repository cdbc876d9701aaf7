//! What applies where nothing is written and depends on other fields: listed for `--resolved`, with its reason.

use super::Resolver;
use crate::blueprint::service::{LIVENESS, PROBE_TIMEOUT, ProbeDefault, READINESS, STARTUP};
use crate::blueprint::units::{Cpu, Duration};
use crate::blueprint::{Redis, raw};
use crate::document::Path;
use crate::path;

impl Resolver<'_> {
    pub(super) fn defaults(&mut self) {
        let spec = self.spec;
        let on_kubernetes = |service: &raw::Service| service.platform == raw::ServicePlatform::Kubernetes;
        for (name, service) in spec.services.iter().filter(|(_, service)| on_kubernetes(service)) {
            self.service_defaults(&path!["services", name], service);
        }
        for (name, cluster) in spec.postgres.iter().filter(|(_, cluster)| cluster.manager == raw::Manager::Patroni) {
            let at = path!["postgres", name];
            if cluster.platform != raw::StorePlatform::Kubernetes {
                continue;
            }
            if cluster.members.is_none() {
                self.derived(&at.key("members"), cluster.member_count(), "one for each of three zones");
            }
            if cluster.consensus.members.is_none() && cluster.consensus.kind == raw::ConsensusKind::Etcd {
                let members = cluster.consensus.member_count();
                self.derived(&at.key("consensus").key("members"), members, "the least that outlives one (R-PG-05)");
            }
        }
        for (name, cluster) in &spec.redis {
            if cluster.shards.is_none() {
                let because = if cluster.is_sentinel() {
                    "Sentinel: one primary"
                } else {
                    "the fewest with a majority (F-RD-07)"
                };
                self.derived(&path!["redis", name, "shards"], cluster.shards(), because);
            }
            if cluster.platform == raw::StorePlatform::Kubernetes && cluster.resources.is_none() {
                let at = path!["redis", name, "resources"];
                self.derived(&at.key("cpu"), Cpu::from_millis(Redis::CPU), "what a node needs at least");
                let because = "`memory` / 0.6: a fork copies what changes meanwhile (R-RD-15)";
                self.derived(&at.key("memory"), Redis::node_memory(cluster), because);
            }
            if cluster.platform == raw::StorePlatform::Kubernetes && cluster.storage.is_none() {
                let size = Redis::volume_size(cluster);
                let because = "five times `memory`: append-only file, its rewrite, a snapshot and the next";
                self.derived(&path!["redis", name, "storage", "size"], size, because);
            }
        }
    }

    fn service_defaults(&mut self, at: &Path, service: &raw::Service) {
        let resources = &service.resources;
        if resources.limits.memory.is_none() {
            let path = at.key("resources").key("limits").key("memory");
            self.derived(&path, resources.requests.memory, "the request");
        }
        if service.replicas.max.is_none() {
            self.derived(&at.key("replicas").key("max"), service.replicas.min, "replicas.min");
        }
        let probes = &service.probes;
        let liveness = probes.liveness.as_ref();
        let all = [
            ("readiness", probes.readiness.is_some(), READINESS, "a TCP connection to the port: no probe is written"),
            ("liveness", liveness.is_some(), LIVENESS, "a TCP connection to the port, slower than readiness (R-K8-16)"),
            ("startup", probes.startup.is_some(), STARTUP, "what liveness asks, for five minutes (R-K8-17)"),
        ];
        for (name, probe, default) in [
            ("readiness", &probes.readiness, READINESS),
            ("liveness", &probes.liveness, LIVENESS),
            ("startup", &probes.startup, STARTUP),
        ] {
            if probe.as_ref().is_some_and(|probe| probe.failures.is_none()) {
                let at = at.key("probes").key(name).key("failures");
                self.derived(&at, default.failures, "what readiness, liveness (slower, R-K8-16) and startup each have");
            }
        }
        for (name, _, default, because) in all.into_iter().filter(|(_, written, ..)| !written) {
            let at = at.key("probes").key(name);
            let ProbeDefault { period, failures } = default;
            let mut timeout = Duration::from_secs(PROBE_TIMEOUT.into());
            if let (Some(liveness), "startup") = (liveness, name) {
                timeout = liveness.timeout;
                if let Some(http) = &liveness.http {
                    self.derived(&at.key("http"), http, because);
                }
            }
            self.derived(&at.key("period"), Duration::from_secs(period.into()), because);
            self.derived(&at.key("timeout"), timeout, because);
            self.derived(&at.key("failures"), failures, because);
        }
    }
}
