//! PostgreSQL is told to keep more in memory than its pod may have.
//!
//! # What it finds
//! On Kubernetes: `shared_buffers` in `parameters` at or above the memory of a member (`resources.memory`, 1Gi where nothing
//! is written). On hosts the memory is not known.
//!
//! # Why it matters
//! The memory is taken page by page, so that the server starts, runs well for hours or days, and is killed by the kernel when
//! the cache has filled. The standby that takes over has the same limit and the same load.
//!
//! # Example
//! ```yaml
//! postgres:
//!   main:
//!     resources: {cpu: "2", memory: 4Gi}
//!     parameters: {shared_buffers: 4GB}
//! ```
//!
//! # Fix
//! A quarter of the memory, which is what PostgreSQL advises; connections, sorts and the file cache need the rest.
//!
//! # Source
//! PostgreSQL, runtime-config-resource (`shared_buffers`); Kubernetes, resource management: memory limits.

use crate::blueprint::units::Bytes;
use crate::rules::prelude::*;
use crate::rules::settings::{parameter, place, size};

pub static RULE: Rule = Rule {
    id: "PG103",
    name: "shared-buffers-exceed-memory",
    group: Group::Postgres,
    level: Level::Error,
    security: false,
    fields: &["postgres.*.parameters", "postgres.*.resources.memory"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for cluster in blueprint.postgres_in_pods() {
        // A number alone counts pages of 8 kB.
        let buffers = parameter(cluster, "shared_buffers").and_then(|text| size(text, 8 << 10)?.ok());
        let memory = cluster.spec.resources.as_ref().map_or(Bytes::new(1 << 30), |resources| resources.memory);
        let Some(buffers) = buffers.filter(|buffers| *buffers >= memory.get()) else { continue };
        let at = path!["postgres", cluster.name];
        let quarter = Bytes::new((memory.get() / 4) >> 20 << 20).postgres();
        findings.push(
            RULE.finding(
                Place::Value(place(cluster, "shared_buffers")),
                format!("members of `{}` are killed when their cache has filled", cluster.name),
            )
            .also(Place::Value(at.key("resources").key("memory")), format!("{memory} for a member"))
            .because(format!(
                "shared_buffers {} ≥ {memory}, the limit of the pod, before any connection has its own memory",
                Bytes::new(buffers)
            ))
            .fix(format!("write `shared_buffers: {quarter}`, a quarter, or more `resources: {{memory: …}}`")),
        );
    }
}
