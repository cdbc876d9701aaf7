//! What the scripts see: bootstrap, failback, backup and the start of a pod, the same for hosts and Kubernetes.

use serde::Serialize;

use super::layout::Layout;
use super::settings::{OPERATOR_USER, Tls};
use crate::blueprint::Redis;
use crate::blueprint::placement::majority;

/// What a script sees.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Script {
    cluster: String,
    region: String,
    layout: Layout,
    auth: bool,
    operator: &'static str,
    password_file: String,
    tls: Option<Tls>,
    wait: u64,
    /// Whether Sentinel decides over the primary.
    sentinel: bool,
    /// How many sentinels must agree that it is gone.
    quorum: usize,
    /// After so many milliseconds without an answer it is.
    down_after: u64,
    /// For so many milliseconds a failover may go on.
    failover_timeout: u64,
    /// For so many milliseconds writes may be held: no longer than until the sentinels would take the primary for gone.
    pause: u64,
}

impl Script {
    /// Whether Sentinel decides over the primary.
    pub(super) const fn is_sentinel(&self) -> bool {
        self.sentinel
    }
}

/// The context of a script of a cluster. It waits for nodes that start or load their data for at most ten minutes.
pub(super) fn script(redis: &Redis, layout: &Layout, tls: Option<Tls>, password_file: String) -> Script {
    let own = redis.spec.sentinel.clone().unwrap_or_default();
    Script {
        cluster: redis.name.clone(),
        region: layout.region.clone(),
        layout: layout.clone(),
        auth: redis.spec.auth.enabled,
        operator: OPERATOR_USER,
        password_file,
        tls,
        wait: 600,
        sentinel: redis.spec.is_sentinel(),
        quorum: majority(layout.sentinels.len()),
        down_after: redis.spec.node_timeout.millis(),
        failover_timeout: own.failover_timeout.millis(),
        // Renewed about once a second: it must outlast that.
        pause: redis.spec.node_timeout.millis().max(3000),
    }
}
