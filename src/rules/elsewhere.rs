//! What facts.md §12 asks for and no rule here does: what sees to it instead, or why it has to wait. Together with the rules
//! these are all of its numbers; a test counts them.

use super::Group;

/// Why there is no rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// A blueprint with the mistake is refused, or cannot be written: `validate` says so.
    Language,
    /// Only hagen itself could make the mistake; a test of what it renders keeps it from that.
    Renderer,
    /// It needs a document that hagen does not have yet: source code, prose, CloudFormation, a bill.
    Document,
    /// It compares a derived recovery time with a target: a verdict of the assessment.
    Assessment,
    /// Not built yet.
    Open,
}

impl Why {
    /// Its name in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Language => "language",
            Self::Renderer => "renderer",
            Self::Document => "document",
            Self::Assessment => "assessment",
            Self::Open => "open",
        }
    }

    /// What it means.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Language => "a blueprint with the mistake is refused",
            Self::Renderer => "only hagen could make it, and tests keep it from that",
            Self::Document => "it needs something that hagen does not read yet",
            Self::Assessment => "it compares a derived time with a target",
            Self::Open => "not built yet",
        }
    }
}

/// An id of facts.md without a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elsewhere {
    /// The id: `K8001`.
    pub id: &'static str,
    /// Why.
    pub why: Why,
    /// What it is about, and what sees to it or what it waits for.
    pub note: &'static str,
}

const fn table(group: Group) -> &'static str {
    match group {
        Group::Kubernetes => include_str!("kubernetes/elsewhere.txt"),
        Group::Postgres => include_str!("postgres/elsewhere.txt"),
        Group::Backup => include_str!("backup/elsewhere.txt"),
        Group::Redis => include_str!("redis/elsewhere.txt"),
        Group::Dns => include_str!("dns/elsewhere.txt"),
        Group::Edge => include_str!("edge/elsewhere.txt"),
        Group::Resilience => include_str!("resilience/elsewhere.txt"),
        Group::Alerts => include_str!("alerts/elsewhere.txt"),
        Group::Targets => include_str!("targets/elsewhere.txt"),
        Group::Runbooks => include_str!("runbooks/elsewhere.txt"),
    }
}

/// The ids of a family that have no rule, in order.
pub fn of(group: Group) -> impl Iterator<Item = Elsewhere> {
    table(group).lines().filter_map(|line| {
        let mut parts = line.splitn(3, " | ");
        let (id, why, note) = (parts.next()?, parts.next()?, parts.next()?);
        let all = [Why::Language, Why::Renderer, Why::Document, Why::Assessment, Why::Open];
        Some(Elsewhere { id, why: all.into_iter().find(|known| known.name() == why)?, note })
    })
}

/// An id without a rule, in large or small letters, and its family; `R-RT-07` and `RT007` are the same.
pub fn find(id: &str) -> Option<(Group, Elsewhere)> {
    Group::ALL.into_iter().flat_map(|group| of(group).map(move |entry| (group, entry))).find(|(_, entry)| {
        entry.id.eq_ignore_ascii_case(id) || entry.fact().is_some_and(|fact| fact.eq_ignore_ascii_case(id))
    })
}

impl Elsewhere {
    /// The id of facts.md that it stands for: `R-RT-07`.
    pub fn fact(&self) -> Option<String> {
        let (prefix, number) = self.id.split_at_checked(2)?;
        Some(format!("R-{prefix}-{:02}", number.parse::<u32>().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{find, of, table};
    use crate::diagnostics::facts;
    use crate::rules::{Group, all};

    /// How many rules facts.md has in each family.
    const NUMBERS: [usize; 10] = [40, 42, 27, 25, 19, 11, 18, 23, 15, 21];

    #[test]
    fn every_number_of_the_facts_is_a_rule_or_stands_here_once() {
        for (group, count) in Group::ALL.into_iter().zip(NUMBERS) {
            let expected: BTreeSet<String> = (1..=count).map(|n| format!("{}{n:03}", group.prefix())).collect();
            let rules = all().filter(|rule| rule.group == group && rule.fact().is_some()).map(|rule| rule.id);
            let listed: Vec<&str> = rules.chain(of(group).map(|entry| entry.id)).collect();
            let known: BTreeSet<String> = listed.iter().map(|id| (*id).to_owned()).collect();
            assert_eq!(listed.len(), known.len(), "{}: an id stands twice", group.name());
            assert_eq!(known, expected, "{}", group.name());
            for entry in of(group) {
                let fact = entry.fact().unwrap();
                assert_eq!(find(&entry.id.to_lowercase()), Some((group, entry)));
                assert_eq!(find(&fact), Some((group, entry)));
                assert!(facts::find(&fact).is_some(), "{fact}");
            }
            assert_eq!(of(group).count(), table(group).lines().count(), "{}: a line has another form", group.name());
        }
    }
}
