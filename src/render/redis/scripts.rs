//! What the scripts see: bootstrap, failback, backup and the start of a pod, the same for hosts and Kubernetes.

use serde::Serialize;

use super::layout::Layout;
use super::settings::{OPERATOR_USER, Tls};
use crate::blueprint::Redis;

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
}

/// The context of a script of a cluster. It waits for nodes that start or load their data for at most ten minutes.
pub(super) fn script(redis: &Redis, layout: &Layout, tls: Option<Tls>, password_file: String) -> Script {
    Script {
        cluster: redis.name.clone(),
        region: layout.region.clone(),
        layout: layout.clone(),
        auth: redis.spec.auth.enabled,
        operator: OPERATOR_USER,
        password_file,
        tls,
        wait: 600,
    }
}
