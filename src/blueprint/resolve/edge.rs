//! The edge and the mesh: who gets in, through which kind of balancer, and who counts.

use super::Resolver;
use crate::blueprint::{Service, raw};
use crate::diagnostics::{Diagnostic, Place};
use crate::path;

impl Resolver<'_> {
    /// Looks at the way from the outside to the services, and at what the mesh sees of it.
    pub(super) fn edge(&mut self, services: &[Service]) {
        let kubernetes: Vec<&Service> = services.iter().filter(|service| service.on_kubernetes()).collect();
        if self.spec.edge.ingress == raw::Ingress::GatewayApi && kubernetes.iter().any(|service| service.is_public()) {
            self.foreign_gateway();
            self.gateway_balancer();
        }
        self.mesh_counts(&kubernetes);
    }

    /// The proxies of a class that hagen does not know are somewhere: every NetworkPolicy needs to know where.
    fn foreign_gateway(&mut self) {
        let edge = &self.spec.edge;
        if edge.gateway.is_istio() || edge.namespace.is_some() {
            return;
        }
        self.problems.push(
            Diagnostic::error(
                "BP130",
                Place::Value(path!["edge", "gateway", "class"]),
                format!("nobody says where the proxies of the class `{}` run", edge.gateway.class),
            )
            .because("only those of the class `istio` run beside the Gateway with labels that hagen knows; the NetworkPolicies would cut off all others (R-K8-39)")
            .fix("write `edge.namespace` with the namespace that they run in"),
        );
    }

    /// On AWS the Service of an Istio Gateway gets a network load balancer, never an application one.
    fn gateway_balancer(&mut self) {
        if !self.spec.edge.gateway.is_istio() {
            return;
        }
        for region in &self.regions {
            let Some(balancer) = &region.spec.load_balancer else { continue };
            if region.spec.provider != raw::Provider::Aws || balancer.kind != raw::LoadBalancerKind::Application {
                continue;
            }
            let at = path!["regions", &region.name, "loadBalancer"];
            self.problems.push(
                Diagnostic::warning(
                    "BP131",
                    Place::Value(at.key("kind")),
                    "an Istio Gateway gets a network load balancer, and DNS is to lead to an application one",
                )
                .also(Place::Value(path!["edge", "ingress"]), "this makes a Gateway")
                .because("the Gateway's Service is of type LoadBalancer, which on AWS is an NLB with a hosted zone of its own (R-DN-03): the alias would lead past the Gateway")
                .fix("write `kind: network` and the NLB's name, `NAME-HASH.elb.REGION.amazonaws.com`; or `edge.ingress: alb`"),
            );
        }
    }

    /// Where the SLO of a service rests on the mesh's count of requests, the mesh has to see them.
    fn mesh_counts(&mut self, services: &[&Service]) {
        let edge = &self.spec.edge;
        if edge.mesh.is_none() || self.spec.monitoring.is_none() {
            return;
        }
        for service in services {
            if service.targets.availability.is_none() || service.spec.metrics.requests.is_some() {
                continue;
            }
            let Err(why) = edge.counts(service.spec.exposure, self.called(&service.name)) else { continue };
            self.problems.push(
                Diagnostic::warning(
                    "BP133",
                    Place::Key(path!["services", &service.name]),
                    format!("nobody counts the requests of `{}`, so its SLO has no alerts", service.name),
                )
                .also(
                    Place::Value(path!["edge", "mesh", "dataPlane"]),
                    "without sidecars only waypoints and an Istio Gateway count",
                )
                .because(why)
                .fix("write `metrics: {requests: COUNTER}`, a counter of requests that the service has itself"),
            );
        }
    }

    /// Whether a service on Kubernetes needs it.
    fn called(&self, name: &str) -> bool {
        let reference = format!("services.{name}");
        let calls = |service: &raw::Service| {
            let fallbacks = service.needs.values().filter_map(|need| need.fallback.as_ref());
            let mut all = service.needs.keys().chain(fallbacks);
            service.platform == raw::ServicePlatform::Kubernetes && all.any(|needed| needed.as_str() == reference)
        };
        self.spec.services.values().any(calls)
    }
}
