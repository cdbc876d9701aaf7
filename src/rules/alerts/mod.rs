//! Rules: alerts (facts.md §12.8).

mod expression;
mod reader;
mod tokens;
pub(super) mod written;

use super::rule::family;

family! {
    "target-that-vanishes-is-not-missed.rs" => target_that_vanishes_is_not_missed,
    "page-for-one-instance.rs" => page_for_one_instance,
    "error-rate-that-is-no-share.rs" => error_rate_that_is_no_share,
    "annotation-in-another-unit.rs" => annotation_in_another_unit,
    "page-comes-after-the-objective.rs" => page_comes_after_the_objective,
    "lag-grows-when-nothing-is-written.rs" => lag_grows_when_nothing_is_written,
    "finished-pods-count-as-not-ready.rs" => finished_pods_count_as_not_ready,
    "objective-without-burn-rate-alerts.rs" => objective_without_burn_rate_alerts,
    "backups-are-not-watched.rs" => backups_are_not_watched,
    "failover-is-not-watched.rs" => failover_is_not_watched,
    "certificate-ends-unnoticed.rs" => certificate_ends_unnoticed,
    "monitoring-dies-unnoticed.rs" => monitoring_dies_unnoticed,
    "alarm-dies-with-its-region.rs" => alarm_dies_with_its_region,
    "people-take-the-whole-objective.rs" => people_take_the_whole_objective,
    "nobody-asks-from-outside.rs" => nobody_asks_from_outside,
    "label-that-is-gone.rs" => label_that_is_gone,
    "critical-alerts-page-nobody.rs" => critical_alerts_page_nobody,
    "metric-that-no-exporter-has.rs" => metric_that_no_exporter_has,
    "standby-cut-off-looks-in-step.rs" => standby_cut_off_looks_in_step,
    "exporter-gone-looks-healthy.rs" => exporter_gone_looks_healthy,
    "lost-node-looks-well.rs" => lost_node_looks_well,
    "lost-shard-fires-nothing.rs" => lost_shard_fires_nothing,
    "rule-file-is-refused.rs" => rule_file_is_refused,
}
