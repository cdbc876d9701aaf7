//! Kubernetes objects of the namespace and of the services, per region: everything below `REGION/kubernetes/` that
//! is not a data store's.
//!
//! One file for the namespace, one for the secrets, one for each service with all of its objects, one for the edge,
//! one for what the mesh shares. Files that no service can be named after begin with a digit.

pub(crate) mod common;

mod connections;
mod edge;
mod mesh;
mod namespace;
mod network;
mod secrets;
mod service;
mod workload;

use serde::Serialize;

use super::{ArtifactKind, File, Jobs};
use crate::blueprint::{Blueprint, Region, Service};
use crate::document::Path;

pub(crate) use edge::NETWORK_BALANCER;
pub(crate) use secrets::by_hand as secrets_by_hand;

/// All files of this part of the output.
pub fn jobs(blueprint: &Blueprint, jobs: &mut Jobs<'_>) {
    jobs.each_region(blueprint, |region, jobs| {
        if !has_objects(blueprint, region) {
            return;
        }
        namespace::job(blueprint, region, jobs);
        secrets::job(blueprint, region, jobs);
        if services(blueprint).next().is_some() {
            edge::job(blueprint, region, jobs);
            mesh::job(blueprint, region, jobs);
        }
        service::jobs(blueprint, region, jobs);
    });
}

/// Whether anything of the system runs on Kubernetes in a region.
fn has_objects(blueprint: &Blueprint, region: &Region) -> bool {
    services(blueprint).next().is_some()
        || blueprint.postgres_in(region).next().is_some()
        || blueprint.redis.iter().any(|r| r.on_kubernetes() && r.in_region(region))
}

/// The services that are rendered.
fn services(blueprint: &Blueprint) -> impl Iterator<Item = &Service> {
    blueprint.services.iter().filter(|service| service.on_kubernetes())
}

/// A file of a region.
fn push(
    jobs: &mut Jobs<'_>,
    region: &Region,
    file: (String, &'static str),
    context: &impl Serialize,
    origins: Vec<Path>,
) {
    let (name, template) = file;
    let path = format!("{}/kubernetes/{name}.yaml", region.name);
    jobs.push(File { path, kind: ArtifactKind::Kubernetes, region: Some(region), template, origins }, context);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{Engine, Family, Selection};

    /// A blueprint of two regions with these services; `IMAGE` stands for an image.
    pub(super) fn blueprint(services: &str) -> Blueprint {
        let image = format!("example.com/a:1@sha256:{}", "0".repeat(64));
        let text = format!(
            "apiVersion: hagen.dev/v1\nkind: Blueprint\nmetadata: {{name: test}}\n\
             regions:\n  aa: {{role: primary, zones: [a, b, c]}}\n  bb: {{role: secondary, zones: [d, e, f], warm: 0%}}\n\
             edge: {{mesh: {{kind: istio}}}}\nservices:{}\n",
            services.replace("IMAGE", &image)
        );
        let spec = serde_yaml::from_str(&text).unwrap();
        crate::blueprint::resolve::resolve(spec, None).0.unwrap()
    }

    fn rendered(blueprint: &Blueprint) -> std::collections::BTreeMap<String, String> {
        let selection = Selection { only: vec![Family::Kubernetes], ..Selection::default() };
        let engine = Engine::embedded().unwrap();
        let set = crate::render::render(blueprint, &engine, &selection).unwrap();
        set.into_iter().map(|(path, artifact)| (path, artifact.text)).collect()
    }

    #[test]
    fn an_autoscaler_owns_the_replicas_and_a_cold_region_has_neither() {
        let blueprint =
            blueprint("\n  api: {image: IMAGE, port: 80, replicas: {min: 3, max: 9}, autoscale: {cpu: 60%}}");
        let files = rendered(&blueprint);
        let (warm, cold) = (&files["aa/kubernetes/api.yaml"], &files["bb/kubernetes/api.yaml"]);
        assert!(warm.contains("kind: HorizontalPodAutoscaler") && !warm.contains("\n  replicas:"));
        assert!(!cold.contains("kind: HorizontalPodAutoscaler") && cold.contains("\n  replicas: 0"));
    }

    #[test]
    fn the_mesh_tries_again_what_is_safe_and_nobody_else_does() {
        let needs = |need: &str| {
            let services = format!(
                "\n  api: {{image: IMAGE, port: 80}}\n  web: {{image: IMAGE, port: 81, needs: {{services.api: {need}}}}}"
            );
            let files = rendered(&blueprint(&services));
            (files["aa/kubernetes/api.yaml"].clone(), files["aa/kubernetes/web.yaml"].clone())
        };
        let safe = "retryOn: reset-before-request,connect-failure,refused-stream";
        let (unset, _) = needs("{timeout: 9s}");
        assert!(unset.contains("attempts: 1\n") && unset.contains(safe) && !unset.contains("perTryTimeout"));
        let (none, _) = needs("{timeout: 9s, retries: 0}");
        assert!(none.contains("attempts: 0\n") && !none.contains("retryOn"));
        let (written, caller) = needs("{timeout: 9s, retries: 2, perTry: 3s}");
        assert!(written.contains("attempts: 2\n") && written.contains(safe) && written.contains("perTryTimeout: '3s'"));
        assert!(caller.contains("API_TIMEOUT_MS") && !caller.contains("RETRIES") && !caller.contains("TRY_TIMEOUT"));
    }

    #[test]
    fn a_proxy_and_a_service_live_as_long_as_somebody_waits() {
        let files = rendered(&blueprint(
            "\n  api: {image: IMAGE, port: 80, exposure: public, route: {host: a.example.com, timeout: 40s}}\n  \
             web: {image: IMAGE, port: 81, needs: {services.api: {timeout: 50s}}}",
        ));
        let of = |file: &str| &files[&format!("aa/kubernetes/{file}.yaml")];
        for (proxy, longest) in [("20-edge", 40), ("30-mesh", 50)] {
            assert!(of(proxy).contains(&format!(r#"{{"terminationDrainDuration":"{longest}s"}}"#)));
            assert!(of(proxy).contains(&format!("terminationGracePeriodSeconds: {}", 15 + longest + 5)));
            assert!(of(proxy).contains("sleep:") && of(proxy).contains("seconds: 15"));
        }
        assert!(of("api").contains("terminationGracePeriodSeconds: 65"));
    }

    #[test]
    fn what_a_service_needs_is_open_on_both_sides() {
        let blueprint =
            blueprint("\n  api: {image: IMAGE, port: 80}\n  web: {image: IMAGE, port: 81, needs: {services.api: {}}}");
        let region = blueprint.primary();
        let policy = |name: &str| {
            let service = blueprint.service(name).unwrap();
            serde_json::to_value(network::policy(&blueprint, region, service)).unwrap()
        };
        let (api, web) = (policy("api"), policy("web"));
        let pods = |name: &str| common::pods(&common::selector(&blueprint, common::Identity::service(name)));
        assert_eq!(api["ingress"][0]["peers"][0], pods("web"));
        assert_eq!(web["egress"][0]["peers"][0], pods("api"));
        assert_eq!(api["ingress"][0]["ports"], web["egress"][0]["ports"]);
    }
}
