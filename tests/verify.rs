//! Reading the rendered files back: what hagen renders is accepted, and what somebody's template breaks is named.

use std::collections::BTreeMap;

use hagen::blueprint::Blueprint;
use hagen::render::{ArtifactKind, ArtifactSet, Engine, Selection, render};
use hagen::verify::{Node, Value, skeleton, verify, yaml};

use crate::support::{blueprint, shipped};

fn rendered(blueprint: &Blueprint) -> ArtifactSet {
    let engine = Engine::embedded().unwrap();
    render(blueprint, &engine, &Selection::default()).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

#[test]
fn what_is_rendered_from_the_shipped_blueprints_is_accepted() {
    let mut faults = Vec::new();
    for (name, blueprint) in shipped() {
        let set = rendered(&blueprint);
        assert!(set.len() > 5, "{name}");
        let verified = verify(&blueprint, &set, &Selection::default());
        faults.extend(verified.problems.iter().map(|problem| format!("{name}: {problem}")));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_part_of_the_output_is_accepted_by_itself() {
    for (name, blueprint) in shipped() {
        let engine = Engine::embedded().unwrap();
        let primary = blueprint.primary().name.clone();
        let selection = Selection { regions: vec![primary], ..Selection::default() };
        let set = render(&blueprint, &engine, &selection).unwrap();
        let problems = verify(&blueprint, &set, &selection).problems;
        assert!(problems.is_empty(), "{name}: {problems:#?}");
    }
}

/// Two trees, without their lines.
fn same(a: &Node<'_>, b: &Node<'_>) -> bool {
    match (&a.value, &b.value) {
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((ka, a), (kb, b))| ka.text == kb.text && same(a, b))
        }
        (a, b) => a == b,
    }
}

#[test]
fn the_fast_reader_and_the_full_one_see_the_same_in_every_rendered_file() {
    let mut compared = 0;
    for (name, blueprint) in shipped() {
        for artifact in rendered(&blueprint).values() {
            if !matches!(artifact.path.rsplit('.').next(), Some("yaml" | "yml")) {
                continue;
            }
            assert!(skeleton(artifact).is_ok(), "{name}: {}", artifact.path);
            assert!(yaml::is_plain(&artifact.text), "{name}: {} is beyond the fast reader", artifact.path);
            let (fast, full) = (yaml::read(&artifact.text).unwrap(), yaml::full(&artifact.text).unwrap());
            assert_eq!(fast.len(), full.len(), "{name}: {}", artifact.path);
            assert!(fast.iter().zip(&full).all(|(a, b)| same(a, b)), "{name}: {}", artifact.path);
            compared += 1;
        }
    }
    assert!(compared > 30, "{compared}");
}

#[test]
fn scalars_that_readers_take_for_different_things_are_refused_and_others_are_not() {
    for text in ["no", "on", "y", "012", "0o12", "1_000", "22:22", "1e3", "+5", ".5", "2024-01-01", "0x1F", ".inf"] {
        let fault = yaml::read(&format!("a: 1\nb: {text}\n")).unwrap_err();
        assert_eq!(fault.line, 2, "{text}");
    }
    for text in [
        "nose",
        "-5",
        "1.5",
        "10.0.0.1",
        "127.0.0.0/8",
        "5m",
        "v1",
        "a:b",
        "1.2.3",
        "true",
        "'no'",
        "\"012\"",
        "/x",
        "-x",
        "~",
    ] {
        assert!(yaml::read(&format!("b: {text}\n")).is_ok(), "{text}");
        assert!(yaml::is_plain(&format!("b: {text}\n")), "{text}");
    }
    let fault = yaml::read("a: 1\nb: 2\na: 3\n").unwrap_err();
    assert_eq!((fault.line, fault.message.as_str()), (3, "`a` stands twice, first on line 1"));
}

#[test]
fn yaml_that_the_fast_reader_does_not_know_is_read_by_the_full_one() {
    let text = "a: &x\n  - folded: >\n      one\n      two\n  - plain\n    goes on\nb: *x\nc: [1,\n  2]\n";
    assert!(!yaml::is_plain(text));
    assert_eq!(yaml::read(text).unwrap()[0].list("b").len(), 2);
    assert!(yaml::read("a: [1, 2\n").is_err());
    assert!(yaml::read("a: &x {y: 1}\na: 2\n").is_err());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]

    /// Whatever the fast reader takes, the full reader takes for the same.
    #[test]
    fn the_fast_reader_never_reads_something_else(text in "([a-z]|[ \n:'\"#|>{},\\[\\]&*!%@`0-9.~?\\\\\t=<+_-]|: |- |\n  |\n    |'')*") {
        if yaml::is_plain(&text) {
            if let (Ok(fast), Ok(full)) = (yaml::read(&text), yaml::full(&text)) {
                let agree = fast.len() == full.len() && fast.iter().zip(&full).all(|(a, b)| same(a, b));
                proptest::prop_assert!(agree, "{:?}\n{:?}\n{:?}", text, fast, full);
            } else if let (Ok(fast), Err(error)) = (yaml::read(&text), yaml::full(&text)) {
                proptest::prop_assert!(false, "{:?}\n{:?}\n{:?}", text, fast, error);
            }
        }
    }
}

/// Breaks the first file of a kind that holds `from`, and returns the complaints.
fn broken(set: &ArtifactSet, blueprint: &Blueprint, kind: ArtifactKind, from: &str, to: &str) -> String {
    let mut set = set.clone();
    // A ConfigMap holds a part of an object as text, which Istio reads and not the API server.
    let holds = |a: &hagen::render::Artifact| a.kind == kind && a.text.contains(from);
    let own = set.values().find(|a| holds(a) && !a.text.contains("deployment: |\n")).map(|a| a.path.clone());
    let hit = set.values_mut().find(|a| own.as_ref().map_or_else(|| holds(a), |own| a.path == *own));
    let artifact = hit.unwrap_or_else(|| panic!("no {} holds {from:?}", kind.name()));
    artifact.text = artifact.text.replacen(from, to, 1);
    let path = artifact.path.clone();
    let problems = verify(blueprint, &set, &Selection::default()).problems;
    let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let text = text.join("\n");
    // What a kustomization leaves out is said of the file that nobody would apply.
    let named = text.contains(&path) || kind == ArtifactKind::Kustomization;
    assert!(named, "{from:?} -> {to:?}: {path} is not named: {text}");
    text
}

#[test]
fn a_broken_file_is_refused_with_its_line_its_template_and_its_origin() {
    use ArtifactKind as K;
    let blueprint = blueprint("agentic-platform");
    let set = rendered(&blueprint);
    for (kind, from, to, expected) in [
        (K::Kubernetes, "maxReplicas: 12", "maxReplica: 12", "did you mean `maxReplicas`?"),
        (K::Kubernetes, "apiVersion: autoscaling/v2", "apiVersion: autoscaling/v1", "is not known"),
        (
            K::Kubernetes,
            "kind: HorizontalPodAutoscaler",
            "kind: HorizontalPodAutoscale",
            "did you mean `autoscaling/v2/HorizontalPodAutoscaler`?",
        ),
        (K::Kubernetes, "whenUnsatisfiable: DoNotSchedule", "whenUnsatisfiable: no", "stands without quotes"),
        (K::Kubernetes, "targetPort: http", "targetPort: htp", "no container of its pods has the port `htp`"),
        (K::Kubernetes, "containerPort: 8009", "containerPort: '8009'", "a whole number"),
        (
            K::Kubernetes,
            "serviceAccountName: l01",
            "serviceAccountName: l02",
            "there is no ServiceAccount `l02-data-layer`",
        ),
        (K::Kubernetes, "key: app-password", "key: password-of-app", "has no key `password-of-app`"),
        (
            K::Kubernetes,
            "priorityClassName: agentic-platform-critical",
            "priorityClassName: critical",
            "there is no PriorityClass `critical`",
        ),
        (K::Kubernetes, "l01-data-layer:1.4.2@", "l01-data-layer:latest@", "is not pinned"),
        (
            K::Kubernetes,
            "    kind: Deployment\n    name: l01",
            "    kind: Deployment\n    name: l02",
            "there is no Deployment `l02-data-layer` to scale",
        ),
        (K::Kustomization, "  - l01-data-layer.yaml\n", "", "no kustomization lists this file"),
        (K::PrometheusRules, "expr: ", "expr: sum( ", "no PromQL"),
        (K::PrometheusTests, ".rules.yaml", ".rule.yaml", "there is no rule file"),
        (K::Alertmanager, "receiver: critical", "receiver: pager", "there is no receiver `pager`"),
        (K::Route53Changes, "\"UPSERT\"", "\"CREATE\"", "only these are known: \"UPSERT\""),
        (K::Route53Changes, "\"SetIdentifier\": \"primary\",", "", "SetIdentifier"),
        (K::Route53HealthCheck, "\"RequestInterval\": 10", "\"RequestInterval\": 15", "only these are known: 10, 30"),
        (K::Shell, "set -euo pipefail", "set -e", "the first command is not `set -euo pipefail`"),
    ] {
        let text = broken(&set, &blueprint, kind, from, to);
        assert!(text.contains(expected), "{from:?} -> {to:?}: {text}");
        assert!(
            text.contains("this is a fault of hagen or of your template override") && text.contains("template "),
            "{text}"
        );
    }
    let blueprint = crate::support::blueprint("loopback-hosts");
    let set = rendered(&blueprint);
    for (kind, from, to, expected) in [
        (K::Patroni, "loop_wait: 5", "loop_wait: 15", "is more than ttl 20"),
        (K::Patroni, "failsafe_mode:", "failsave_mode:", "did you mean `failsafe_mode`?"),
        (K::Patroni, "etcd3:", "etcd:", "there is no such field"),
        (K::Etcd, "election-timeout: 1000", "election-timeout: 100", "etcd refuses to start"),
        (K::Haproxy, "timeout connect", "timeout conect", "no timeout"),
        (K::Pgbouncer, "pool_mode", "poolmode", "did you mean `pool_mode`?"),
        (K::Pgbackrest, "repo1-path", "repo1-pth", "did you mean `repo#-path`?"),
        (K::Redis, "appendonly yes", "appendonly yes # kept", "a comment stands behind the value"),
        (K::Systemd, "Restart=", "Restrat=", "did you mean `Restart`?"),
    ] {
        let text = broken(&set, &blueprint, kind, from, to);
        assert!(text.contains(expected), "{from:?} -> {to:?}: {text}");
    }
}

#[test]
fn the_lock_gets_the_objects_of_every_file() {
    let blueprint = blueprint("agentic-platform");
    let verified = verify(&blueprint, &rendered(&blueprint), &Selection::default());
    let objects = &verified.objects["us-east-1/kubernetes/l01-data-layer.yaml"];
    assert!(objects.iter().any(|o| o.kind == "Deployment"
        && o.namespace.as_deref() == Some("agentic-platform")
        && o.name == "l01-data-layer"));
    assert!(verified.objects.values().flatten().any(|o| o.kind == "Namespace" && o.namespace.is_none()));
    let _: &BTreeMap<String, Vec<hagen::render::Object>> = &verified.objects;
}
