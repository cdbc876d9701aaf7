//! Rules: Kubernetes objects (facts.md §12.1).

mod ingress_nginx;
mod needs;
mod network;
pub(super) mod objects;
mod patches;
mod probes;
mod scalers;
mod selector;
pub(super) mod services;
mod times;
mod traffic;
pub(super) mod workloads;

use super::rule::family;

family! {
    "selector-misses-its-template.rs" => selector_misses_its_template,
    "image-is-not-pinned.rs" => image_is_not_pinned,
    "required-affinity-caps-replicas.rs" => required_affinity_caps_replicas,
    "lost-zone-is-not-replaced.rs" => lost_zone_is_not_replaced,
    "rollout-has-no-free-zone.rs" => rollout_has_no_free_zone,
    "affinity-selects-nothing.rs" => affinity_selects_nothing,
    "drain-takes-all-pods.rs" => drain_takes_all_pods,
    "budget-blocks-drains.rs" => budget_blocks_drains,
    "broken-pods-block-drains.rs" => broken_pods_block_drains,
    "apply-resets-the-autoscaler.rs" => apply_resets_the_autoscaler,
    "autoscaler-metric-without-request.rs" => autoscaler_metric_without_request,
    "autoscaler-leaves-no-room-for-a-zone.rs" => autoscaler_leaves_no_room_for_a_zone,
    "zone-loss-leaves-too-few-pods.rs" => zone_loss_leaves_too_few_pods,
    "pods-do-not-fit-the-nodes.rs" => pods_do_not_fit_the_nodes,
    "probe-answers-after-the-next-question.rs" => probe_answers_after_the_next_question,
    "restarted-before-taken-out.rs" => restarted_before_taken_out,
    "killed-while-it-starts.rs" => killed_while_it_starts,
    "liveness-asks-dependencies.rs" => liveness_asks_dependencies,
    "readiness-asks-what-all-share.rs" => readiness_asks_what_all_share,
    "stops-before-balancers-know.rs" => stops_before_balancers_know,
    "killed-before-requests-end.rs" => killed_before_requests_end,
    "bound-to-a-lost-node.rs" => bound_to_a_lost_node,
    "one-instance-on-the-way.rs" => one_instance_on_the_way,
    "pods-share-a-node.rs" => pods_share_a_node,
    "min-domains-cannot-be-met.rs" => min_domains_cannot_be_met,
    "ingress-of-no-class.rs" => ingress_of_no_class,
    "annotation-that-nobody-reads.rs" => annotation_that_nobody_reads,
    "ingress-nginx-is-retired.rs" => ingress_nginx_is_retired,
    "dead-pod-is-waited-for.rs" => dead_pod_is_waited_for,
    "all-clients-share-one-limit.rs" => all_clients_share_one_limit,
    "zones-left-out.rs" => zones_left_out,
    "spread-waits-for-a-lost-zone.rs" => spread_waits_for_a_lost_zone,
    "service-selects-nobody.rs" => service_selects_nobody,
    "scales-or-protects-nothing.rs" => scales_or_protects_nothing,
    "policy-cuts-what-is-needed.rs" => policy_cuts_what_is_needed,
    "backend-is-not-there.rs" => backend_is_not_there,
}
