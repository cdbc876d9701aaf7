//! PostgreSQL under Patroni on hosts: files for each member, etcd, router, pool, backup and systemd.

use crate::blueprint::Blueprint;
use crate::render::Jobs;

/// All files of the clusters on hosts.
pub fn jobs(_blueprint: &Blueprint, _jobs: &mut Jobs) {}
