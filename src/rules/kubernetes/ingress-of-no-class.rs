//! An Ingress does not say which controller serves it.
//!
//! # What it finds
//! An Ingress with neither `spec.ingressClassName` nor the annotation `kubernetes.io/ingress.class`. It stays silent where an
//! IngressClass among the files is marked as the default.
//!
//! # Why it matters
//! The class comes from the cluster: its default, or whichever controller takes Ingresses without one. A second controller, a
//! new cluster or a restore into another region serves it differently, or not at all.
//!
//! # Example
//! ```yaml
//! kind: Ingress
//! spec:
//!   rules: []   # and no ingressClassName
//! ```
//!
//! # Fix
//! `spec.ingressClassName`, the name of an IngressClass of the cluster.
//!
//! # Source
//! facts.md R-K8-29: Kubernetes, Ingress, "Default IngressClass".

use super::objects::{of_kind, text_at};
use super::services::{annotation, class};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8029",
    name: "ingress-of-no-class",
    group: Group::Kubernetes,
    level: Level::Warning,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

/// What marks the class of Ingresses that name none.
const DEFAULT: &str = "ingressclass.kubernetes.io/is-default-class";

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let is_default = |node: &crate::document::Node| node.scalar().is_some_and(|scalar| &*scalar.text == "true");
    if of_kind(estate, "IngressClass").any(|class| annotation(class, DEFAULT).is_some_and(is_default)) {
        return;
    }
    for ingress in of_kind(estate, "Ingress").filter(|ingress| class(*ingress).is_none()) {
        // Other APIs have an Ingress, too.
        if !text_at(ingress.node, &["apiVersion"]).is_some_and(|version| version.starts_with("networking.k8s.io/")) {
            continue;
        }
        findings.push(
            RULE.finding(ingress.place(), format!("`{}` names no class", ingress.name().escape_debug()))
                .label("served by whatever is the default of the cluster")
                .because("a default that exists in one cluster and not in the next decides who serves it (R-K8-29)")
                .fix("write `spec.ingressClassName`"),
        );
    }
}
