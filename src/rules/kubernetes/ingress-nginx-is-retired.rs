//! Requests come in through ingress-nginx, which is retired.
//!
//! # What it finds
//! An Ingress of the class `nginx`, one without a class that carries annotations of ingress-nginx, and a container with an
//! image of its controller. A class that another controller serves, which an IngressClass among the files or an annotation of
//! `nginx.org/` says, is none of it. In a blueprint BP026 warns.
//!
//! # Why it matters
//! The project ended in March 2026: no releases, and no fixes of what is found in it from then on, in the one component that
//! the whole Internet can talk to.
//!
//! # Example
//! ```yaml
//! kind: Ingress
//! spec: {ingressClassName: nginx}
//! ```
//!
//! # Fix
//! A maintained controller; best one of the Gateway API, whose routes outlive the next change of controllers.
//!
//! # Source
//! facts.md R-K8-31, F-LB-07: ingress-nginx, README.md.

use super::ingress_nginx::{controllers, served};
use super::objects::of_kind;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8031",
    name: "ingress-nginx-is-retired",
    group: Group::Kubernetes,
    level: Level::Warning,
    security: true,
    fields: &[],
    check: Check::Files(check),
};

const WHY: &str = "ingress-nginx gets no fixes since March 2026, security fixes included (F-LB-07)";
const FIX: &str = "move to a maintained controller, best one of the Gateway API: the routes become HTTPRoutes";

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for ingress in of_kind(estate, "Ingress") {
        let Some(span) = served(estate, ingress) else { continue };
        findings.push(
            RULE.finding(
                Place::Span(span),
                format!("`{}` is served by ingress-nginx, which is retired", ingress.name().escape_debug()),
            )
            .label("ingress-nginx")
            .because(WHY)
            .fix(FIX),
        );
    }
    for (object, image) in controllers(estate) {
        findings.push(
            RULE.finding(
                Place::Span(image.span),
                format!("`{}` runs the controller of ingress-nginx, which is retired", object.name().escape_debug()),
            )
            .label("no release will follow")
            .because(WHY)
            .fix(FIX),
        );
    }
}
