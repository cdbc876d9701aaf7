//! What is deployed, asked of what runs it: API servers, Route 53, Prometheus, Patroni, Redis. Read alone: the only writes that
//! are sent are dry runs.
//!
//! The one place that knows a runtime, a client or a socket. A source that does not answer keeps none of the others back.

mod http;
mod kubernetes;
mod redis;
mod route53;
mod tls;

use std::collections::{BTreeMap, BTreeSet};

use super::{Deployed, Dynamic, Layout, Loaded, Manner, Member, Node, State, Unread, Wanted};

pub use http::push;

/// Asks all that is wanted: the API servers side by side, the others one after the other.
pub fn ask(wanted: &Wanted, manner: Manner) -> (State, Vec<Unread>) {
    let (mut state, mut unread) = (State::default(), Vec::new());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => {
            let (dumps, problems) = runtime.block_on(kubernetes::ask(&wanted.clusters, manner));
            state.deployed.extend(dumps.into_iter().map(Deployed::Kubernetes));
            unread.extend(problems);
            if let Some(zone) = &wanted.zone {
                let (deployed, problems) = runtime.block_on(route53::ask(zone, manner));
                state.deployed.extend(deployed);
                unread.extend(problems);
            }
        }
        Err(error) => unread.push(Unread::new("live", error.to_string(), "is the machine out of threads or files?")),
    }
    if !wanted.prometheus.is_empty() || !wanted.patroni.is_empty() {
        match http::Client::new(manner) {
            Ok(client) => over_http(&client, wanted, &mut state, &mut unread),
            Err(problem) => unread.push(problem),
        }
    }
    redis_nodes(wanted, manner, &mut state, &mut unread);
    (state, unread)
}

/// Asks each Prometheus and each cluster of Patroni.
fn over_http(client: &http::Client, wanted: &Wanted, state: &mut State, unread: &mut Vec<Unread>) {
    for server in &wanted.prometheus {
        let source = format!("prometheus/{}", server.name);
        match client.rules(&source, &server.addresses) {
            Ok(groups) => {
                let name = Some(server.name.clone());
                state.deployed.push(Deployed::Rules(Loaded { source, name, groups }));
            }
            Err(problem) => unread.push(problem),
        }
    }
    for server in &wanted.patroni {
        let source = format!("patroni/{}", server.name);
        match client.config(&source, &server.addresses) {
            Ok(config) => {
                let name = Some(server.name.clone());
                state.deployed.push(Deployed::Patroni(Dynamic { source, name, config }));
            }
            Err(problem) => unread.push(problem),
        }
    }
}

/// Asks the nodes of Redis.
fn redis_nodes(wanted: &Wanted, manner: Manner, state: &mut State, unread: &mut Vec<Unread>) {
    let mut seen: Vec<Layout> = Vec::new();
    let mut alone: BTreeMap<(Option<String>, String), Layout> = BTreeMap::new();
    for (server, address) in wanted.redis.iter().flat_map(|server| server.addresses.iter().map(move |at| (server, at)))
    {
        let source = format!("redis/{address}");
        let name = (!server.name.is_empty()).then(|| server.name.clone());
        match redis::ask(&source, address, server.tls, manner) {
            Ok(told) => {
                // All nodes of a cluster see one layout: it is looked at once, as the first of them tells it.
                let ids = |nodes: &[Member]| nodes.iter().map(|node| node.id.clone()).collect::<BTreeSet<_>>();
                let nodes = told.nodes.unwrap_or_default();
                if !nodes.is_empty() && !seen.iter().any(|known| !ids(&known.nodes).is_disjoint(&ids(&nodes))) {
                    seen.push(Layout { source: source.clone(), name: name.clone(), nodes });
                }
                // Under Sentinel each node knows only whom it copies: all that copy one are looked at together.
                if let Some(member) = told.alone {
                    let primary = member.primary.clone().unwrap_or_else(|| member.id.clone());
                    let empty = || Layout { source: source.clone(), name: name.clone(), nodes: Vec::new() };
                    alone.entry((name.clone(), primary)).or_insert_with(empty).nodes.push(member);
                }
                state.deployed.push(Deployed::Redis(Node { source, name, settings: told.settings }));
            }
            Err(problem) => unread.push(problem),
        }
    }
    state.deployed.extend(seen.into_iter().chain(alone.into_values()).map(Deployed::Layout));
}

/// An error with what caused it: the outermost one alone often says nothing.
fn chain(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !said.contains(&text) {
            said.push_str(": ");
            said.push_str(&text);
        }
        next = cause.source();
    }
    said
}
