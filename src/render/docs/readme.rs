//! `README.md` of the output: what is here, in which order to apply it, what to wait for, how to go back.
//!
//! It is made from the files that are really there, so that it never speaks of one that is not.

use serde::Serialize;

use super::prerequisites::{self, Key};
use super::steps::{self, Kubernetes, Promotion};
use crate::blueprint::{Blueprint, Region, raw};
use crate::path;
use crate::render::{ArtifactKind, Family, File, Job, Jobs, Renderer};

#[derive(Serialize)]
struct Readme<'a> {
    name: &'a str,
    description: Option<&'a str>,
    environment: Option<&'a str>,
    regions: Vec<RegionSteps<'a>>,
    on_kubernetes: bool,
    prerequisites: Vec<String>,
    secrets: Vec<Key>,
    /// Whether the Secrets differ from region to region.
    differ: bool,
    /// Whether a data store on Kubernetes waits for people after a change.
    by_hand: bool,
    promotions: Vec<Promotion>,
    dns: bool,
    alerts: bool,
    alerts_in_kubernetes: bool,
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

/// The README, when there is anything that it could be about. The files stand in the order of their paths.
pub fn readme(blueprint: &Blueprint, renderer: Renderer<'_>, jobs: &mut Vec<Job>) {
    if jobs.is_empty() {
        return;
    }
    let any = |prefix: &str| jobs.iter().any(|job| job.path.starts_with(prefix));
    let regions: Vec<RegionSteps<'_>> = blueprint.regions.iter().map(|region| steps(blueprint, region, jobs)).collect();
    let secrets = prerequisites::secrets(blueprint, jobs);
    let context = Readme {
        name: &blueprint.name,
        description: blueprint.spec.metadata.description.as_deref(),
        environment: blueprint.environment.as_deref(),
        on_kubernetes: regions.iter().any(|region| region.kubernetes.is_some()),
        prerequisites: prerequisites::prerequisites(blueprint, jobs),
        differ: secrets.iter().any(|key| !key.everywhere()),
        secrets,
        by_hand: regions.iter().filter_map(|region| region.kubernetes.as_ref()).any(Kubernetes::by_hand),
        promotions: steps::promotions(blueprint),
        dns: any("global/dns/"),
        alerts: any("global/alerts/"),
        alerts_in_kubernetes: blueprint
            .spec
            .monitoring
            .as_ref()
            .is_some_and(|m| m.prometheus.flavour == raw::Flavour::Operator),
        directories: directories(jobs),
        regions,
    };
    let mut of_docs = Jobs::new(Family::Docs, renderer);
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
    jobs.extend(of_docs.done());
}

/// The directories of the output with the number of their files.
fn directories(jobs: &[Job]) -> Vec<Directory> {
    let mut counts: std::collections::BTreeMap<String, (usize, &'static str)> = std::collections::BTreeMap::new();
    for job in jobs {
        let mut parts = job.path.split('/');
        let (Some(first), Some(second)) = (parts.next(), parts.next()) else { continue };
        let what = match second {
            "kubernetes" => "everything that kubectl applies to the cluster of this region",
            "patroni" => {
                "PostgreSQL: the page of each cluster, what to do when; on hosts also a directory for each member, etcd member and router"
            }
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
    RegionSteps {
        name: &region.name,
        primary: region.is_primary(),
        zones: region.spec.zones.join(", "),
        kubernetes: prerequisites::has_objects(region, jobs).then(|| steps::kubernetes(blueprint, region, jobs)),
        patroni: patroni.map(|p| p.name.clone()).collect(),
        redis: redis.map(|r| r.name.clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use crate::blueprint::resolve::resolve;
    use crate::render::{Engine, Selection, render};

    fn page(blueprint: &str) -> String {
        let spec = serde_yaml::from_str(blueprint).unwrap();
        let blueprint = resolve(spec, None).0.unwrap();
        let mut set = render(&blueprint, &Engine::embedded().unwrap(), &Selection::default()).unwrap();
        set.remove("README.md").unwrap().text
    }

    #[test]
    fn hosts_alone_get_no_step_of_kubernetes() {
        let page = page(include_str!("../../../blueprints/loopback-hosts.yaml"));
        assert!(!page.contains("kubectl") && !page.contains("What must be there before"));
    }

    #[test]
    fn every_command_says_which_cluster_it_is_for() {
        let text = include_str!("../../../blueprints/agentic-platform.yaml");
        let page_of = page;
        let page = page_of(text);
        // Neither the table nor what is said about a command is typed.
        let said = ["| ", "2. Apply it in the same order", "3. A single service"];
        let typed = page.lines().filter(|line| !said.iter().any(|start| line.starts_with(start)));
        let bare: Vec<&str> =
            typed.filter(|line| line.contains("kubectl ") && !line.contains("kubectl --context ")).collect();
        assert!(bare.is_empty(), "{bare:?}");
        for step in ["job/redis-sessions-bootstrap-", "patronictl list", "eu-west-1/patroni/main/README.md"] {
            assert!(page.contains(step), "{step}");
        }
        let unnamed: String = text.lines().filter(|l| !l.contains("kubeContext")).map(|l| format!("{l}\n")).collect();
        assert_eq!(page_of(&unnamed).matches("point kubectl at the cluster of").count(), 2);
    }

    #[test]
    fn secrets_that_nobody_makes_are_listed() {
        let page = page(include_str!("../../../blueprints/minimal.yaml"));
        assert!(
            page.contains(
                "| `postgres-main` | `superuser-password` | PostgreSQL main: the password of the superuser |"
            )
        );
    }
}
