//! Which Secrets a region needs, and the ExternalSecrets that make them. No value is ever known here.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::common::{self, Labels};
use super::connections;
use crate::blueprint::{Blueprint, Redis, Region, names, raw};
use crate::path;
use crate::render::Jobs;

/// Secrets by name, each with its keys and what these hold.
pub(crate) type Secrets = BTreeMap<String, BTreeMap<String, String>>;

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
pub(super) fn job(blueprint: &Blueprint, region: &Region, jobs: &mut Jobs<'_>) {
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
        secrets: secrets.into_iter().map(|(name, keys)| External { name, keys: keys.into_keys().collect() }).collect(),
    };
    let origins = vec![path!["platform", "secrets"]];
    super::push(jobs, region, ("10-secrets".to_owned(), "kubernetes/secrets.yaml.tera"), &context, origins);
}

/// Every Secret that people have to put into the namespace before the pods of a region start: certificates and registry
/// logins, and passwords and credentials where no ExternalSecret makes them.
pub(crate) fn by_hand(blueprint: &Blueprint, region: &Region) -> Secrets {
    let mut all = match blueprint.spec.platform.secrets.backend {
        raw::SecretsBackend::Reference => values(blueprint, region),
        raw::SecretsBackend::ExternalSecrets => Secrets::new(),
    };
    let mut add = |name: &str, keys: &[(&str, &str)], whose: &str| {
        let keys = keys.iter().map(|(key, what)| ((*key).to_owned(), format!("{what} of {whose}")));
        all.entry(name.to_owned()).or_default().extend(keys);
    };
    let stores = blueprint.postgres_in(region).map(|p| (&p.name, "PostgreSQL", p.spec.tls.as_ref()));
    let stores = stores.chain(redis(blueprint, region).map(|r| (&r.name, "Redis", r.spec.tls.as_ref())));
    for (name, what, tls) in stores {
        if let Some(secret) = tls.and_then(|tls| tls.secret.as_ref()) {
            add(secret.as_str(), &AUTHORITY, &format!("{what} {name}"));
        }
    }
    let made = super::common::has_cert_manager(blueprint);
    for cluster in blueprint.postgres_in(region).filter(|p| p.spec.backup.is_some() && !made) {
        let whose = format!("pgBackRest of PostgreSQL {}, for both ends", cluster.name);
        add(&names::postgres_backup_tls(&cluster.name), &AUTHORITY, &whose);
    }
    if let Some(secret) = super::edge::own_certificate(blueprint) {
        add(&secret, &AUTHORITY[..2], "the public hosts and of each region's own");
    }
    for name in &blueprint.spec.platform.image_pull_secrets {
        add(name.as_str(), &[(".dockerconfigjson", "the login")], "the registry");
    }
    all
}

/// The keys of a Secret with a certificate and who signed it; the authority stands last.
const AUTHORITY: [(&str, &str); 3] =
    [("tls.crt", "the certificate"), ("tls.key", "the private key"), ("ca.crt", "the certificate authority")];

/// The Secrets that hold passwords and credentials. Certificates are cert-manager's work, registry logins have a type
/// of their own: neither is made by an ExternalSecret.
fn values(blueprint: &Blueprint, region: &Region) -> Secrets {
    let mut all = Secrets::new();
    // A password that several read is described by whose it is.
    let mut add = |reference: &raw::SecretRef, what: String| {
        let keys = all.entry(reference.secret.to_string()).or_default();
        keys.entry(reference.key.clone()).or_insert(what);
    };
    for cluster in blueprint.postgres_in(region) {
        let (own, whose) = (&cluster.credentials, format!("PostgreSQL {}", cluster.name));
        for (reference, role) in [
            (&own.superuser, "the superuser"),
            (&own.replication, "replication"),
            (&own.rewind, "pg_rewind"),
            (&own.application, "the services"),
            (&own.rest, "Patroni's REST API"),
            (&own.monitoring, "the metrics exporter"),
        ] {
            add(reference, format!("{whose}: the password of {role}"));
        }
        if cluster.has_pool() {
            // PgBouncer's file of users lies beside the password that it repeats.
            let secret = own.application.secret.clone();
            let users = raw::SecretRef { secret, key: names::POOL_USERS.to_owned() };
            add(&users, format!("{whose}: PgBouncer's file of users, the services' role and the exporter's"));
        }
        let destinations = cluster.spec.backup.iter().flat_map(|backup| &backup.to);
        destinations.for_each(|to| destination(blueprint, to, &mut add));
    }
    for cluster in redis(blueprint, region) {
        let whose = format!("Redis {}", cluster.name);
        if cluster.spec.auth.enabled {
            for (reference, role) in [
                (&cluster.password, "the services"),
                (&cluster.replication, "replicas towards their primary"),
                (&cluster.operator, "the jobs and people"),
                (&cluster.monitoring, "the metrics exporter"),
            ] {
                add(reference, format!("{whose}: the password of {role}"));
            }
            add(&cluster.users, format!("{whose}: the users (ACL) with the hashes of their passwords"));
            if cluster.spec.is_sentinel() {
                add(&cluster.sentinel, format!("{whose}: the password that sentinels log in with"));
                add(&cluster.sentinel_users, format!("{whose}: the sentinels' own users (ACL), with hashes"));
            }
        }
        let destinations = cluster.spec.backup.iter().flat_map(|backup| &backup.to);
        destinations.for_each(|to| destination(blueprint, to, &mut add));
    }
    for service in super::services(blueprint) {
        for (variable, reference) in connections::secrets(blueprint, region, service) {
            add(&reference, format!("{variable} of {}", service.name));
        }
    }
    all
}

/// What a backup destination is entered with.
fn destination(blueprint: &Blueprint, reference: &raw::Reference, add: &mut impl FnMut(&raw::SecretRef, String)) {
    let (_, name) = reference.parts();
    let Some(destination) = blueprint.spec.backup.get(name) else { return };
    for (secret, what) in [
        (&destination.access_key, "the access key"),
        (&destination.secret_key, "the secret key"),
        (&destination.passphrase, "the passphrase of the encryption"),
    ] {
        if let Some(secret) = secret {
            add(secret, format!("backup destination {name}: {what}"));
        }
    }
}

/// The Redis clusters that run on Kubernetes in a region.
fn redis<'a>(blueprint: &'a Blueprint, region: &'a Region) -> impl Iterator<Item = &'a Redis> {
    blueprint.redis.iter().filter(|r| r.on_kubernetes() && r.in_region(region))
}
