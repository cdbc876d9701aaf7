//! What a rule is: a static description, and one function that finds.

use super::view::View;
use crate::blueprint::Blueprint;
use crate::diagnostics::{Diagnostic, Level, Place};

/// What a rule is about: the family that its id and its file stand in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Kubernetes objects (facts.md §12.1).
    Kubernetes,
    /// PostgreSQL and Patroni (§12.2).
    Postgres,
    /// Backup and restore (§12.3).
    Backup,
    /// Redis (§12.4).
    Redis,
    /// DNS (§12.5).
    Dns,
    /// Load balancers (§12.6).
    Edge,
    /// Retries, timeouts, breakers (§12.7).
    Resilience,
    /// Alerts (§12.8).
    Alerts,
    /// Targets, claims, capacity (§12.9).
    Targets,
    /// Runbooks and managed platforms (§12.10).
    Runbooks,
}

impl Group {
    /// All groups, in the order of facts.md.
    pub const ALL: [Self; 10] = [
        Self::Kubernetes,
        Self::Postgres,
        Self::Backup,
        Self::Redis,
        Self::Dns,
        Self::Edge,
        Self::Resilience,
        Self::Alerts,
        Self::Targets,
        Self::Runbooks,
    ];

    /// Its name: that of its folder, and what `policy.levels` and `--level` take.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Postgres => "postgres",
            Self::Backup => "backup",
            Self::Redis => "redis",
            Self::Dns => "dns",
            Self::Edge => "edge",
            Self::Resilience => "resilience",
            Self::Alerts => "alerts",
            Self::Targets => "targets",
            Self::Runbooks => "runbooks",
        }
    }

    /// What the ids of its rules begin with.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Kubernetes => "K8",
            Self::Postgres => "PG",
            Self::Backup => "BK",
            Self::Redis => "RD",
            Self::Dns => "DN",
            Self::Edge => "LB",
            Self::Resilience => "RT",
            Self::Alerts => "AL",
            Self::Targets => "TG",
            Self::Runbooks => "RB",
        }
    }
}

/// What looks at files.
pub(super) type OfFiles = fn(&View<'_>, &mut Vec<Diagnostic>);

/// What a rule reads. Each function pushes what it finds; it knows no clock, file, network or stream.
#[derive(Clone, Copy)]
pub enum Check {
    /// The resolved blueprint: what a user can get wrong there.
    Blueprint(fn(&Blueprint, &mut Vec<Diagnostic>)),
    /// Files: what stands in hand-written ones, and what hagen must never render.
    Files(OfFiles),
    /// Either. With a blueprint the first one says where in the blueprint; the second is for hand-written files; the
    /// tests hold it against hagen's own output, too.
    Both(fn(&Blueprint, &mut Vec<Diagnostic>), OfFiles),
}

/// A rule.
pub struct Rule {
    /// Its id, for ever: the number of facts.md (R-PG-32 is `PG032`), from 101 on what goes beyond it.
    pub id: &'static str,
    /// Its name: that of its file.
    pub name: &'static str,
    /// Its family.
    pub group: Group,
    /// The level of its findings, unless the policy says otherwise.
    pub level: Level,
    /// Whether it is about secrets, access or encryption too (`--group security`).
    pub security: bool,
    /// The fields of the blueprint that it reads, as `hagen explain` takes them: `postgres.*.pool.size`.
    pub fields: &'static [&'static str],
    /// What it does.
    pub check: Check,
}

impl Rule {
    /// A finding of this rule at a place.
    pub fn finding(&self, place: Place, title: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.id, self.level, place, title)
    }

    /// The id of facts.md that it stands for: `R-PG-32`; none for one that goes beyond it.
    pub fn fact(&self) -> Option<String> {
        let (prefix, number) = self.id.split_at(2);
        let number: u32 = number.parse().ok()?;
        (number < 101).then(|| format!("R-{prefix}-{number:02}"))
    }

    /// Its documentation: the comment at the head of its file.
    pub fn doc(&self) -> &'static str {
        let file = format!("{}/{}", self.group.name(), self.name);
        let found = DOCS.binary_search_by(|(name, _)| (*name).cmp(file.as_str()));
        found.map_or("", |at| DOCS[at].1)
    }

    /// What it is about, in a sentence: the first line of its documentation.
    pub fn summary(&self) -> &'static str {
        self.doc().split("\n\n").next().unwrap_or_default()
    }

    /// The text below a heading of its documentation; empty when there is none.
    pub fn section(&self, heading: &str) -> &'static str {
        let mut sections = self.doc().split("\n# ").skip(1);
        sections.find_map(|section| section.strip_prefix(heading)?.strip_prefix('\n')).unwrap_or_default().trim()
    }
}

/// The documentation of every rule, by family and name.
static DOCS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/rule_docs.rs"));

/// The headings that the documentation of a rule has, in this order.
pub const HEADINGS: [&str; 5] = ["What it finds", "Why it matters", "Example", "Fix", "Source"];

/// The rules of a family: a line for each file, from which both the module and the list come.
macro_rules! family {
    ($($file:literal => $module:ident),* $(,)?) => {
        $(
            #[path = $file]
            mod $module;
        )*

        /// The rules of this family, by id.
        pub static RULES: &[&$crate::rules::Rule] = &[$(&$module::RULE),*];
    };
}
pub(super) use family;
