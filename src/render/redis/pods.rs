//! Pods of Redis on Kubernetes: what they mount, and those of its jobs as a whole.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Place;
use crate::blueprint::placement::Node;
use crate::blueprint::{Redis, names, raw};
use crate::render::kubernetes::common;

/// The user that the image's `redis` account is.
pub(super) const USER: u32 = 999;
/// Where the scripts lie in every container.
pub(super) const SCRIPTS: &str = "/scripts";
/// Where passwords and the file of users lie.
pub(super) const SECRETS: &str = "/run/secrets/redis";
/// Where the certificates lie.
pub(super) const CERTIFICATES: &str = "/run/secrets/tls";
/// A directory in memory, for what the start writes.
pub(super) const RUN: &str = "/run/redis";

/// What a job runs.
pub(super) struct Run<'a> {
    /// The script.
    pub(super) script: &'a str,
    /// `restartPolicy`.
    pub(super) restart: &'static str,
    /// The image.
    pub(super) image: String,
    /// The ServiceAccount, where it needs one.
    pub(super) account: Option<String>,
    /// What else it finds in its environment.
    pub(super) env: Vec<Value>,
    /// How much it may write.
    pub(super) scratch: String,
}

impl Run<'_> {
    /// A script that talks to the nodes only.
    pub(super) fn of_nodes<'a>(redis: &Redis, script: &'a str, restart: &'static str) -> Run<'a> {
        let image = redis.spec.image.as_ref().map(ToString::to_string).unwrap_or_default();
        Run { script, restart, image, account: None, env: Vec::new(), scratch: "16Mi".to_owned() }
    }
}

/// The pod of a job.
pub(super) fn job_pod(place: &Place<'_>, run: &Run<'_>) -> Value {
    let redis = place.redis;
    let mut mounts = vec![
        json!({"name": "scripts", "mountPath": SCRIPTS, "readOnly": true}),
        json!({"name": "tmp", "mountPath": "/tmp"}),
    ];
    let mut volumes = vec![
        json!({"name": "scripts", "configMap": {"name": scripts_name(redis)}}),
        json!({"name": "tmp", "emptyDir": {"sizeLimit": run.scratch}}),
    ];
    if redis.spec.auth.enabled {
        mounts.push(json!({"name": "secrets", "mountPath": SECRETS, "readOnly": true}));
        volumes.push(secret_volume(&[&redis.operator]));
    }
    if let Some(volume) = certificate_volume(redis) {
        mounts.push(json!({"name": "certificates", "mountPath": CERTIFICATES, "readOnly": true}));
        volumes.push(volume);
    }
    // The clients of the object stores write to their home.
    let mut env = vec![json!({"name": "HOME", "value": "/tmp"})];
    env.extend(run.env.iter().cloned());
    let mut pod = json!({
        "restartPolicy": run.restart,
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "securityContext": common::pod_security(USER),
        "containers": [{
            "name": run.script.trim_end_matches(".sh"),
            "image": run.image,
            "imagePullPolicy": "IfNotPresent",
            "command": ["sh", format!("{SCRIPTS}/{}", run.script)],
            "env": env,
            "resources": {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"memory": "256Mi"}},
            "securityContext": common::container_security(),
            "volumeMounts": mounts,
        }],
        "volumes": volumes,
    });
    if let Some(account) = &run.account {
        pod["serviceAccountName"] = json!(account);
    }
    if let Some(tier) = &redis.spec.tier {
        pod["priorityClassName"] = json!(names::priority_class(&place.blueprint.namespace, tier.as_str()));
    }
    let pull = common::pull_secrets(place.blueprint);
    if !pull.is_empty() {
        pod["imagePullSecrets"] = json!(pull);
    }
    pod
}

/// The ConfigMap of the scripts.
pub(super) fn scripts_name(redis: &Redis) -> String {
    format!("{}-scripts", identity(redis))
}

fn certificate_volume(redis: &Redis) -> Option<Value> {
    let secret = redis.spec.tls.as_ref()?.secret.as_ref()?;
    Some(json!({"name": "certificates", "secret": {"secretName": secret.as_str(), "defaultMode": 0o440}}))
}

/// The volumes of a node, but for its data.
pub(super) fn node_volumes(redis: &Redis, node: &Node) -> Vec<Value> {
    let mut volumes = vec![
        json!({"name": "configuration", "configMap": {"name": node.name}}),
        json!({"name": "scripts", "configMap": {"name": scripts_name(redis)}}),
        json!({"name": "run", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}),
        json!({"name": "tmp", "emptyDir": {"sizeLimit": "16Mi"}}),
    ];
    if redis.spec.auth.enabled {
        let mut files = vec![&redis.users, &redis.replication, &redis.operator];
        if redis.spec.is_sentinel() {
            files.extend([&redis.sentinel_users, &redis.sentinel]);
        }
        volumes.push(secret_volume(&files));
    }
    volumes.extend(certificate_volume(redis));
    volumes
}

/// A volume with the keys of several Secrets as files of their keys' names.
fn secret_volume(references: &[&raw::SecretRef]) -> Value {
    let mut by_name: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for reference in references {
        by_name.entry(reference.secret.as_str()).or_default().push(&reference.key);
    }
    let source = |(name, keys): (&str, Vec<&str>)| {
        let items: Vec<Value> = keys.iter().map(|key| json!({"key": key, "path": key})).collect();
        json!({"secret": {"name": name, "items": items}})
    };
    let sources: Vec<Value> = by_name.into_iter().map(source).collect();
    json!({"name": "secrets", "projected": {"defaultMode": 0o440, "sources": sources}})
}

/// The name of the client Service, and of what its pods are an instance of.
pub(super) fn identity(redis: &Redis) -> String {
    names::redis(&redis.name)
}
