//! `README.md` of the output: what is here, in which order to apply it, what to wait for, how to go back.
//!
//! It is made from the files that are really there, so that it never speaks of one that is not.

use serde::Serialize;

use crate::blueprint::{Blueprint, Region, names, raw};
use crate::path;
use crate::render::{ArtifactKind, Family, File, Job, Jobs};

#[derive(Serialize)]
struct Readme<'a> {
    name: &'a str,
    description: Option<&'a str>,
    environment: Option<&'a str>,
    namespace: &'a str,
    regions: Vec<RegionSteps<'a>>,
    external_secrets: bool,
    dns: bool,
    alerts: bool,
    alerts_in_kubernetes: bool,
    standby: bool,
    directories: Vec<Directory>,
}

#[derive(Serialize)]
struct Directory {
    path: String,
    files: usize,
    what: &'static str,
}

#[derive(Serialize)]
struct RegionSteps<'a> {
    name: &'a str,
    primary: bool,
    zones: String,
    kubernetes: Option<Kubernetes>,
    patroni: Vec<String>,
    redis: Vec<String>,
}

#[derive(Serialize)]
struct Kubernetes {
    commands: Vec<String>,
    waits: Vec<Wait>,
}

#[derive(Serialize)]
struct Wait {
    what: String,
    command: String,
}

/// The README, when there is anything that it could be about.
pub fn readme(blueprint: &Blueprint, jobs: &mut Vec<Job>) {
    if jobs.is_empty() {
        return;
    }
    let any = |prefix: &str| jobs.iter().any(|job| job.path.starts_with(prefix));
    let regions: Vec<RegionSteps<'_>> = blueprint.regions.iter().map(|region| steps(blueprint, region, jobs)).collect();
    let context = Readme {
        name: &blueprint.name,
        description: blueprint.spec.metadata.description.as_deref(),
        environment: blueprint.environment.as_deref(),
        namespace: &blueprint.namespace,
        external_secrets: blueprint.spec.platform.secrets.backend == raw::SecretsBackend::ExternalSecrets,
        dns: any("global/dns/"),
        alerts: any("global/alerts/"),
        alerts_in_kubernetes: blueprint
            .spec
            .monitoring
            .as_ref()
            .is_some_and(|m| m.prometheus.flavour == raw::Flavour::Operator),
        standby: blueprint.postgres.iter().any(|p| p.spec.cross_region.is_some()),
        directories: directories(jobs),
        regions,
    };
    let mut of_docs = Jobs::new(Family::Docs);
    of_docs.push(
        File {
            path: "README.md".to_owned(),
            kind: ArtifactKind::Markdown,
            region: None,
            template: "docs/readme.md.tera",
            origins: vec![path!["metadata"]],
        },
        &context,
    );
    jobs.extend(of_docs.jobs);
}

/// The directories of the output with the number of their files.
fn directories(jobs: &[Job]) -> Vec<Directory> {
    let mut counts: std::collections::BTreeMap<String, (usize, &'static str)> = std::collections::BTreeMap::new();
    for job in jobs {
        let mut parts = job.path.split('/');
        let (Some(first), Some(second)) = (parts.next(), parts.next()) else { continue };
        let what = match second {
            "kubernetes" => "everything that kubectl applies to the cluster of this region",
            "patroni" => "PostgreSQL on hosts: one directory a member, etcd member and router",
            "redis" => {
                "Redis: who is primary and who is replica in which zone; on hosts also a directory for each node and the scripts"
            }
            "dns" => "Route 53: health checks, change batches in order, the script that applies them",
            "alerts" if first == "global" => "Alertmanager, the dead-man's switch, rules that look at all regions",
            "alerts" => "this region's Prometheus rules with their unit tests, and its scrape configuration",
            _ => "",
        };
        counts.entry(format!("{first}/{second}/")).or_insert((0, what)).0 += 1;
    }
    counts.into_iter().map(|(path, (files, what))| Directory { path, files, what }).collect()
}

fn steps<'a>(blueprint: &'a Blueprint, region: &'a Region, jobs: &[Job]) -> RegionSteps<'a> {
    let prefix = format!("{}/", region.name);
    let there = |directory: String| jobs.iter().any(|job| job.path.starts_with(&format!("{prefix}{directory}/")));
    let patroni = blueprint.postgres.iter().filter(|p| !p.on_kubernetes() && there(format!("patroni/{}", p.name)));
    let redis = blueprint.redis.iter().filter(|r| !r.on_kubernetes() && there(format!("redis/{}", r.name)));
    let on_kubernetes = jobs.iter().any(|job| job.path.starts_with(&format!("{prefix}kubernetes/")));
    RegionSteps {
        name: &region.name,
        primary: region.is_primary(),
        zones: region.spec.zones.join(", "),
        kubernetes: on_kubernetes.then(|| kubernetes(blueprint, region)),
        patroni: patroni.map(|p| p.name.clone()).collect(),
        redis: redis.map(|r| r.name.clone()).collect(),
    }
}

fn kubernetes(blueprint: &Blueprint, region: &Region) -> Kubernetes {
    let context =
        region.spec.kube_context.as_deref().map(|name| format!(" --context {}", shell(name))).unwrap_or_default();
    let kubectl = format!("kubectl{context}");
    let inside = format!("{kubectl} --namespace {}", blueprint.namespace);
    let apply = |extra: &str| {
        format!("{kubectl} apply --server-side --field-manager=hagen{extra} -k {}/kubernetes", region.name)
    };
    let mut waits = Vec::new();
    for cluster in
        blueprint.postgres.iter().filter(|p| p.is_rendered() && p.on_kubernetes() && p.role(region).is_some())
    {
        waits.push(Wait {
            what: format!(
                "PostgreSQL {}: all {} members ready, one of them leader",
                cluster.name,
                cluster.member_count(region)
            ),
            // The members are replaced by hand (`OnDelete`): `rollout status` knows nothing of them.
            command: format!(
                "{inside} wait --for=condition=Ready --timeout=15m pod --selector={}={},{}=database",
                names::INSTANCE,
                cluster.object(),
                names::COMPONENT
            ),
        });
    }
    for cluster in blueprint.redis.iter().filter(|r| r.is_rendered() && r.on_kubernetes() && r.in_region(region)) {
        waits.push(Wait {
            what: format!("Redis {}: all {} nodes ready", cluster.name, cluster.node_count()),
            command: format!(
                "{inside} wait --for=condition=Ready --timeout=10m pod --selector={}={},{}=cache",
                names::INSTANCE,
                cluster.object(),
                names::COMPONENT
            ),
        });
    }
    let running = blueprint.services.iter().filter(|s| s.on_kubernetes() && s.replicas(region).0 > 0);
    waits.extend(running.map(|service| Wait {
        what: format!("service {}", service.name),
        command: format!("{inside} rollout status --timeout=10m deployment/{}", service.name),
    }));
    Kubernetes {
        commands: vec![
            format!(
                "{kubectl} apply --server-side --field-manager=hagen --validate=strict -f {}/kubernetes/00-namespace.yaml",
                region.name
            ),
            apply(" --dry-run=server --validate=strict"),
            apply(" --validate=strict"),
        ],
        waits,
    }
}

/// A word of a shell command, in quotes where it needs them.
fn shell(text: &str) -> String {
    let mut quoted = Vec::new();
    match crate::render::quote::shell(text, &mut quoted) {
        Ok(()) => String::from_utf8_lossy(&quoted).into_owned(),
        Err(_) => String::new(),
    }
}
