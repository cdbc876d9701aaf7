//! A cluster in a region as its hosts: what runs on each of them, and what they must know of each other.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::blueprint::{Blueprint, EtcdMember, Member, Postgres, PostgresRole, Region, Router};
use crate::render::patroni::dcs::{self, Surroundings};
use crate::render::patroni::repository::{self, Identity, Repository};

/// A host, with everything of the cluster that runs on it.
pub struct Host {
    /// Its name.
    pub name: String,
    /// Where the others reach it.
    pub address: String,
    /// The directory of its configuration.
    pub config: String,
    /// The directory of its sockets and process ids.
    pub run: String,
    /// The directory of its logs.
    pub log: String,
    /// Its PostgreSQL member.
    pub member: Option<Member>,
    /// Its etcd member.
    pub etcd: Option<EtcdMember>,
    /// Its router and pool.
    pub router: Option<Router>,
}

/// A cluster in a region.
pub struct Site<'a> {
    /// The system.
    pub blueprint: &'a Blueprint,
    /// The cluster.
    pub cluster: &'a Postgres,
    /// The region.
    pub region: &'a Region,
    /// What it is there.
    pub role: PostgresRole,
    /// Its hosts, by name.
    pub hosts: Vec<Host>,
    /// Its members.
    pub members: Vec<Member>,
    /// Its etcd members.
    pub etcd: Vec<EtcdMember>,
}

impl<'a> Site<'a> {
    /// What stands in the blueprint for a cluster in a region.
    pub fn new(blueprint: &'a Blueprint, cluster: &'a Postgres, region: &'a Region) -> Self {
        let (members, etcd) = (cluster.members(region), cluster.etcd(region));
        let mut hosts: BTreeMap<String, Host> = BTreeMap::new();
        let shared = &cluster.spec.directories;
        let new = |name: &str, address: &str| Host {
            name: name.to_owned(),
            address: address.to_owned(),
            config: shared.config.to_string(),
            run: shared.run.to_string(),
            log: shared.log.to_string(),
            member: None,
            etcd: None,
            router: None,
        };
        // The last one to speak decides the directories: a member's own win.
        for member in &etcd {
            let host = hosts.entry(member.name.clone()).or_insert_with(|| new(&member.name, &member.address));
            host.config.clone_from(&member.config);
            host.etcd = Some(member.clone());
        }
        for router in &cluster.routers(region) {
            let host = hosts.entry(router.name.clone()).or_insert_with(|| new(&router.name, &router.address));
            (host.config, host.run, host.log) = (router.config.clone(), router.run.clone(), router.log.clone());
            host.router = Some(router.clone());
        }
        for member in &members {
            let host = hosts.entry(member.name.clone()).or_insert_with(|| new(&member.name, &member.address));
            (host.config, host.run, host.log) = (member.config.clone(), member.run.clone(), member.log.clone());
            host.member = Some(member.clone());
        }
        let role = cluster.role(region).unwrap_or(PostgresRole::Primary);
        Self { blueprint, cluster, region, role, hosts: hosts.into_values().collect(), members, etcd }
    }

    /// The directory of the certificates, where there is encryption.
    pub fn certificates(&self) -> Option<String> {
        self.cluster.spec.tls.as_ref().and_then(|t| t.certificates.as_ref()).map(ToString::to_string)
    }

    /// What the store is told about the cluster's surroundings. The pgBackRest command names a directory of its member and
    /// so stands in each member's own file.
    pub fn surroundings(&self) -> Surroundings<'_> {
        let addresses = |of: &dyn Fn(&Region) -> Vec<String>| -> Vec<String> {
            let all: BTreeSet<String> =
                self.blueprint.regions.iter().filter(|r| self.cluster.role(r).is_some()).flat_map(of).collect();
            all.into_iter().collect()
        };
        Surroundings {
            cluster: self.cluster,
            region: self.region,
            certificates: self.certificates(),
            members: addresses(&|r| self.cluster.members(r).iter().map(|m| hba_address(&m.address)).collect()),
            clients: addresses(&|r| self.cluster.routers(r).iter().map(|m| hba_address(&m.address)).collect()),
            // Only the router follows the leader.
            endpoint_port: self.cluster.spec.router.port,
            pgbackrest: None,
        }
    }

    /// The pgBackRest command of a member.
    pub fn pgbackrest(&self, config: &str) -> String {
        dcs::pgbackrest(self.cluster, Some(&format!("{config}/pgbackrest.conf")))
    }

    /// The repositories, as the members see them.
    pub fn repositories(&self, config: &str) -> Vec<Repository> {
        repository::repositories(self.blueprint, self.cluster, self.region, Identity::Instance, config)
    }

    /// The file with the passwords of a host; named, never written.
    pub fn environment(&self, host: &Host) -> String {
        format!("{}/{}.env", host.config, self.cluster.name)
    }

    /// The file with the password of what reads the pool's statistics; named, never written.
    pub fn pool_environment(&self, host: &Host) -> String {
        format!("{}/{}-pool.env", host.config, self.cluster.name)
    }

    /// The name of a systemd unit without its suffix: by cluster, so that two clusters may share a host and the units of
    /// the distribution's packages are left alone.
    pub fn unit(&self, what: &str) -> String {
        format!("hagen-{}-{what}", self.cluster.name)
    }

    /// How a TLS connection between members is checked: by name, unless libpq is too old to find an address in a
    /// certificate (before PostgreSQL 15).
    pub fn sslmode(&self) -> &'static str {
        let addresses = self.members.iter().map(|m| m.address.as_str());
        if self.cluster.spec.version < 15 && addresses.clone().any(|a| a.parse::<IpAddr>().is_ok()) {
            "verify-ca"
        } else {
            "verify-full"
        }
    }
}

/// A host in a line of `pg_hba.conf`.
fn hba_address(host: &str) -> String {
    match host.parse::<IpAddr>() {
        // From one loopback address to another the kernel speaks as 127.0.0.1.
        Ok(IpAddr::V4(address)) if address.is_loopback() => "127.0.0.0/8".to_owned(),
        Ok(IpAddr::V4(address)) => format!("{address}/32"),
        Ok(IpAddr::V6(address)) => format!("{address}/128"),
        Err(_) => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_each_reader_wants_them() {
        assert_eq!(hba_address("10.0.0.1"), "10.0.0.1/32");
        assert_eq!(hba_address("fd00::1"), "fd00::1/128");
        assert_eq!(hba_address("127.0.0.11"), "127.0.0.0/8");
        assert_eq!(hba_address("pg-1.example.com"), "pg-1.example.com");
    }
}
