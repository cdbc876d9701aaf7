//! Load balancers of AWS as Kubernetes objects ask for them: annotations that the AWS load balancer controller reads.

use crate::document::Node;
use crate::document::node::Entry;
use crate::estate::Estate;
use crate::rules::kubernetes::objects::{Object, at, list_at, of_kind, text_at};
use crate::rules::kubernetes::services::{annotation, annotations, class, is_later};

/// What the annotations of an application load balancer begin with.
pub const ALB: &str = "alb.ingress.kubernetes.io/";
/// What those of a network load balancer begin with.
pub const NLB: &str = "service.beta.kubernetes.io/aws-load-balancer-";

/// A balancer that objects ask for.
pub struct Balancer<'a> {
    /// The first of them.
    pub object: Object<'a>,
    /// All of them: the Ingresses of a group share one.
    pub members: Vec<Object<'a>>,
    /// Whether it is an application load balancer.
    pub is_application: bool,
    /// What a class gives to it, beside annotations; none where the class has no parameters.
    parameters: Parameters<'a>,
}

/// The parameters of a class.
#[derive(Clone, Copy)]
enum Parameters<'a> {
    None,
    Known(&'a Node),
    Elsewhere,
}

impl<'a> Balancer<'a> {
    /// What it is called in a message.
    pub const fn kind(&self) -> &'static str {
        if self.is_application { "ALB" } else { "NLB" }
    }

    /// The annotation that holds its attributes, without the prefix.
    const fn attributes(&self) -> &'static str {
        if self.is_application { "load-balancer-attributes" } else { "attributes" }
    }

    /// The whole key of that annotation.
    pub fn attributes_key(&self) -> String {
        format!("{}{}", prefix(self.is_application), self.attributes())
    }

    /// The annotation that holds its attributes, where one of its objects has it.
    pub fn written(&self) -> Option<&'a Node> {
        self.members.iter().find_map(|member| own(*member, &self.attributes_key()))
    }

    /// Whether an attribute has this value. Unknown is `None`: filled in later, or decided by parameters that are not among the
    /// files.
    pub fn has(&self, attribute: &str, value: &str) -> Option<bool> {
        let key = self.attributes_key();
        let texts = || self.members.iter().filter_map(|member| Some(&*own(*member, &key)?.scalar()?.text));
        let of_class = match self.parameters {
            Parameters::Known(node) => list_at(node, &["spec", "loadBalancerAttributes"])
                .find(|entry| text_at(entry, &["key"]) == Some(attribute))
                .and_then(|entry| text_at(entry, &["value"])),
            _ => None,
        };
        let found = texts().find_map(|text| part(text, attribute)).or(of_class);
        match (found, self.parameters) {
            (Some(found), _) if is_later(found) => None,
            (Some(found), _) => Some(found == value),
            (None, Parameters::Elsewhere) => None,
            (None, _) if texts().any(is_later) => None,
            (None, _) => Some(false),
        }
    }

    /// Where something is missing in it: its attributes, or else what asks for it.
    pub fn place(&self) -> crate::diagnostics::Place {
        self.written().map_or_else(|| self.object.place(), |node| crate::diagnostics::Place::Span(node.span))
    }
}

/// The prefix of the annotations of a kind of balancer.
pub const fn prefix(is_application: bool) -> &'static str {
    if is_application { ALB } else { NLB }
}

/// The value of a key in `a=1,b=2`.
pub fn part<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.split(',').filter_map(|part| part.split_once('=')).find(|(name, _)| name.trim() == key).map(|(_, v)| v.trim())
}

/// An annotation of an object, or one that a Gateway hands on to the Service that is made for it.
pub fn own<'a>(object: Object<'a>, key: &str) -> Option<&'a Node> {
    let handed = || at(object.node, &["spec", "infrastructure", "annotations"])?.get(key);
    annotation(object, key).or_else(handed)
}

fn all_annotations<'a>(object: Object<'a>) -> impl Iterator<Item = &'a Entry> {
    let handed = at(object.node, &["spec", "infrastructure", "annotations"]).and_then(Node::map).unwrap_or_default();
    annotations(object).iter().chain(handed)
}

/// The class of an Ingress that is among the files.
fn declared<'a>(estate: &'a Estate, ingress: Object<'a>) -> Option<Object<'a>> {
    let name = &*class(ingress)?.scalar()?.text;
    of_kind(estate, "IngressClass").find(|declared| declared.name() == name)
}

/// Whether an Ingress becomes an application load balancer.
pub fn is_alb(estate: &Estate, ingress: Object<'_>) -> bool {
    let named = class(ingress).and_then(Node::scalar).is_some_and(|name| &*name.text == "alb");
    let controller = declared(estate, ingress).and_then(|class| text_at(class.node, &["spec", "controller"]));
    match controller {
        Some(controller) => controller == "ingress.k8s.aws/alb",
        None => {
            named || class(ingress).is_none() && annotations(ingress).iter().any(|entry| entry.key.starts_with(ALB))
        }
    }
}

/// Whether a Service, or the one of a Gateway, becomes a network load balancer.
pub fn is_nlb(object: Object<'_>) -> bool {
    let kind = own(object, &format!("{NLB}type")).and_then(Node::scalar);
    let asked = kind.is_some_and(|kind| matches!(&*kind.text, "external" | "nlb" | "nlb-ip"));
    let class = text_at(object.node, &["spec", "loadBalancerClass"]) == Some("service.k8s.aws/nlb");
    match object.kind() {
        "Service" => text_at(object.node, &["spec", "type"]) == Some("LoadBalancer") && (asked || class),
        "Gateway" => asked,
        _ => false,
    }
}

/// The parameters that the class of an Ingress gives to its balancer.
fn parameters<'a>(estate: &'a Estate, ingress: Object<'a>) -> Parameters<'a> {
    let Some(name) = declared(estate, ingress).and_then(|class| text_at(class.node, &["spec", "parameters", "name"]))
    else {
        return Parameters::None;
    };
    let found = of_kind(estate, "IngressClassParams").find(|parameters| parameters.name() == name);
    found.map_or(Parameters::Elsewhere, |parameters| Parameters::Known(parameters.node))
}

/// How a balancer reaches the pods of an Ingress or Service: `ip` or `instance`, where it is written.
pub fn target_type<'a>(estate: &'a Estate, object: Object<'a>, service: Object<'a>) -> Option<&'a str> {
    let text = |object: Object<'a>, key: String| own(object, &key).and_then(Node::scalar).map(|scalar| &*scalar.text);
    if object.kind() != "Ingress" {
        let legacy = text(object, format!("{NLB}type")).filter(|kind| *kind == "nlb-ip").map(|_| "ip");
        return text(object, format!("{NLB}nlb-target-type")).or(legacy);
    }
    let key = || format!("{ALB}target-type");
    let of_class = || match parameters(estate, object) {
        Parameters::Known(node) => text_at(node, &["spec", "targetType"]),
        _ => None,
    };
    text(service, key()).or_else(|| text(object, key())).or_else(of_class)
}

/// All balancers of these files, in their order.
pub fn balancers(estate: &Estate) -> Vec<Balancer<'_>> {
    let mut all: Vec<Balancer<'_>> = Vec::new();
    let group = |ingress: Object<'_>| {
        let name = annotation(ingress, &format!("{ALB}group.name")).and_then(Node::scalar);
        name.map(|name| name.text.to_string())
    };
    for ingress in of_kind(estate, "Ingress").filter(|ingress| is_alb(estate, *ingress)) {
        let own_group = group(ingress);
        let shared = |balancer: &&mut Balancer<'_>| {
            balancer.is_application && own_group.is_some() && group(balancer.object) == own_group
        };
        match all.iter_mut().find(shared) {
            Some(balancer) => balancer.members.push(ingress),
            None => all.push(Balancer {
                object: ingress,
                members: vec![ingress],
                is_application: true,
                parameters: parameters(estate, ingress),
            }),
        }
    }
    let services = of_kind(estate, "Service").chain(of_kind(estate, "Gateway")).filter(|object| is_nlb(*object));
    all.extend(services.map(|object| Balancer {
        object,
        members: vec![object],
        is_application: false,
        parameters: Parameters::None,
    }));
    all
}

/// Whether an annotation of a network load balancer sets an attribute, of itself, its listeners or its target groups.
pub fn names(object: Object<'_>, attribute: &str) -> bool {
    let texts = all_annotations(object).filter(|entry| entry.key.starts_with(NLB)).filter_map(|e| e.value.scalar());
    texts.into_iter().any(|scalar| part(&scalar.text, attribute).is_some())
}

/// Annotations by which an object tells its balancer the policy of TLS.
pub fn tls_policies(object: Object<'_>) -> impl Iterator<Item = &Node> {
    let keys = [format!("{ALB}ssl-policy"), format!("{NLB}ssl-negotiation-policy")];
    all_annotations(object).filter(move |entry| keys.iter().any(|key| **key == *entry.key)).map(|entry| &entry.value)
}
