//! Redis Cluster, and Redis under Sentinel: the configuration of every node, the scripts that form and repair the declared
//! layout, the layout itself.
//!
//! On hosts the files lie in `REGION/redis/CLUSTER/`; on Kubernetes the objects lie in `REGION/kubernetes/redis-CLUSTER.yaml`
//! and only the pages for people and programs in the former.

mod backup;
mod hosts;
mod kubernetes;
mod layout;
mod page;
mod pods;
mod scripts;
mod secrets;
mod sentinel;
mod settings;

use serde::Serialize;

use super::{ArtifactKind, File, Jobs};
use crate::blueprint::{Blueprint, Redis, Region};
use crate::document::Path;
use crate::path;
use layout::Layout;

/// All files of this part of the output.
pub fn jobs(blueprint: &Blueprint, jobs: &mut Jobs<'_>) {
    for redis in blueprint.redis.iter().filter(|redis| redis.is_rendered()) {
        for region in blueprint.regions.iter().filter(|region| redis.in_region(region)) {
            let place = Place { blueprint, redis, region };
            let layout = layout::layout(blueprint, redis, region);
            roles(&place, &layout, jobs);
            if redis.on_kubernetes() {
                kubernetes::jobs(&place, &layout, jobs);
            } else {
                hosts::jobs(&place, &layout, jobs);
            }
        }
    }
}

/// One cluster in one region.
struct Place<'a> {
    blueprint: &'a Blueprint,
    redis: &'a Redis,
    region: &'a Region,
}

impl Place<'_> {
    /// A file of this cluster.
    fn path(&self, file: &str) -> String {
        format!("{}/redis/{}/{file}", self.region.name, self.redis.name)
    }

    /// The parts of the blueprint that its files come from.
    fn origins(&self) -> Vec<Path> {
        vec![path!["redis", &self.redis.name], path!["regions", &self.region.name]]
    }

    fn push(
        &self,
        jobs: &mut Jobs<'_>,
        file: &str,
        kind: ArtifactKind,
        template: &'static str,
        context: &impl Serialize,
    ) {
        jobs.push(
            File { path: self.path(file), kind, region: Some(self.region), template, origins: self.origins() },
            context,
        );
    }
}

/// The layout, for people and for programs.
fn roles(place: &Place<'_>, layout: &Layout, jobs: &mut Jobs<'_>) {
    #[derive(Serialize)]
    struct Context<'a> {
        layout: &'a Layout,
        /// What restores the declared roles.
        failback: String,
        /// What forms the layout.
        bootstrap: String,
    }
    // On Kubernetes the scripts stand in a ConfigMap, and jobs run them.
    let (bootstrap, failback) = if place.redis.on_kubernetes() {
        let failback = crate::blueprint::names::redis_failback(&place.redis.name);
        ("the bootstrap Job".to_owned(), format!("a Job of the CronJob {failback} (README.md)"))
    } else {
        ("bootstrap.sh".to_owned(), "failback.sh".to_owned())
    };
    let context = Context { layout, failback, bootstrap };
    let page = if place.redis.spec.is_sentinel() { "redis/sentinel/roles.md.tera" } else { "redis/roles.md.tera" };
    place.push(jobs, "roles.md", ArtifactKind::Markdown, page, &context);
    place.push(jobs, "roles.json", ArtifactKind::Json, "redis/roles.json.tera", &context);
}
