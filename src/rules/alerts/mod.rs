//! Rules: alerts (facts.md §12.8).

use super::rule::family;

family! {
    "page-for-one-instance.rs" => page_for_one_instance,
    "page-comes-after-the-objective.rs" => page_comes_after_the_objective,
    "objective-without-burn-rate-alerts.rs" => objective_without_burn_rate_alerts,
    "backups-are-not-watched.rs" => backups_are_not_watched,
    "failover-is-not-watched.rs" => failover_is_not_watched,
    "certificate-ends-unnoticed.rs" => certificate_ends_unnoticed,
    "monitoring-dies-unnoticed.rs" => monitoring_dies_unnoticed,
    "alarm-dies-with-its-region.rs" => alarm_dies_with_its_region,
    "people-take-the-whole-objective.rs" => people_take_the_whole_objective,
    "nobody-asks-from-outside.rs" => nobody_asks_from_outside,
    "critical-alerts-page-nobody.rs" => critical_alerts_page_nobody,
}
