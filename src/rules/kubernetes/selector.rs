//! What picks pods by their labels, and what a label says that no template has: some are written on pods when they run.

use std::collections::BTreeMap;

use super::objects::{list_at, text_at, texts};
use crate::document::Node;

/// Labels that Kubernetes and Istio give to the pods of a template that does not have them.
const GIVEN: [&str; 14] = [
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-completion-index",
    "batch.kubernetes.io/job-name",
    "controller-revision-hash",
    "controller-uid",
    "job-name",
    "pod-template-hash",
    "security.istio.io/tlsMode",
    "service.istio.io/canonical-name",
    "service.istio.io/canonical-revision",
    "statefulset.kubernetes.io/pod-name",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
];

/// Roles that Patroni, Sentinel and operators write on the pods of a data store, whatever the label is called.
const ROLES: [&str; 9] =
    ["leader", "master", "primary", "replica", "secondary", "slave", "standby", "standby_leader", "sync_standby"];

/// One condition of a selector.
pub struct Requirement<'a> {
    /// The label.
    pub key: &'a str,
    /// What is asked of it.
    pub test: Test<'a>,
}

/// What a condition asks of a label.
pub enum Test<'a> {
    /// One of these values.
    In(Vec<&'a str>),
    /// None of these.
    NotIn(Vec<&'a str>),
    /// Any value.
    Exists,
    /// None.
    Absent,
    /// Nothing that a label can have: the operator is unknown.
    Never,
}

impl Requirement<'_> {
    /// Whether labels fit it.
    pub fn holds(&self, labels: &BTreeMap<&str, &str>) -> bool {
        let value = labels.get(self.key);
        let among = |values: &[&str]| value.is_some_and(|value| values.contains(value));
        match &self.test {
            Test::In(values) => among(values),
            Test::NotIn(values) => !among(values),
            Test::Exists => value.is_some(),
            Test::Absent => value.is_none(),
            Test::Never => false,
        }
    }

    /// Whether what it asks for is written on pods that run, so that no template has to have it.
    pub fn is_given(&self) -> bool {
        GIVEN.contains(&self.key) || is_role(self)
    }

    /// Whether it is about a label of somebody's domain: an operator or a mesh may write it.
    pub fn is_foreign(&self) -> bool {
        self.key.split_once('/').is_some_and(|(domain, _)| domain != "app.kubernetes.io")
            || self.key.starts_with("vault-")
    }

    /// Whether it asks for a value at all.
    pub const fn is_positive(&self) -> bool {
        matches!(self.test, Test::In(_) | Test::Exists)
    }
}

/// What picks pods by their labels.
#[derive(Clone, Copy)]
pub enum Selector<'a> {
    /// The map of a Service.
    Map(&'a Node),
    /// A LabelSelector.
    Labels(&'a Node),
}

impl<'a> Selector<'a> {
    /// Its conditions.
    pub fn requirements(self) -> Vec<Requirement<'a>> {
        let equal = |node: Option<&'a Node>| {
            texts(node).into_iter().map(|(key, value)| Requirement { key, test: Test::In(vec![value]) })
        };
        match self {
            Self::Map(node) => equal(Some(node)).collect(),
            Self::Labels(node) => {
                let expressions = list_at(node, &["matchExpressions"]).map(|expression| {
                    let values = || list_at(expression, &["values"]).filter_map(|v| Some(&*v.scalar()?.text)).collect();
                    let test = match text_at(expression, &["operator"]) {
                        Some("In") => Test::In(values()),
                        Some("NotIn") => Test::NotIn(values()),
                        Some("Exists") => Test::Exists,
                        Some("DoesNotExist") => Test::Absent,
                        _ => Test::Never,
                    };
                    Requirement { key: text_at(expression, &["key"]).unwrap_or_default(), test }
                });
                equal(node.get("matchLabels")).chain(expressions).collect()
            }
        }
    }

    /// The labels that it asks for word for word.
    fn equal(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let map = match self {
            Self::Map(node) => Some(node),
            Self::Labels(node) => node.get("matchLabels"),
        };
        let entries = map.and_then(Node::map).unwrap_or_default().iter();
        entries.filter_map(|entry| Some((&*entry.key, &*entry.value.scalar()?.text)))
    }

    /// Whether it picks these labels and no others are added to them.
    pub fn picks(self, labels: &BTreeMap<&str, &str>) -> bool {
        let holds = |(key, value): (&str, &str)| labels.get(key).is_some_and(|has| *has == value);
        self.equal().all(holds) && self.requirements().iter().all(|requirement| requirement.holds(labels))
    }

    /// Whether it picks these labels. What is written on pods when they run is taken to fit.
    pub fn fits(self, labels: &BTreeMap<&str, &str>) -> bool {
        // Most selectors are about others: this is known at a glance.
        if self.equal().any(|(key, value)| labels.get(key).is_some_and(|has| *has != value)) {
            return false;
        }
        let given = |requirement: &Requirement<'_>| {
            !labels.contains_key(requirement.key) && (requirement.is_given() || requirement.is_foreign())
        };
        self.requirements().iter().all(|requirement| requirement.holds(labels) || given(requirement))
    }

    /// Labels, each with its values, one of which labels must have to fit: what to look them up by. None where each condition
    /// may hold without that.
    fn sure(self) -> impl Iterator<Item = (&'a str, Vec<&'a str>)> {
        let surely = |requirement: &Requirement<'_>| !requirement.is_given() && !requirement.is_foreign();
        self.requirements().into_iter().filter(surely).filter_map(|requirement| match requirement.test {
            Test::In(values) => Some((requirement.key, values)),
            _ => None,
        })
    }

    /// Whether it has no condition, and so picks everything.
    pub fn is_empty(self) -> bool {
        self.requirements().is_empty()
    }

    /// Whether one of its conditions is about this label and does not hold for this value.
    pub fn refuses(self, key: &str, value: &str) -> bool {
        let labels = BTreeMap::from([(key, value)]);
        self.requirements().iter().any(|requirement| requirement.key == key && !requirement.holds(&labels))
    }
}

/// Things by the labels that they have, so that a selector need not be held against all of them.
#[derive(Default)]
pub struct ByLabel<'a>(BTreeMap<(&'a str, &'a str), Vec<usize>>);

impl<'a> ByLabel<'a> {
    /// Adds the labels of a thing that is known by its number; numbers rise.
    pub fn add(&mut self, number: usize, labels: &BTreeMap<&'a str, &'a str>) {
        for (key, value) in labels {
            self.0.entry((*key, *value)).or_default().push(number);
        }
    }

    /// Whether one of them has a label of this name.
    pub fn has(&self, key: &str) -> bool {
        self.0.range((key, "")..).next().is_some_and(|((known, _), _)| *known == key)
    }

    /// The numbers of those that may fulfil some conditions, in order: by the one that the fewest fulfil. None where no condition
    /// asks for a value.
    pub fn fulfilling<'r>(&self, conditions: impl IntoIterator<Item = (&'r str, &'r [&'r str])>) -> Option<Vec<usize>> {
        let with = |(key, values): (&'r str, &'r [&'r str])| -> Vec<&Vec<usize>> {
            values.iter().filter_map(|value| self.0.get(&(key, *value))).collect()
        };
        let fewest =
            conditions.into_iter().map(with).min_by_key(|lists| lists.iter().map(|list| list.len()).sum::<usize>());
        fewest.map(|lists| sorted(lists.into_iter().flatten().copied()))
    }

    /// The numbers of those that a selector may fit, in order; none where it asks for no value for sure.
    pub fn fitting(&self, selector: Selector<'_>) -> Option<Vec<usize>> {
        let sure: Vec<(&str, Vec<&str>)> = selector.sure().collect();
        self.fulfilling(sure.iter().map(|(key, values)| (*key, values.as_slice())))
    }
}

/// Selectors by what they ask for, so that labels need not be held against all of them.
#[derive(Default)]
pub struct BySelector<'a> {
    asking: BTreeMap<(&'a str, &'a str), Vec<usize>>,
    /// Those that ask for no value for sure.
    others: Vec<usize>,
}

impl<'a> BySelector<'a> {
    /// Selectors, known by their number; none picks everything.
    pub fn of(selectors: &[Option<Selector<'a>>]) -> Self {
        let sure: Vec<Vec<_>> =
            selectors.iter().map(|selector| selector.iter().flat_map(|s| s.sure()).collect()).collect();
        let mut asked: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for (key, values) in sure.iter().flatten() {
            values.iter().for_each(|value| *asked.entry((key, value)).or_default() += 1);
        }
        let mut found = Self::default();
        for (number, conditions) in sure.into_iter().enumerate() {
            // Each stands below the condition that it shares with the fewest.
            let shared = |(key, values): &(&'a str, Vec<&'a str>)| -> usize {
                values.iter().filter_map(|value| asked.get(&(*key, *value))).sum()
            };
            match conditions.into_iter().min_by_key(shared) {
                Some((key, values)) => {
                    values.into_iter().for_each(|value| found.asking.entry((key, value)).or_default().push(number));
                }
                None => found.others.push(number),
            }
        }
        found
    }

    /// The numbers of those that may fit labels, in order.
    pub fn fitting(&self, labels: &BTreeMap<&str, &str>) -> Vec<usize> {
        let asking = labels.iter().filter_map(|(key, value)| self.asking.get(&(*key, *value))).flatten();
        sorted(asking.chain(&self.others).copied())
    }
}

fn sorted(numbers: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut numbers: Vec<usize> = numbers.collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Whether a condition is about the role that a data store gives to its pods.
fn is_role(requirement: &Requirement<'_>) -> bool {
    match &requirement.test {
        Test::In(values) => !values.is_empty() && values.iter().all(|value| ROLES.contains(value)),
        _ => false,
    }
}
