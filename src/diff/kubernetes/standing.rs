//! What an object says beside its fields: that it is being deleted, that its pods do not run it yet, that others applied it;
//! and what the API server said of applying the rendered one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::compare::{Against, object};
use super::owners::Owners;
use super::risk::{self, Subject};
use crate::diff::{Change, Graded, Risk, What};
use crate::state::HAGEN;

/// An object that the API server refuses to apply.
pub fn refused(why: &str) -> Change {
    // Nothing happens to what runs, and no gate may let it pass: it is known before that the rollout will fail.
    let graded = Graded::new(Risk::Recreate, format!("the API server refuses to apply it: {why}"))
        .by("mend what it names; where that is a field that cannot change, delete the object and apply it anew");
    Change { at: String::new(), what: What::Changed, before: None, after: None, owner: None, graded }
}

/// An object that goes away: as long as a finalizer holds it, it looks as it did.
pub fn deleted(live: &Value) -> Option<Change> {
    let since = live.pointer("/metadata/deletionTimestamp")?;
    let finalizers: Vec<&str> = ["/metadata/finalizers", "/spec/finalizers"]
        .iter()
        .filter_map(|at| live.pointer(at)?.as_array())
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let waits = if finalizers.is_empty() { String::new() } else { format!(" and waits for {}", finalizers.join(", ")) };
    let graded = Graded::new(Risk::Recreate, format!("it is being deleted{waits}: nothing that is applied keeps it"))
        .by("see what waits (`kubectl describe`), let it go, then apply it anew");
    Some(Change {
        at: "metadata.deletionTimestamp".to_owned(),
        what: What::Changed,
        before: Some(since.clone()),
        after: None,
        owner: None,
        graded,
    })
}

/// Pods that still run an older template, where they wait for somebody to delete them.
pub fn behind(subject: Subject<'_>, live: &Value) -> Option<Change> {
    let status = |key: &str| live.pointer(&format!("/status/{key}")).and_then(Value::as_i64);
    let (pods, updated) = (status("replicas")?, status("updatedReplicas").unwrap_or(0));
    if !subject.on_delete || updated >= pods {
        return None;
    }
    Some(Change {
        at: "status.updatedReplicas".to_owned(),
        what: What::Changed,
        before: Some(updated.into()),
        after: Some(pods.into()),
        owner: None,
        graded: risk::of(subject, &["spec", "template"], &What::Changed),
    })
}

/// The changes of an object, where the API server said what it would be after applying: that decides on what is missing or
/// another, defaults and webhooks counted. What others wrote, it leaves; that is told from the object alone.
pub fn told(changes: Vec<Change>, subject: Subject<'_>, applied: &Value, live: &Value, scaled: bool) -> Vec<Change> {
    let rendered = Against { former: None, scaled: false, unmanaged: true, deployed: false };
    let mut all = object(subject, applied, live, &rendered);
    // An autoscaler may have changed it between the two answers; where it counts, the object alone told so.
    all.retain(|change| !(scaled && change.at == "spec.replicas"));
    // What only another manager wrote, and applying takes away all the same: it stands in a list that is one value to the server.
    for change in all.iter_mut().filter(|change| change.what == What::Left) {
        let foreign = changes.iter().find(|known| known.at == change.at && known.what != What::Left);
        if let Some(foreign) = foreign {
            change.what = What::Changed;
            change.owner = match &foreign.what {
                What::Foreign(owner) => owner.clone(),
                _ => foreign.owner.clone(),
            };
        }
    }
    for mut change in changes {
        let within = |known: &Change| {
            let rest = change.at.strip_prefix(&*known.at);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let replicas = scaled && change.at == "spec.replicas";
        let own = matches!(change.what, What::Missing | What::Changed) && !replicas;
        if own || all.iter().any(within) {
            continue;
        }
        if change.what == What::Left && change.owner.is_none() && !replicas {
            // It was rendered before, and another manager applied it: the server would leave it.
            change.what = What::Foreign(None);
            change.graded = change.graded.by("it was rendered before: take it away by hand if nobody else needs it");
        }
        all.push(change);
    }
    all
}

/// What is not hagen's yet, counted while objects are looked at.
#[derive(Default)]
pub struct Adoption<'a> {
    there: usize,
    objects: usize,
    managers: BTreeMap<&'a str, usize>,
}

impl<'a> Adoption<'a> {
    /// Looks at an object.
    pub fn add(&mut self, live: &'a Value) {
        self.there += 1;
        let owners = Owners::of(live);
        if !owners.is_known() || owners.names().any(|name| name == HAGEN) {
            return;
        }
        self.objects += 1;
        for name in owners.names().collect::<BTreeSet<_>>() {
            *self.managers.entry(name).or_default() += 1;
        }
    }

    /// What the first apply takes over, in a sentence; nothing where everything is hagen's, or nobody says.
    pub fn said(&self, region: &str) -> Option<String> {
        let whose: Vec<String> = self.managers.iter().map(|(name, count)| format!("{name} {count}")).collect();
        (self.objects > 0).then(|| {
            format!(
                "of {region}, {} of {} objects that are there are not hagen's yet (field managers: {}). The first apply, `kubectl apply \
                 --server-side --field-manager=hagen --force-conflicts`, takes over what is rendered of them, takes away what \
                 `kubectl apply` without `--server-side` wrote beside it, and leaves what others added",
                self.objects,
                self.there,
                whose.join(", ")
            )
        })
    }
}
