//! A difference, and how dangerous it is.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

use crate::document::Path;

/// What carrying out a change does to what runs, the least dangerous first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// Nothing that runs notices.
    None,
    /// Only what people and tools read of it changes.
    Metadata,
    /// It is taken over while everything runs.
    Reload,
    /// Processes are restarted, some at a time.
    RollingRestart,
    /// Clients are sent elsewhere, once what they keep of DNS has run out.
    DnsVisible,
    /// Requests fail for seconds.
    BriefOutage,
    /// A primary changes.
    Failover,
    /// It cannot be changed where it is: it is deleted and made anew.
    Recreate,
    /// Data is lost, unless somebody keeps it.
    DataLoss,
}

impl Risk {
    /// Its name, as `--max-risk` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Metadata => "metadata",
            Self::Reload => "reload",
            Self::RollingRestart => "rolling-restart",
            Self::DnsVisible => "dns-visible",
            Self::BriefOutage => "brief-outage",
            Self::Failover => "failover",
            Self::Recreate => "recreate",
            Self::DataLoss => "data-loss",
        }
    }
}

/// A risk with its reason, and with the way to carry the change out where it is not the common one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graded {
    /// How dangerous.
    pub risk: Risk,
    /// Why.
    pub why: Cow<'static, str>,
    /// What to do instead of applying it.
    pub how: Option<Cow<'static, str>>,
}

impl Graded {
    /// A risk and its reason.
    pub fn new(risk: Risk, why: impl Into<Cow<'static, str>>) -> Self {
        Self { risk, why: why.into(), how: None }
    }

    /// The way to carry it out.
    #[must_use]
    pub fn by(mut self, how: impl Into<Cow<'static, str>>) -> Self {
        self.how = Some(how.into());
        self
    }
}

/// What is different.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It is rendered and not deployed.
    Missing,
    /// hagen wrote it once, renders it no more, and it is still there.
    Left,
    /// Somebody else added it; who, where that is known.
    Foreign(Option<String>),
    /// It is another one.
    Changed,
}

impl What {
    /// Its name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Left => "left",
            Self::Foreign(_) => "foreign",
            Self::Changed => "changed",
        }
    }
}

/// A value that is different.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Where it stands: `spec.replicas`; empty for all of it.
    pub at: String,
    /// What is different.
    pub what: What,
    /// What is deployed.
    pub before: Option<Value>,
    /// What is rendered.
    pub after: Option<Value>,
    /// Who owns what is deployed, where it is not hagen: applying takes it over.
    pub owner: Option<String>,
    /// What carrying it out does.
    pub graded: Graded,
}

/// An object or a file that is different.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The region; none for what is global.
    pub region: Option<String>,
    /// The rendered file; where nothing is rendered any more, the source that shows it.
    pub artifact: String,
    /// What it is: `Deployment shop/api`, or the file.
    pub subject: String,
    /// What is different: all of it, or parts.
    pub what: What,
    /// The parts; one with an empty path when it is all of it.
    pub changes: Vec<Change>,
    /// The part of the blueprint that it comes from.
    pub origin: Option<Path>,
    /// What it was called before, where something of another name that goes says the same: it is both made and taken away.
    pub moved_from: Option<String>,
}

impl Difference {
    /// The highest risk of its changes.
    pub fn risk(&self) -> Risk {
        self.changes.iter().map(|change| change.graded.risk).max().unwrap_or(Risk::None)
    }

    /// What it is sorted by.
    pub(super) fn key(&self) -> (Option<&str>, &str, &str) {
        (self.region.as_deref(), &self.artifact, &self.subject)
    }
}
