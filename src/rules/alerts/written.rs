//! Alerting rules as they are written: in rule files of Prometheus, and in PrometheusRule objects.

use std::collections::BTreeSet;

use super::expression::{Expression, Series};
use crate::diagnostics::Place;
use crate::document::Node;
use crate::estate::{Estate, Kind};
use crate::rules::kubernetes::objects::{at, list_at, of_kind, text_at};

/// An alerting rule.
pub struct Alert<'a> {
    /// What stands in it.
    pub node: &'a Node,
    /// Its name.
    pub name: &'a str,
    /// Where its expression stands.
    pub at: &'a Node,
    /// Its expression.
    pub expression: Expression<'a>,
}

impl<'a> Alert<'a> {
    /// Where its expression stands.
    pub fn place(&self) -> Place {
        Place::Span(self.at.span)
    }

    /// Its severity, when it is one that wakes somebody.
    pub fn pages(&self) -> Option<&'a Node> {
        let path = ["labels", "severity"];
        let severity = text_at(self.node, &path)?;
        ["critical", "page", "pager", "emergency"].contains(&severity).then(|| at(self.node, &path)).flatten()
    }

    /// All series that it looks at.
    pub fn series(&self) -> impl Iterator<Item = &Series<'a>> {
        self.expression.series()
    }
}

/// All groups of rules.
pub fn groups(estate: &Estate) -> impl Iterator<Item = &Node> {
    let files = estate.of(Kind::PrometheusRules);
    let objects = of_kind(estate, "PrometheusRule").filter_map(|object| object.node.get("spec"));
    files.chain(objects).flat_map(|file| list_at(file, &["groups"]))
}

/// All rules, alerting or recording.
pub fn rules(estate: &Estate) -> impl Iterator<Item = &Node> {
    groups(estate).flat_map(|group| list_at(group, &["rules"]))
}

/// The rules among files, by what their expressions are.
#[derive(Default)]
pub struct Written<'a> {
    /// The alerting rules whose expression can be read.
    pub alerts: Vec<Alert<'a>>,
    /// The expressions of other rules that can be read, each with its place.
    pub others: Vec<(&'a Node, Expression<'a>)>,
    /// Where the expressions stand that cannot.
    unread: BTreeSet<(u32, u32)>,
}

impl<'a> Written<'a> {
    /// Reads the expression of each rule.
    pub fn of(estate: &'a Estate) -> Self {
        let mut found = Self::default();
        for node in rules(estate) {
            let Some((at, text)) = at(node, &["expr"]).zip(text_at(node, &["expr"])) else { continue };
            match (Expression::read(text), text_at(node, &["alert"])) {
                (Some(expression), Some(name)) => found.alerts.push(Alert { node, name, at, expression }),
                (Some(expression), None) => found.others.push((at, expression)),
                (None, _) => {
                    found.unread.insert((at.span.file, at.span.start));
                }
            }
        }
        found
    }

    /// Whether an expression cannot be read.
    pub fn is_unread(&self, at: &Node) -> bool {
        self.unread.contains(&(at.span.file, at.span.start))
    }
}

/// Whether alerting rules are among the files, and no rule has one of these words in its expression: of what the words are
/// about nothing would be told. By text, so that what is filled in later counts as well.
pub fn says_nothing_of(estate: &Estate, words: &[&str]) -> bool {
    let alerting = rules(estate).any(|rule| rule.get("alert").is_some());
    let said = |rule: &Node| text_at(rule, &["expr"]).is_some_and(|text| words.iter().any(|word| text.contains(word)));
    alerting && !rules(estate).any(said)
}
