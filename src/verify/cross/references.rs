//! What a pod needs is there: configuration, secrets, accounts, ports, priority classes; and its image is pinned.

use std::collections::BTreeMap;

use super::world::{Found, Object, Pods, World};
use crate::verify::tree::{Node, Value};

/// What refers to nothing.
pub fn check<'a>(world: &World<'a, '_>) -> Vec<Found<'a>> {
    let mut found = Vec::new();
    let secrets = secrets(world);
    for pods in &world.pods {
        spec(world, pods, &mut found);
        for container in pods.containers() {
            images(&pods.owner, container, &mut found);
            probes(&pods.owner, container, &mut found);
            mounts(pods, container, &mut found);
        }
        configuration(world, pods, &secrets, &mut found);
    }
    for set in world.of_kind("StatefulSet") {
        if let Some(service) = set.node.at(&["spec", "serviceName"])
            && world.get("Service", set.namespace, service.text().unwrap_or_default()).is_none()
        {
            found.push(set.fault(
                service,
                format!("there is no Service `{}`: its pods would have no names", service.text().unwrap_or_default()),
            ));
        }
    }
    for kind in ["RoleBinding", "ClusterRoleBinding"] {
        for binding in world.of_kind(kind) {
            binds(world, &binding, &mut found);
        }
    }
    found
}

/// The secrets that External Secrets and cert-manager make, with their keys; `None` as keys where any may be there.
type Secrets<'n> = BTreeMap<(&'n str, &'n str), Option<Vec<&'n str>>>;

fn secrets<'n>(world: &World<'_, 'n>) -> Secrets<'n> {
    let mut secrets = Secrets::new();
    for object in world.of_kind("ExternalSecret") {
        let spec = object.node.get("spec");
        let name = object.node.text_at(&["spec", "target", "name"]).unwrap_or(object.name);
        let any = spec.is_some_and(|s| s.get("dataFrom").is_some())
            || object.node.at(&["spec", "target", "template"]).is_some();
        let keys = spec.map_or(&[][..], |s| s.list("data")).iter().filter_map(|d| d.text_at(&["secretKey"])).collect();
        secrets.insert((object.namespace, name), if any { None } else { Some(keys) });
    }
    for object in world.of_kind("Certificate") {
        if let Some(name) = object.node.text_at(&["spec", "secretName"]) {
            secrets.insert((object.namespace, name), Some(vec!["tls.crt", "tls.key", "ca.crt"]));
        }
    }
    secrets
}

fn spec<'a>(world: &World<'a, '_>, pods: &Pods<'a, '_>, found: &mut Vec<Found<'a>>) {
    let Some(spec) = pods.template.get("spec") else { return };
    let owner = &pods.owner;
    if let Some(account) = spec.get("serviceAccountName") {
        let name = account.text().unwrap_or_default();
        if name != "default" && world.get("ServiceAccount", owner.namespace, name).is_none() {
            found.push(owner.fault(account, format!("there is no ServiceAccount `{name}`: no pod would start")));
        }
    }
    if let Some(class) = spec.get("priorityClassName") {
        let name = class.text().unwrap_or_default();
        if !name.starts_with("system-") && world.get("PriorityClass", "", name).is_none() {
            found.push(owner.fault(class, format!("there is no PriorityClass `{name}`: no pod would start")));
        }
    }
}

fn images<'a>(owner: &Object<'a, '_>, container: &Node<'_>, found: &mut Vec<Found<'a>>) {
    let Some(image) = container.get("image") else {
        found.push(owner.fault(container, "a container without an image".to_owned()));
        return;
    };
    let text = image.text().unwrap_or_default();
    let (name, digest) = text.split_once('@').map_or((text, None), |(name, digest)| (name, Some(digest)));
    let tag = name.rsplit('/').next().and_then(|last| last.split_once(':')).map(|(_, tag)| tag);
    if tag == Some("latest") || (tag.is_none() && digest.is_none()) {
        found.push(owner.fault(image, format!("the image {text} is not pinned (R-K8-02)")));
    }
}

fn probes<'a>(owner: &Object<'a, '_>, container: &Node<'_>, found: &mut Vec<Found<'a>>) {
    let handlers =
        ["startupProbe", "livenessProbe", "readinessProbe"].into_iter().filter_map(|probe| container.get(probe));
    let hooks = ["postStart", "preStop"].into_iter().filter_map(|hook| container.at(&["lifecycle", hook]));
    for handler in handlers.chain(hooks) {
        for kind in ["httpGet", "tcpSocket"] {
            let Some(port) = handler.at(&[kind, "port"]) else { continue };
            let Value::Text(name) = &port.value else { continue };
            if !container.list("ports").iter().any(|p| p.text_at(&["name"]) == Some(name)) {
                found.push(
                    owner.fault(port, format!("a probe asks the port `{name}`, which its container does not have")),
                );
            }
        }
    }
}

fn mounts<'a>(pods: &Pods<'a, '_>, container: &Node<'_>, found: &mut Vec<Found<'a>>) {
    let volumes = pods.template.get("spec").map_or(&[][..], |spec| spec.list("volumes"));
    let claims = pods.owner.node.get("spec").map_or(&[][..], |spec| spec.list("volumeClaimTemplates"));
    for mount in container.list("volumeMounts") {
        let name = mount.text_at(&["name"]).unwrap_or_default();
        let there = volumes.iter().any(|v| v.text_at(&["name"]) == Some(name))
            || claims.iter().any(|c| c.text_at(&["metadata", "name"]) == Some(name));
        if !there {
            found.push(pods.owner.fault(mount, format!("there is no volume `{name}` to mount")));
        }
    }
}

/// References to ConfigMaps and Secrets, wherever they stand in a pod.
fn configuration<'a>(world: &World<'a, '_>, pods: &Pods<'a, '_>, secrets: &Secrets<'_>, found: &mut Vec<Found<'a>>) {
    let owner = &pods.owner;
    let mut wanted: Vec<(&str, &Node<'_>)> = Vec::new();
    for container in pods.containers() {
        for source in container.list("envFrom") {
            wanted.extend(source.get("configMapRef").map(|r| ("ConfigMap", r)));
            wanted.extend(source.get("secretRef").map(|r| ("Secret", r)));
        }
        for from in container.list("env").iter().filter_map(|env| env.get("valueFrom")) {
            wanted.extend(from.get("configMapKeyRef").map(|r| ("ConfigMap", r)));
            wanted.extend(from.get("secretKeyRef").map(|r| ("Secret", r)));
        }
    }
    for volume in pods.template.get("spec").map_or(&[][..], |spec| spec.list("volumes")) {
        for source in volume.at(&["projected", "sources"]).map_or(&[][..], Node::items).iter().chain([volume]) {
            wanted.extend(source.get("configMap").map(|r| ("ConfigMap", r)));
            wanted.extend(source.get("secret").map(|r| ("Secret", r)));
        }
    }
    for (kind, reference) in wanted {
        if reference.get("optional").is_some_and(|o| o.value == Value::Bool(true)) {
            continue;
        }
        let name = reference.text_at(&["name"]).or_else(|| reference.text_at(&["secretName"])).unwrap_or_default();
        let single = reference.get("key");
        let keys = reference.list("items").iter().filter_map(|item| item.get("key")).chain(single);
        if kind == "ConfigMap" {
            let Some(map) = world.get("ConfigMap", owner.namespace, name) else {
                found.push(owner.fault(reference, format!("there is no ConfigMap `{name}`: no pod would start")));
                continue;
            };
            for key in keys {
                let text = key.text().unwrap_or_default();
                let has = ["data", "binaryData"]
                    .iter()
                    .any(|part| map.node.get(part).is_some_and(|data| data.get(text).is_some()));
                if !has {
                    found.push(owner.fault(key, format!("ConfigMap `{name}` has no key `{text}`")));
                }
            }
        } else {
            match secrets.get(&(owner.namespace, name)) {
                // Without External Secrets people put them there: then only the reference is known.
                None if world.of_kind("ExternalSecret").next().is_none() => {}
                // Certificates come from people or from cert-manager, never from a store of passwords.
                None if certificates(keys.clone()) => {}
                None => {
                    found.push(owner.fault(reference, format!("nothing makes the Secret `{name}`: no pod would start")))
                }
                Some(None) => {}
                Some(Some(known)) => {
                    for key in keys.filter(|key| !known.contains(&key.text().unwrap_or_default())) {
                        found.push(owner.fault(
                            key,
                            format!("the Secret `{name}` has no key `{}`", key.text().unwrap_or_default()),
                        ));
                    }
                }
            }
        }
    }
}

/// Whether only parts of a certificate are asked for.
fn certificates<'n, 'a: 'n>(keys: impl Iterator<Item = &'n Node<'a>>) -> bool {
    let mut some = false;
    let all = keys.inspect(|_| some = true).all(|key| matches!(key.text(), Some("tls.crt" | "tls.key" | "ca.crt")));
    all && some
}

fn binds<'a>(world: &World<'a, '_>, binding: &Object<'a, '_>, found: &mut Vec<Found<'a>>) {
    if let Some(role) = binding.node.get("roleRef") {
        let (kind, name) = (role.text_at(&["kind"]).unwrap_or_default(), role.text_at(&["name"]).unwrap_or_default());
        let namespace = if kind == "Role" { binding.namespace } else { "" };
        let builtin = kind == "ClusterRole"
            && (name.starts_with("system:") || ["view", "edit", "admin", "cluster-admin"].contains(&name));
        if !builtin && world.get(kind, namespace, name).is_none() {
            found.push(binding.fault(role, format!("there is no {kind} `{name}`")));
        }
    }
    for subject in binding.node.list("subjects") {
        let name = subject.text_at(&["name"]).unwrap_or_default();
        let namespace = subject.text_at(&["namespace"]).unwrap_or(binding.namespace);
        let ours = world.get("Namespace", "", namespace).is_some();
        if subject.text_at(&["kind"]) == Some("ServiceAccount")
            && ours
            && world.get("ServiceAccount", namespace, name).is_none()
        {
            found.push(binding.fault(subject, format!("there is no ServiceAccount `{name}`")));
        }
    }
}
