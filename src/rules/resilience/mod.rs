//! Rules: Retries, timeouts, breakers (facts.md §12.7).

use super::rule::family;

family! {
    "retries-multiply.rs" => retries_multiply,
    "fallback-without-time.rs" => fallback_without_time,
    "inner-timeout-outlives-its-caller.rs" => inner_timeout_outlives_its_caller,
    "external-call-unprotected.rs" => external_call_unprotected,
}
