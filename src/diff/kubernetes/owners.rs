//! Who owns which field of an object: what `metadata.managedFields` says.

use serde_json::{Map, Value};

use crate::diff::Step;
use crate::state::HAGEN;

/// Who owns a part of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// hagen.
    Hagen,
    /// Another manager.
    Other(String),
    /// Nobody: the server filled it in.
    Nobody,
    /// The source does not say: it has no `managedFields`.
    Unknown,
}

/// What each manager owns.
#[derive(Debug, Default)]
pub struct Owners<'a> {
    /// Each manager with its fields; one that wrote in several ways stands several times.
    fields: Vec<(&'a str, &'a Map<String, Value>)>,
    /// Those that wrote more than how far something is.
    names: Vec<&'a str>,
}

/// The manager of `kubectl apply` without `--server-side`. The first apply on the server with kubectl gives its fields to the new
/// manager, and so takes away what is not in what is applied.
pub const CLIENT_SIDE: &str = "kubectl-client-side-apply";

impl<'a> Owners<'a> {
    /// Reads it from an object. Managers of `status` and of scaling only are asked as well.
    pub fn of(object: &'a Value) -> Self {
        let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array).map(Vec::as_slice);
        let owner = |entry: &'a Value| {
            let name = entry.get("manager").and_then(Value::as_str)?;
            Some((name, entry.get("fieldsV1").and_then(Value::as_object)?))
        };
        let entries = entries.unwrap_or_default();
        let of_all = entries.iter().filter(|entry| entry.get("subresource").is_none()).filter_map(owner);
        // Controllers write how far they are, in annotations as well.
        let names = of_all.map(|(name, _)| name).filter(|name| *name != "kube-controller-manager").collect();
        Self { fields: entries.iter().filter_map(owner).collect(), names }
    }

    /// The names of the managers that wrote more than how far something is.
    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        self.names.iter().copied()
    }

    /// Whether anything is known.
    pub const fn is_known(&self) -> bool {
        !self.fields.is_empty()
    }

    /// Who owns what stands at a path: hagen before others. `item` is the value there, by which items of lists are found.
    pub fn at(&self, steps: &[(Step, Option<&Value>)]) -> Owner {
        if !self.is_known() {
            return Owner::Unknown;
        }
        let mut other = None;
        for (name, fields) in &self.fields {
            if owns(fields, steps) {
                if *name == HAGEN {
                    return Owner::Hagen;
                }
                other.get_or_insert(*name);
            }
        }
        other.map_or(Owner::Nobody, |name| Owner::Other(name.to_owned()))
    }
}

/// What is owned of an item of a list that has its names as keys, as most have; nothing where it has others, and each is tried.
#[expect(clippy::option_option, reason = "not of this kind, and of this kind without it, are two things")]
fn named<'a>(fields: &'a Map<String, Value>, item: Option<&Value>) -> Option<Option<&'a Value>> {
    const START: &str = "k:{\"name\":";
    let name = item?.get("name").filter(|name| name.is_string())?;
    let first = fields.keys().find(|key| *key != ".")?;
    let alone = first.strip_prefix(START)?.split_once("\",").is_none();
    alone.then(|| fields.get(&format!("{START}{name}}}")))
}

/// Whether a tree of fields holds a path, or something below it.
fn owns(fields: &Map<String, Value>, steps: &[(Step, Option<&Value>)]) -> bool {
    let mut here = fields;
    for (at, (step, item)) in steps.iter().enumerate() {
        // A leaf owns everything below it: lists and maps that are taken as a whole.
        if at > 0 && here.keys().all(|key| key == ".") {
            return true;
        }
        let next = match step {
            Step::Key(key) => here.get(&format!("f:{key}")),
            Step::Item(_) | Step::Index(_) => named(here, *item).unwrap_or_else(|| {
                here.iter().find_map(|(key, below)| {
                    let known =
                        key.strip_prefix("k:").and_then(|keys| serde_json::from_str::<Map<String, Value>>(keys).ok());
                    let by_key = known.is_some_and(|keys| {
                        keys.iter().all(|(key, value)| item.is_some_and(|item| item.get(key) == Some(value)))
                    });
                    let by_value = key
                        .strip_prefix("v:")
                        .and_then(|value| serde_json::from_str::<Value>(value).ok())
                        .is_some_and(|value| *item == Some(&value));
                    (by_key || by_value).then_some(below)
                })
            }),
        };
        match next.and_then(Value::as_object) {
            Some(below) => here = below,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_found_by_the_keys_of_their_items() {
        let object = json!({"metadata": {"managedFields": [
            {"manager": "hagen", "fieldsV1": {"f:spec": {"f:selector": {}, "f:containers": {"k:{\"name\":\"a\"}": {".": {}, "f:image": {}}}}}},
            {"manager": "kubectl-edit", "fieldsV1": {"f:spec": {"f:containers": {"k:{\"name\":\"a\"}": {"f:tty": {}}}}}},
        ]}});
        let owners = Owners::of(&object);
        let (a, b) = (json!({"name": "a"}), json!({"name": "b"}));
        let key = |key: &str| (Step::Key(key.to_owned()), None);
        let path =
            |item, field| vec![key("spec"), key("containers"), (Step::Item("x".to_owned()), Some(item)), key(field)];
        assert_eq!(owners.at(&path(&a, "image")), Owner::Hagen);
        assert_eq!(owners.at(&path(&a, "tty")), Owner::Other("kubectl-edit".to_owned()));
        assert_eq!(owners.at(&path(&a, "stdin")), Owner::Nobody);
        assert_eq!(owners.at(&path(&b, "image")), Owner::Nobody);
        assert_eq!(owners.at(&[key("spec"), key("selector"), key("matchLabels")]), Owner::Hagen);
        assert_eq!(Owners::of(&json!({})).at(&[key("spec")]), Owner::Unknown);
    }
}
