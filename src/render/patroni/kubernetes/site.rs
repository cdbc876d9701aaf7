//! A PostgreSQL cluster in a region's Kubernetes: its names, labels, addresses, and what all of its pods have in common.

use serde::Serialize;
use serde_json::{Value, json};

use crate::blueprint::{Blueprint, Postgres, PostgresRole, Region, names, raw};
use crate::document::Path;
use crate::path;
use crate::render::kubernetes::common::{self, Identity, Labels};
use crate::render::patroni::repository::{self, Repository};
use crate::render::{ArtifactKind, File, Jobs};

/// The account that everything runs as; the images make it theirs (`postgres` in the members').
pub(super) const ACCOUNT: u32 = 999;
/// Where the certificates of PostgreSQL, REST and etcd are mounted.
pub(super) const TLS: &str = "/etc/hagen/tls";
/// Where the certificates between backup jobs and members are mounted.
pub(super) const BACKUP_TLS: &str = "/etc/pgbackrest/tls";
/// Where service keys of object stores are mounted.
pub(super) const KEYS: &str = "/etc/pgbackrest/keys";
/// The port of etcd's metrics and health: no client of the data may be let in for them.
pub const ETCD_METRICS: u16 = 2381;

/// A cluster in a region.
pub(super) struct Site<'a> {
    pub(super) blueprint: &'a Blueprint,
    pub(super) cluster: &'a Postgres,
    pub(super) region: &'a Region,
    pub(super) role: PostgresRole,
    /// The name of the StatefulSet and of the Service of the primary.
    pub(super) object: String,
}

/// What every file of a cluster sees.
#[derive(Serialize)]
pub(super) struct Base {
    pub(super) namespace: String,
    pub(super) pull_secrets: Vec<Value>,
    pub(super) priority: Option<String>,
    pub(super) pod_security: Value,
    pub(super) container_security: Value,
    pub(super) labels: Labels,
    pub(super) selector: Labels,
}

/// A part of a cluster: what its pods are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    /// PostgreSQL under Patroni.
    Database,
    /// etcd.
    Consensus,
    /// HAProxy.
    Router,
    /// PgBouncer.
    Pool,
    /// Backup jobs.
    Backup,
}

impl Part {
    const fn parts(self) -> (&'static str, &'static str) {
        match self {
            Self::Database => ("database", "postgres"),
            Self::Consensus => ("consensus", "etcd"),
            Self::Router => ("router", "haproxy"),
            Self::Pool => ("pool", "pgbouncer"),
            Self::Backup => ("job", "pgbackrest"),
        }
    }
}

impl<'a> Site<'a> {
    pub(super) fn new(blueprint: &'a Blueprint, cluster: &'a Postgres, region: &'a Region) -> Option<Self> {
        let role = cluster.role(region)?;
        Some(Self { blueprint, cluster, region, role, object: cluster.object() })
    }

    fn identity(&self, part: Part) -> Identity<'_> {
        let (component, name) = part.parts();
        Identity::store(component, name, &self.object)
    }

    /// The labels of an object of a part.
    pub(super) fn labels(&self, part: Part) -> Labels {
        common::labels(self.blueprint, self.region, self.identity(part))
    }

    /// What selects the pods of a part.
    pub(super) fn selector(&self, part: Part) -> Labels {
        common::selector(self.blueprint, self.identity(part))
    }

    /// The network peers that the pods of a part are.
    pub(super) fn peer(&self, part: Part) -> Value {
        common::pods(&self.selector(part))
    }

    /// What every file sees, for a part.
    pub(super) fn base(&self, part: Part) -> Base {
        let tier = self.cluster.spec.tier.as_ref();
        let tier = tier.filter(|tier| self.blueprint.spec.objectives.tiers.contains_key(*tier));
        Base {
            namespace: self.blueprint.namespace.clone(),
            pull_secrets: common::pull_secrets(self.blueprint),
            priority: tier.map(|tier| names::priority_class(&self.blueprint.namespace, tier.as_str())),
            pod_security: common::pod_security(ACCOUNT),
            container_security: common::container_security(),
            labels: self.labels(part),
            selector: self.selector(part),
        }
    }

    /// The part whose pods clients of PostgreSQL reach.
    pub(super) fn front(&self) -> Part {
        if self.cluster.has_router() { Part::Router } else { Part::Database }
    }

    /// Whether there is an etcd.
    pub(super) fn has_etcd(&self) -> bool {
        self.cluster.spec.consensus.kind == raw::ConsensusKind::Etcd
    }

    /// The Secret with certificates, where there is encryption.
    pub(super) fn tls_secret(&self) -> Option<String> {
        let tls = self.cluster.spec.tls.as_ref()?;
        Some(tls.secret.as_ref().map_or_else(|| names::postgres_tls(&self.cluster.name), ToString::to_string))
    }

    /// `http` or `https`, for REST and etcd.
    pub(super) fn scheme(&self) -> &'static str {
        if self.cluster.spec.tls.is_some() { "https" } else { "http" }
    }

    /// The host name of a pod behind a headless Service: it outlives the pod's address.
    pub(super) fn host(&self, pod: &str, service: &str) -> String {
        format!("{pod}.{service}.{}.svc.{}", self.blueprint.namespace, self.blueprint.spec.platform.kubernetes.domain)
    }

    /// The pods of the members, with their host names.
    pub(super) fn members(&self) -> Vec<(String, String)> {
        let service = names::postgres_members(&self.cluster.name);
        self.cluster.pods(self.region).map(|pod| (pod.clone(), self.host(&pod, &service))).collect()
    }

    /// The pods of etcd, with their host names.
    pub(super) fn etcd(&self) -> Vec<(String, String)> {
        let service = names::postgres_etcd(&self.cluster.name);
        self.cluster.etcd_pods(self.region).map(|pod| (pod.clone(), self.host(&pod, &service))).collect()
    }

    /// The repositories of pgBackRest. A token is mounted where a workload identity is named; else the node's own role counts.
    pub(super) fn repositories(&self) -> Vec<Repository> {
        let identity = match self.destinations().any(|d| d.workload_identity.is_some()) {
            true => repository::Identity::WebToken,
            false => repository::Identity::Instance,
        };
        repository::repositories(self.blueprint, self.cluster, self.region, identity, KEYS)
    }

    /// The destinations of the backup.
    pub(super) fn destinations(&self) -> impl Iterator<Item = &'a raw::Destination> {
        let to = self.cluster.spec.backup.iter().flat_map(|backup| &backup.to);
        to.filter_map(|reference| self.blueprint.spec.backup.get(reference.parts().1))
    }

    /// Where the data lies in a member's volume.
    pub(super) fn data(&self) -> String {
        format!("/var/lib/postgresql/{}/{}", self.cluster.spec.version, self.cluster.name)
    }

    /// Where PostgreSQL's programs lie in the image.
    pub(super) fn bin(&self) -> String {
        format!("/usr/lib/postgresql/{}/bin", self.cluster.spec.version)
    }

    /// The peers that scrape metrics, where there is monitoring.
    pub(super) fn scrapers(&self) -> Vec<Value> {
        self.blueprint.spec.monitoring.iter().map(|_| common::monitoring(self.blueprint)).collect()
    }

    /// The peers that ask for certificates, where blackbox_exporter does.
    pub(super) fn probers(&self) -> Vec<Value> {
        let probes = self.exporters().is_some_and(|e| e.blackbox.is_some());
        if probes { self.scrapers() } else { Vec::new() }
    }

    /// Images of exporters.
    pub(super) fn exporters(&self) -> Option<&'a raw::Exporters> {
        self.blueprint.spec.monitoring.as_ref().map(|m| &m.exporters)
    }

    /// A NetworkPolicy of a part, without what is empty.
    pub(super) fn policy(
        &self,
        name: &str,
        part: Part,
        ingress: Vec<Option<Value>>,
        egress: Vec<Option<Value>>,
    ) -> Value {
        let (ingress, egress) =
            (ingress.into_iter().flatten().collect::<Vec<_>>(), egress.into_iter().flatten().collect::<Vec<_>>());
        common::network_policy(self.metadata(name, part), &self.selector(part), &ingress, &egress)
    }

    fn metadata(&self, name: &str, part: Part) -> serde_json::Map<String, Value> {
        let mut metadata = serde_json::Map::new();
        metadata.insert("name".into(), name.into());
        metadata.insert("namespace".into(), self.blueprint.namespace.as_str().into());
        metadata.insert("labels".into(), json!(self.labels(part)));
        metadata
    }

    /// A PodMonitor of a part, where the Prometheus operator is used: endpoints by port name, with `region` and `zone` as the
    /// rules want them.
    pub(super) fn monitor(&self, name: &str, part: Part, endpoints: &[(&str, bool)]) -> Option<Value> {
        let monitoring = self.blueprint.spec.monitoring.as_ref()?;
        if !common::has_operator(self.blueprint) || endpoints.is_empty() {
            return None;
        }
        let endpoint = |(port, encrypted): &(&str, bool)| {
            let mut endpoint = json!({
                "port": port,
                "interval": monitoring.interval.go(),
                "relabelings": [
                    {"targetLabel": names::REGION_LABEL, "replacement": self.region.name},
                    {
                        "sourceLabels": ["__meta_kubernetes_node_label_topology_kubernetes_io_zone"],
                        "targetLabel": names::ZONE_LABEL,
                    },
                ],
            });
            if *encrypted {
                endpoint["scheme"] = json!("https");
                // Pods are asked by address, which no certificate names; what they tell is no secret.
                endpoint["tlsConfig"] = json!({"insecureSkipVerify": true});
            }
            endpoint
        };
        let mut metadata = self.metadata(name, part);
        metadata.insert("labels".into(), json!(common::monitor_labels(self.blueprint, &self.labels(part))));
        Some(json!({
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PodMonitor",
            "metadata": metadata,
            "spec": {
                "attachMetadata": {"node": true},
                "selector": {"matchLabels": self.selector(part)},
                "podMetricsEndpoints": endpoints.iter().map(endpoint).collect::<Vec<_>>(),
            },
        }))
    }

    /// One pod a zone and a node, for pods that are bound to volumes: `Ignore` keeps a lost zone's share free, since its pods
    /// come back there and nowhere else (R-K8-27; R-K8-36 is about pods that move).
    pub(super) fn bound_spread(&self, part: Part) -> Value {
        let constraint = |key: &str| {
            json!({
                "maxSkew": 1,
                "topologyKey": key,
                "whenUnsatisfiable": "DoNotSchedule",
                "nodeTaintsPolicy": "Ignore",
                "labelSelector": {"matchLabels": self.selector(part)},
            })
        };
        json!([constraint(names::ZONE), constraint(names::HOSTNAME)])
    }

    /// Over zones and nodes, for pods that move.
    pub(super) fn free_spread(&self, part: Part) -> Value {
        let (hard, soft) = (raw::SpreadMode::Hard, raw::SpreadMode::Soft);
        json!(common::spread(hard, soft, &self.selector(part), true))
    }

    /// The file of a part below `REGION/kubernetes/`.
    pub(super) fn push<T: Serialize>(&self, jobs: &mut Jobs<'_>, part: Part, template: &'static str, context: T) {
        let suffix = match part {
            Part::Database => "",
            Part::Consensus => "-etcd",
            Part::Router => "-router",
            Part::Pool => "-pool",
            Part::Backup => "-backup",
        };
        self.push_as(jobs, part, suffix, template, context);
    }

    /// A file below `REGION/kubernetes/` whose pods are of a part.
    pub(super) fn push_as<T: Serialize>(
        &self,
        jobs: &mut Jobs<'_>,
        part: Part,
        suffix: &str,
        template: &'static str,
        context: T,
    ) {
        #[derive(Serialize)]
        struct Merged<T> {
            #[serde(flatten)]
            base: Base,
            #[serde(flatten)]
            own: T,
        }
        let path = format!("{}/kubernetes/{}{suffix}.yaml", self.region.name, self.object);
        let context = Merged { base: self.base(part), own: context };
        jobs.push(
            File { path, kind: ArtifactKind::Kubernetes, region: Some(self.region), template, origins: self.origins() },
            &context,
        );
    }

    pub(super) fn origins(&self) -> Vec<Path> {
        vec![path!["postgres", &self.cluster.name]]
    }
}

/// An environment variable with its value.
pub(super) fn plain(name: &str, value: impl ToString) -> Value {
    json!({"name": name, "value": value.to_string()})
}

/// An environment variable from a Secret.
pub(super) fn secret(name: &str, reference: &raw::SecretRef) -> Value {
    json!({"name": name, "valueFrom": {"secretKeyRef": {"name": reference.secret.as_str(), "key": reference.key}}})
}

/// An environment variable from the pod itself.
pub(super) fn field(name: &str, path: &str) -> Value {
    json!({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}})
}

/// A mount.
pub(super) fn mount(name: &str, path: &str) -> Value {
    json!({"name": name, "mountPath": path})
}

/// A mount that is only read.
pub(super) fn read(name: &str, path: &str) -> Value {
    json!({"name": name, "mountPath": path, "readOnly": true})
}

/// A volume with a Secret, for the group to read: keys must not be readable by all.
pub(super) fn secret_volume(name: &str, secret: &str) -> Value {
    let items: Vec<Value> =
        ["tls.crt", "tls.key", "ca.crt"].iter().map(|key| json!({"key": key, "path": key})).collect();
    json!({"name": name, "secret": {"secretName": secret, "defaultMode": 0o440, "items": items}})
}

/// A PersistentVolumeClaim's specification.
pub(super) fn claim(storage: &raw::Storage) -> Value {
    let mut claim = json!({
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": storage.size.kubernetes()}},
    });
    if let Some(class) = &storage.class {
        claim["storageClassName"] = json!(class.as_str());
    }
    claim
}

/// Requests, with the memory as limit too: what is promised is what there is. CPU has no limit, a throttled primary is a slow one.
pub(super) fn resources(requests: &raw::Requests) -> Value {
    let memory = requests.memory.kubernetes();
    json!({"requests": {"cpu": requests.cpu.to_string(), "memory": memory}, "limits": {"memory": memory}})
}

/// What a sidecar or a job needs: `10m`, `64Mi`.
pub(super) fn small(cpu: &str, memory: &str, limit: &str) -> Value {
    json!({"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": limit}})
}

/// The digest of a configuration, short: a change of it is a new revision of the pods.
pub(super) fn digest(text: &str) -> String {
    use sha2::Digest;
    let hash = sha2::Sha256::digest(text.as_bytes());
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
