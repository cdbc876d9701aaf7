//! ingress-nginx as rules look at it: the Ingresses that it serves, what its controller runs as, what its ConfigMap says.

use super::objects::{Object, list_at, objects, of_kind, text_at};
use super::services::{annotation, annotations, class};
use crate::document::Node;
use crate::document::node::Entry;
use crate::estate::Estate;

/// What its annotations begin with.
pub const PREFIX: &str = "nginx.ingress.kubernetes.io/";

/// The name of its controller in an IngressClass.
const CONTROLLER: &str = "k8s.io/ingress-nginx";

/// The annotations of an Ingress that ingress-nginx reads, without their prefix.
pub fn own<'a>(ingress: Object<'a>) -> impl Iterator<Item = (&'a str, &'a Entry)> {
    annotations(ingress).iter().filter_map(|entry| Some((entry.key.strip_prefix(PREFIX)?, entry)))
}

/// One annotation of ingress-nginx.
pub fn setting<'a>(ingress: Object<'a>, name: &str) -> Option<&'a Node> {
    annotation(ingress, &format!("{PREFIX}{name}"))
}

/// Where an Ingress says that ingress-nginx serves it: its class, or else an annotation that nobody else reads. The class
/// `nginx` is another controller's where an IngressClass among the files, or an annotation, says so.
pub fn served<'a>(estate: &'a Estate, ingress: Object<'a>) -> Option<crate::document::Span> {
    let Some(class) = class(ingress) else {
        return own(ingress).next().map(|(_, entry)| entry.key_span);
    };
    let name = &*class.scalar()?.text;
    let declared = of_kind(estate, "IngressClass").find(|declared| declared.name() == name);
    let controller = declared.and_then(|declared| text_at(declared.node, &["spec", "controller"]));
    let others = annotations(ingress).iter().any(|entry| entry.key.starts_with("nginx.org/"));
    let served = controller.map_or(name == "nginx" && !others, |controller| controller == CONTROLLER);
    served.then_some(class.span)
}

/// The containers that run its controller, each with what it belongs to.
pub fn controllers(estate: &Estate) -> impl Iterator<Item = (Object<'_>, &Node)> {
    objects(estate).flat_map(|object| {
        let containers = object.template().into_iter().flat_map(|template| list_at(template, &["spec", "containers"]));
        containers.filter_map(move |container| {
            let image = container.get("image")?;
            is_controller(&image.scalar()?.text).then_some((object, image))
        })
    })
}

/// Whether an image is that of the controller, from any registry or mirror.
fn is_controller(image: &str) -> bool {
    let name = image.split(['@']).next().unwrap_or_default();
    let last = name.rsplit('/').next().unwrap_or_default();
    let (last, whole) = (last.split(':').next().unwrap_or_default(), name);
    last == "nginx-ingress-controller" && !whole.contains("nginxinc") && !whole.contains("nginx/")
        || (last == "controller" || last == "controller-chroot") && whole.contains("ingress-nginx/")
}

/// The ConfigMaps that its controller reads: those that a controller among the files names, and those of the usual names.
pub fn configs(estate: &Estate) -> impl Iterator<Item = Object<'_>> {
    let named: Vec<&str> = controllers(estate)
        .flat_map(|(object, _)| object.template())
        .flat_map(|template| list_at(template, &["spec", "containers"]))
        .flat_map(|container| list_at(container, &["args"]))
        .filter_map(|argument| argument.scalar()?.text.strip_prefix("--configmap=")?.rsplit('/').next())
        .collect();
    of_kind(estate, "ConfigMap").filter(move |config| {
        let name = config.name();
        let of_controller =
            text_at(config.node, &["metadata", "labels", "app.kubernetes.io/name"]) == Some("ingress-nginx");
        let usual = of_controller || name.contains("ingress-nginx") || name == "nginx-configuration";
        named.contains(&name) || usual && !name.ends_with("-headers") && !name.starts_with("ingress-controller-leader")
    })
}

/// Seconds as its annotations and its ConfigMap write them.
pub fn seconds(node: &Node) -> Option<i64> {
    let text = node.scalar()?.text.trim();
    text.strip_suffix('s').unwrap_or(text).parse().ok()
}
