//! How soon HAProxy takes a member out and brings one in, on hosts and on Kubernetes alike.

use crate::blueprint::raw;

/// How many good checks in a row bring a member in.
pub const RISE: u64 = 2;

/// What takes a member out. Times in milliseconds.
pub struct Detection {
    /// How many bad checks in a row.
    pub fall: u64,
    /// How long a check may take.
    pub timeout: u64,
    /// How long all of it may take.
    pub budget: u64,
}

/// The router must notice a dead primary before the next one is there: `interval × fall + timeout ≤ ttl − loopWait` (R-PG-39).
pub fn detection(spec: &raw::Postgres) -> Detection {
    let budget = spec.failover.ttl.millis().saturating_sub(spec.failover.loop_wait.millis());
    let interval = spec.router.interval.millis();
    let fall = [3, 2].into_iter().find(|fall| fall * interval + 1000 <= budget).unwrap_or(1);
    let timeout = budget.saturating_sub(fall * interval).clamp(1000, 5000);
    Detection { fall, timeout, budget }
}
