//! Kubernetes objects of the namespace and of the services, per region: everything below `REGION/kubernetes/` that
//! is not a data store's.
//!
//! One file for the namespace, one for the secrets, one for each service with all of its objects, one for the edge,
//! one for what the mesh shares. Files that no service can be named after begin with a digit.

pub(crate) mod common;

mod connections;
mod edge;
mod mesh;
mod namespace;
mod network;
mod secrets;
mod service;
mod workload;

use serde::{Serialize, Serializer};

use super::{ArtifactKind, Jobs};
use crate::blueprint::{Blueprint, Region, Service};
use crate::document::Path;

#[allow(unused_imports, reason = "for the pages that tell what has to be there")]
pub(crate) use secrets::required as required_secrets;

/// All files of this part of the output.
pub fn jobs(blueprint: &Blueprint, jobs: &mut Jobs) {
    for region in &blueprint.regions {
        if !has_objects(blueprint, region) {
            continue;
        }
        namespace::job(blueprint, region, jobs);
        secrets::job(blueprint, region, jobs);
        if services(blueprint).next().is_some() {
            edge::job(blueprint, region, jobs);
            mesh::job(blueprint, region, jobs);
        }
        service::jobs(blueprint, region, jobs);
    }
}

/// Whether anything of the system runs on Kubernetes in a region.
fn has_objects(blueprint: &Blueprint, region: &Region) -> bool {
    services(blueprint).next().is_some()
        || blueprint.postgres.iter().any(|p| p.is_rendered() && p.on_kubernetes() && p.role(region).is_some())
        || blueprint.redis.iter().any(|r| r.on_kubernetes() && r.in_region(region))
}

/// The services that are rendered.
fn services(blueprint: &Blueprint) -> impl Iterator<Item = &Service> {
    blueprint.services.iter().filter(|service| service.on_kubernetes())
}

/// What cannot be expressed in the chosen target: the file is not rendered, and the reason is reported (decision 13).
struct Refused(String);

impl Serialize for Refused {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom(&self.0))
    }
}

/// A file of a region, or the reason why there is none.
fn push<T: Serialize>(
    jobs: &mut Jobs,
    region: &Region,
    file: (String, &'static str),
    context: Result<T, String>,
    origins: Vec<Path>,
) {
    let (name, template) = file;
    let path = format!("{}/kubernetes/{name}.yaml", region.name);
    match context {
        Ok(context) => jobs.push(path, ArtifactKind::Kubernetes, Some(region), template, &context, origins),
        Err(why) => jobs.push(path, ArtifactKind::Kubernetes, Some(region), template, &Refused(why), origins),
    }
}
