//! The PostgreSQL family: Patroni on hosts and on Kubernetes, with what stands around it.
//!
//! What both platforms need alike is in [`dcs`], [`repository`] and [`router`]; each platform has its own room and its own files.

pub(crate) mod dcs;
pub(crate) mod hosts;
mod kubernetes;
mod login;
pub(crate) mod repository;
mod router;
mod subscriber;

use super::Jobs;
use crate::blueprint::Blueprint;
pub(crate) use kubernetes::ETCD_METRICS;

/// All files of this part of the output.
pub fn jobs(blueprint: &Blueprint, jobs: &mut Jobs<'_>) {
    hosts::jobs(blueprint, jobs);
    kubernetes::jobs(blueprint, jobs);
}
