//! PostgreSQL under Patroni on hosts: files for each member, etcd, router, pool, backup and systemd.
//!
//! A directory for each host holds everything that belongs into that host's configuration directory; nothing is edited
//! by hand, so what boots in a test is byte for byte what a user gets from the same blueprint.

mod backup;
mod etcd;
mod member;
mod pages;
mod procedures;
mod router;
mod site;
mod units;

use crate::blueprint::{Blueprint, Postgres, Region};
use crate::path;
use crate::render::{ArtifactKind, File, Jobs};
use serde::Serialize;
use site::{Host, Site};

/// All files of the clusters on hosts.
pub fn jobs(blueprint: &Blueprint, jobs: &mut Jobs<'_>) {
    for cluster in blueprint.postgres.iter().filter(|c| c.is_rendered() && !c.on_kubernetes()) {
        for region in &blueprint.regions {
            if cluster.role(region).is_some() {
                cluster_in_region(blueprint, cluster, region, jobs);
            }
        }
    }
}

fn cluster_in_region(blueprint: &Blueprint, cluster: &Postgres, region: &Region, jobs: &mut Jobs<'_>) {
    let site = Site::new(blueprint, cluster, region);
    let mut out = Output { site: &site, jobs };
    for host in &site.hosts {
        if let Some(member) = &host.member {
            member::files(&mut out, host, member);
            backup::files(&mut out, host, member);
            procedures::files(&mut out, host, member);
        }
        if let Some(etcd) = &host.etcd {
            etcd::files(&mut out, host, etcd);
        }
        if let Some(router) = &host.router {
            router::files(&mut out, host, router);
        }
        units::files(&mut out, host);
        pages::first_boot(&mut out, host);
    }
    pages::readme(&mut out);
}

/// Where the files of a cluster in a region go.
struct Output<'a, 'b, 'e> {
    site: &'a Site<'a>,
    jobs: &'b mut Jobs<'e>,
}

impl Output<'_, '_, '_> {
    /// A file of a host.
    fn host(&mut self, host: &Host, file: &str, kind: ArtifactKind, template: &'static str, context: &impl Serialize) {
        self.push(&format!("{}/{file}", host.name), kind, template, context);
    }

    /// A file of the cluster.
    fn push(&mut self, file: &str, kind: ArtifactKind, template: &'static str, context: &impl Serialize) {
        let (cluster, region) = (&self.site.cluster.name, self.site.region);
        let path = format!("{}/patroni/{cluster}/{file}", region.name);
        self.jobs.push(
            File { path, kind, region: Some(region), template, origins: vec![path!["postgres", cluster]] },
            context,
        );
    }
}
