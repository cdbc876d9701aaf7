//! Rules: Retries, timeouts, breakers (facts.md §12.7).

pub(super) mod mesh;
mod tries;

use super::rule::family;

family! {
    "circuit-breaker-stands-in-a-route.rs" => circuit_breaker_stands_in_a_route,
    "route-leads-nowhere.rs" => route_leads_nowhere,
    "breaker-counts-by-a-field-of-old.rs" => breaker_counts_by_a_field_of_old,
    "last-try-is-cut-off.rs" => last_try_is_cut_off,
    "retries-multiply.rs" => retries_multiply,
    "writes-are-tried-again.rs" => writes_are_tried_again,
    "guard-ends-before-the-tries.rs" => guard_ends_before_the_tries,
    "fallback-without-time.rs" => fallback_without_time,
    "inner-timeout-outlives-its-caller.rs" => inner_timeout_outlives_its_caller,
    "no-pod-may-be-left-out.rs" => no_pod_may_be_left_out,
    "zone-failover-without-ejection.rs" => zone_failover_without_ejection,
    "external-call-unprotected.rs" => external_call_unprotected,
}
