//! The types of PostgreSQL's backups: each is a field of the blueprint and a word of pgBackRest, and larger ones replace it.

use super::raw::{Cron, PostgresBackup};

/// A type of backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupType {
    /// Everything.
    Full,
    /// What changed since the last full one.
    Differential,
    /// What changed since the last one of any type.
    Incremental,
}

impl BackupType {
    /// All of them, the largest first.
    pub const ALL: [Self; 3] = [Self::Full, Self::Differential, Self::Incremental];

    /// The field of the blueprint. CronJobs are called by it.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Differential => "differential",
            Self::Incremental => "incremental",
        }
    }

    /// pgBackRest's own word, in commands and in what its exporter tells. Timers are called by it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Differential => "diff",
            Self::Incremental => "incr",
        }
    }

    /// When it is made, if it is.
    pub const fn schedule(self, backup: &PostgresBackup) -> Option<&Cron> {
        match self {
            Self::Full => Some(&backup.full),
            Self::Differential => backup.differential.as_ref(),
            Self::Incremental => backup.incremental.as_ref(),
        }
    }

    /// When the larger ones are made, which take its place where they meet.
    pub fn larger(self, backup: &PostgresBackup) -> Vec<&Cron> {
        Self::ALL.into_iter().take_while(|other| *other != self).filter_map(|other| other.schedule(backup)).collect()
    }

    /// Those that are made, and when.
    pub fn made(backup: &PostgresBackup) -> impl Iterator<Item = (Self, &Cron)> {
        Self::ALL.into_iter().filter_map(|own| Some((own, own.schedule(backup)?)))
    }
}
