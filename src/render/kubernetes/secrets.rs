//! Which Secrets a region needs, and the ExternalSecrets that make them. No value is ever known here.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::common::{self, Labels};
use super::connections;
use crate::blueprint::{Blueprint, Postgres, Redis, Region, names, raw};
use crate::path;
use crate::render::Jobs;

/// Secrets by name, each with its keys.
pub(crate) type Secrets = BTreeMap<String, BTreeSet<String>>;

#[derive(Serialize)]
struct Context {
    namespace: String,
    labels: Labels,
    refresh: String,
    store: String,
    store_kind: &'static str,
    secrets: Vec<External>,
}

#[derive(Serialize)]
struct External {
    name: String,
    keys: BTreeSet<String>,
}

/// `10-secrets.yaml`, where the External Secrets operator makes the Secrets.
pub(super) fn job(blueprint: &Blueprint, region: &Region, jobs: &mut Jobs) {
    let settings = &blueprint.spec.platform.secrets;
    let (raw::SecretsBackend::ExternalSecrets, Some(store)) = (settings.backend, &settings.store) else { return };
    let secrets = values(blueprint, region);
    if secrets.is_empty() {
        return;
    }
    let context = Context {
        namespace: blueprint.namespace.clone(),
        labels: common::base_labels(blueprint, region),
        refresh: settings.refresh.go(),
        store: store.to_string(),
        store_kind: match settings.store_kind {
            raw::SecretStoreKind::ClusterSecretStore => "ClusterSecretStore",
            raw::SecretStoreKind::SecretStore => "SecretStore",
        },
        secrets: secrets.into_iter().map(|(name, keys)| External { name, keys }).collect(),
    };
    let origins = vec![path!["platform", "secrets"]];
    super::push(jobs, region, ("10-secrets".to_owned(), "kubernetes/secrets.yaml.tera"), &context, origins);
}

/// Every Secret that has to be in the namespace before the pods of a region start, with its keys: passwords and
/// credentials, certificates, registry logins.
#[allow(dead_code, reason = "for the pages that tell what has to be there")]
pub(crate) fn required(blueprint: &Blueprint, region: &Region) -> Secrets {
    let mut all = values(blueprint, region);
    let mut add = |name: &str, keys: &[&str]| {
        all.entry(name.to_owned()).or_default().extend(keys.iter().map(|key| (*key).to_owned()));
    };
    let stores = postgres(blueprint, region).filter_map(|p| p.spec.tls.as_ref());
    for tls in stores.chain(redis(blueprint, region).filter_map(|r| r.spec.tls.as_ref())) {
        if let Some(secret) = &tls.secret {
            add(secret.as_str(), &["tls.crt", "tls.key", "ca.crt"]);
        }
    }
    let made = super::common::has_cert_manager(blueprint);
    for cluster in postgres(blueprint, region).filter(|p| p.spec.backup.is_some() && !made) {
        add(&names::postgres_backup_tls(&cluster.name), &["tls.crt", "tls.key", "ca.crt"]);
    }
    if let Some(secret) = super::edge::own_certificate(blueprint) {
        add(&secret, &["tls.crt", "tls.key"]);
    }
    for name in &blueprint.spec.platform.image_pull_secrets {
        add(name.as_str(), &[".dockerconfigjson"]);
    }
    all
}

/// The Secrets that hold passwords and credentials. Certificates are cert-manager's work, registry logins have a type
/// of their own: neither is made by an ExternalSecret.
fn values(blueprint: &Blueprint, region: &Region) -> Secrets {
    let mut all = Secrets::new();
    let mut add = |reference: &raw::SecretRef| {
        all.entry(reference.secret.to_string()).or_default().insert(reference.key.clone());
    };
    for service in super::services(blueprint) {
        connections::secrets(blueprint, region, service).values().for_each(&mut add);
    }
    for cluster in postgres(blueprint, region) {
        let own = &cluster.credentials;
        let passwords = [&own.superuser, &own.replication, &own.rewind, &own.application, &own.rest, &own.monitoring];
        passwords.into_iter().for_each(&mut add);
        if cluster.spec.pool.kind == raw::PoolKind::Pgbouncer {
            // PgBouncer's file of users lies beside the password that it repeats.
            let secret = own.application.secret.clone();
            add(&raw::SecretRef { secret, key: names::POOL_USERS.to_owned() });
        }
        let destinations = cluster.spec.backup.iter().flat_map(|backup| &backup.to);
        destinations.for_each(|to| destination(blueprint, to, &mut add));
    }
    for cluster in redis(blueprint, region) {
        if cluster.spec.auth.enabled {
            let own = [&cluster.password, &cluster.replication, &cluster.operator, &cluster.monitoring, &cluster.users];
            own.into_iter().for_each(&mut add);
        }
        let destinations = cluster.spec.backup.iter().flat_map(|backup| &backup.to);
        destinations.for_each(|to| destination(blueprint, to, &mut add));
    }
    all
}

/// What a backup destination is entered with.
fn destination(blueprint: &Blueprint, reference: &raw::Reference, add: &mut impl FnMut(&raw::SecretRef)) {
    let (_, name) = reference.parts();
    let Some(destination) = blueprint.spec.backup.get(name) else { return };
    let secrets = [&destination.access_key, &destination.secret_key, &destination.passphrase];
    secrets.into_iter().flatten().for_each(add);
}

/// The PostgreSQL clusters that run on Kubernetes in a region.
fn postgres<'a>(blueprint: &'a Blueprint, region: &'a Region) -> impl Iterator<Item = &'a Postgres> {
    blueprint.postgres.iter().filter(|p| p.is_rendered() && p.on_kubernetes() && p.role(region).is_some())
}

/// The Redis clusters that run on Kubernetes in a region.
fn redis<'a>(blueprint: &'a Blueprint, region: &'a Region) -> impl Iterator<Item = &'a Redis> {
    blueprint.redis.iter().filter(|r| r.on_kubernetes() && r.in_region(region))
}
