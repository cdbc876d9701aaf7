//! A certificate has to be put into every region by hand, before clients are sent there.
//!
//! # What it finds
//! Public services in several regions: behind a Gateway or an nginx Ingress without `edge.tls.issuer`, where somebody must put a
//! Secret into each cluster; or behind an ALB, which finds its certificate in ACM, one for each region. With an issuer hagen
//! renders the Certificate in every region, and it stays silent; whether the issuer can prove the host from a region that DNS
//! does not lead to (an HTTP-01 solver cannot) stands in the cluster, not in the blueprint.
//!
//! # Why it matters
//! The certificate of the second region is first seen on the day of the failover: missing, expired or for another host, it
//! refuses every client while health checks, which do not validate it, find the region healthy.
//!
//! # Example
//! ```yaml
//! edge:
//!   ingress: alb   # one certificate in ACM for each region
//! ```
//!
//! # Fix
//! `edge: {tls: {issuer: …}}` with a DNS-01 solver; or request the certificate in every region, and look at it in each drill.
//!
//! # Source
//! facts.md R-DN-18 (inference), F-DN-02.

use crate::blueprint::dns::records;
use crate::blueprint::raw::Ingress;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "DN018",
    name: "certificate-is-needed-in-every-region",
    group: Group::Dns,
    level: Level::Info,
    security: false,
    fields: &["edge.tls.issuer", "edge.ingress", "regions"],
    check: Check::Blueprint(check),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    let edge = &blueprint.spec.edge;
    let where_it_lies = match edge.ingress {
        // The certificate of an ALB is in ACM, whatever the issuer.
        Ingress::Alb => "in ACM",
        Ingress::GatewayApi | Ingress::Nginx if edge.tls.issuer.is_none() => "as a Secret of its cluster",
        Ingress::GatewayApi | Ingress::Nginx | Ingress::None => return,
    };
    if !blueprint.services.iter().any(|service| service.on_kubernetes() && service.is_public()) {
        return;
    }
    let records = records(&blueprint.spec, &blueprint.regions);
    let Some(record) = records.iter().find(|record| record.regions(&blueprint.regions).len() > 1) else { return };
    let names: Vec<&str> = record.regions(&blueprint.regions).iter().map(|region| region.name.as_str()).collect();
    let at = path!["dns", "records", record.label];
    let title = "the certificate has to be in every region before the day it is needed";
    let leads = format!("can lead to {}", names.join(" and "));
    let finding = match &edge.tls.secret {
        _ if edge.ingress == Ingress::Alb => {
            RULE.finding(Place::Value(path!["edge", "ingress"]), title).also(Place::Key(at), leads)
        }
        Some(_) => RULE.finding(Place::Value(path!["edge", "tls", "secret"]), title).also(Place::Key(at), leads),
        None => RULE.finding(Place::Key(at), title).label(leads).rests_on(path!["edge", "tls"]),
    };
    findings.push(
        finding
            .because(format!(
                "each region reads its own, {where_it_lies}, and health checks do not see one that is missing for clients or expired (F-DN-02)"
            ))
            .fix(if edge.ingress == Ingress::Alb {
                "request it in ACM in every region, and look at it in each drill"
            } else {
                "write `edge.tls.issuer`, or put the Secret into every cluster and look at it in each drill"
            }),
    );
}
