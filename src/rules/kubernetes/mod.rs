//! Rules: Kubernetes objects (facts.md §12.1).

mod ingress_nginx;
mod needs;
mod network;
pub(super) mod objects;
mod selector;
pub(super) mod services;
mod times;

use super::rule::family;

family! {
    "required-affinity-caps-replicas.rs" => required_affinity_caps_replicas,
    "drain-takes-all-pods.rs" => drain_takes_all_pods,
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
    "ingress-of-no-class.rs" => ingress_of_no_class,
    "annotation-that-nobody-reads.rs" => annotation_that_nobody_reads,
    "ingress-nginx-is-retired.rs" => ingress_nginx_is_retired,
    "dead-pod-is-waited-for.rs" => dead_pod_is_waited_for,
    "all-clients-share-one-limit.rs" => all_clients_share_one_limit,
    "zones-left-out.rs" => zones_left_out,
    "service-selects-nobody.rs" => service_selects_nobody,
    "scales-or-protects-nothing.rs" => scales_or_protects_nothing,
    "policy-cuts-what-is-needed.rs" => policy_cuts_what_is_needed,
    "backend-is-not-there.rs" => backend_is_not_there,
}
