//! Rules: Backup and restore (facts.md §12.3).

use super::rule::family;

mod configured;

family! {
    "snapshots-rarer-than-the-rpo.rs" => snapshots_rarer_than_the_rpo,
    "every-copy-in-one-region.rs" => every_copy_in_one_region,
    "no-copy-that-cannot-be-deleted.rs" => no_copy_that_cannot_be_deleted,
    "restores-never-tried.rs" => restores_never_tried,
    "drills-too-rare.rs" => drills_too_rare,
    "retention-shorter-than-the-notice.rs" => retention_shorter_than_the_notice,
    "restore-time-unknown.rs" => restore_time_unknown,
    "backups-in-clear-text.rs" => backups_in_clear_text,
    "wal-and-backups-expire-apart.rs" => wal_and_backups_expire_apart,
    "copy-where-nobody-fails-over-to.rs" => copy_where_nobody_fails_over_to,
    "rpo-without-a-mechanism.rs" => rpo_without_a_mechanism,
}
