//! Rules: Kubernetes objects (facts.md §12.1).

use super::rule::family;

mod objects;

family! {
    "required-affinity-caps-replicas.rs" => required_affinity_caps_replicas,
    "autoscaler-leaves-no-room-for-a-zone.rs" => autoscaler_leaves_no_room_for_a_zone,
}
