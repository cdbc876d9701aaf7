//! Kubernetes objects: each against the strict schema of its kind, as `kubectl apply --validate=strict` would, and what
//! stands inside of them: PromQL in PrometheusRules, configuration files in ConfigMaps.

use super::tree::{Node, Value};
use super::{Fault, KUBERNETES_SCHEMAS, haproxy, ini, patroni, prometheus, redis, shell};
use crate::diagnostics::nearest;
use crate::render::Object;

/// The kinds that belong to the whole cluster and have no namespace.
const CLUSTER_WIDE: [&str; 9] = [
    "Namespace",
    "PriorityClass",
    "ClusterRole",
    "ClusterRoleBinding",
    "StorageClass",
    "ClusterIssuer",
    "ClusterSecretStore",
    "GatewayClass",
    "CustomResourceDefinition",
];

/// Checks one object.
pub fn check(node: &Node<'_>, faults: &mut Vec<Fault>) {
    let (Some(version), Some(kind)) = (node.text_at(&["apiVersion"]), node.text_at(&["kind"])) else {
        faults.push(Fault::at(node.line, "this is no Kubernetes object: `apiVersion` or `kind` is missing"));
        return;
    };
    let name = format!("{version}/{kind}");
    if !KUBERNETES_SCHEMAS.check(&name, node, faults) {
        let near = nearest(&name, KUBERNETES_SCHEMAS.kinds());
        let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        faults.push(Fault::at(node.line, format!("the kind `{name}` is not known{hint}")));
        return;
    }
    let metadata = node.get("metadata");
    if metadata.and_then(|m| m.text_at(&["name"])).is_none() {
        faults.push(Fault::at(node.line, "metadata.name is missing"));
    }
    let namespaced = !CLUSTER_WIDE.contains(&kind);
    match metadata.and_then(|m| m.get("namespace")) {
        None if namespaced => {
            faults.push(Fault::at(node.line, "metadata.namespace is missing: it would go wherever kubectl points"));
        }
        Some(namespace) if !namespaced => {
            faults
                .push(Fault::at(namespace.line, format!("a {kind} belongs to the whole cluster and has no namespace")));
        }
        _ => {}
    }
    labels(node, faults);
    match kind {
        "PrometheusRule" => node.get("spec").into_iter().for_each(|spec| prometheus::rules(spec, faults)),
        "ConfigMap" => embedded(node, faults),
        "Secret" => faults.push(Fault::at(node.line, "a Secret is never written: secrets are named, not stored")),
        _ => {}
    }
}

/// Labels have a form that the schemas do not say, because the server checks it in code.
fn labels(node: &Node<'_>, faults: &mut Vec<Fault>) {
    let template = node.at(&["spec", "template", "metadata", "labels"]);
    for labels in node.at(&["metadata", "labels"]).into_iter().chain(template) {
        for (key, value) in labels.entries() {
            let text = value.text().unwrap_or_default();
            let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            let ends = |text: &str| {
                text.starts_with(|c: char| c.is_ascii_alphanumeric())
                    && text.ends_with(|c: char| c.is_ascii_alphanumeric())
            };
            let plain = |text: &str| text.len() <= 63 && text.chars().all(inner) && ends(text);
            if !(text.is_empty() || plain(text)) {
                faults.push(Fault::at(
                    value.line,
                    format!("the label {} has a value that no label can have: {text:?}", key.text),
                ));
            }
            let name = key.text.rsplit_once('/').map_or(key.text.as_ref(), |(_, name)| name);
            if !plain(name) {
                faults.push(Fault::at(key.line, format!("no label can be called {:?}", key.text)));
            }
        }
    }
}

/// Checks the files in a ConfigMap that have a reader here.
fn embedded(node: &Node<'_>, faults: &mut Vec<Fault>) {
    for (key, value) in node.get("data").map_or(&[][..], Node::entries) {
        let Value::Text(text) = &value.value else { continue };
        let found = match key.text.as_ref() {
            name if name.ends_with(".sh") => shell::embedded(text),
            "redis.conf" => redis::check(text, false),
            "sentinel.conf" => redis::check(text, true),
            "pgbouncer.ini" => ini::pgbouncer(text),
            "pgbackrest.conf" => ini::pgbackrest(text),
            "haproxy.cfg" => haproxy::check(text),
            "patroni.yml" | "patroni.yaml" => patroni::embedded(text),
            _ => continue,
        };
        // The text of a literal block begins on the line below its key.
        let shift = |line: u32| if value.line > 0 && line > 0 { value.line + line } else { value.line };
        faults.extend(found.into_iter().map(|f| Fault::at(shift(f.line), format!("in `{}`: {}", key.text, f.message))));
    }
}

/// The objects of a file, for the lock.
pub fn objects(documents: &[Node<'_>]) -> Vec<Object> {
    let object = |node: &Node<'_>| {
        Some(Object {
            api_version: node.text_at(&["apiVersion"])?.to_owned(),
            kind: node.text_at(&["kind"])?.to_owned(),
            namespace: node.text_at(&["metadata", "namespace"]).map(str::to_owned),
            name: node.text_at(&["metadata", "name"])?.to_owned(),
        })
    };
    documents.iter().filter_map(object).collect()
}
