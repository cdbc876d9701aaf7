//! What is printed of a comparison: for people, for programs, for a pull request, for Prometheus.

mod human;
mod json;
mod markdown;
mod metrics;

use std::collections::BTreeMap;

use super::place::one_line;
use crate::diagnostics::Place;
use crate::diff::{Comparison, Difference, Risk, What};
use crate::document::Document;

pub use human::human;
pub use json::{json, schema};
pub use markdown::markdown;
pub use metrics::metrics;

/// A comparison, with what stands around it.
pub struct Shown<'a> {
    /// What was compared.
    pub comparison: &'a Comparison,
    /// The blueprint's text.
    pub document: &'a Document,
    /// The risk up to which differences are no reason to stop.
    pub max: Option<Risk>,
    /// What could not be read or compared, in sentences.
    pub unread: &'a [String],
}

impl Shown<'_> {
    /// Where a difference comes from in the blueprint: the path, the file and the line.
    fn origin(&self, difference: &Difference) -> Option<(String, String, usize)> {
        let path = difference.origin.as_ref()?;
        let span = self.document.span(&Place::Key(path.clone()));
        let source = self.document.sources.get(span.file as usize)?;
        Some((path.to_string(), source.name.clone(), source.position(span.start).line))
    }

    /// The differences by region; what is global stands under its name.
    fn by_region(&self) -> BTreeMap<&str, Vec<&Difference>> {
        let mut regions: BTreeMap<&str, Vec<&Difference>> = BTreeMap::new();
        for difference in &self.comparison.differences {
            regions.entry(difference.region.as_deref().unwrap_or("global")).or_default().push(difference);
        }
        regions
    }

    /// What a reader has to know beside the differences: why it does not pass, and what is not known.
    fn said(&self) -> impl Iterator<Item = &String> {
        let comparison = self.comparison;
        self.unread.iter().chain(&comparison.over_budget).chain(&comparison.adopted).chain(&comparison.unknown)
    }

    /// How much is different, in a line.
    fn summary(&self) -> String {
        let all = &self.comparison.differences;
        if self.comparison.is_nothing() {
            return "nothing was compared".to_owned();
        }
        let Some(risk) = self.comparison.risk() else {
            return format!("no difference; {} as rendered", self.comparison.same);
        };
        let count = |name: &str| {
            let is = |d: &&Difference| d.what.name() == name && d.moved_from.is_none();
            all.iter().filter(is).count()
        };
        let moved = all.iter().filter(|difference| difference.moved_from.is_some()).count();
        let parts = [("missing", "to be added"), ("changed", "changed"), ("left", "left over")];
        let parts: Vec<String> = parts
            .iter()
            .map(|(name, words)| (count(name), words))
            .chain([(moved, &"moved")])
            .filter(|(n, _)| *n > 0)
            .map(|(n, words)| format!("{n} {words}"))
            .collect();
        let above = match self.max {
            Some(max) if risk <= max => format!(", none above {}", max.name()),
            Some(max) => {
                let above = all.iter().filter(|difference| difference.risk() > max).count();
                format!(", {above} above {}", max.name())
            }
            None => String::new(),
        };
        format!("{}; {} as rendered; highest risk {}{above}", parts.join(", "), self.comparison.same, risk.name())
    }
}

const fn sign(what: &What) -> char {
    match what {
        What::Missing => '+',
        What::Left => '-',
        What::Foreign(_) => '!',
        What::Changed => '~',
    }
}

/// The sign of a difference; that of what moved is its own.
const fn sign_of(difference: &Difference) -> char {
    if difference.moved_from.is_some() { '>' } else { sign(&difference.what) }
}

/// What it was called before.
fn was(difference: &Difference) -> String {
    difference.moved_from.as_ref().map(|from| format!(" (was {})", one_line(from))).unwrap_or_default()
}
