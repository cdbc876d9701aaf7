//! An alert: what it asks, how loud it is, what it tells, and the series that prove that it fires and that it keeps silent.

use super::promql::Labels;
use crate::blueprint::raw::Severity;
use crate::blueprint::units::Duration;
use crate::document::Path;

/// An alerting rule with its tests.
#[derive(Debug, Clone)]
pub struct Alert {
    /// Its name; `monitoring.alerts` and the runbook's address go by it.
    pub name: &'static str,
    /// The condition, in PromQL.
    pub expr: String,
    /// How long the condition must hold.
    pub hold: Duration,
    /// How loud it is.
    pub severity: Severity,
    /// Labels of its own: component, cluster, service, zone.
    pub labels: Labels,
    /// What is wrong, in a phrase.
    pub summary: String,
    /// What it means and what follows from it.
    pub description: String,
    /// The threshold and where it comes from; for the README and the annotation.
    pub threshold: String,
    /// Whether the threshold is a time, so that `above` of an override replaces it.
    pub timed: bool,
    /// Whether it asks for what another Prometheus has scraped: one more scrape lies on the way.
    pub federated: bool,
    /// The part of the blueprint that it comes from.
    pub origin: Path,
    /// The unit tests.
    pub tests: Vec<Case>,
}

/// A unit test of an alert.
#[derive(Debug, Clone)]
pub struct Case {
    /// What the series show, in a phrase.
    pub name: &'static str,
    /// The series that there are.
    pub series: Vec<Series>,
    /// The labels, besides those of the rule, of each alert that must fire; none: it must be silent.
    pub fires: Vec<Labels>,
}

/// A series of a test.
#[derive(Debug, Clone)]
pub struct Series {
    /// Name and labels.
    pub name: String,
    /// Its values, one a minute.
    pub values: Values,
}

/// The values of a series.
#[derive(Debug, Clone)]
pub enum Values {
    /// Always the same.
    Constant(String),
    /// A counter from 0 that grows by so much a minute.
    Grows(String),
    /// The first value for so many minutes, then the second.
    Changes(String, u64, String),
    /// Falls from a value by so much a minute.
    Falls(String, String),
    /// The value for so many minutes, then the mark of a series that has ended.
    Ends(String, u64),
}

/// A series that keeps its value.
pub fn constant(name: String, value: impl ToString) -> Series {
    Series { name, values: Values::Constant(value.to_string()) }
}

/// A counter that grows by so much a minute.
pub fn grows(name: String, by: impl ToString) -> Series {
    Series { name, values: Values::Grows(by.to_string()) }
}

/// How long every test lets the series run before the condition's own time begins: longer than every window.
pub const LEAD: Duration = Duration::from_secs(20 * 60);

impl Alert {
    /// An alert of this name and severity on a condition.
    pub fn new(name: &'static str, severity: Severity, expr: String) -> Self {
        Self {
            name,
            expr,
            hold: Duration::from_secs(0),
            severity,
            labels: Labels::new(),
            summary: String::new(),
            description: String::new(),
            threshold: String::new(),
            timed: false,
            federated: false,
            origin: Path::root(),
            tests: Vec::new(),
        }
    }

    /// How long the condition must hold, in minutes.
    #[must_use]
    pub const fn minutes(self, minutes: u64) -> Self {
        self.hold(Duration::from_secs(minutes * 60))
    }

    /// How long the condition must hold.
    #[must_use]
    pub const fn hold(mut self, hold: Duration) -> Self {
        self.hold = hold;
        self
    }

    /// What it is about: labels and the part of the blueprint.
    #[must_use]
    pub fn about(mut self, labels: Labels, origin: &Path) -> Self {
        self.labels.extend(labels);
        self.origin = origin.clone();
        self
    }

    /// What it tells.
    #[must_use]
    pub fn says(mut self, summary: impl Into<String>, description: impl Into<String>) -> Self {
        self.summary = summary.into();
        self.description = description.into();
        self
    }

    /// The threshold, and where it comes from.
    #[must_use]
    pub fn because(mut self, threshold: impl Into<String>) -> Self {
        self.threshold = threshold.into();
        self
    }

    /// The threshold is a time.
    #[must_use]
    pub const fn timed(mut self) -> Self {
        self.timed = true;
        self
    }

    /// It asks for what another Prometheus has scraped.
    #[must_use]
    pub const fn federated(mut self) -> Self {
        self.federated = true;
        self
    }

    /// Series that make it fire, and the labels of what fires.
    #[must_use]
    pub fn fires(self, name: &'static str, series: Vec<Series>, fires: Labels) -> Self {
        self.case(name, series, vec![fires])
    }

    /// Series that keep it silent.
    #[must_use]
    pub fn silent(self, name: &'static str, series: Vec<Series>) -> Self {
        self.case(name, series, Vec::new())
    }

    /// Nothing at all: the exporter is gone. It must fire.
    #[must_use]
    pub fn fires_without_series(self, fires: Labels) -> Self {
        self.case("the exporter is gone", Vec::new(), vec![fires])
    }

    fn case(mut self, name: &'static str, series: Vec<Series>, fires: Vec<Labels>) -> Self {
        self.tests.push(Case { name, series, fires });
        self
    }

    /// When its tests look.
    pub fn tested_at(&self) -> Duration {
        Duration::from_secs(LEAD.secs() + self.hold.secs().div_ceil(60) * 60)
    }
}

impl Values {
    /// As promtool writes them, for so many minutes.
    pub fn promtool(&self, minutes: u64) -> String {
        match self {
            Self::Constant(value) => format!("{value}+0x{minutes}"),
            Self::Grows(by) => format!("0+{by}x{minutes}"),
            Self::Changes(before, at, after) => format!("{before}+0x{at} {after}+0x{minutes}"),
            Self::Falls(from, by) => format!("{from}-{by}x{minutes}"),
            Self::Ends(value, at) => format!("{value}+0x{at} stale"),
        }
    }
}
