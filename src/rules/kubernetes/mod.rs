//! Rules: Kubernetes objects (facts.md §12.1).

pub(super) mod objects;
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
    "zones-left-out.rs" => zones_left_out,
}
