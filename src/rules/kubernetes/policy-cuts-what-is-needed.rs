//! A NetworkPolicy selects no pod, or policies together cut off what is needed.
//!
//! # What it finds
//! In NetworkPolicy objects of Kubernetes, evaluated as the API defines them (a pod may do what any of the policies that select it
//! allows): a `podSelector` that fits no pod template of the namespace; pods that may call others by name but not ask for names
//! over UDP port 53, also where port 53 is opened to pods of their own namespace only; a port that a ServiceMonitor or PodMonitor
//! names, and that nobody who could be Prometheus may reach; a Service of these files that a variable of a container names,
//! and whose pods it may not reach. What the files do not decide is taken for allowed: labels of namespaces that are not among
//! them, address ranges, policies of another API, a mesh in ambient mode.
//!
//! # Why it matters
//! A policy for nobody protects nothing. A missing rule drops packets in silence: names resolve for five seconds and fail, metrics
//! end, a call waits for its timeout, and no log says why.
//!
//! # Example
//! ```yaml
//! spec:
//!   podSelector: {matchLabels: {app: orders}}
//!   policyTypes: [Egress]
//!   egress:
//!     - to: [{podSelector: {matchLabels: {app: db}}}]   # and no port 53 to kube-system
//!       ports: [{port: 5432}]
//! ```
//!
//! # Fix
//! Select what the template says; open UDP and TCP 53 to `k8s-app: kube-dns` in `kube-system`, the metrics port to the namespace of
//! Prometheus, and each call in both directions.
//!
//! # Source
//! facts.md R-K8-39: Kubernetes, Network Policies.

use super::needs::{Variables, addresses, calls, scrapes};
use super::network::{Direction, Policies, Port, admits, blamed, lets, opens, others, peers, policies, rules};
use super::objects::{Object, at, text_at};
use super::services::{Cluster, Picked, Pods, Selector};
use crate::document::Node;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8039",
    name: "policy-cuts-what-is-needed",
    group: Group::Kubernetes,
    level: Level::Error,
    security: true,
    fields: &[],
    check: Check::Files(check),
};

/// The ports on which the pods of a DNS server listen; behind the Service it is 53 everywhere.
const DNS: [i64; 4] = [53, 1053, 5353, 8053];
/// What the images of those are called that scrape.
const SCRAPERS: [&str; 6] = ["prom", "agent", "alloy", "otel", "opentelemetry", "telegraf"];

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let cluster = estate.cluster();
    guards_nobody(estate, cluster, findings);
    if others(estate) {
        return;
    }
    let policies = Policies::of(estate);
    names(estate, cluster, &policies, findings);
    metrics(estate, cluster, &policies, findings);
    peers_of_its_own(estate, cluster, &policies, findings);
}

fn guards_nobody(estate: &Estate, cluster: &Cluster<'_>, findings: &mut Vec<Diagnostic>) {
    for policy in policies(estate) {
        let Some(entry) = at(policy.node, &["spec"]).and_then(|spec| spec.entry("podSelector")) else { continue };
        let (namespace, selector) = (policy.namespace(), Selector::Labels(&entry.value));
        if !matches!(cluster.pick(namespace, selector), Picked::Nobody) {
            continue;
        }
        let mut finding = RULE
            .finding(
                Place::Span(entry.key_span),
                format!("the policy `{}` selects no pod", policy.name().escape_debug()),
            )
            .label("no template has these labels")
            .because(format!(
                "no pod template of namespace `{}` has these labels: the policy restricts nobody (R-K8-39)",
                namespace.escape_debug()
            ))
            .fix("select the labels that the template has");
        if let Some((pods, has)) = cluster.nearest(namespace, selector) {
            finding = finding.also(pods.object.place(), format!("the nearest one: it {has}"));
        }
        findings.push(finding);
    }
}

/// Pods that may call others, and not ask for their names; one finding for those that the same policy restricts first.
fn names(estate: &Estate, cluster: &Cluster<'_>, policies: &Policies<'_>, findings: &mut Vec<Diagnostic>) {
    let mut cut: Vec<(Object<'_>, Vec<&str>)> = Vec::new();
    let variables = Variables::of(estate);
    for pods in cluster.all() {
        let restricting = policies.restricting(pods, Direction::Egress);
        let Some(first) = blamed(&restricting) else { continue };
        let port = |number| Port { protocol: "UDP", number, owner: None };
        let serves = |policy: Object<'_>, peer: &Node| serves_names(cluster, policy, peer);
        if DNS.into_iter().any(|number| lets(&restricting, Direction::Egress, port(number), serves))
            || !calls_by_name(&variables, pods, &restricting)
        {
            continue;
        }
        match cut.iter_mut().find(|(policy, _)| std::ptr::eq(policy.node, first.node)) {
            Some((_, names)) => names.push(pods.object.name()),
            None => cut.push((first, vec![pods.object.name()])),
        }
    }
    for (policy, names) in cut {
        let all: Vec<String> = names.iter().map(|name| format!("`{}`", name.escape_debug())).collect();
        findings.push(
            RULE.finding(policy.place(), format!("no policy lets {} ask for names", all.join(", ")))
                .label("closes the way out")
                .because(
                    "a pod that a policy selects for egress may do only what some policy allows; UDP port 53 to the pods of \
                     kube-dns in kube-system is not among it (R-K8-39)",
                )
                .fix("open UDP and TCP 53 to namespaceSelector kubernetes.io/metadata.name: kube-system with podSelector k8s-app: kube-dns"),
        );
    }
}

/// Whether a DNS server may be among the pods of a peer. Without a namespaceSelector those are of the policy's own namespace.
fn serves_names(cluster: &Cluster<'_>, policy: Object<'_>, peer: &Node) -> bool {
    if peer.get("ipBlock").is_some() || peer.get("namespaceSelector").is_some() {
        return true;
    }
    let own = policy.namespace();
    let listens = |pods: &Pods<'_>| pods.ports().iter().any(|(_, number)| DNS.contains(number));
    let picked = match peer.get("podSelector") {
        Some(node) => cluster.fitting(own, Selector::Labels(node)),
        None => cluster.pods(own).iter().collect(),
    };
    own == "kube-system" || picked.into_iter().any(listens)
}

/// Whether pods call anybody by a name: a policy opens a way to pods or to everywhere, or a variable holds an address.
fn calls_by_name(variables: &Variables<'_>, pods: &Pods<'_>, restricting: &[Object<'_>]) -> bool {
    let everywhere =
        |peer: &Node| text_at(peer, &["ipBlock", "cidr"]).is_none_or(|range| matches!(range, "0.0.0.0/0" | "::/0"));
    let mut all = restricting.iter().flat_map(|policy| rules(*policy, Direction::Egress));
    all.any(|rule| {
        let peers = peers(rule, Direction::Egress);
        // A rule for names themselves is no call.
        let for_names = DNS.into_iter().any(|number| opens(rule, Port { protocol: "UDP", number, owner: None }));
        let all_ports = rule.get("ports").is_none();
        (all_ports || !for_names) && (peers.is_empty() || peers.into_iter().any(everywhere))
    }) || variables
        .environment(pods)
        .into_iter()
        .any(|(name, node)| node.scalar().is_some_and(|scalar| !addresses(name, &scalar.text).is_empty()))
}

fn metrics(estate: &Estate, cluster: &Cluster<'_>, policies: &Policies<'_>, findings: &mut Vec<Diagnostic>) {
    for scrape in scrapes(estate, cluster) {
        let restricting = policies.restricting(scrape.pods, Direction::Ingress);
        let Some(first) = blamed(&restricting) else { continue };
        let port = Port { protocol: "TCP", number: scrape.number, owner: Some(scrape.pods) };
        if lets(&restricting, Direction::Ingress, port, |policy, peer| may_scrape(cluster, policy, peer)) {
            continue;
        }
        findings.push(
            RULE.finding(
                Place::Span(scrape.at.span),
                format!(
                    "no policy lets Prometheus scrape port {} of `{}`",
                    scrape.number,
                    scrape.pods.object.name().escape_debug()
                ),
            )
            .label(format!("`{}` asks for it", scrape.monitor.name().escape_debug()))
            .also(first.place(), "closes the way in")
            .because("none of the policies that select these pods opens the port to somebody who could be Prometheus (R-K8-39)")
            .fix(format!("open TCP {} to the namespace that Prometheus runs in", scrape.number)),
        );
    }
}

/// Whether Prometheus may be a peer: it is not, where all pods that the peer picks are known and none is one that scrapes.
fn may_scrape(cluster: &Cluster<'_>, policy: Object<'_>, peer: &Node) -> bool {
    let own = policy.namespace();
    if peer.get("ipBlock").is_some() || peer.get("namespaceSelector").is_some() || cluster.is_open(own) {
        return true;
    }
    let Some(selector) = peer.get("podSelector") else { return true };
    let picked = cluster.fitting(own, Selector::Labels(selector));
    let scrapes = |pods: &&Pods<'_>| {
        let mut images = pods.containers().filter_map(|container| text_at(container, &["image"]));
        images.any(|image| SCRAPERS.iter().any(|name| image.contains(name)))
    };
    picked.is_empty() || picked.iter().any(scrapes)
}

fn peers_of_its_own(estate: &Estate, cluster: &Cluster<'_>, policies: &Policies<'_>, findings: &mut Vec<Diagnostic>) {
    for call in calls(estate, cluster) {
        let caller = call.caller;
        if is_ambient(cluster, caller) || call.callees.iter().any(|(pods, _)| is_ambient(cluster, pods)) {
            continue;
        }
        let out = policies.restricting(caller, Direction::Egress);
        let leaves = call.callees.iter().any(|(pods, number)| {
            let port = Port { protocol: "TCP", number: *number, owner: Some(pods) };
            lets(&out, Direction::Egress, port, |policy, peer| admits(peer, policy, cluster, pods))
        });
        let closed_in = call.callees.iter().map(|(pods, number)| {
            let inward = policies.restricting(pods, Direction::Ingress);
            let port = Port { protocol: "TCP", number: *number, owner: Some(pods) };
            let enters = lets(&inward, Direction::Ingress, port, |policy, peer| admits(peer, policy, cluster, caller));
            (!enters).then(|| blamed(&inward)).flatten()
        });
        let closed_in: Option<Vec<Object<'_>>> = closed_in.collect();
        let (policy, way) = match (leaves, &closed_in) {
            (false, _) => (blamed(&out), "out of"),
            (true, Some(closed)) => (closed.first().copied(), "into"),
            (true, None) => continue,
        };
        let (Some(policy), Some((pods, number))) = (policy, call.callees.first()) else { continue };
        let whose = if leaves { pods } else { caller };
        findings.push(
            RULE.finding(
                policy.place(),
                format!(
                    "no policy lets `{}` call `{}`",
                    caller.object.name().escape_debug(),
                    call.service.name().escape_debug()
                ),
            )
            .label(format!("closes the way {way} `{}`", whose.object.name().escape_debug()))
            .also(Place::Span(call.at.span), "the call")
            .because(format!(
                "the policies that select `{}` do not open TCP {number}, the port of the pods of `{}`, between the two (R-K8-39)",
                whose.object.name().escape_debug(),
                call.service.name().escape_debug()
            ))
            .fix(format!("open TCP {number} between them, for egress of the caller and for ingress of the one that is called")),
        );
    }
}

/// Whether pods are in a mesh in ambient mode: there their traffic has other ports than it seems to.
fn is_ambient(cluster: &Cluster<'_>, pods: &Pods<'_>) -> bool {
    const MODE: &str = "istio.io/dataplane-mode";
    let of_namespace = cluster.labels(pods.object.namespace()).and_then(|labels| labels.get(MODE));
    pods.labels.get(MODE).or(of_namespace) == Some(&"ambient")
}
