//! The times of a service's probes, as they are rendered.

use crate::blueprint::Service;
use crate::blueprint::raw::Probe;
use crate::blueprint::service::{LIVENESS, PROBE_TIMEOUT, ProbeDefault, READINESS};

/// In whole seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub period: u64,
    pub timeout: u64,
    pub failures: u64,
}

impl Times {
    fn new(probe: Option<&Probe>, default: ProbeDefault) -> Self {
        let of = |default: u32, written: Option<u64>| written.unwrap_or_else(|| default.into()).max(1);
        Self {
            period: of(default.period, probe.map(|probe| probe.period.secs())),
            timeout: of(PROBE_TIMEOUT, probe.map(|probe| probe.timeout.secs())),
            failures: of(default.failures, probe.and_then(|probe| probe.failures).map(u64::from)),
        }
    }

    /// Those of readiness.
    pub fn readiness(service: &Service) -> Self {
        Self::new(service.spec.probes.readiness.as_ref(), READINESS)
    }

    /// Those of liveness.
    pub fn liveness(service: &Service) -> Self {
        Self::new(service.spec.probes.liveness.as_ref(), LIVENESS)
    }

    /// The soonest that a process which hangs is given up: (f − 1) · p (X-K8-2, X-K8-3).
    pub fn soonest(self) -> u64 {
        (self.failures - 1) * self.period
    }

    /// The latest: f · p + timeout.
    pub fn latest(self) -> u64 {
        self.failures * self.period + self.timeout
    }
}
