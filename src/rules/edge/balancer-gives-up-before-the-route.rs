//! A load balancer closes idle connections sooner than a route lets a request take.
//!
//! # What it finds
//! Behind an ALB (`edge.ingress: alb`), a route whose timeout and 5 s exceed 4000 s, the longest idle timeout that an ALB has; up to
//! there hagen sets it longer than every route. Behind a Gateway of the class `istio` in a region of AWS, a route of more than
//! 350 s: its network balancer forgets a connection on which nothing was sent for so long. Whether an answer sends something
//! meanwhile, as a stream does, is not known. In files: an HTTPRoute with a `timeouts.request` above 350 s, whose Gateway asks for a
//! network balancer of AWS by annotations and does not set `tcp.idle_timeout.seconds` of its listeners.
//!
//! # Why it matters
//! The service is still at work when the balancer hangs up: the client sees a broken connection, tries again, and the work is
//! done twice. It happens on the slowest requests only, and looks sporadic.
//!
//! # Example
//! ```yaml
//! services:
//!   reports:
//!     exposure: public
//!     route: {path: /reports, timeout: 10m}   # 350 s behind a network balancer
//! edge: {ingress: gateway-api}
//! ```
//!
//! # Fix
//! Shorten the route and let the client ask for the result; or send something at shorter intervals.
//!
//! # Source
//! facts.md R-LB-07, F-LB-05; Elastic Load Balancing documentation, "Update the TCP idle timeout for your Network Load
//! Balancer listener" (350 s, 60 to 6000 s).

use super::balancers::{is_nlb, names};
use crate::blueprint::raw::{Ingress, Provider};
use crate::blueprint::units::Duration;
use crate::rules::kubernetes::objects::{Object, at, list_at, of_kind, text_at};
use crate::rules::prelude::*;
use crate::rules::resilience::mesh;

pub static RULE: Rule = Rule {
    id: "LB007",
    name: "balancer-gives-up-before-the-route",
    group: Group::Edge,
    level: Level::Warning,
    security: false,
    fields: &["services.*.route.timeout", "edge.ingress", "edge.gateway.class", "regions.*.provider"],
    check: Check::Both(check, files),
};

/// The longest idle timeout of an ALB, less the five seconds that hagen adds to the longest route.
const ALB: Duration = Duration::from_secs(3995);
/// The idle timeout of a TCP listener of an NLB.
const NLB: Duration = Duration::from_secs(350);

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let edge = &blueprint.spec.edge;
    let on_aws = blueprint.regions.iter().any(|region| region.spec.provider == Provider::Aws);
    let (most, place, why) = match edge.ingress {
        Ingress::Alb => (
            ALB,
            path!["edge", "ingress"],
            "an ALB closes a connection that is idle for 4000s at the latest, and hagen asks for 5s more than the route (F-LB-05, R-LB-07)",
        ),
        Ingress::GatewayApi if edge.gateway.is_istio() && on_aws => (
            NLB,
            path!["edge", "gateway", "class"],
            "the network balancer of the Gateway forgets a connection on which nothing is sent for 350s (R-LB-07)",
        ),
        _ => return,
    };
    for service in blueprint.services.iter().filter(|service| service.on_kubernetes() && service.is_public()) {
        let Some(route) = service.spec.route.as_ref().filter(|route| route.timeout > most) else { continue };
        findings.push(
            RULE.finding(
                Place::Value(path!["services", service.name, "route", "timeout"]),
                format!("the balancer may hang up on `{}` before it answers", service.name),
            )
            .label(format!("{} > {most}", route.timeout))
            .also(Place::Value(place.clone()), "what is in front of it")
            .because(why)
            .fix(format!("write `timeout: {most}` or less, or have the answer send something at shorter intervals")),
        );
    }
}

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let decides = |gateway: &Object<'_>| is_nlb(*gateway) && !names(*gateway, "tcp.idle_timeout.seconds");
    let gateways: Vec<Object<'_>> = of_kind(estate, "Gateway").filter(decides).collect();
    for route in of_kind(estate, "HTTPRoute") {
        let leads = |gateway: &&Object<'_>| {
            list_at(route.node, &["spec", "parentRefs"]).any(|parent| {
                let namespace = text_at(parent, &["namespace"]).unwrap_or_else(|| route.namespace());
                text_at(parent, &["name"]) == Some(gateway.name()) && namespace == gateway.namespace()
            })
        };
        let Some(gateway) = gateways.iter().find(leads) else { continue };
        for rule in list_at(route.node, &["spec", "rules"]) {
            let Some(node) = at(rule, &["timeouts", "request"]) else { continue };
            let timeout = node.scalar().and_then(|scalar| mesh::duration(&scalar.text));
            let Some(timeout) = timeout.filter(|timeout| *timeout > NLB) else { continue };
            findings.push(
                RULE.finding(
                    Place::Span(node.span),
                    format!("the balancer may hang up on `{}` before it answers", route.name().escape_debug()),
                )
                .label(format!("{timeout} > {NLB}"))
                .also(gateway.place(), "what is in front of it")
                .because(
                    "the network balancer of the Gateway forgets a connection on which nothing is sent for 350s (R-LB-07)",
                )
                .fix(format!("write {NLB} or less, or have the answer send something at shorter intervals")),
            );
        }
    }
}
