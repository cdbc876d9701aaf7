//! What has to be in a cluster, and around it, before the output is applied: only what this output needs.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::blueprint::{Blueprint, Postgres, Region, Service, names, raw};
use crate::render::kubernetes::{common, secrets_by_hand};
use crate::render::{ArtifactKind, Job};

/// A key of a Secret that people put into the namespace.
#[derive(Serialize)]
pub(super) struct Key {
    secret: String,
    key: String,
    holds: String,
    /// The regions that need it.
    regions: String,
}

impl Key {
    /// Whether every region needs it.
    pub(super) fn everywhere(&self) -> bool {
        self.regions == EVERYWHERE
    }
}

/// How a table says that every region needs something.
const EVERYWHERE: &str = "all";

/// The Secrets that no file makes.
pub(super) fn secrets(blueprint: &Blueprint, jobs: &[Job]) -> Vec<Key> {
    let mut all: BTreeMap<(String, String), (String, Vec<&str>)> = BTreeMap::new();
    let applied: Vec<&Region> = blueprint.regions.iter().filter(|region| has_objects(region, jobs)).collect();
    for region in &applied {
        for (secret, keys) in secrets_by_hand(blueprint, region) {
            for (key, holds) in keys {
                let found = all.entry((secret.clone(), key)).or_insert_with(|| (holds, Vec::new()));
                found.1.push(&region.name);
            }
        }
    }
    let of = |((secret, key), (holds, regions)): ((String, String), (String, Vec<&str>))| {
        let regions = if regions.len() == applied.len() { EVERYWHERE.to_owned() } else { regions.join(", ") };
        Key { secret, key, holds, regions }
    };
    all.into_iter().map(of).collect()
}

/// Whether anything of a region is applied to a cluster.
pub(super) fn has_objects(region: &Region, jobs: &[Job]) -> bool {
    let prefix = format!("{}/kubernetes/", region.name);
    jobs.iter().any(|job| job.path.starts_with(&prefix))
}

/// What has to be there, each in a sentence.
pub(super) fn prerequisites(blueprint: &Blueprint, jobs: &[Job]) -> Vec<String> {
    if !jobs.iter().any(|job| job.kind == ArtifactKind::Kubernetes) {
        return Vec::new();
    }
    let mut all =
        vec!["A network plugin that enforces NetworkPolicies: without one everything reaches everything.".to_owned()];
    all.extend(mesh(blueprint, jobs));
    all.extend(edge(blueprint, jobs));
    all.extend(operators(blueprint));
    all.extend(amazon(blueprint, jobs));
    all.extend(network(blueprint));
    all.extend(certificates(blueprint));
    all.extend(certificates_of_hosts(blueprint));
    all.extend(backup_certificates(blueprint));
    all.extend(probes(blueprint));
    all.extend(volumes(blueprint));
    all.extend(destinations(blueprint));
    all.extend(identities(blueprint));
    all
}

fn renders(jobs: &[Job], template: &str) -> bool {
    jobs.iter().any(|job| job.template == template)
}

/// Gateway API and Istio.
fn mesh(blueprint: &Blueprint, jobs: &[Job]) -> Vec<String> {
    let edge = &blueprint.spec.edge;
    let gateway = renders(jobs, "kubernetes/gateway.yaml.tera");
    let waypoint = renders(jobs, "kubernetes/mesh.yaml.tera");
    let of_istio = gateway && edge.gateway.is_istio();
    let mut all = Vec::new();
    if gateway || waypoint {
        all.push("The CRDs of the Gateway API, in a version whose standard channel knows the infrastructure of a Gateway and the timeouts of an HTTPRoute.".to_owned());
    }
    if gateway && !of_istio {
        all.push(format!("A controller for the GatewayClass {}.", edge.gateway.class));
    }
    let plane = edge.mesh.as_ref().filter(|_| blueprint.services.iter().any(Service::on_kubernetes));
    let parts = match plane.map(|mesh| mesh.data_plane) {
        Some(raw::DataPlane::Ambient) => "istiod in istio-system, its CNI node agent and ztunnel (profile ambient)",
        Some(raw::DataPlane::Cni) => "istiod in istio-system and its CNI node agent",
        None if of_istio => "istiod in istio-system",
        None => return all,
    };
    let mut knows = Vec::new();
    if of_istio || waypoint {
        knows.push("a ConfigMap as parametersRef of a Gateway");
    }
    if plane.is_some() {
        knows.push("the retry condition reset-before-request");
    }
    let knows =
        if knows.is_empty() { String::new() } else { format!(", in a version that knows {}", knows.join(" and ")) };
    all.push(format!("Istio: {parts}{knows}."));
    all
}

/// Certificates and ingress controllers.
fn edge(blueprint: &Blueprint, jobs: &[Job]) -> Vec<String> {
    let edge = &blueprint.spec.edge;
    let nginx = renders(jobs, "kubernetes/nginx.yaml.tera");
    let mut all = Vec::new();
    if nginx {
        all.push("The nginx ingress controller.".to_owned());
    }
    if let Some(issuer) = edge.tls.issuer.as_ref().filter(|_| nginx || renders(jobs, "kubernetes/gateway.yaml.tera")) {
        all.push(format!(
            "cert-manager with the ClusterIssuer {issuer}, which must solve DNS-01: an HTTP-01 challenge is asked for in whichever region DNS leads the asker to, and the NetworkPolicies let nobody reach its solver."
        ));
    }
    all
}

/// What reads the custom resources, and what the autoscalers read.
fn operators(blueprint: &Blueprint) -> Vec<String> {
    let mut all = Vec::new();
    let secrets = &blueprint.spec.platform.secrets;
    if let (raw::SecretsBackend::ExternalSecrets, Some(store)) = (secrets.backend, &secrets.store) {
        let kind = match secrets.store_kind {
            raw::SecretStoreKind::ClusterSecretStore => "ClusterSecretStore",
            raw::SecretStoreKind::SecretStore => "SecretStore",
        };
        all.push(format!("The External Secrets operator and its {kind} {store}, which holds every entry of the 10-secrets.yaml files."));
    }
    if common::has_operator(blueprint) {
        let labels = &blueprint.spec.platform.monitoring.labels;
        let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}: {value}")).collect();
        let picks = if labels.is_empty() { String::new() } else { format!(" with {}", labels.join(", ")) };
        all.push(format!(
            "The Prometheus operator with its CRDs, in the namespace {}: it has to pick up monitors and rules{picks} from {}.",
            blueprint.spec.platform.monitoring.namespace, blueprint.namespace
        ));
    }
    if blueprint
        .services
        .iter()
        .any(|s| s.on_kubernetes() && blueprint.regions.iter().any(|region| s.autoscaled(region)))
    {
        all.push("metrics-server: the autoscalers read CPU and memory from it.".to_owned());
    }
    all
}

/// What makes load balancers and names on AWS, and the names elsewhere.
fn amazon(blueprint: &Blueprint, jobs: &[Job]) -> Vec<String> {
    let alb = renders(jobs, "kubernetes/alb.yaml.tera");
    let gateway = renders(jobs, "kubernetes/gateway.yaml.tera") && blueprint.spec.edge.gateway.is_istio();
    let endpoints: BTreeSet<String> = blueprint
        .postgres_in_pods()
        .flat_map(|cluster| blueprint.regions.iter().filter_map(|region| cluster.endpoint(&region.name)))
        .filter(|endpoint| endpoint.parse::<std::net::IpAddr>().is_err())
        .collect();
    let on_aws = blueprint.regions.iter().any(|region| region.spec.provider == raw::Provider::Aws);
    let mut all = Vec::new();
    if alb || on_aws && (gateway || !endpoints.is_empty()) {
        all.push("The AWS load balancer controller: it makes the balancers that annotations ask for. The name of a balancer that it makes belongs into regions.*.loadBalancer.".to_owned());
    }
    if !endpoints.is_empty() {
        let names: Vec<String> = endpoints.into_iter().collect();
        all.push(format!("external-dns for {}; without it these names are to be made by hand.", names.join(", ")));
    }
    all
}

/// What lies between the regions.
fn network(blueprint: &Blueprint) -> Vec<String> {
    let of = |cluster: &Postgres| {
        let names: Vec<String> = blueprint.regions.iter().filter_map(|region| cluster.endpoint(&region.name)).collect();
        (names.len() > 1).then(|| {
            format!(
                "A network between the regions (peering, a transit gateway) over which each one resolves and reaches {} on port {}.",
                names.join(" and "),
                cluster.spec.ports.postgres
            )
        })
    };
    blueprint.postgres_in_pods().filter_map(of).collect()
}

/// What the certificates of PostgreSQL have to say: HAProxy takes a member whose name is missing for down, etcd refuses it.
fn certificates(blueprint: &Blueprint) -> Vec<String> {
    let of = |cluster: &Postgres| {
        let secret = cluster.spec.tls.as_ref()?.secret.as_ref()?;
        let domain = format!("{}.svc.{}", blueprint.namespace, blueprint.spec.platform.kubernetes.domain);
        let mut names = vec![format!("*.{}.{domain}", names::postgres_members(&cluster.name))];
        if cluster.spec.consensus.kind == raw::ConsensusKind::Etcd {
            names.push(format!("*.{}.{domain}", names::postgres_etcd(&cluster.name)));
        }
        if cluster.has_pool() {
            let pool = names::postgres_pool(&cluster.name);
            names.push(pool.clone());
            names.push(format!("{pool}.{domain}"));
        }
        names.extend(blueprint.regions.iter().filter_map(|region| cluster.endpoint(&region.name)));
        Some(format!(
            "In the Secret {secret} a certificate for both usages, server and client authentication, of one authority in all regions, with the names {}. When it is renewed, etcd reads it by itself, PostgreSQL and Patroni when they are told to (patronictl reload {}), the router and the pool when their Deployments are restarted.",
            names.join(", "),
            cluster.scope(),
        ))
    };
    blueprint.postgres_in_pods().filter_map(of).collect()
}

/// What is asked of stores on hosts from inside a cluster, with certificates that nothing here makes.
fn certificates_of_hosts(blueprint: &Blueprint) -> Vec<String> {
    let of = |cluster: &Postgres| {
        let tls = cluster.spec.tls.as_ref()?;
        let operator = |m: &raw::Monitoring| m.prometheus.flavour == raw::Flavour::Operator;
        let scraped = blueprint.spec.monitoring.as_ref().is_some_and(operator);
        if !scraped && tls.secret.is_none() {
            return None;
        }
        let secret = tls.secret.as_ref().map_or_else(|| names::postgres_tls(&cluster.name), ToString::to_string);
        let mut wants = Vec::new();
        if tls.secret.is_some() {
            wants.push("services find the authority in `ca.crt`".to_owned());
        }
        if scraped {
            wants.push(format!(
                "Prometheus shows `tls.crt`, a client certificate, to Patroni and etcd (any common name but {}, which reads backups)",
                cluster.object()
            ));
        }
        Some(format!(
            "In the Secret {secret} `ca.crt`, `tls.crt` and `tls.key` of the authority of the hosts of PostgreSQL {}: {}.",
            cluster.name,
            wants.join("; ")
        ))
    };
    blueprint
        .postgres
        .iter()
        .filter(|cluster| cluster.is_rendered() && !cluster.on_kubernetes())
        .filter_map(of)
        .collect()
}

/// What pgBackRest's servers and jobs show each other: a server lets in whoever has the common name, and nobody else.
fn backup_certificates(blueprint: &Blueprint) -> Vec<String> {
    if common::has_cert_manager(blueprint) {
        return Vec::new();
    }
    let of = |cluster: &Postgres| {
        cluster.spec.backup.as_ref()?;
        let domain = format!("{}.svc.{}", blueprint.namespace, blueprint.spec.platform.kubernetes.domain);
        Some(format!(
            "In the Secret {} a certificate for both usages, server and client authentication, with the COMMON NAME {} (without it there is no backup: the servers of pgBackRest let in no other) and the name *.{}.{domain}.",
            names::postgres_backup_tls(&cluster.name),
            cluster.object(),
            names::postgres_members(&cluster.name),
        ))
    };
    blueprint.postgres_in_pods().filter_map(of).collect()
}

/// What asks from the outside, and what jobs push to.
fn probes(blueprint: &Blueprint) -> Vec<String> {
    let Some(monitoring) = &blueprint.spec.monitoring else { return Vec::new() };
    let exporters = &monitoring.exporters;
    let of = |what: &str, address: &Option<String>| Some(format!("{what} at {}.", address.as_ref()?));
    [of("blackbox_exporter", &exporters.blackbox), of("The Pushgateway", &exporters.pushgateway)]
        .into_iter()
        .flatten()
        .collect()
}

/// What no file here makes of the stores that backups go to.
fn destinations(blueprint: &Blueprint) -> Vec<String> {
    let of = |(name, destination): (&raw::Name, &raw::Destination)| {
        let mut wants = Vec::new();
        if let Some(to) = &destination.replicate_to {
            wants.push(format!("it is replicated to {to}"));
        }
        if destination.encryption == raw::Encryption::Kms {
            wants.push("it is encrypted with a managed key".to_owned());
        }
        if let Some(time) = &destination.immutable {
            wants.push(format!(
                "what is written can be neither changed nor deleted for {time}, version by version: pgBackRest writes its index files anew with every backup, and a lock on whole objects would refuse the second one (R-BK-07)"
            ));
        }
        (!wants.is_empty()).then(|| format!("The store {name}, set up so that {}.", wants.join("; ")))
    };
    blueprint.spec.backup.iter().filter_map(of).collect()
}

/// StorageClasses.
fn volumes(blueprint: &Blueprint) -> Vec<String> {
    let storages =
        blueprint.postgres_in_pods().flat_map(|cluster| [&cluster.spec.storage, &cluster.spec.consensus.storage]);
    let redis = blueprint.redis.iter().filter(|cluster| cluster.on_kubernetes()).map(|cluster| &cluster.spec.storage);
    let classes: BTreeSet<String> = storages
        .chain(redis)
        .flatten()
        .map(|storage| storage.class.as_ref().map_or_else(|| "the default one".to_owned(), ToString::to_string))
        .collect();
    if classes.is_empty() {
        return Vec::new();
    }
    let classes: Vec<String> = classes.into_iter().collect();
    vec![format!(
        "StorageClass: {}, with volumeBindingMode WaitForFirstConsumer, so that a volume lies in the zone of its pod; and nodes in every zone.",
        classes.join(", ")
    )]
}

/// Identities of the provider that pods take on.
fn identities(blueprint: &Blueprint) -> Vec<String> {
    let used: BTreeSet<&str> = blueprint
        .postgres_in_pods()
        .flat_map(|cluster| cluster.spec.backup.iter().flat_map(|backup| &backup.to))
        .chain(
            (blueprint.redis.iter().filter(|cluster| cluster.on_kubernetes()))
                .flat_map(|cluster| cluster.spec.backup.iter().flat_map(|backup| &backup.to)),
        )
        .map(|reference| reference.parts().1)
        .collect();
    let identity = |name: &&str| blueprint.spec.backup.get(*name)?.workload_identity.clone();
    let identities: BTreeSet<String> = used.iter().filter_map(identity).collect();
    let of = |identity: String| {
        format!(
            "{identity}, with access to the backups: it must trust the ServiceAccounts of {} that carry it as an annotation, in the cluster of every region.",
            blueprint.namespace
        )
    };
    identities.into_iter().map(of).collect()
}
