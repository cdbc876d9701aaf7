//! Snapshots of every shard, to each destination: what the backup script sees, and which secrets it needs.

use serde::Serialize;

use super::Place;
use super::scripts::Script;
use crate::blueprint::raw::{AppendFsync, Destination, DestinationKind, Encryption, RedisBackup, SecretRef};
use crate::blueprint::{Redis, names};

/// How long the snapshot of one shard may take, in seconds.
const DUMP_LIMIT: u64 = 3600;

/// What `backup.sh.tera` sees.
#[derive(Debug, Serialize)]
pub(super) struct Backup {
    #[serde(flatten)]
    script: Script,
    dump_limit: u64,
    retention: u64,
    destinations: Vec<To>,
    pushgateway: bool,
    push_url: String,
    metric: &'static str,
}

/// One destination.
#[derive(Debug, Serialize)]
struct To {
    name: String,
    what: String,
    kind: &'static str,
    bucket: String,
    account: String,
    base: String,
    failed: String,
    place: Vec<String>,
    options: Vec<String>,
    setup: Vec<Variable>,
    from_environment: Vec<Variable>,
    encrypted: bool,
    prune: bool,
}

/// A variable of a destination's client.
#[derive(Debug, Serialize)]
struct Variable {
    variable: &'static str,
    value: String,
}

/// A secret that the script reads from its environment.
#[derive(Debug, Clone, Serialize)]
pub(super) struct SecretVariable {
    /// The variable.
    pub(super) variable: String,
    /// Where its value comes from.
    pub(super) reference: SecretRef,
}

/// The destinations of a backup, with their names.
pub(super) fn destinations<'a>(place: &Place<'a>, backup: &'a RedisBackup) -> Vec<(&'a str, &'a Destination)> {
    let known = &place.blueprint.spec.backup;
    let of = |reference: &'a crate::blueprint::raw::Reference| {
        let (_, name) = reference.parts();
        known.get(name).map(|destination| (name, destination))
    };
    backup.to.iter().filter_map(of).collect()
}

/// The context of the script.
pub(super) fn backup(place: &Place<'_>, spec: &RedisBackup, script: Script) -> Backup {
    let monitoring = place.blueprint.spec.monitoring.as_ref();
    let pushgateway = monitoring.and_then(|m| m.exporters.pushgateway.as_ref());
    let to = destinations(place, spec).into_iter().enumerate();
    Backup {
        script,
        dump_limit: DUMP_LIMIT,
        retention: spec.retention.secs(),
        destinations: to.map(|(at, (name, destination))| to_of(place, at + 1, name, destination)).collect(),
        pushgateway: pushgateway.is_some(),
        push_url: pushgateway
            .map(|address| {
                names::push_url(address, "hagen-redis-snapshot", &place.blueprint.namespace, &place.redis.name)
            })
            .unwrap_or_default(),
        metric: names::METRIC_REDIS_SNAPSHOT,
    }
}

/// What `restore.sh.tera` sees.
#[derive(Debug, Serialize)]
pub(super) struct Restore {
    #[serde(flatten)]
    script: Script,
    append: bool,
}

/// The context of the script that brings a snapshot back.
pub(super) fn restore(redis: &Redis, script: Script) -> Restore {
    Restore { script, append: redis.spec.persistence.append_fsync != AppendFsync::Never }
}

fn to_of(place: &Place<'_>, number: usize, name: &str, destination: &Destination) -> To {
    let prefix = place.redis.snapshots(&place.blueprint.name, place.region, destination);
    let near = destination.near(&place.region.name);
    let bucket = near.bucket.unwrap_or_default().to_owned();
    let base = match destination.kind {
        DestinationKind::S3 => format!("s3://{bucket}/{prefix}"),
        DestinationKind::Gcs => format!("gs://{bucket}/{prefix}"),
        DestinationKind::AzureBlob => prefix,
        DestinationKind::Directory => format!("/{prefix}"),
    };
    let (kind, what) = match destination.kind {
        DestinationKind::S3 => ("s3", "an S3 bucket"),
        DestinationKind::AzureBlob => ("azure-blob", "a container of Azure Blob Storage"),
        DestinationKind::Gcs => ("gcs", "a bucket of Google Cloud Storage"),
        DestinationKind::Directory => ("directory", "a directory"),
    };
    let mut place_options = Vec::new();
    if let Some(region) = near.region {
        place_options.extend(["--region".to_owned(), region.to_owned()]);
    }
    if let Some(endpoint) = &destination.endpoint {
        place_options.extend(["--endpoint-url".to_owned(), format!("https://{endpoint}")]);
    }
    let mut options = place_options.clone();
    if destination.encryption == Encryption::Kms {
        options.extend(["--sse".to_owned(), "aws:kms".to_owned()]);
    }
    let setup = match destination.kind {
        // Without a key the client logs in as the pod's or machine's identity.
        DestinationKind::AzureBlob if destination.access_key.is_none() => {
            vec![Variable { variable: "AZURE_STORAGE_AUTH_MODE", value: "login".to_owned() }]
        }
        _ => Vec::new(),
    };
    let from_environment = variables(destination)
        .into_iter()
        .map(|(variable, _)| Variable { variable, value: source(number, variable) })
        .collect();
    To {
        name: name.to_owned(),
        what: what.to_owned(),
        kind,
        bucket,
        account: destination.account.clone().unwrap_or_default(),
        base,
        failed: format!("{name}: FAILED"),
        place: place_options,
        options,
        setup,
        from_environment,
        encrypted: destination.encryption == Encryption::Aes256Cbc,
        prune: destination.immutable.is_none(),
    }
}

/// What a destination's client reads from its environment, and the secret that holds it.
fn variables(destination: &Destination) -> Vec<(&'static str, &SecretRef)> {
    let access = match destination.kind {
        DestinationKind::S3 => Some("AWS_ACCESS_KEY_ID"),
        DestinationKind::AzureBlob => Some("AZURE_STORAGE_KEY"),
        DestinationKind::Gcs => Some("CLOUDSDK_AUTH_ACCESS_TOKEN"),
        DestinationKind::Directory => None,
    };
    let encrypted = destination.encryption == Encryption::Aes256Cbc;
    let pairs = [
        (access, destination.access_key.as_ref()),
        ((destination.kind == DestinationKind::S3).then_some("AWS_SECRET_ACCESS_KEY"), destination.secret_key.as_ref()),
        (encrypted.then_some("BACKUP_PASSPHRASE"), destination.passphrase.as_ref()),
    ];
    pairs.into_iter().filter_map(|(variable, reference)| Some((variable?, reference?))).collect()
}

/// The variable of the job that holds what a destination's client calls `variable`: two destinations may differ.
fn source(number: usize, variable: &str) -> String {
    format!("BACKUP_{number}_{variable}")
}

/// Every secret that the script reads from its environment.
pub(super) fn secrets(place: &Place<'_>, spec: &RedisBackup) -> Vec<SecretVariable> {
    let numbered = destinations(place, spec).into_iter().enumerate();
    numbered
        .flat_map(|(at, (_, destination))| {
            variables(destination).into_iter().map(move |(variable, reference)| SecretVariable {
                variable: source(at + 1, variable),
                reference: reference.clone(),
            })
        })
        .collect()
}
