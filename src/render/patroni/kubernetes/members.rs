//! The members: accounts, Services, configuration, StatefulSet, budget, network, metrics.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::site::{self, BACKUP_TLS, KEYS, Part, Site, TLS, field, mount, plain, read};
use super::{backup, patroni};
use crate::blueprint::raw::CrossRegionMode;
use crate::blueprint::{PostgresRole, names, raw};
use crate::render::Jobs;
use crate::render::kubernetes::common::{self, Labels};
use crate::render::patroni::dcs;
use crate::render::patroni::login::Login;
use crate::render::patroni::subscriber::{Place, Subscriber};

/// Where sockets lie.
pub(super) const RUN: &str = "/run/postgresql";
/// Where PostgreSQL finds the password of the region that it subscribes to.
const PASSFILE: &str = "/run/postgresql/subscription.pgpass";

#[derive(Serialize)]
struct Context {
    name: String,
    config_map: String,
    members_service: String,
    postgres_port: u16,
    rest_port: u16,
    api_consensus: Option<ApiConsensus>,
    backup: Option<Backup>,
    services: Vec<Service>,
    patroni_yml: String,
    callback: bool,
    publication: bool,
    subscription: Option<Subscription>,
    replicas: usize,
    pod_labels: Labels,
    token: bool,
    spread: Value,
    image: String,
    patroni_env: Vec<Value>,
    probes: Probes,
    resources: Value,
    mounts: Mounts,
    sidecars: Vec<Sidecar>,
    volumes: Vec<Value>,
    claim: Value,
    policy: Value,
    monitor: Option<Value>,
}

#[derive(Serialize)]
struct ApiConsensus {
    config_maps: Vec<String>,
    pods: Vec<String>,
}

#[derive(Serialize)]
struct Backup {
    annotations: BTreeMap<String, String>,
    tls_port: u16,
    member_conf: String,
}

/// What a member of a subscribing region has besides.
#[derive(Serialize)]
struct Subscription {
    env: Vec<Value>,
    mounts: Vec<Value>,
    resources: Value,
}

#[derive(Serialize)]
struct Service {
    why: String,
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    annotations: BTreeMap<String, String>,
    selector: Labels,
    target: &'static str,
}

#[derive(Serialize)]
struct Probes {
    liveness: Value,
    readiness: Value,
}

#[derive(Serialize)]
struct Mounts {
    patroni: Vec<Value>,
}

#[derive(Serialize)]
struct Sidecar {
    why: &'static str,
    name: &'static str,
    image: String,
    command: Vec<String>,
    args: Vec<String>,
    env: Vec<Value>,
    port_name: &'static str,
    port: u16,
    resources: Value,
    mounts: Vec<Value>,
}

/// The file of the members.
pub(super) fn job(site: &Site<'_>, jobs: &mut Jobs<'_>) {
    let spec = &site.cluster.spec;
    let (Some(image), Some(storage)) = (&spec.image, &spec.storage) else { return };
    let sidecars = sidecars(site, image);
    let mut metrics = vec![("patroni", spec.tls.is_some())];
    metrics.extend(sidecars.iter().filter(|s| s.port_name != "pgbackrest-tls").map(|s| (s.port_name, false)));
    let requests = spec.resources.clone().unwrap_or(raw::Requests {
        cpu: crate::blueprint::units::Cpu::from_millis(500),
        memory: crate::blueprint::units::Bytes::new(1 << 30),
    });
    let scripts = subscriber(site);
    let probe = |path: &str| json!({"path": path, "port": "patroni", "scheme": site.scheme().to_uppercase()});
    let context = Context {
        name: site.object.clone(),
        config_map: names::postgres_config(&site.cluster.name),
        members_service: names::postgres_members(&site.cluster.name),
        postgres_port: spec.ports.postgres,
        rest_port: spec.ports.rest,
        api_consensus: (!site.has_etcd()).then(|| api_consensus(site)),
        backup: spec.backup.as_ref().map(|_| Backup {
            annotations: backup::annotations(site),
            tls_port: spec.ports.backup,
            member_conf: backup::member_conf(site),
        }),
        services: services(site),
        patroni_yml: patroni::config(site),
        callback: !site.cluster.has_router(),
        publication: publishes(site),
        subscription: scripts.as_ref().map(|_| subscription(site)),
        replicas: site.cluster.member_count(site.region),
        pod_labels: pod_labels(site),
        token: !site.has_etcd(),
        spread: site.bound_spread(Part::Database),
        image: image.to_string(),
        patroni_env: environment(site),
        probes: Probes { liveness: probe("/liveness"), readiness: probe("/readiness") },
        resources: site::resources(&requests),
        mounts: Mounts { patroni: mounts(site) },
        sidecars,
        volumes: volumes(site, requests.memory),
        claim: site::claim(storage),
        policy: policy(site),
        monitor: site.monitor(&site.object, Part::Database, &metrics),
    };
    site.push(jobs, Part::Database, "patroni/kubernetes/members.yaml.tera", context);
    let login = Login::new(site.cluster, &site.bin(), RUN, spec.ports.postgres);
    jobs.part("login.sh", Login::TEMPLATE, &login);
    if let Some(scripts) = scripts {
        jobs.part("subscribe.sh", Subscriber::SUBSCRIBE, &scripts);
        jobs.part("subscriber.sh", Subscriber::STEPS, &scripts);
    }
}

/// Whether other regions subscribe to this one.
fn publishes(site: &Site<'_>) -> bool {
    let cross = site.cluster.spec.cross_region.as_ref();
    site.role == PostgresRole::Primary && cross.is_some_and(|c| c.mode == CrossRegionMode::Logical)
}

/// The scripts of a region that subscribes to another one.
fn subscriber(site: &Site<'_>) -> Option<Subscriber> {
    let postgres = site.cluster.spec.ports.postgres;
    let place = Place {
        bin: site.bin(),
        run: RUN.to_owned(),
        port: postgres,
        endpoint_port: postgres,
        passfile: PASSFILE.to_owned(),
        password: "APPLICATION_PASSWORD",
        certificates: site.tls_secret().map(|_| TLS.to_owned()),
        // As members stream: the server behind the name changes.
        sslmode: "verify-ca",
    };
    Subscriber::new(site.cluster, site.region, place)
}

/// How every member gets the password of the publishing region: whichever leads is the one that subscribes.
fn subscription(site: &Site<'_>) -> Subscription {
    let host = site.cluster.endpoint(&site.cluster.primary_region).unwrap_or_default();
    Subscription {
        env: vec![
            plain("PASSFILE", PASSFILE),
            // libpq takes every other colon for the end of a field.
            plain("PUBLISHER", format!("{}:{}", host.replace(':', "\\:"), site.cluster.spec.ports.postgres)),
            plain("REPLICATION_USER", dcs::REPLICATION),
            site::secret("REPLICATION_PASSWORD", &site.cluster.credentials.replication),
        ],
        mounts: vec![read("config", "/etc/patroni"), mount("run", RUN)],
        resources: site::small("10m", "16Mi", "64Mi"),
    }
}

/// What Patroni's Kubernetes store consists of.
fn api_consensus(site: &Site<'_>) -> ApiConsensus {
    ApiConsensus {
        config_maps: names::patroni_config_maps(&site.cluster.scope()),
        pods: site.members().into_iter().map(|(pod, _)| pod).collect(),
    }
}

/// The labels of the pods: Patroni finds its members by the scope.
fn pod_labels(site: &Site<'_>) -> Labels {
    let mut labels = site.labels(Part::Database);
    labels.insert(names::PATRONI_SCOPE.to_owned(), site.cluster.scope());
    labels.extend(backup::identity_labels(site));
    labels
}

/// The Services of clients. None has the name of the scope, and none has Endpoints that are rendered.
fn services(site: &Site<'_>) -> Vec<Service> {
    let front = site.selector(site.front());
    let select = |role: &str| {
        let mut selector = front.clone();
        if !site.cluster.has_router() {
            selector.insert(names::PATRONI_ROLE.to_owned(), role.to_owned());
        }
        selector
    };
    let by = if site.cluster.has_router() {
        "the router knows who that is"
    } else {
        "the label that Patroni keeps says who that is (R-PG-36: `primary` since Patroni 4)"
    };
    let (primary, replicas) =
        if site.cluster.has_router() { ("primary", "replicas") } else { ("postgres", "postgres") };
    let mut services = vec![
        Service {
            why: match site.role {
                PostgresRole::Standby => {
                    format!("The leader of the standby cluster: reads, and writes as soon as it is promoted; {by}.")
                }
                _ => format!("The primary; {by}."),
            },
            name: site.object.clone(),
            kind: "ClusterIP",
            annotations: BTreeMap::new(),
            selector: select("primary"),
            target: primary,
        },
        Service {
            why: "The replicas, for reads that may lag.".to_owned(),
            name: names::postgres_replicas(&site.cluster.name),
            kind: "ClusterIP",
            annotations: BTreeMap::new(),
            selector: select("replica"),
            target: replicas,
        },
    ];
    if let Some(endpoint) = site.cluster.endpoint(&site.region.name) {
        services.push(Service {
            why: format!("What {endpoint} leads to: other regions stream from here and write here. external-dns writes the name; without it the record is to be made by hand."),
            name: names::postgres_endpoint(&site.cluster.name),
            kind: "LoadBalancer",
            annotations: balancer(site, &endpoint),
            selector: select("primary"),
            target: primary,
        });
    }
    services
}

/// A balancer inside the provider's network: a database has no business on the Internet.
fn balancer(site: &Site<'_>, endpoint: &str) -> BTreeMap<String, String> {
    let own: &[(&str, &str)] = match site.region.spec.provider {
        raw::Provider::Aws => &[
            ("service.beta.kubernetes.io/aws-load-balancer-type", "external"),
            ("service.beta.kubernetes.io/aws-load-balancer-nlb-target-type", "ip"),
            ("service.beta.kubernetes.io/aws-load-balancer-scheme", "internal"),
            ("service.beta.kubernetes.io/aws-load-balancer-attributes", crate::render::kubernetes::NETWORK_BALANCER),
            // R-LB-03: the router's pods live for 30 s after they were told to stop.
            (
                "service.beta.kubernetes.io/aws-load-balancer-target-group-attributes",
                "deregistration_delay.timeout_seconds=25",
            ),
        ],
        raw::Provider::Gcp => &[
            ("networking.gke.io/load-balancer-type", "Internal"),
            ("networking.gke.io/internal-load-balancer-allow-global-access", "true"),
        ],
        raw::Provider::Azure => &[("service.beta.kubernetes.io/azure-load-balancer-internal", "true")],
        raw::Provider::Other => &[],
    };
    let mut all: BTreeMap<String, String> = own.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    if endpoint.parse::<std::net::IpAddr>().is_err() {
        all.insert("external-dns.alpha.kubernetes.io/hostname".to_owned(), endpoint.to_owned());
        all.insert("external-dns.alpha.kubernetes.io/ttl".to_owned(), "60".to_owned());
    }
    all
}

/// The region, where the name of a member must say it: a commit waits for standbys by name, and a standby region's leader
/// that has the name of a local member would be taken for it (its acknowledgement would count, and the local member, which
/// lacks the commit, would be promoted).
pub(super) fn own_region<'a>(site: &Site<'a>) -> Option<&'a str> {
    site.cluster.spec.cross_region.as_ref().filter(|_| site.has_etcd()).map(|_| site.region.name.as_str())
}

/// What Patroni reads from its environment: its own name and address, and every password.
fn environment(site: &Site<'_>) -> Vec<Value> {
    let (c, spec) = (&site.cluster.credentials, &site.cluster.spec);
    let own = site.host("$(POD_NAME)", &names::postgres_members(&site.cluster.name));
    let mut env = vec![
        field("POD_NAME", "metadata.name"),
        plain("PATRONI_NAME", names::patroni_member("$(POD_NAME)", own_region(site))),
        field("POD_NAMESPACE", "metadata.namespace"),
        plain("PATRONI_SCOPE", site.cluster.scope()),
        plain("PATRONI_POSTGRESQL_CONNECT_ADDRESS", format!("{own}:{}", spec.ports.postgres)),
        plain("PATRONI_RESTAPI_CONNECT_ADDRESS", format!("{own}:{}", spec.ports.rest)),
        plain("PATRONI_SUPERUSER_USERNAME", dcs::SUPERUSER),
        site::secret("PATRONI_SUPERUSER_PASSWORD", &c.superuser),
        plain("PATRONI_REPLICATION_USERNAME", dcs::REPLICATION),
        site::secret("PATRONI_REPLICATION_PASSWORD", &c.replication),
        plain("PATRONI_REWIND_USERNAME", dcs::REWIND),
        site::secret("PATRONI_REWIND_PASSWORD", &c.rewind),
        plain("PATRONI_RESTAPI_USERNAME", dcs::REST_USER),
        site::secret("PATRONI_RESTAPI_PASSWORD", &c.rest),
        plain("PATRONICTL_CONFIG_FILE", "/etc/patroni/patroni.yml"),
        plain("APPLICATION_USER", &site.cluster.user),
        plain("APPLICATION_DATABASE", &site.cluster.database),
        site::secret("APPLICATION_PASSWORD", &c.application),
        site::secret("MONITORING_PASSWORD", &c.monitoring),
    ];
    if spec.backup.is_some() {
        env.push(plain("STANZA", names::stanza(&site.cluster.name)));
        env.extend(backup::environment(site, "/etc/patroni/pgbackrest.conf"));
    }
    env
}

fn mounts(site: &Site<'_>) -> Vec<Value> {
    let mut mounts = vec![
        mount("data", "/var/lib/postgresql"),
        read("config", "/etc/patroni"),
        mount("run", RUN),
        mount("tmp", "/tmp"),
        mount("shm", "/dev/shm"),
    ];
    if site.cluster.spec.tls.is_some() {
        mounts.push(read("tls", TLS));
    }
    if site.cluster.spec.backup.is_some() && backup::has_keys(site) {
        mounts.push(read("keys", KEYS));
    }
    mounts
}

fn volumes(site: &Site<'_>, memory: crate::blueprint::units::Bytes) -> Vec<Value> {
    // The container's default of 64 MiB ends parallel queries with "could not resize shared memory segment".
    let shared = crate::blueprint::units::Bytes::new((memory.get() / 4).max(128 << 20) >> 20 << 20);
    let mut volumes = vec![
        // Readable and executable: the scripts are run from here.
        json!({"name": "config", "configMap": {"name": names::postgres_config(&site.cluster.name), "defaultMode": 0o555}}),
        json!({"name": "run", "emptyDir": {}}),
        json!({"name": "tmp", "emptyDir": {}}),
        json!({"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": shared.kubernetes()}}),
    ];
    if let Some(secret) = site.tls_secret() {
        volumes.push(site::secret_volume("tls", &secret));
    }
    if site.cluster.spec.backup.is_some() {
        volumes.push(site::secret_volume("backup-tls", &names::postgres_backup_tls(&site.cluster.name)));
        volumes.extend(backup::keys(site));
    }
    volumes
}

/// The server of pgBackRest, which reads a renewed certificate only when it is told to (measured with 2.45): the kubelet puts
/// the new files in their place, and this tells it.
const SERVER: &str = "\
pgbackrest server &
server=$!
trap 'kill -TERM \"$server\"; wait \"$server\"; exit 0' TERM INT
known=$(cat /etc/pgbackrest/tls/* | cksum)
while kill -0 \"$server\" 2>/dev/null; do
  sleep 60 &
  wait $!
  now=$(cat /etc/pgbackrest/tls/* | cksum)
  if [ \"$now\" != \"$known\" ]; then
    kill -HUP \"$server\"
    known=$now
  fi
done
wait \"$server\"
";

fn sidecars(site: &Site<'_>, image: &raw::Image) -> Vec<Sidecar> {
    let spec = &site.cluster.spec;
    let exporters = site.exporters();
    let mut sidecars = Vec::new();
    let backup_env = || backup::environment(site, "/etc/patroni/pgbackrest.conf");
    let keys = || backup::has_keys(site).then(|| read("keys", KEYS));
    if spec.backup.is_some() {
        let mut env = backup_env();
        env.push(site::secret("PGPASSWORD", &site.cluster.credentials.superuser));
        let mut mounts = vec![
            mount("data", "/var/lib/postgresql"),
            read("config", "/etc/patroni"),
            mount("run", RUN),
            mount("tmp", "/tmp"),
            read("backup-tls", BACKUP_TLS),
        ];
        mounts.extend(keys());
        sidecars.push(Sidecar {
            why: "Backup jobs read the data through this: a job cannot mount the volume of another pod. Certificates on both sides.",
            name: "pgbackrest",
            image: image.to_string(),
            command: ["/bin/sh", "-ec", SERVER].map(str::to_owned).to_vec(),
            args: Vec::new(),
            env,
            port_name: "pgbackrest-tls",
            port: spec.ports.backup,
            resources: site::small("100m", "128Mi", "512Mi"),
            mounts,
        });
    }
    if let Some(image) = exporters.and_then(|e| e.postgres.as_ref()) {
        let mode = if spec.tls.is_some() { "require" } else { "disable" };
        sidecars.push(Sidecar {
            why: "postgres_exporter, as a member of pg_monitor.",
            name: "exporter",
            image: image.to_string(),
            command: Vec::new(),
            args: vec![format!("--web.listen-address=:{}", spec.ports.exporter)],
            env: vec![
                plain("DATA_SOURCE_URI", format!("127.0.0.1:{}/postgres?sslmode={mode}", spec.ports.postgres)),
                plain("DATA_SOURCE_USER", dcs::MONITORING),
                site::secret("DATA_SOURCE_PASS", &site.cluster.credentials.monitoring),
            ],
            port_name: "metrics",
            port: spec.ports.exporter,
            resources: site::small("20m", "64Mi", "128Mi"),
            mounts: Vec::new(),
        });
    }
    if let Some(image) = exporters.and_then(|e| e.pgbackrest.as_ref()).filter(|_| spec.backup.is_some()) {
        let mut mounts = vec![read("config", "/etc/patroni"), mount("tmp", "/tmp"), read("backup-tls", BACKUP_TLS)];
        mounts.extend(keys());
        sidecars.push(Sidecar {
            why: "pgbackrest_exporter: what the repositories hold, asked every ten minutes.",
            name: "pgbackrest-exporter",
            image: image.to_string(),
            command: Vec::new(),
            args: vec![
                "--collect.interval=600".to_owned(),
                format!("--backrest.stanza-include={}", names::stanza(&site.cluster.name)),
            ],
            env: backup_env(),
            port_name: "pgbackrest",
            port: names::PORT_PGBACKREST_EXPORTER,
            resources: site::small("20m", "64Mi", "256Mi"),
            mounts,
        });
    }
    sidecars
}

fn policy(site: &Site<'_>) -> Value {
    let spec = &site.cluster.spec;
    let (postgres, rest) = (spec.ports.postgres, spec.ports.rest);
    let (own, etcd) = (site.peer(Part::Database), spec.consensus.ports.client);
    let mut clients = common::postgres_peers(site.blueprint, &site.cluster.name, false);
    clients.extend(site.cluster.has_pool().then(|| site.peer(Part::Pool)));
    let mut ingress = vec![common::allow_from(vec![own.clone()], [postgres, rest])];
    if site.cluster.has_router() {
        ingress.push(common::allow_from(vec![site.peer(Part::Router)], [postgres, rest]));
    } else {
        ingress.push(common::allow_from(clients, [postgres]));
        if spec.cross_region.is_some() {
            // Other regions come from addresses that are not known here.
            ingress.push(common::allow_from(common::private(), [postgres]));
        }
    }
    ingress.push(common::allow_from(site.scrapers(), [rest, spec.ports.exporter, names::PORT_PGBACKREST_EXPORTER]));
    let mut egress = vec![common::allow_to(vec![own], [postgres, rest])];
    if site.has_etcd() {
        egress.push(common::allow_to(vec![site.peer(Part::Consensus)], [etcd]));
    } else {
        // The API server has no labels: it is reached on one of these two ports.
        egress.push(common::allow_to(common::anywhere(), [443, 6443]));
    }
    // What it streams from, or subscribes to.
    if site.role != PostgresRole::Primary
        && let Some(endpoint) = site.cluster.endpoint(&site.cluster.primary_region)
    {
        egress.push(common::allow_to(common::hosts([endpoint.as_str()]), [postgres]));
    }
    if spec.backup.is_some() {
        ingress.push(common::allow_from(vec![site.peer(Part::Backup)], [spec.ports.backup]));
        // What asks for the certificate; it has none to go further with.
        ingress.push(common::allow_from(site.probers(), [spec.ports.backup]));
        egress.extend(common::to_stores(site.destinations()).into_iter().map(Some));
    }
    site.policy(&site.object, Part::Database, ingress, egress)
}
