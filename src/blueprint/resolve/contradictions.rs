//! Values that each have their form and together cannot work, or mean nothing.
//!
//! Whether a figure is wise is for the rules of `check`; here stands what a real system would refuse, what would never act,
//! and what would be ignored in silence.

use std::collections::BTreeMap;

use super::Resolver;
use crate::blueprint::parameters;
use crate::blueprint::raw;
use crate::blueprint::units::Percent;
use crate::diagnostics::{Diagnostic, Place};
use crate::document::Path;
use crate::path;

impl Resolver<'_> {
    pub(super) fn contradictions(&mut self) {
        let spec = self.spec;
        self.objectives();
        for (name, service) in &spec.services {
            let at = path!["services", name];
            self.tier_targets(&at.key("objectives"), &service.objectives);
            self.resources(&at, &service.resources);
            self.scaling(&at, service);
            self.times(&at, service);
            self.own_names(&at, name, service);
        }
        for (name, cluster) in &spec.postgres {
            let at = path!["postgres", name];
            self.tier_targets(&at.key("objectives"), &cluster.objectives);
            if cluster.manager == raw::Manager::Patroni {
                self.quorum(&at, cluster);
                self.parameters(&at, cluster);
            }
        }
        for (name, cluster) in &spec.redis {
            self.tier_targets(&path!["redis", name, "objectives"], &cluster.objectives);
        }
        self.addresses();
        for (index, waiver) in spec.policy.waive.iter().enumerate() {
            if let Err(why) = waiver.path() {
                self.problems.push(
                    Diagnostic::error(
                        "BP170",
                        Place::Value(path!["policy", "waive"].index(index).key("at")),
                        format!("`{}` is no path", waiver.at.escape_debug()),
                    )
                    .because(why.to_string())
                    .fix("write it as messages print it: `redis.sessions` or `services.api.needs.\"redis.cache\"`"),
                );
            }
        }
    }

    fn objectives(&mut self) {
        let spec = self.spec;
        let at = path!["objectives"];
        self.target(&at, spec.objectives.availability, spec.objectives.rto);
        self.scenarios(&at, &spec.objectives.scenarios);
        for (name, tier) in &spec.objectives.tiers {
            self.tier_targets(&at.key("tiers").key(name), tier);
        }
        for (name, region) in &spec.regions {
            if region.warm.is_some_and(|warm| warm > Percent::whole(100)) {
                self.problems.push(
                    Diagnostic::error(
                        "BP163",
                        Place::Value(path!["regions", name, "warm"]),
                        "a region cannot keep more than all of the replicas",
                    )
                    .because("`warm` is a share of the primary's replicas; more than 100% would be cut in silence")
                    .fix("write `100%` or less"),
                );
            }
        }
    }

    fn tier_targets(&mut self, at: &Path, tier: &raw::Tier) {
        self.target(at, tier.availability, tier.rto);
        self.scenarios(at, &tier.scenarios);
    }

    fn scenarios(&mut self, at: &Path, scenarios: &BTreeMap<raw::Scenario, raw::Target>) {
        for (scenario, target) in scenarios {
            let name = serde_json::to_value(scenario).unwrap_or_default();
            self.target(&at.key("scenarios").key(name.as_str().unwrap_or_default()), None, target.rto);
        }
    }

    /// A target that nothing can meet.
    fn target(&mut self, at: &Path, availability: Option<Percent>, rto: Option<crate::blueprint::units::Duration>) {
        if let Some(availability) = availability.filter(|share| *share >= Percent::whole(100)) {
            self.problems.push(
                Diagnostic::error(
                    "BP162",
                    Place::Value(at.key("availability")),
                    format!("an availability of {availability} leaves no room for any failure"),
                )
                .because("without an error budget there is no burn rate to alert on, and nothing can keep it")
                .fix("write what an outage may cost: `99.95%` is 22 minutes in 30 days"),
            );
        }
        if rto.is_some_and(|rto| rto.millis() == 0) {
            self.problems.push(
                Diagnostic::error("BP162", Place::Value(at.key("rto")), "no recovery takes no time")
                    .because("a failure has to be seen before anything can answer it")
                    .fix("write how long an outage may last: `30s`, `15m`; `rpo: 0s` is what synchronous replication gives"),
            );
        }
    }

    fn resources(&mut self, at: &Path, resources: &raw::Resources) {
        let (requests, limits) = (&resources.requests, &resources.limits);
        let pairs = [
            (
                "cpu",
                limits
                    .cpu
                    .filter(|limit| *limit < requests.cpu)
                    .map(|limit| (limit.to_string(), requests.cpu.to_string())),
            ),
            (
                "memory",
                limits
                    .memory
                    .filter(|limit| *limit < requests.memory)
                    .map(|limit| (limit.to_string(), requests.memory.to_string())),
            ),
        ];
        for (field, pair) in pairs {
            let Some((limit, request)) = pair else { continue };
            let at = at.key("resources");
            self.problems.push(
                Diagnostic::error(
                    "BP152",
                    Place::Value(at.key("limits").key(field)),
                    format!("the limit is below the request: {limit} < {request}"),
                )
                .also(Place::Value(at.key("requests").key(field)), format!("{request} are reserved"))
                .because("Kubernetes refuses such a pod")
                .fix(format!("write `{field}: {request}` or more as the limit, or a smaller request")),
            );
        }
    }

    fn scaling(&mut self, at: &Path, service: &raw::Service) {
        let replicas = service.replicas;
        let at_max = at.key("replicas").key("max");
        let has_room = replicas.max.is_some_and(|max| max > replicas.min);
        if service.autoscale.is_some() && replicas.max.is_none_or(|max| max == replicas.min) {
            let mut problem = Diagnostic::warning(
                "BP154",
                Place::Key(at.key("autoscale")),
                format!("this autoscaler has nowhere to go: from {} to {0} replicas", replicas.min),
            )
            .rests_on(at_max.clone())
            .because("the most is the least where `replicas.max` is not given")
            .fix(format!(
                "write `replicas: {{min: {}, max: {}}}`, or leave `autoscale` out",
                replicas.min,
                replicas.min * 3
            ));
            if replicas.max.is_some() {
                problem = problem.also(Place::Value(at_max.clone()), "the most");
            }
            self.problems.push(problem);
        }
        if service.autoscale.is_none() && has_room {
            self.problems.push(
                Diagnostic::warning("BP155", Place::Value(at_max), "nothing starts more than the least")
                    .rests_on(at.key("autoscale"))
                    .because("`replicas.max` is what an autoscaler may reach, and there is none")
                    .fix("write `autoscale: {cpu: 60%}`, or leave `max` out"),
            );
        }
    }

    fn times(&mut self, at: &Path, service: &raw::Service) {
        let shutdown = &service.shutdown;
        if let Some(grace) = shutdown.grace.filter(|grace| *grace <= shutdown.drain) {
            let at = at.key("shutdown");
            self.problems.push(
                Diagnostic::error(
                    "BP153",
                    Place::Value(at.key("grace")),
                    "the pod is killed before it has stopped serving",
                )
                .label(format!("{grace} ≤ {}", shutdown.drain))
                .also(Place::Value(at.key("drain")), "it goes on serving for so long")
                .because("the grace covers drain and the requests that are under way (X-K8-9)")
                .fix("leave `grace` out: it follows from drain and the longest request"),
            );
        }
        for (reference, need) in &service.needs {
            let (Some(timeout), Some(per_try)) = (need.timeout, need.per_try) else { continue };
            if per_try > timeout {
                let at = at.key("needs").key(reference);
                self.problems.push(
                    Diagnostic::error(
                        "BP159",
                        Place::Value(at.key("perTry")),
                        "one try may take longer than the whole call",
                    )
                    .label(format!("{per_try} > {timeout}"))
                    .also(Place::Value(at.key("timeout")), "the longest that the call may take, retries included")
                    .because("the call would be given up before its first try (R-RT-04)")
                    .fix(format!("write `perTry: {timeout}` or less, or a longer `timeout`")),
                );
            }
        }
    }

    fn own_names(&mut self, at: &Path, name: &raw::Name, service: &raw::Service) {
        for reference in service.needs.keys().filter(|reference| reference.parts() == ("services", name.as_str())) {
            self.problems.push(
                Diagnostic::error("BP160", Place::Key(at.key("needs").key(reference)), "a service cannot need itself")
                    .because("it would be up only once it is up")
                    .fix("leave it out; replicas of one service reach each other without it being declared"),
            );
        }
        for variable in service.secrets.keys().filter(|variable| service.env.contains_key(variable.as_str())) {
            self.problems.push(
                Diagnostic::error(
                    "BP161",
                    Place::Key(at.key("secrets").key(variable)),
                    format!("`{variable}` is set twice"),
                )
                .also(Place::Key(at.key("env").key(variable)), "with a plain value here")
                .because("a container has one value for a variable; which of the two is left to chance")
                .fix("keep one of them"),
            );
        }
    }

    /// Standbys that confirm, and members that vote, against how many there are.
    fn quorum(&mut self, at: &Path, cluster: &raw::Postgres) {
        let primary_zones: Vec<&String> = self.regions.first().into_iter().flat_map(|r| &r.spec.zones).collect();
        let on_hosts = cluster.platform == raw::StorePlatform::Hosts;
        let members = if on_hosts {
            cluster.hosts.values().filter(|host| primary_zones.contains(&&host.zone)).count()
        } else {
            cluster.member_count() as usize
        };
        if cluster.replication.is_synchronous() && members > 1 && cluster.synchronous_nodes as usize >= members {
            let (place, what) = if on_hosts { (at.key("hosts"), "hosts") } else { (at.key("members"), "members") };
            self.problems.push(
                Diagnostic::error(
                    "BP156",
                    Place::Value(at.key("synchronousNodes")),
                    format!(
                        "{} standbys cannot confirm: {members} {what} have {}",
                        cluster.synchronous_nodes,
                        members - 1
                    ),
                )
                .also(Place::Key(place.clone()), "one of these is the primary")
                .rests_on(place)
                .because("a commit would wait for a standby that is never there")
                .fix(format!("write `synchronousNodes: {}` or less, or more {what}", members - 1)),
            );
        }
        if cluster.consensus.kind != raw::ConsensusKind::Etcd {
            return;
        }
        let at = at.key("consensus");
        let (place, voters) = match cluster.consensus.members {
            Some(members) if !on_hosts => (Place::Value(at.key("members")), members as usize),
            _ if on_hosts && !cluster.consensus.hosts.is_empty() => {
                let here = |zone: &Option<String>| zone.as_ref().is_none_or(|zone| primary_zones.contains(&zone));
                let count = cluster.consensus.hosts.values().filter(|host| here(&host.zone)).count();
                (Place::Key(at.key("hosts")), count)
            }
            _ => return,
        };
        if voters > 0 && (voters < 3 || voters.is_multiple_of(2)) {
            let why = if voters < 3 {
                format!("with {voters} the loss of one stops every failover")
            } else {
                format!("{voters} survive the loss of no more members than {} do, and one more can fail", voters - 1)
            };
            self.problems.push(
                Diagnostic::warning("BP157", place, format!("{voters} etcd members are no good number"))
                    .because(format!("{why} (R-PG-05)"))
                    .fix(if voters < 3 { "use 3" } else { "use an odd number: 3, or 5" }),
            );
        }
    }

    fn parameters(&mut self, at: &Path, cluster: &raw::Postgres) {
        for (name, value) in &cluster.parameters {
            if let Err(error) = parameters::check(name.as_str(), &value.0) {
                self.problems.push(
                    Diagnostic::error(
                        "BP158",
                        Place::Value(at.key("parameters").key(name)),
                        format!("`{}` is no value of `{name}`", value.0.escape_debug()),
                    )
                    .because(error.problem)
                    .fix(error.fix),
                );
            } else if let Some((why, fix)) = undoes(cluster, name.as_str(), &value.0) {
                self.problems.push(
                    Diagnostic::error(
                        "BP249",
                        Place::Value(at.key("parameters").key(name)),
                        format!("`{name}: {}` contradicts what is rendered beside it", value.0.escape_debug()),
                    )
                    .because(why)
                    .fix(fix),
                );
            }
        }
    }

    /// Two hosts of one family that would listen at the same place, in one cluster or in two.
    fn addresses(&mut self) {
        let spec = self.spec;
        let (mut members, mut etcd, mut routers) = (Vec::new(), Vec::new(), Vec::new());
        let (mut nodes, mut sentinels) = (Vec::new(), Vec::new());
        for (name, cluster) in spec.postgres.iter().filter(|(_, c)| c.platform == raw::StorePlatform::Hosts) {
            let at = path!["postgres", name];
            members.extend(cluster.hosts.iter().map(|(host, facts)| {
                let ports = facts.ports.unwrap_or(cluster.ports);
                (at.key("hosts").key(host), facts.address.as_str(), vec![ports.postgres, ports.rest])
            }));
            etcd.extend(cluster.consensus.hosts.iter().map(|(host, facts)| {
                let ports = facts.ports.unwrap_or(cluster.consensus.ports);
                (at.key("consensus").key("hosts").key(host), facts.address.as_str(), vec![ports.client, ports.peer])
            }));
            routers.extend(cluster.router.hosts.iter().map(|(host, facts)| {
                let mut ports = vec![cluster.router.port, cluster.router.replica_port];
                ports.extend(cluster.replication.is_synchronous().then_some(cluster.router.sync_port));
                (at.key("router").key("hosts").key(host), facts.address.as_str(), ports)
            }));
        }
        for (name, cluster) in spec.redis.iter().filter(|(_, c)| c.platform == raw::StorePlatform::Hosts) {
            nodes.extend(cluster.hosts.iter().map(|(host, facts)| {
                let ports = facts.ports.unwrap_or(cluster.ports);
                (path!["redis", name, "hosts", host], facts.address.as_str(), vec![ports.redis])
            }));
        }
        for (name, cluster) in spec.redis.iter().filter(|(_, c)| c.platform == raw::StorePlatform::Hosts) {
            let hosts = cluster.sentinel.iter().flat_map(|sentinel| &sentinel.hosts);
            sentinels.extend(hosts.map(|(host, facts)| {
                let ports = facts.ports.unwrap_or(cluster.ports);
                (path!["redis", name, "sentinel", "hosts", host], facts.address.as_str(), vec![ports.sentinel])
            }));
        }
        for family in [members, etcd, routers, nodes, sentinels] {
            self.nowhere(&family);
            self.twice(family);
        }
    }

    /// An address that stands for every interface, or for none, is no place where others find a host.
    fn nowhere(&mut self, hosts: &[(Path, &str, Vec<u16>)]) {
        let loopback = |address: &str| {
            let plain = address.trim_start_matches('[').trim_end_matches(']');
            plain.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
        };
        let elsewhere = hosts.iter().any(|(_, address, _)| !loopback(address));
        for (at, address, _) in hosts {
            if elsewhere && loopback(address) {
                self.problems.push(
                    Diagnostic::error(
                        "BP253",
                        Place::Value(at.key("address")),
                        format!("the others cannot reach a host at {address}"),
                    )
                    .because("on each of them it is the address of themselves")
                    .fix("write the address of the host, such as `10.0.1.11`"),
                );
            }
            let plain = address.trim_start_matches('[').trim_end_matches(']');
            let Ok(ip) = plain.parse::<std::net::IpAddr>() else { continue };
            let broadcast = matches!(ip, std::net::IpAddr::V4(v4) if v4.is_broadcast());
            if ip.is_unspecified() || ip.is_multicast() || broadcast {
                self.problems.push(
                    Diagnostic::error(
                        "BP253",
                        Place::Value(at.key("address")),
                        format!("nobody can reach a host at {address}"),
                    )
                    .because("it is the address of all interfaces, or of many hosts, and the others connect to this one by it")
                    .fix("write the address of the host, such as `10.0.1.11`"),
                );
            }
        }
    }

    fn twice(&mut self, hosts: Vec<(Path, &str, Vec<u16>)>) {
        let mut seen: BTreeMap<(&str, u16), Path> = BTreeMap::new();
        for (at, address, ports) in hosts {
            let taken = ports.iter().find_map(|port| Some((*port, seen.get(&(address, *port))?.clone())));
            if let Some((port, other)) = taken {
                self.problems.push(
                    Diagnostic::error(
                        "BP164",
                        Place::Value(at.key("address")),
                        format!("two hosts would listen at {address}, port {port}"),
                    )
                    .also(Place::Value(other.key("address")), "the other one")
                    .because("only one of them could start")
                    .fix("give each its own `address`, or its own `ports`"),
                );
            }
            for port in ports {
                seen.entry((address, port)).or_insert_with(|| at.clone());
            }
        }
    }
}
/// Why a parameter would undo another part of the rendered configuration, and what to do; those that Patroni ignores or that
/// lose data are rules (R-PG-03, R-PG-09).
fn undoes(cluster: &raw::Postgres, name: &str, value: &str) -> Option<(&'static str, &'static str)> {
    let no = ["off", "false", "no", "0"].iter().any(|word| value.trim().eq_ignore_ascii_case(word));
    match name {
        "ssl" if no && cluster.tls.is_some() => Some((
            "with `tls` the lines of pg_hba are `hostssl` ones, which match nobody while `ssl` is off (measured): nobody gets in",
            "leave it out, or leave out `tls`",
        )),
        "password_encryption" if value.trim() != "scram-sha-256" => Some((
            "the lines of pg_hba want scram-sha-256, which a password that is kept otherwise cannot answer: nobody gets in",
            "leave it out",
        )),
        "primary_conninfo" | "primary_slot_name" | "recovery_target_timeline" => {
            Some(("Patroni writes it itself, for whoever leads now, and ignores this one (R-PG-03)", "leave it out"))
        }
        _ => None,
    }
}
