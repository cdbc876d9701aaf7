//! Rules: targets, claims, capacity (facts.md §12.9).

use super::rule::family;

family! {
    "one-outage-exceeds-the-budget.rs" => one_outage_exceeds_the_budget,
    "objective-above-what-is-bought.rs" => objective_above_what_is_bought,
    "nothing-to-recover-to.rs" => nothing_to_recover_to,
    "drills-leave-no-trace.rs" => drills_leave_no_trace,
    "needs-what-recovers-later.rs" => needs_what_recovers_later,
    "depends-on-others-without-bound.rs" => depends_on_others_without_bound,
    "store-without-rpo.rs" => store_without_rpo,
    "failover-region-starts-empty.rs" => failover_region_starts_empty,
}
