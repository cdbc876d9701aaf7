//! The files of a cluster as rules look at them: what several rules read from them is read once.

use std::ops::Deref;
use std::sync::OnceLock;

use super::alerts::written::{Alert, Written};
use super::kubernetes::services::Cluster;
use super::kubernetes::workloads::Workloads;
use crate::estate::Estate;

/// The files of a cluster, and what was read from them. Whoever asks first reads; nothing that is read here uses several
/// threads, for a rule that waits for it may hold one.
pub struct View<'a> {
    estate: &'a Estate,
    written: OnceLock<Written<'a>>,
    cluster: OnceLock<Cluster<'a>>,
    workloads: OnceLock<Workloads<'a>>,
}

impl<'a> View<'a> {
    /// Looks at files; reads nothing yet.
    pub fn new(estate: &'a Estate) -> Self {
        Self { estate, written: OnceLock::new(), cluster: OnceLock::new(), workloads: OnceLock::new() }
    }

    /// All alerting rules whose expression can be read.
    pub fn alerts(&self) -> &[Alert<'a>] {
        &self.written().alerts
    }

    /// All rules of Prometheus.
    pub fn written(&self) -> &Written<'a> {
        self.written.get_or_init(|| Written::of(self.estate))
    }

    /// The pods of all namespaces.
    pub fn cluster(&self) -> &Cluster<'a> {
        self.cluster.get_or_init(|| Cluster::read(self.estate))
    }

    /// What is written as a whole, and the patches of it.
    pub fn workloads(&self) -> &Workloads<'a> {
        self.workloads.get_or_init(|| Workloads::read(self.estate))
    }
}

impl Deref for View<'_> {
    type Target = Estate;

    fn deref(&self) -> &Estate {
        self.estate
    }
}
