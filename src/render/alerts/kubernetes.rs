//! What kube-state-metrics tells: zones, nodes, services without pods, pods that fit nowhere, autoscalers, budgets.
//!
//! Both sides of every join are aggregated: with two kube-state-metrics a plain join is an error, and errors are silent.
//! The zones need kube-state-metrics' `--metric-labels-allowlist=nodes=[topology.kubernetes.io/zone]`.

use super::context::Context;
use super::model::{Alert, Series, constant};
use super::postgres::both;
use super::promql::{Labels, Scope, labels, quote};
use crate::blueprint::Service;
use crate::blueprint::raw::Severity;
use crate::path;

/// The label that kube-state-metrics makes of a node's zone.
const ZONE: &str = "label_topology_kubernetes_io_zone";

/// The alerts about what runs on Kubernetes in a region.
pub fn alerts(context: &Context<'_>) -> Vec<Alert> {
    if !context.uses_kubernetes() {
        return Vec::new();
    }
    let origin = path!["regions", &context.region.name];
    let about = labels(&[("component", "kubernetes")]);
    let scope = context.namespace();
    let mut all = vec![exporter(), zone_labels(), node()];
    all.extend(context.region.spec.zones.iter().map(|zone| zone_lost(zone)));
    all.extend([unschedulable(&scope), pod_not_ready(&scope), stateful(&scope), budget(&scope)]);
    if context.blueprint.services.iter().any(|s| s.on_kubernetes() && s.autoscaled(context.region)) {
        all.extend([at_maximum(&scope), blind(&scope)]);
    }
    let mut all: Vec<Alert> = all.into_iter().map(|alert| alert.about(about.clone(), &origin)).collect();
    for service in context.blueprint.services.iter().filter(|s| s.on_kubernetes()) {
        let (declared, _) = service.replicas(context.region);
        // Where it is kept at zero there is nothing to miss.
        if declared > 0 {
            all.push(down(&scope, service));
            if declared > 1 {
                all.push(too_few(&scope, service, declared));
            }
        }
    }
    all
}

fn node_series(node: &str, zone: &str, ready: u64) -> Vec<Series> {
    let condition = labels(&[("node", node), ("condition", "Ready"), ("status", "true")]);
    vec![
        constant(super::promql::series("kube_node_status_condition", &condition), ready),
        constant(super::promql::series("kube_node_labels", &labels(&[("node", node), (ZONE, zone)])), 1),
    ]
}

const READY: &str = "kube_node_status_condition{condition=\"Ready\",status=\"true\"}";

fn exporter() -> Alert {
    Alert::new("KubeStateMetricsAbsent", Severity::Critical, format!("absent({READY})"))
        .minutes(2)
        .says(
            "Nothing is known about this region's Kubernetes cluster",
            "kube-state-metrics is gone or is not scraped: no alert about nodes, pods and autoscalers can fire until it is back.",
        )
        .because("no series at all (R-AL-21)")
        .fires_without_series(labels(&[("condition", "Ready"), ("status", "true")]))
        .silent("nodes are known", node_series("node-1", "zone-a", 1))
}

fn zone_labels() -> Alert {
    let known = format!("kube_node_labels{{{ZONE}=~\".+\"}}");
    Alert::new("NodeZonesUnknown", Severity::Warning, format!("absent({known})"))
        .minutes(10)
        .says(
            "kube-state-metrics does not tell the zones of the nodes",
            "The loss of a zone cannot be seen. Start kube-state-metrics with --metric-labels-allowlist=nodes=[topology.kubernetes.io/zone].",
        )
        .because("no series at all (R-AL-21)")
        .fires_without_series(Labels::new())
        .silent("zones are known", node_series("node-1", "zone-a", 1))
}

fn node() -> Alert {
    Alert::new("NodeNotReady", Severity::Warning, format!("max by (node) ({READY}) == 0"))
        .minutes(5)
        .says(
            "A node is not ready",
            "{{ $labels.node }} is not ready or cannot be reached (a lost node is `unknown`, not `false`: R-AL-22). Its pods move when their toleration ends.",
        )
        .because("a node that restarts is back within 5 minutes")
        .fires("it is lost", node_series("node-1", "zone-a", 0), labels(&[("node", "node-1")]))
        .silent("it is ready", node_series("node-1", "zone-a", 1))
}

fn zone_lost(zone: &str) -> Alert {
    let of_zone = format!("kube_node_labels{{{ZONE}={}}}", quote(zone));
    // Nodes that are deleted take their rows with them: no row counts as none ready. Without any zone nothing is said here.
    let ready = format!("max by (node) ({READY})\n* on (node)\nmax by (node) ({of_zone})");
    let expr = format!(
        "(sum(\n  {}\n) or vector(0)) == 0\nunless on ()\nabsent(kube_node_labels{{{ZONE}=~\".+\"}})",
        ready.replace('\n', "\n  ")
    );
    let with = |ready: u64| node_series(&format!("node-{zone}"), zone, ready);
    let mut alert = Alert::new("ZoneLost", Severity::Critical, expr)
        .minutes(1)
        .says(
            format!("Zone {zone} has no ready node"),
            "The whole zone is lost, or has no nodes any more. The others carry the load; no second zone may be lost now.",
        )
        .because("at least one node is ready in each declared zone")
        .fires("its node is lost", with(0), Labels::new())
        .silent("its node is ready", with(1));
    alert.labels.insert("zone".to_owned(), zone.to_owned());
    alert
}

fn unschedulable(scope: &Scope) -> Alert {
    let metric = scope.metric("kube_pod_status_unschedulable");
    let pod = |value: u64| {
        vec![constant(scope.series("kube_pod_status_unschedulable", 0, &[("pod", "a-1"), ("uid", "1")]), value)]
    };
    Alert::new("PodsUnschedulable", Severity::Warning, format!("sum(max by (pod) ({metric})) > 0"))
        .minutes(5)
        .says(
            "Pods fit on no node",
            "The scheduler finds no place: no room, or a spread or a volume that no node can satisfy. After the loss of a zone this is the capacity that is missing.",
        )
        .because("none")
        .fires("one waits", pod(1), Labels::new())
        .silent("none waits: then there is no series", vec![constant(scope.series("kube_pod_status_ready", 0, &[("pod", "a-1"), ("condition", "true")]), 1)])
}

fn pod_not_ready(scope: &Scope) -> Alert {
    let unready = scope.select("kube_pod_status_ready", &["condition=\"false\""]);
    let running = scope.select("kube_pod_status_phase", &["phase=\"Running\""]);
    let expr = format!(
        "max by (namespace, pod) ({unready}) == 1\nand on (namespace, pod)\nmax by (namespace, pod) ({running}) == 1"
    );
    let with = |running: u64| {
        both(
            vec![constant(scope.series("kube_pod_status_ready", 0, &[("pod", "a-1"), ("condition", "false")]), 1)],
            vec![constant(scope.series("kube_pod_status_phase", 0, &[("pod", "a-1"), ("phase", "Running")]), running)],
        )
    };
    let mut fires = scope.equalities();
    fires.insert("pod".to_owned(), "a-1".to_owned());
    Alert::new("PodNotReady", Severity::Warning, expr)
        .minutes(10)
        .says(
            "A pod runs and is not ready",
            "{{ $labels.pod }} receives no traffic. Finished pods of jobs are not meant (R-AL-07).",
        )
        .because("a start takes less than 10 minutes")
        .fires("it is not ready", with(1), fires)
        .silent("a finished job's pod", with(0))
}

fn stateful(scope: &Scope) -> Alert {
    let wanted = scope.metric("kube_statefulset_replicas");
    let ready = scope.metric("kube_statefulset_status_replicas_ready");
    let by = "max by (namespace, statefulset)";
    let with = |ready: u64| {
        both(
            vec![constant(scope.series("kube_statefulset_replicas", 0, &[("statefulset", "a")]), 3)],
            vec![constant(scope.series("kube_statefulset_status_replicas_ready", 0, &[("statefulset", "a")]), ready)],
        )
    };
    let mut fires = scope.equalities();
    fires.insert("statefulset".to_owned(), "a".to_owned());
    Alert::new("StatefulSetReplicasMissing", Severity::Warning, format!("{by} ({wanted})\n-\n{by} ({ready})\n> 0"))
        .minutes(10)
        .says("A StatefulSet has too few ready pods", "{{ $labels.statefulset }} misses a pod: a member or node of a data store, bound to its volume and its zone.")
        .because("a start takes less than 10 minutes")
        .fires("one of three is missing", with(2), fires)
        .silent("all are ready", with(3))
}

fn budget(scope: &Scope) -> Alert {
    let by = "max by (namespace, poddisruptionbudget)";
    let allowed = scope.metric("kube_poddisruptionbudget_status_pod_disruptions_allowed");
    let expected = scope.metric("kube_poddisruptionbudget_status_expected_pods");
    let with = |allowed: u64| {
        both(
            vec![constant(
                scope.series(
                    "kube_poddisruptionbudget_status_pod_disruptions_allowed",
                    0,
                    &[("poddisruptionbudget", "a")],
                ),
                allowed,
            )],
            vec![constant(
                scope.series("kube_poddisruptionbudget_status_expected_pods", 0, &[("poddisruptionbudget", "a")]),
                3,
            )],
        )
    };
    let mut fires = scope.equalities();
    fires.insert("poddisruptionbudget".to_owned(), "a".to_owned());
    Alert::new("DisruptionBudgetExhausted", Severity::Warning, format!("{by} ({allowed}) == 0\nand on (namespace, poddisruptionbudget)\n{by} ({expected}) > 0"))
        .minutes(15)
        .says("No pod of a budget may be moved", "{{ $labels.poddisruptionbudget }} has no room: a node drain waits for ever, and something behind it is already missing.")
        .because("a drained pod is back within 15 minutes")
        .fires("no room", with(0), fires)
        .silent("one may go", with(1))
}

fn at_maximum(scope: &Scope) -> Alert {
    let by = "max by (namespace, horizontalpodautoscaler)";
    let desired = scope.metric("kube_horizontalpodautoscaler_status_desired_replicas");
    let most = scope.metric("kube_horizontalpodautoscaler_spec_max_replicas");
    let with = |desired: u64| {
        both(
            vec![constant(
                scope.series(
                    "kube_horizontalpodautoscaler_status_desired_replicas",
                    0,
                    &[("horizontalpodautoscaler", "a")],
                ),
                desired,
            )],
            vec![constant(
                scope.series("kube_horizontalpodautoscaler_spec_max_replicas", 0, &[("horizontalpodautoscaler", "a")]),
                10,
            )],
        )
    };
    let mut fires = scope.equalities();
    fires.insert("horizontalpodautoscaler".to_owned(), "a".to_owned());
    Alert::new("AutoscalerAtMaximum", Severity::Warning, format!("{by} ({desired})\n>=\n{by} ({most})"))
        .minutes(15)
        .says("An autoscaler has reached its maximum", "{{ $labels.horizontalpodautoscaler }} may start no more pods: the next rise of the load is not answered (X-K8-6).")
        .because("services.*.replicas.max")
        .fires("10 of 10", with(10), fires)
        .silent("3 of 10", with(3))
}

fn blind(scope: &Scope) -> Alert {
    let condition = scope
        .select("kube_horizontalpodautoscaler_status_condition", &["condition=\"ScalingActive\"", "status=\"false\""]);
    let with = |value: u64| {
        let more = [("horizontalpodautoscaler", "a"), ("condition", "ScalingActive"), ("status", "false")];
        vec![constant(scope.series("kube_horizontalpodautoscaler_status_condition", 0, &more), value)]
    };
    let mut fires = scope.equalities();
    fires.insert("horizontalpodautoscaler".to_owned(), "a".to_owned());
    Alert::new("AutoscalerBlind", Severity::Warning, format!("max by (namespace, horizontalpodautoscaler) ({condition}) == 1"))
        .minutes(10)
        .says("An autoscaler gets no figures", "{{ $labels.horizontalpodautoscaler }} does not act: the metrics server is missing or its pods have no requests.")
        .because("ScalingActive is true")
        .fires("it is blind", with(1), fires)
        .silent("it acts", with(0))
}

fn of_service(service: &Service) -> Labels {
    labels(&[("component", "service"), ("service", &service.name)])
}

fn available(scope: &Scope, service: &Service, pods: u64) -> Vec<Series> {
    vec![constant(scope.series("kube_deployment_status_replicas_available", 0, &[("deployment", &service.name)]), pods)]
}

fn down(scope: &Scope, service: &Service) -> Alert {
    let name = &service.name;
    let metric = scope.select("kube_deployment_status_replicas_available", &[&format!("deployment={}", quote(name))]);
    let mut gone = scope.equalities();
    gone.insert("deployment".to_owned(), name.clone());
    Alert::new("ServiceDown", Severity::Critical, format!("max by (namespace, deployment) ({metric}) < 1\nor\nabsent({metric})"))
        .minutes(1)
        .about(of_service(service), &path!["services", name])
        .says(format!("{name} has no pod that serves"), "Not one pod is available, the Deployment is gone, or nothing is known about it any more (then KubeStateMetricsAbsent fires too).")
        .because("at least one pod is available")
        .fires("none is available", available(scope, service, 0), gone.clone())
        .silent("some are", available(scope, service, 2))
        .fires_without_series(gone)
}

fn too_few(scope: &Scope, service: &Service, declared: u32) -> Alert {
    let name = &service.name;
    let metric = scope.select("kube_deployment_status_replicas_available", &[&format!("deployment={}", quote(name))]);
    let mut fires = scope.equalities();
    fires.insert("deployment".to_owned(), name.clone());
    Alert::new(
        "ServiceReplicasMissing",
        Severity::Warning,
        format!("max by (namespace, deployment) ({metric}) < {declared}"),
    )
    .minutes(10)
    .about(of_service(service), &path!["services", name, "replicas"])
    .says(
        format!("{name} has fewer pods than declared"),
        "It serves, but the loss of a node or zone is no longer covered as declared.",
    )
    .because(format!("services.{name}.replicas: {declared} in this region"))
    .fires("one is missing", available(scope, service, u64::from(declared) - 1), fires)
    .silent("as declared", available(scope, service, u64::from(declared)))
}
