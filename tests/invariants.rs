//! What hagen itself must never render: a test for each number of the facts that the page of rules leaves to the renderer.

use std::collections::{BTreeMap, BTreeSet};

use hagen::blueprint::Blueprint;
use hagen::blueprint::raw::Topology;
use hagen::render::{ArtifactKind, ArtifactSet, Engine, Selection, render};
use hagen::rules::Group;
use hagen::rules::elsewhere::{self, Why};

use crate::support::shipped;

/// What is wrong in what a blueprint renders to.
type Holds = fn(&Blueprint, &ArtifactSet) -> Vec<String>;

const INVARIANTS: [(&str, Holds); 10] = [
    ("AL016", spent_budget_is_recorded),
    ("BK005", last_good_copy_stays),
    ("BK006", each_tree_is_its_own),
    ("BK009", every_shard_counts),
    ("RD016", validity_follows_the_data),
    ("RD017", nodes_announce_themselves),
    ("RB006", promotion_begins_with_the_fence),
    ("RB007", restores_are_tried),
    ("RB010", there_is_a_way_back),
    ("RB021", every_region_is_rendered),
];

#[test]
fn what_only_hagen_could_get_wrong_it_gets_right() {
    let engine = Engine::embedded().unwrap();
    let mut wrong = Vec::new();
    for (name, blueprint) in shipped() {
        let set = render(&blueprint, &engine, &Selection::default()).unwrap();
        for (id, holds) in INVARIANTS {
            wrong.extend(holds(&blueprint, &set).into_iter().map(|what| format!("{name}: {id}: {what}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_number_that_is_left_to_the_renderer_is_held_by_a_test() {
    let left: BTreeSet<&str> = Group::ALL
        .into_iter()
        .flat_map(elsewhere::of)
        .filter(|fact| fact.why == Why::Renderer)
        .map(|fact| fact.id)
        .collect();
    assert_eq!(left, INVARIANTS.iter().map(|(id, _)| *id).collect::<BTreeSet<_>>());
}

/// The texts whose path holds a part, with their paths.
fn texts<'a>(set: &'a ArtifactSet, part: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let found = set.values().filter(move |artifact| artifact.path.contains(part));
    found.filter(|artifact| artifact.kind != ArtifactKind::PrometheusTests).map(|a| (a.path.as_str(), a.text.as_str()))
}

/// The lines of all files that begin with a key, with their paths.
fn lines<'a>(set: &'a ArtifactSet, key: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    texts(set, "").flat_map(move |(path, text)| {
        text.lines().map(str::trim_start).filter_map(move |line| Some((path, line.strip_prefix(key)?)))
    })
}

fn spent_budget_is_recorded(_: &Blueprint, set: &ArtifactSet) -> Vec<String> {
    let burns = |text: &&str| text.contains("ErrorBudget");
    let without = texts(set, "slo.rules.yaml").filter(|(_, text)| burns(text));
    let without = without.filter(|(_, text)| !text.contains("record: service:error_budget_left:ratio"));
    without.map(|(path, _)| format!("{path} tells what burns and not what is left")).collect()
}

fn last_good_copy_stays(_: &Blueprint, set: &ArtifactSet) -> Vec<String> {
    let mut wrong = Vec::new();
    for (path, text) in texts(set, "") {
        let retained = text.matches("-retention-full=").count();
        if retained != text.matches("-retention-full-type=time").count() {
            wrong.push(format!("{path} counts backups, and so removes the last good one after enough bad ones"));
        }
        if text.contains("remove \"$each\"") && !text.contains("if [ \"$kept\" -lt 3 ]; then\n") {
            wrong.push(format!("{path} removes sets, and not all but the newest three"));
        }
    }
    wrong
}

fn each_tree_is_its_own(_: &Blueprint, set: &ArtifactSet) -> Vec<String> {
    let trees = |begin| lines(set, begin).map(|(_, path)| path.trim_matches(['"', '\'']).to_owned());
    let of_postgres: BTreeSet<String> = trees("repo1-path=").chain(trees("repo2-path=")).collect();
    let of_redis: BTreeSet<String> = trees("base=").collect();
    let mut wrong = Vec::new();
    for tree in &of_postgres {
        if tree.trim_matches('/').is_empty() {
            wrong.push("pgBackRest has the root of a bucket".to_owned());
        }
        let within = |other: &&String| other.contains(&format!("{tree}/")) || other.ends_with(tree.as_str());
        wrong.extend(of_redis.iter().find(within).map(|redis| format!("`{redis}` lies in `{tree}`")));
    }
    wrong
}

fn every_shard_counts(blueprint: &Blueprint, set: &ArtifactSet) -> Vec<String> {
    let mut wrong = Vec::new();
    for redis in blueprint.redis.iter().filter(|redis| redis.is_rendered() && redis.spec.backup.is_some()) {
        let shards = format!("< {}", redis.spec.shards());
        let mut rules =
            texts(set, "backup.rules.yaml").filter(|(_, text)| text.contains("alert: RedisSnapshotOverdue"));
        if !rules.any(|(_, text)| text.contains("count(time() - max by (shard)") && text.contains(&shards)) {
            wrong.push(format!("nobody counts the shards of `{}` that are saved", redis.name));
        }
    }
    wrong
}

fn validity_follows_the_data(_: &Blueprint, set: &ArtifactSet) -> Vec<String> {
    let mut wrong = Vec::new();
    for (path, text) in texts(set, "redis").filter(|(_, text)| text.contains("cluster-enabled yes")) {
        let nodes = text.matches("cluster-enabled yes").count();
        let factors: Vec<u64> = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("cluster-replica-validity-factor "))
            .filter_map(|factor| factor.parse().ok())
            .collect();
        let kept = text.contains("appendonly yes");
        if factors.len() != nodes || kept && factors.contains(&0) || !kept && factors.iter().any(|factor| *factor > 0) {
            wrong.push(format!("{path}: {nodes} nodes, data kept: {kept}, factors {factors:?}"));
        }
    }
    wrong
}

fn nodes_announce_themselves(_: &Blueprint, set: &ArtifactSet) -> Vec<String> {
    let mut wrong = Vec::new();
    for (path, text) in texts(set, "redis").filter(|(_, text)| text.contains("cluster-enabled yes")) {
        let count = |key: &str| text.lines().filter(|line| line.trim_start().starts_with(key)).count();
        let nodes = count("cluster-enabled yes");
        let named = count("cluster-announce-hostname ").max(count("cluster-announce-ip "));
        if [named, count("cluster-announce-port "), count("cluster-announce-bus-port ")] != [nodes; 3] {
            wrong.push(format!("{path}: not each of {nodes} nodes says where it is"));
        }
    }
    wrong
}

/// The parts of the documents that tell how to promote a region, with their paths.
fn promotions(set: &ArtifactSet) -> BTreeMap<&str, &str> {
    let part = |text: &str| text.find("\n## Promote ").map(|at| at + 1);
    texts(set, "README.md").filter_map(|(path, text)| Some((path, &text[part(text)?..]))).collect()
}

fn promotion_begins_with_the_fence(blueprint: &Blueprint, set: &ArtifactSet) -> Vec<String> {
    let promotions = promotions(set);
    let streams = blueprint.postgres.iter().any(|cluster| cluster.is_rendered() && cluster.spec.cross_region.is_some());
    let mut wrong: Vec<String> = promotions
        .iter()
        .filter(|(_, text)| {
            let first = text.lines().find(|line| line.starts_with("1. ")).unwrap_or_default();
            !first.contains("Fence") && !first.contains("fence")
        })
        .map(|(path, _)| format!("{path} promotes before the old primary is fenced"))
        .collect();
    if streams && promotions.is_empty() {
        wrong.push("a second region follows, and no page tells how to promote it".to_owned());
    }
    wrong
}

fn restores_are_tried(blueprint: &Blueprint, set: &ArtifactSet) -> Vec<String> {
    let asked = |cluster: &&hagen::blueprint::Postgres| {
        cluster.is_rendered() && cluster.spec.backup.as_ref().is_some_and(|backup| backup.verify.is_some())
    };
    let mut wrong = Vec::new();
    for cluster in blueprint.postgres.iter().filter(asked) {
        // A script on hosts, a job on Kubernetes.
        let places =
            [format!("patroni/{}/", cluster.name), format!("kubernetes/postgres-{}-backup.yaml", cluster.name)];
        let restores = |(path, text): (&str, &str)| {
            let script = path.ends_with("verify-backup.sh") || path.ends_with("-backup.yaml");
            script && ["pgbackrest", " restore", "pg_ctl", "pg_dump"].iter().all(|part| text.contains(part))
        };
        if !places.iter().any(|place| texts(set, place).any(restores)) {
            wrong.push(format!("nothing restores a backup of `{}`, starts it and reads it", cluster.name));
        }
    }
    wrong
}

fn there_is_a_way_back(blueprint: &Blueprint, set: &ArtifactSet) -> Vec<String> {
    let mut wrong: Vec<String> = promotions(set)
        .into_iter()
        .filter(|(_, text)| !text.contains("way back") && !text.contains("comes back"))
        .map(|(path, _)| format!("{path} tells how to promote, and no way back"))
        .collect();
    for redis in blueprint.redis.iter().filter(|redis| redis.is_rendered()) {
        let script = texts(set, &format!("redis/{}/", redis.name)).any(|(path, _)| path.ends_with("failback.sh"));
        let job = texts(set, &format!("kubernetes/redis-{}.yaml", redis.name))
            .any(|(_, text)| text.contains("failback.sh: |"));
        if redis.spec.topology == Topology::Cluster && !script && !job {
            wrong.push(format!("nothing gives `{}` its primaries back", redis.name));
        }
    }
    wrong
}

fn every_region_is_rendered(blueprint: &Blueprint, set: &ArtifactSet) -> Vec<String> {
    let without = blueprint.regions.iter().filter(|region| {
        let directory = format!("{}/", region.name);
        !set.values().any(|artifact| artifact.path.starts_with(&directory))
    });
    without.map(|region| format!("{} is declared, and nothing is rendered for it", region.name)).collect()
}

#[test]
fn no_tool_deletes_data_that_left_its_repository() {
    let engine = Engine::embedded().unwrap();
    let mut seen = BTreeSet::new();
    for (name, blueprint) in shipped() {
        for artifact in render(&blueprint, &engine, &Selection::default()).unwrap().values() {
            for object in artifact.text.split("\n---\n") {
                let Some(kind) = ["StatefulSet", "Namespace"]
                    .into_iter()
                    .find(|k| object.contains(&format!("kind: {k}\nmetadata:")))
                else {
                    continue;
                };
                seen.insert(kind);
                let head = object.split("\nspec:").next().unwrap_or_default();
                for annotation in [
                    "argocd.argoproj.io/sync-options: Prune=false,Delete=false",
                    "kustomize.toolkit.fluxcd.io/prune: disabled",
                ] {
                    assert!(head.contains(annotation), "{name}: a {kind} of {} lacks `{annotation}`", artifact.path);
                }
            }
        }
    }
    assert_eq!(seen, BTreeSet::from(["Namespace", "StatefulSet"]));
}
