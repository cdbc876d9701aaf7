//! Rules: runbooks and managed platforms (facts.md §12.10).

use super::rule::family;

family! {
    "manual-step-without-duration.rs" => manual_step_without_duration,
    "runbook-lies-in-what-is-lost.rs" => runbook_lies_in_what_is_lost,
    "no-region-to-fail-over-to.rs" => no_region_to_fail_over_to,
    "images-lie-in-one-region.rs" => images_lie_in_one_region,
    "promotion-changes-every-address.rs" => promotion_changes_every_address,
    "serverless-region-never-leaves.rs" => serverless_region_never_leaves,
}
