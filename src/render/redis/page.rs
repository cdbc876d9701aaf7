//! What the page of Redis on Kubernetes tells: the Secrets that must exist, where things are, and what is promised.

use serde::Serialize;

use super::Place;
use super::kubernetes::HANDOVER_WAIT;
use super::layout::Layout;
use super::pods::{SCRIPTS, identity};
use super::settings::restart_delay;
use crate::blueprint::placement::majority;
use crate::blueprint::{names, raw};
use crate::render::kubernetes::common;

/// What README.md tells.
#[derive(Serialize)]
pub(super) struct Readme {
    layout: Layout,
    name: String,
    namespace: String,
    auth: bool,
    port: u16,
    secrets: Vec<SecretKey>,
    tls: Option<String>,
    failback: String,
    nodes_service: String,
    domain: String,
    failover: String,
    kubectl: String,
    first: String,
    scripts: &'static str,
    data: String,
    backup: bool,
    node_timeout: String,
    failover_timeout: String,
    majority: usize,
    sentinel_port: u16,
    persisted: bool,
    handover_wait: u64,
}

/// A key of a Secret that must exist.
#[derive(Serialize)]
struct SecretKey {
    secret: String,
    key: String,
    what: &'static str,
}

pub(super) fn readme(place: &Place<'_>, layout: &Layout) -> Readme {
    let redis = place.redis;
    let secret = |reference: &raw::SecretRef, what| SecretKey {
        secret: reference.secret.to_string(),
        key: reference.key.clone(),
        what,
    };
    let mut secrets = vec![
        secret(&redis.users, "the users (ACL) with the hashes of their passwords"),
        secret(&redis.password, "the password of app, for the services"),
        secret(&redis.replication, "the password of replica, for replicas towards their primary"),
        secret(&redis.operator, "the password of operator, for the jobs and people"),
        secret(&redis.monitoring, "the password of monitor, for redis_exporter"),
    ];
    if redis.spec.is_sentinel() {
        secrets.extend([
            secret(&redis.sentinel_users, "the users of the sentinels, with hashes"),
            secret(&redis.sentinel, "the password of sentinel, for sentinels towards nodes and each other"),
        ]);
    }
    Readme {
        layout: layout.clone(),
        name: identity(redis),
        namespace: place.blueprint.namespace.clone(),
        auth: redis.spec.auth.enabled,
        port: redis.spec.ports.redis,
        secrets,
        tls: redis.spec.tls.as_ref().and_then(|t| t.secret.as_ref()).map(ToString::to_string),
        failback: names::redis_failback(&redis.name),
        nodes_service: names::redis_nodes(&redis.name),
        domain: place.blueprint.spec.platform.kubernetes.domain.to_string(),
        failover: redis.failover_bound().to_string(),
        kubectl: common::kubectl_inside(place.blueprint, place.region),
        // Any node will do: the script asks all of them.
        first: layout.nodes.first().map(|node| node.name.clone()).unwrap_or_default(),
        scripts: SCRIPTS,
        data: redis.nodes(place.region).first().map(|node| node.data.clone()).unwrap_or_default(),
        backup: redis.spec.backup.is_some(),
        node_timeout: redis.spec.node_timeout.to_string(),
        failover_timeout: redis.spec.sentinel.clone().unwrap_or_default().failover_timeout.to_string(),
        majority: majority(layout.sentinels.len()),
        sentinel_port: redis.spec.ports.sentinel,
        persisted: restart_delay(redis).is_none(),
        handover_wait: HANDOVER_WAIT,
    }
}
