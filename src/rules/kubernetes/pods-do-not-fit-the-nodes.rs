//! The nodes of a region do not hold the pods that the blueprint asks for.
//!
//! # What it finds
//! `nodes` of a region are declared, and either the requests of all pods at the autoscalers' maximum are more than they have,
//! or after the loss of one zone the least pods of all services are more than the rest has. Counted are services, PostgreSQL
//! members and pools, and Redis nodes on Kubernetes; routers, etcd, exporters, proxies of a mesh and what the system itself
//! runs come on top, so that the real need is larger. Members and nodes of data stores are bound to their zone: a lost zone
//! takes its share of them along. Without `nodes` nothing is said.
//!
//! # Why it matters
//! A pod that fits nowhere stays Pending. The maximum of an autoscaler that cannot be reached promises capacity that is not
//! there, and a zone whose pods find no room elsewhere is not survived.
//!
//! # Example
//! ```yaml
//! regions:
//!   us-east-1:
//!     nodes: {count: 6, cpu: "8", memory: 32Gi}   # 48 cores for pods that may ask for 52.5
//! ```
//!
//! # Fix
//! More or larger nodes, a smaller `replicas.max`, or smaller requests where they are higher than what is used.
//!
//! # Source
//! facts.md R-K8-14 (arithmetic).

use crate::blueprint::units::{Bytes, Cpu};
use crate::blueprint::{Redis, Region};
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8014",
    name: "pods-do-not-fit-the-nodes",
    group: Group::Kubernetes,
    level: Level::Error,
    security: false,
    fields: &[
        "regions.*.nodes",
        "services.*.replicas",
        "services.*.resources.requests",
        "postgres.*.resources",
        "postgres.*.pool",
        "redis.*.resources",
    ],
    check: Check::Blueprint(check),
};

/// CPU in thousandths of a core and memory in bytes.
#[derive(Clone, Copy, Default)]
struct Need {
    cpu: u64,
    memory: u64,
}

impl Need {
    fn add(&mut self, count: u64, cpu: Cpu, memory: Bytes) {
        self.cpu = self.cpu.saturating_add(count.saturating_mul(cpu.millis()));
        self.memory = self.memory.saturating_add(count.saturating_mul(memory.get()));
    }
}

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for region in &blueprint.regions {
        let Some(nodes) = region.spec.nodes else { continue };
        let (mut least, mut most) = (Need::default(), Need::default());
        for service in blueprint.services.iter().filter(|service| service.on_kubernetes()) {
            let ((min, max), requests) = (service.replicas(region), &service.spec.resources.requests);
            let max = if service.autoscaled(region) { max } else { min };
            least.add(min.into(), requests.cpu, requests.memory);
            most.add(max.into(), requests.cpu, requests.memory);
        }
        let stores = stores(blueprint, region);
        let count = u64::from(nodes.count);
        let zones = region.spec.zones.len() as u64;
        let kinds = [
            ("CPU", "cores", [least.cpu, most.cpu, stores.cpu], nodes.cpu.millis(), 1000),
            ("memory", "GiB", [least.memory, most.memory, stores.memory], nodes.memory.get(), 1 << 30),
        ];
        for (what, unit, [least, most, stores], of_node, one) in kinds {
            let all = count.saturating_mul(of_node);
            let shown = |amount: u64| tenths(amount, one);
            let finding = |title: String| {
                RULE.finding(Place::Value(path!["regions", region.name, "nodes"]), title)
                    .label(format!("{count} nodes have {} {unit}", shown(all)))
            };
            if most.saturating_add(stores) > all {
                findings.push(
                    finding(format!("the pods of {} may ask for more {what} than its nodes have", region.name))
                        .because(format!(
                            "services at their maximum ask for {} {unit} and data stores for {}: {} of {} (R-K8-14)",
                            shown(most),
                            shown(stores),
                            shown(most.saturating_add(stores)),
                            shown(all)
                        ))
                        .fix(format!(
                            "have nodes for {} {unit} and what the system itself runs, or lower `replicas.max`",
                            shown(most.saturating_add(stores))
                        )),
                );
                continue;
            }
            // Whole zones: what is bound to a lost zone goes with it.
            let (left, bound) = (all / zones * (zones - 1), stores / zones * (zones - 1));
            if zones > 1 && least.saturating_add(bound) > left {
                findings.push(
                    finding(format!("after the loss of one zone of {} its pods do not fit", region.name))
                        .also(Place::Value(path!["regions", region.name, "zones"]), format!("{} of {zones} are left", zones - 1))
                        .because(format!(
                            "the least pods of all services ask for {} {unit} and the data stores that are left for {}; \
                             {}/{zones} of {} are {} (R-K8-14)",
                            shown(least),
                            shown(bound),
                            zones - 1,
                            shown(all),
                            shown(left)
                        ))
                        .fix("have nodes for all of it in the zones that are left"),
                );
            }
        }
    }
}

/// What the data stores of a region ask for.
fn stores(blueprint: &Blueprint, region: &Region) -> Need {
    let mut need = Need::default();
    let postgres = blueprint.postgres.iter().filter(|cluster| cluster.on_kubernetes() && cluster.is_rendered());
    for cluster in postgres.filter(|cluster| cluster.role(region).is_some()) {
        let spec = &cluster.spec;
        if let Some(resources) = &spec.resources {
            need.add(cluster.member_count(region) as u64, resources.cpu, resources.memory);
        }
        if spec.pool.image.is_some() {
            need.add(spec.pool.replicas.into(), spec.pool.resources.cpu, spec.pool.resources.memory);
        }
    }
    for redis in blueprint.redis.iter().filter(|redis| redis.on_kubernetes() && redis.in_region(region)) {
        let cpu = redis.spec.resources.as_ref().map_or(Cpu::from_millis(Redis::CPU), |resources| resources.cpu);
        need.add(redis.node_count() as u64, cpu, Redis::node_memory(&redis.spec));
    }
    need
}

/// An amount in units, with one decimal where it is not whole: `52.5`.
fn tenths(amount: u64, one: u64) -> String {
    let tenths = u128::from(amount) * 10 / u128::from(one);
    if tenths.is_multiple_of(10) { (tenths / 10).to_string() } else { format!("{}.{}", tenths / 10, tenths % 10) }
}
