//! Environments: the patch of one, and whether it would land where the base lands.

use crate::blueprint::Blueprint;
use crate::diagnostics::{Diagnostic, Place, nearest};
use crate::document::Span;
use crate::document::merge::Merge;
use crate::document::node::Node;
use crate::path;

/// Applies the patch of an environment to a base.
pub fn apply(root: &mut Node, name: &str, merge: &mut Merge) {
    let environments = root.get("environments").cloned();
    match environments.as_ref().and_then(|all| all.get(name)) {
        Some(patch) if patch.map().is_some() => merge.apply(root, patch),
        Some(_) => {}
        None => {
            let known: Vec<&str> =
                environments.iter().filter_map(Node::map).flatten().map(|entry| &*entry.key).collect();
            let place =
                root.entry("environments").map_or(Span { end: root.span.start, ..root.span }, |entry| entry.key_span);
            let title = format!("there is no environment `{}`", name.escape_debug());
            merge.problems.push(Diagnostic::error("BP025", Place::Span(place), title).fix(instead(name, &known)));
        }
    }
}

/// Which environment could have been meant.
pub fn instead(name: &str, known: &[&str]) -> String {
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "the blueprint has no environments".to_owned(),
        None => format!("use one of: {}", known.join(", ")),
    }
}

/// Where what is rendered is applied: a namespace in some clusters.
#[derive(Debug)]
pub struct Target {
    namespace: Option<String>,
    contexts: Vec<Option<String>>,
}

impl Target {
    /// The target of a tree.
    pub fn of(root: &Node) -> Self {
        let text = |node: Option<&Node>| node.and_then(Node::scalar).map(|scalar| scalar.text.to_string());
        let namespace = text(root.get("platform").and_then(|platform| platform.get("namespace")))
            .or_else(|| text(root.get("metadata").and_then(|metadata| metadata.get("name"))));
        let regions = root.get("regions").and_then(Node::map).unwrap_or_default();
        Self { namespace, contexts: regions.iter().map(|region| text(region.value.get("kubeContext"))).collect() }
    }
}

/// A warning where an environment would be applied over the base: one namespace, and nothing that tells the clusters apart.
pub fn shared(blueprint: &Blueprint, name: &str, base: &Target, own: &Target) -> Option<Diagnostic> {
    let on_kubernetes = blueprint.services.iter().any(|service| service.on_kubernetes())
        || blueprint.postgres.iter().any(|cluster| cluster.is_rendered() && cluster.on_kubernetes())
        || blueprint.redis.iter().any(|cluster| cluster.on_kubernetes());
    let same_cluster = |context: &Option<String>| context.is_none() || base.contexts.contains(context);
    if !on_kubernetes || own.namespace != base.namespace || !own.contexts.iter().any(same_cluster) {
        return None;
    }
    let problem = Diagnostic::warning(
        "BP167",
        Place::Key(path!["environments", name]),
        format!("`{name}` would be applied over the base"),
    )
    .because(format!(
        "both are the namespace `{}`, and no `kubeContext` of its own says that it is another cluster",
        blueprint.namespace
    ));
    Some(problem.fix(format!(
        "give it `platform: {{namespace: {}-{name}}}`, or its regions a `kubeContext` of their own",
        blueprint.namespace
    )))
}
