//! A resolved service.

use super::raw;
use super::units::{Duration, Percent};
use super::{Region, Targets};

/// How a container is asked where nothing is written.
#[derive(Debug, Clone, Copy)]
pub struct ProbeDefault {
    /// The seconds from one question to the next.
    pub period: u32,
    /// So many failures in a row count.
    pub failures: u32,
}

/// How long a service may take to start where nothing is written: 60 questions, 5 s apart.
pub const STARTUP: ProbeDefault = ProbeDefault { period: 5, failures: 60 };
/// The readiness probe where none is written.
pub const READINESS: ProbeDefault = ProbeDefault { period: 10, failures: 3 };
/// The liveness probe where none is written. It must be slower than readiness (R-K8-16).
pub const LIVENESS: ProbeDefault = ProbeDefault { period: 10, failures: 6 };
/// How many seconds a probe may wait for its answer where nothing is written (F-K8-04).
pub const PROBE_TIMEOUT: u32 = 2;

/// How long a pod takes to start where nothing is written.
pub const START: Duration = Duration::from_secs(30);

/// How long the control plane of a version takes to see that a node is gone, at most: its grace period (F-K8-01) and its
/// monitor period.
pub const fn seen(minor: u32) -> Duration {
    Duration::from_secs(if minor >= 32 { 55 } else { 45 })
}

/// A service with what follows from its fields.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its name: that of its Deployment, Service and every other object of its own.
    pub name: String,
    /// What was written.
    pub spec: raw::Service,
    /// Its targets outside of any scenario.
    pub targets: Targets,
    /// What it calls, in order of the reference.
    pub needs: Vec<Need>,
    /// The longest request that it has to finish when it is told to stop.
    pub longest_request: Duration,
    /// terminationGracePeriodSeconds: drain + longest request + 5 s (decision 14, X-K8-9).
    pub grace: Duration,
    /// tolerationSeconds for `not-ready` and `unreachable`: min(60 s, what the node RTO leaves) (decision 14, R-K8-22).
    pub toleration: Duration,
    /// The host name of its route, when it is public.
    pub host: Option<String>,
}

/// Something that a service calls.
#[derive(Debug, Clone)]
pub struct Need {
    /// The reference, as it was written: `postgres.main`.
    pub reference: String,
    /// What it is.
    pub target: NeedTarget,
    /// Its name in its section.
    pub name: String,
    /// What was written.
    pub spec: raw::Need,
}

/// What a need is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NeedTarget {
    /// Another service.
    Service,
    /// A PostgreSQL cluster.
    Postgres,
    /// A Redis cluster.
    Redis,
    /// Something of others.
    External,
}

impl NeedTarget {
    /// What the section of a reference means.
    pub fn of_section(section: &str) -> Self {
        match section {
            "services" => Self::Service,
            "postgres" => Self::Postgres,
            "redis" => Self::Redis,
            _ => Self::External,
        }
    }
}

impl Service {
    /// Whether hagen renders it for Kubernetes.
    pub fn on_kubernetes(&self) -> bool {
        self.spec.platform == raw::ServicePlatform::Kubernetes
    }

    /// Whether the outside may reach it.
    pub fn is_public(&self) -> bool {
        self.spec.exposure == raw::Exposure::Public
    }

    /// The least and the most pods in a region: `warm` rounds up, to at least 2; 0 % is none at all (decision 8).
    pub fn replicas(&self, region: &Region) -> (u32, u32) {
        let max = self.max();
        let warm = region.warm();
        if warm == Percent::whole(0) {
            return (0, 0);
        }
        let share = u32::try_from(warm.of_ceil(u64::from(self.spec.replicas.min))).unwrap_or(u32::MAX);
        let floor = self.spec.replicas.min.min(2);
        (share.clamp(floor, self.spec.replicas.min), max)
    }

    /// The most pods that the autoscaler may start.
    pub fn max(&self) -> u32 {
        self.spec.replicas.max.unwrap_or(self.spec.replicas.min).max(self.spec.replicas.min)
    }

    /// Whether a HorizontalPodAutoscaler owns its replicas in a region.
    pub fn autoscaled(&self, region: &Region) -> bool {
        self.spec.autoscale.is_some() && region.warm() != Percent::whole(0)
    }

    /// The port of its metrics.
    pub fn metrics_port(&self) -> u16 {
        self.spec.metrics.port.unwrap_or(self.spec.port)
    }
}
