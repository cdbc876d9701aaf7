//! What policies may take. A policy is somebody else's program: it may be wrong, and it may be hostile.

use std::time::Duration;

use crate::env::bounded::Bounds;

/// How long one rule may be judged over one input.
pub const ONE: Duration = Duration::from_secs(5);

/// What all policies of a run may take together.
pub const ALL: Bounds = Bounds { time: Duration::from_secs(60), memory: 1 << 30 };

/// The largest file of a policy, and of data.
pub const FILE_BYTES: u64 = 1 << 20;

/// How many bytes all policies may have together, and all data.
pub const BYTES: u64 = 16 << 20;

/// How many lines a policy may have.
pub const LINES: u32 = 20_000;

/// How long a line may be: data in a policy is often written by a program. Beyond 65,535 the engine cannot show where it fails.
pub const COLUMNS: u32 = 60_000;

/// How deep brackets and signs may stand in each other: the engine tries each bracket as two things, which doubles the work.
pub const DEPTH: usize = 20;

/// How many results are taken: a rule that finds more has a mistake of its own.
pub const RESULTS: usize = 10_000;

/// How many characters of a message are shown.
pub const MESSAGE: usize = 2_000;

/// How many elements `numbers.range` may make.
pub const RANGE: i64 = 1_000_000;
