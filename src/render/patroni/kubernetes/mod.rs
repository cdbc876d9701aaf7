//! Patroni on Kubernetes: below `REGION/kubernetes/` one file each for members, etcd, router, pool and backups,
//! and in `REGION/patroni/CLUSTER/` the page of procedures.
//!
//! How clients find the primary: with an image for it HAProxy asks every member's Patroni (the way on hosts, and the one that the
//! measured times stand on). Without it, which only the Kubernetes API as consensus store allows, the Services select the role
//! that Patroni writes into its pods' labels; whoever is promoted takes the label off a dead predecessor.

mod backup;
mod etcd;
mod members;
mod page;
mod patroni;
mod pool;
mod recover;
mod router;
mod site;

use super::Jobs;
use crate::blueprint::Blueprint;
pub(crate) use site::ETCD_METRICS;
use site::Site;

/// All files of clusters with `platform: kubernetes`.
pub fn jobs(blueprint: &Blueprint, jobs: &mut Jobs<'_>) {
    for cluster in blueprint.postgres_in_pods() {
        for region in &blueprint.regions {
            let Some(site) = Site::new(blueprint, cluster, region) else { continue };
            members::job(&site, jobs);
            etcd::job(&site, jobs);
            router::job(&site, jobs);
            pool::job(&site, jobs);
            backup::job(&site, jobs);
            recover::job(&site, jobs);
            page::job(&site, jobs);
        }
    }
}
