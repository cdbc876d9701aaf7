//! Rules: Load balancers (facts.md §12.6).

mod balancers;

use super::rule::family;

family! {
    "pods-die-before-they-are-drained.rs" => pods_die_before_they_are_drained,
    "balancer-can-be-deleted-by-a-slip.rs" => balancer_can_be_deleted_by_a_slip,
    "zone-cannot-be-taken-out.rs" => zone_cannot_be_taken_out,
    "balancer-without-tls-1-3.rs" => balancer_without_tls_1_3,
    "balancer-gives-up-before-the-route.rs" => balancer_gives_up_before_the_route,
    "cross-zone-is-left-to-the-default.rs" => cross_zone_is_left_to_the_default,
}
