//! Alerting rules as they are written: in rule files of Prometheus, and in PrometheusRule objects.

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

/// All alerting rules whose expression can be read.
pub fn alerts(estate: &Estate) -> Vec<Alert<'_>> {
    let read = |rule| {
        let at = at(rule, &["expr"])?;
        let expression = Expression::read(text_at(rule, &["expr"])?)?;
        Some(Alert { node: rule, name: text_at(rule, &["alert"])?, at, expression })
    };
    rules(estate).filter_map(read).collect()
}

/// Whether alerting rules are among the files, and no rule has one of these words in its expression: of what the words are
/// about nothing would be told. By text, so that what is filled in later counts as well.
pub fn says_nothing_of(estate: &Estate, words: &[&str]) -> bool {
    let alerting = rules(estate).any(|rule| rule.get("alert").is_some());
    let said = |rule: &Node| text_at(rule, &["expr"]).is_some_and(|text| words.iter().any(|word| text.contains(word)));
    alerting && !rules(estate).any(said)
}
