//! Rules: PostgreSQL and Patroni (facts.md §12.2).

use super::rule::family;

family! {
    "parameter-that-patroni-decides.rs" => parameter_that_patroni_decides,
    "one-zone-holds-the-quorum.rs" => one_zone_holds_the_quorum,
    "no-loss-promised-and-asynchronous.rs" => no_loss_promised_and_asynchronous,
    "no-loss-ends-with-the-last-standby.rs" => no_loss_ends_with_the_last_standby,
    "strict-with-one-standby.rs" => strict_with_one_standby,
    "synchronous-commit-contradicts-replication.rs" => synchronous_commit_contradicts_replication,
    "remote-apply-adds-no-durability.rs" => remote_apply_adds_no_durability,
    "commits-wait-for-queries-on-standbys.rs" => commits_wait_for_queries_on_standbys,
    "lag-guard-below-a-second-of-wal.rs" => lag_guard_below_a_second_of_wal,
    "asynchronous-loss-exceeds-rpo.rs" => asynchronous_loss_exceeds_rpo,
    "archiving-turned-off.rs" => archiving_turned_off,
    "archive-waits-longer-than-the-rpo.rs" => archive_waits_longer_than_the_rpo,
    "archive-command-copies-blindly.rs" => archive_command_copies_blindly,
    "rest-password-in-clear-text.rs" => rest_password_in_clear_text,
    "directories-that-others-can-write.rs" => directories_that_others_can_write,
    "slots-may-fill-the-disk.rs" => slots_may_fill_the_disk,
    "logical-copy-without-logical-wal.rs" => logical_copy_without_logical_wal,
    "subscriber-taken-for-a-standby.rs" => subscriber_taken_for_a_standby,
    "endpoint-of-one-machine.rs" => endpoint_of_one_machine,
    "region-lag-that-nobody-watches.rs" => region_lag_that_nobody_watches,
    "rto-below-the-floor-of-patroni.rs" => rto_below_the_floor_of_patroni,
    "no-loss-promised-across-regions.rs" => no_loss_promised_across_regions,
    "router-slower-than-the-failover.rs" => router_slower_than_the_failover,
    "archive-goes-elsewhere.rs" => archive_goes_elsewhere,
    "durability-turned-off.rs" => durability_turned_off,
    "one-zone-holds-all-members.rs" => one_zone_holds_all_members,
    "shared-buffers-exceed-memory.rs" => shared_buffers_exceed_memory,
    "no-room-for-wal.rs" => no_room_for_wal,
}
