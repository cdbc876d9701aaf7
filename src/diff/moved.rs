//! What goes by another name or to another place: found by what it says, so that nobody reads it as a loss and something new.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Difference, What};

/// The share of what is rendered that must be in what goes, in percent: as git has it.
const ALIKE: usize = 60;
/// What says less is alike by chance; its name has to move with that of something that says more.
const ENOUGH: usize = 3;
/// So many pairs are looked at.
const PAIRS: usize = 100_000;

/// Brings together what is missing and what is left over, where one is the other by another name.
pub fn join(differences: Vec<Difference>) -> Vec<Difference> {
    let (mut missing, rest): (Vec<_>, Vec<_>) = differences.into_iter().partition(|d| can_move(d, &What::Missing));
    let (left, mut all): (Vec<_>, Vec<_>) = rest.into_iter().partition(|d| can_move(d, &What::Left));
    let mut left: Vec<Option<Difference>> = left.into_iter().map(Some).collect();
    let mut renamed: BTreeSet<(String, String)> = BTreeSet::new();
    // Where everything is another system, nothing moved.
    if missing.len().saturating_mul(left.len()) > PAIRS {
        all.extend(missing);
        all.extend(left.into_iter().flatten());
        return all;
    }
    let new: Vec<BTreeSet<String>> =
        missing.iter().map(|d| said(d.changes.first().and_then(|change| change.after.as_ref()), name(d))).collect();
    let old: Vec<BTreeSet<String>> = left
        .iter()
        .flatten()
        .map(|d| said(d.changes.first().and_then(|change| change.before.as_ref()), name(d)))
        .collect();
    // What says much first: the rest follows its names.
    for few in [false, true] {
        let mut found: Vec<(usize, usize, usize)> = Vec::new();
        for (to, wanted) in missing.iter().enumerate().filter(|(_, wanted)| wanted.moved_from.is_none()) {
            for (from, gone) in left.iter().enumerate() {
                let Some(gone) = gone.as_ref().filter(|gone| of_one_kind(wanted, gone)) else { continue };
                let names = (name(gone).to_owned(), name(wanted).to_owned());
                let enough = new[to].len() >= ENOUGH || few && (names.0 == names.1 || renamed.contains(&names));
                let share = new[to].intersection(&old[from]).count() * 100 / new[to].len().max(1);
                if enough && share >= ALIKE {
                    found.push((100 - share, to, from));
                }
            }
        }
        found.sort_unstable();
        for (_, to, from) in found {
            if missing[to].moved_from.is_some() {
                continue;
            }
            let Some(gone) = left[from].take() else { continue };
            renamed.insert((name(&gone).to_owned(), name(&missing[to]).to_owned()));
            missing[to].moved_from = Some(gone.subject);
            missing[to].changes.extend(gone.changes);
        }
    }
    all.extend(missing);
    all.extend(left.into_iter().flatten());
    all
}

/// Whether it is all of an object, a rule or a file. A record of another name is another answer.
fn can_move(difference: &Difference, what: &What) -> bool {
    difference.what == *what && difference.changes.len() == 1 && !difference.subject.starts_with("Record ")
}

fn of_one_kind(one: &Difference, other: &Difference) -> bool {
    let kind = |difference: &Difference| {
        let subject = &difference.subject;
        // A file has no kind but that of its name.
        match subject.split_once(' ') {
            Some((kind, _)) => kind.to_owned(),
            None => subject.rsplit_once('.').map_or("", |(_, end)| end).to_owned(),
        }
    };
    one.region == other.region && kind(one) == kind(other)
}

/// `shop/api` of `Deployment shop/api`: `api`.
fn name(difference: &Difference) -> &str {
    let subject = difference.subject.split_once(' ').map_or(&*difference.subject, |(_, name)| name);
    subject.rsplit('/').next().unwrap_or(subject)
}

/// What a value says, names apart.
fn said(value: Option<&Value>, name: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    if let Some(value) = value {
        says(value, "", name, &mut all);
    }
    all
}

fn says(value: &Value, at: &str, name: &str, all: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(key, _)| {
                !(at.is_empty() && matches!(key.as_str(), "apiVersion" | "kind" | "metadata" | "status"))
            })
            .for_each(|(key, value)| says(value, &format!("{at}.{key}"), name, all)),
        // In whatever order.
        Value::Array(items) => items.iter().for_each(|item| says(item, &format!("{at}[]"), name, all)),
        Value::String(text) if text.contains('\n') => {
            all.extend(text.lines().map(|line| format!("{at}={}", line.replace(name, "@"))));
        }
        Value::String(text) => drop(all.insert(format!("{at}={}", text.replace(name, "@")))),
        other => drop(all.insert(format!("{at}={other}"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::diff::{Change, Graded, Risk};

    fn difference(subject: &str, what: What, value: Value) -> Difference {
        let (before, after) = if what == What::Missing { (None, Some(value)) } else { (Some(value), None) };
        let graded = Graded::new(Risk::None, "");
        let change = Change { at: String::new(), what: what.clone(), before, after, owner: None, graded };
        Difference {
            region: Some("home".to_owned()),
            artifact: String::new(),
            subject: subject.to_owned(),
            what,
            changes: vec![change],
            origin: None,
            moved_from: None,
        }
    }

    #[test]
    fn what_goes_by_another_name_is_one_difference_and_what_is_another_thing_is_two() {
        let spec = |name: &str, port: u16| json!({"spec": {"selector": {"app": name}, "port": port, "a": 1, "b": [2]}});
        let joined = join(vec![
            difference("Service shop/api", What::Left, spec("api", 80)),
            difference("Service shop/web", What::Missing, spec("web", 80)),
            difference("ServiceAccount shop/api", What::Left, json!({"automount": false})),
            difference("ServiceAccount shop/web", What::Missing, json!({"automount": false})),
            difference("ServiceAccount shop/other", What::Left, json!({"automount": false})),
            difference("Deployment shop/x", What::Left, spec("x", 1)),
            difference("Deployment shop/y", What::Missing, json!({"spec": {"c": 1, "d": 2, "e": 3}})),
        ]);
        let said: Vec<(&str, Option<&str>)> = joined.iter().map(|d| (&*d.subject, d.moved_from.as_deref())).collect();
        assert_eq!(
            said,
            [
                ("Service shop/web", Some("Service shop/api")),
                ("ServiceAccount shop/web", Some("ServiceAccount shop/api")),
                ("Deployment shop/y", None),
                ("ServiceAccount shop/other", None),
                ("Deployment shop/x", None),
            ]
        );
    }
}
