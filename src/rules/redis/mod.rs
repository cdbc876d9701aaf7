//! Rules: Redis (facts.md §12.4).

use super::rule::family;

mod configured;
mod contents;

family! {
    "replicaof-in-a-cluster.rs" => replicaof_in_a_cluster,
    "comment-behind-a-value.rs" => comment_behind_a_value,
    "placeholder-left-in.rs" => placeholder_left_in,
    "zone-holds-the-majority-of-primaries.rs" => zone_holds_the_majority_of_primaries,
    "primaries-gather-unseen.rs" => primaries_gather_unseen,
    "shard-lies-in-one-zone.rs" => shard_lies_in_one_zone,
    "eviction-loses-kept-data.rs" => eviction_loses_kept_data,
    "replication-loss-is-unbounded.rs" => replication_loss_is_unbounded,
    "no-loss-promised-for-redis.rs" => no_loss_promised_for_redis,
    "node-timeout-misses-its-purpose.rs" => node_timeout_misses_its_purpose,
    "lost-shard-looks-healthy.rs" => lost_shard_looks_healthy,
    "no-room-for-the-fork.rs" => no_room_for_the_fork,
    "redis-is-open.rs" => redis_is_open,
    "pubsub-cannot-be-restored.rs" => pubsub_cannot_be_restored,
    "snapshots-are-too-far-apart.rs" => snapshots_are_too_far_apart,
    "managed-snapshot-is-no-backup.rs" => managed_snapshot_is_no_backup,
    "kept-data-is-not-persisted.rs" => kept_data_is_not_persisted,
    "node-timeouts-differ.rs" => node_timeouts_differ,
    "sentinels-decide-alone-or-never.rs" => sentinels_decide_alone_or_never,
}
