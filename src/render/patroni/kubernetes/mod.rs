//! PostgreSQL under Patroni on Kubernetes.

use crate::blueprint::Blueprint;
use crate::render::Jobs;

/// All files of the clusters on Kubernetes.
pub fn jobs(_blueprint: &Blueprint, _jobs: &mut Jobs) {}
