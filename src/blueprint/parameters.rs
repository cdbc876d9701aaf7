//! PostgreSQL parameters whose value hagen can judge: where a number belongs, no word will start the server.
//!
//! Units and their spelling are PostgreSQL's own (documentation, "Parameter Names and Values"): memory in `B`, `kB`, `MB`, `GB`,
//! `TB`, time in `us`, `ms`, `s`, `min`, `h`, `d`, all case-sensitive. A parameter that is not listed passes as it is written.

use super::units::UnitError;

/// Whole numbers without a unit.
const COUNTS: [&str; 17] = [
    "autovacuum_max_workers",
    "default_statistics_target",
    "effective_io_concurrency",
    "max_connections",
    "max_files_per_process",
    "max_locks_per_transaction",
    "max_logical_replication_workers",
    "max_parallel_maintenance_workers",
    "max_parallel_workers",
    "max_parallel_workers_per_gather",
    "max_prepared_transactions",
    "max_replication_slots",
    "max_wal_senders",
    "max_worker_processes",
    "superuser_reserved_connections",
    "tcp_keepalives_count",
    "vacuum_cost_limit",
];
/// Amounts of memory or storage.
const SIZES: [&str; 14] = [
    "autovacuum_work_mem",
    "effective_cache_size",
    "logical_decoding_work_mem",
    "maintenance_work_mem",
    "max_slot_wal_keep_size",
    "max_stack_depth",
    "max_wal_size",
    "min_wal_size",
    "shared_buffers",
    "temp_buffers",
    "temp_file_limit",
    "wal_buffers",
    "wal_keep_size",
    "work_mem",
];
/// Spans of time.
const TIMES: [&str; 15] = [
    "archive_timeout",
    "authentication_timeout",
    "autovacuum_naptime",
    "checkpoint_timeout",
    "deadlock_timeout",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "lock_timeout",
    "log_min_duration_statement",
    "max_standby_archive_delay",
    "max_standby_streaming_delay",
    "statement_timeout",
    "tcp_keepalives_idle",
    "wal_receiver_timeout",
    "wal_sender_timeout",
];

/// Whether PostgreSQL, run by Patroni, can start with this value.
pub fn check(name: &str, value: &str) -> Result<(), UnitError> {
    let error = |problem: &str, fix: String| Err(UnitError { problem: problem.to_owned(), fix });
    let text = value.trim();
    if name == "wal_level" {
        return match text {
            "replica" | "logical" => Ok(()),
            "minimal" => error(
                "Patroni replicates, and `minimal` writes too little WAL for any standby or archive",
                "write `replica`, or `logical` for subscribers".to_owned(),
            ),
            _ => error("PostgreSQL knows `replica` and `logical`", "write `replica` or `logical`".to_owned()),
        };
    }
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-' || c == '+')).unwrap_or(text.len());
    let (number, unit) = (&text[..end], text[end..].trim_start());
    let is_number = number.parse::<f64>().is_ok();
    if COUNTS.contains(&name) && !(is_number && unit.is_empty()) {
        return error("PostgreSQL wants a whole number here", "write digits only: `100`".to_owned());
    }
    if SIZES.contains(&name) && !(is_number && matches!(unit, "" | "B" | "kB" | "MB" | "GB" | "TB")) {
        let near = match unit.to_ascii_lowercase().trim_end_matches('b') {
            "k" | "ki" => Some("kB"),
            "m" | "mi" => Some("MB"),
            "g" | "gi" => Some("GB"),
            "t" | "ti" => Some("TB"),
            _ => None,
        };
        let fix = near
            .filter(|_| is_number)
            .map_or_else(|| "write an amount as `256MB` or `4GB`".to_owned(), |unit| format!("write `{number}{unit}`"));
        return error("PostgreSQL reads B, kB, MB, GB and TB only, in these very letters", fix);
    }
    if TIMES.contains(&name) && !(is_number && matches!(unit, "" | "us" | "ms" | "s" | "min" | "h" | "d")) {
        let near = matches!(unit, "m" | "minute" | "minutes").then(|| format!("write `{number}min`"));
        return error(
            "PostgreSQL reads us, ms, s, min, h and d only",
            near.unwrap_or_else(|| "write a time as `30s`, `5min` or `1h`".to_owned()),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn what_is_no_number_is_refused_and_what_is_not_known_passes() {
        for (name, value) in [
            ("max_connections", "100"),
            ("shared_buffers", "4GB"),
            ("shared_buffers", "16384"),
            ("work_mem", "64 MB"),
            ("statement_timeout", "0"),
            ("max_slot_wal_keep_size", "-1"),
            ("checkpoint_timeout", "15min"),
            ("wal_level", "logical"),
            ("log_line_prefix", "%m [%p] "),
        ] {
            assert_eq!(check(name, value), Ok(()), "{name} = {value}");
        }
        for (name, value, fix) in [
            ("max_connections", "abc", "100"),
            ("max_connections", "100s", "100"),
            ("shared_buffers", "4Gi", "`4GB`"),
            ("work_mem", "64mb", "`64MB`"),
            ("checkpoint_timeout", "15m", "`15min`"),
            ("wal_level", "minimal", "replica"),
        ] {
            assert!(check(name, value).is_err_and(|error| error.fix.contains(fix)), "{name} = {value}");
        }
    }
}
