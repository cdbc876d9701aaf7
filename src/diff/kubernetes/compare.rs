//! One object, rendered and deployed: what is different between the two, field by field.

use serde_json::{Map, Value};

use super::defaults;
use super::equal::{is_empty, same};
use super::keys::identity;
use super::owners::{CLIENT_SIDE, Owner, Owners};
use super::risk::{self, Subject};
use crate::diff::path::{keys, text};
use crate::diff::{Change, Graded, Risk, Step, What};

/// What an object is compared against.
pub struct Against<'a> {
    /// What was rendered of it before.
    pub former: Option<&'a Value>,
    /// Whether an autoscaler decides its replicas.
    pub scaled: bool,
    /// Whether harmless things of others are shown.
    pub unmanaged: bool,
    /// Whether the other side comes from a server; otherwise it was rendered, and everything in it was hagen's.
    pub deployed: bool,
}

/// The kinds of API groups that defaults are known of; in others a field that nobody set may be one.
const KNOWN: [&str; 9] = [
    "",
    "apps",
    "autoscaling",
    "batch",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];

/// The changes of an object.
pub fn object(subject: Subject<'_>, rendered: &Value, live: &Value, against: &Against<'_>) -> Vec<Change> {
    let owners = Owners::of(live);
    let mut wanted = stripped(rendered);
    let mut live_now = stripped(live);
    let version = rendered.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    let group = version.split_once('/').map_or("", |(group, _)| group);
    if against.deployed {
        // On both sides: a source need not be what a server filled in.
        for side in [&mut wanted, &mut live_now] {
            defaults::fill(subject.kind, side);
            if !KNOWN.contains(&group) {
                crate::verify::fill_defaults(&format!("{version}/{}", subject.kind), side);
            }
        }
    }
    let mut walk = Walk {
        subject,
        owners,
        against,
        known: KNOWN.contains(&group),
        path: Vec::new(),
        changes: Vec::new(),
        rendered,
    };
    walk.both(&wanted, &live_now);
    walk.changes
}

/// An object without what the server keeps in it for itself.
pub fn stripped(object: &Value) -> Value {
    const OWN: [&str; 9] = [
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "generation",
        "managedFields",
        "ownerReferences",
        "resourceVersion",
        "selfLink",
        "uid",
    ];
    const WRITTEN: [&str; 3] = [
        "deployment.kubernetes.io/revision",
        "kapp.k14s.io/original",
        "kubectl.kubernetes.io/last-applied-configuration",
    ];
    let mut object = object.clone();
    if let Some(map) = object.as_object_mut() {
        map.remove("status");
        // One object is served in every version of its API.
        map.remove("apiVersion");
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        OWN.iter().for_each(|key| drop(metadata.remove(*key)));
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            WRITTEN.iter().for_each(|key| drop(annotations.remove(*key)));
        }
    }
    object
}

struct Walk<'w> {
    subject: Subject<'w>,
    owners: Owners<'w>,
    against: &'w Against<'w>,
    known: bool,
    /// The path, with the deployed item of each list on the way.
    path: Vec<(Step, Option<&'w Value>)>,
    changes: Vec<Change>,
    /// The object before defaults were filled in: what nobody wrote is nobody's change.
    rendered: &'w Value,
}

impl<'w> Walk<'w> {
    fn steps(&self) -> Vec<Step> {
        self.path.iter().map(|(step, _)| step.clone()).collect()
    }

    fn both(&mut self, wanted: &'w Value, live: &'w Value) {
        if self.against.scaled && !self.is_written() && keys(&self.steps()) == ["spec", "replicas"] {
            self.replicas(live);
            return;
        }
        match (wanted, live) {
            (Value::Object(a), Value::Object(b)) => self.maps(a, b),
            (Value::Array(a), Value::Array(b)) => self.lists((wanted, a), (live, b)),
            _ => {
                let steps = self.steps();
                let is_one = same(&keys(&steps), wanted, live) || is_empty(wanted) && is_empty(live);
                if !is_one && self.against.deployed && !self.is_written() {
                    // A default that somebody set to something else: applying leaves it.
                    self.extra(live);
                } else if !is_one {
                    self.push(What::Changed, Some(live), Some(wanted));
                }
            }
        }
    }

    fn maps(&mut self, wanted: &'w Map<String, Value>, live: &'w Map<String, Value>) {
        for (key, value) in wanted {
            self.at(Step::Key(key.clone()), None, |walk| match live.get(key) {
                Some(other) => walk.both(value, other),
                None => walk.missing(value),
            });
        }
        for (key, value) in live.iter().filter(|(key, _)| !wanted.contains_key(*key)) {
            self.at(Step::Key(key.clone()), None, |walk| walk.extra(value));
        }
    }

    fn lists(&mut self, (after, wanted): (&'w Value, &'w [Value]), (before, live): (&'w Value, &'w [Value])) {
        let steps = self.steps();
        let keys = keys(&steps);
        let named = |items: &[Value]| -> Option<Vec<String>> {
            let names: Option<Vec<String>> = items.iter().map(|item| identity(&keys, item)).collect();
            names.filter(|names| names.iter().collect::<std::collections::BTreeSet<_>>().len() == names.len())
        };
        if let (Some(a), Some(b)) = (named(wanted), named(live)) {
            for (name, item) in a.iter().zip(wanted) {
                let other = b.iter().position(|other| other == name).and_then(|at| live.get(at));
                self.at(Step::Item(name.clone()), Some(other.unwrap_or(item)), |walk| match other {
                    Some(other) => walk.both(item, other),
                    None => walk.missing(item),
                });
            }
            for (name, item) in b.iter().zip(live).filter(|(name, _)| !a.contains(name)) {
                self.at(Step::Item(name.clone()), Some(item), |walk| walk.extra(item));
            }
            let common = |names: &[String], others: &[String]| -> Vec<Value> {
                names.iter().filter(|name| others.contains(name)).map(|name| Value::from(name.as_str())).collect()
            };
            let (before, after) = (common(&b, &a), common(&a, &b));
            if before != after && order_counts(&keys, wanted, live) {
                self.push(What::Changed, Some(&Value::from(before)), Some(&Value::from(after)));
            }
            return;
        }
        let of_maps = |items: &[Value]| items.iter().all(Value::is_object);
        if wanted.len() == live.len() && of_maps(wanted) && of_maps(live) {
            for (index, (item, other)) in wanted.iter().zip(live).enumerate() {
                self.at(Step::Index(index), Some(other), |walk| walk.both(item, other));
            }
            return;
        }
        let sets = |items: &[Value]| {
            let mut texts: Vec<String> = items.iter().map(Value::to_string).collect();
            texts.sort();
            texts
        };
        let is_set = keys.last().is_some_and(|last| SETS.contains(last));
        if wanted == live || is_set && sets(wanted) == sets(live) {
            return;
        }
        if wanted.is_empty() {
            self.extra(before);
        } else {
            self.push(What::Changed, Some(before), Some(after));
        }
    }

    /// The replicas of what an autoscaler scales, which are its own; but not all of them.
    fn replicas(&mut self, live: &'w Value) {
        let owner = self.owners.at(&self.path);
        let graded = if live.as_i64() == Some(0) {
            Graded::new(Risk::Reload, "at 0 replicas the autoscaler is switched off: nobody starts pods again")
                .by("`kubectl scale` it to the autoscaler's minimum")
        } else if owner == Owner::Hagen && self.against.deployed {
            Graded::new(
                Risk::BriefOutage,
                "applying gives the field up: the server sets 1, and the autoscaler raises it when it next looks",
            )
            .by("hand it over first: apply `spec.replicas` alone, with its present value, as another field manager (Kubernetes, \
                 \"Server-Side Apply\", transferring ownership)")
        } else {
            return;
        };
        let at = text(&self.steps());
        let before = Some(live.clone());
        self.changes.push(Change { at, what: What::Changed, before, after: None, owner: None, graded });
    }

    /// What is rendered and not deployed.
    fn missing(&mut self, wanted: &'w Value) {
        if is_empty(wanted) && !matches!(self.path.last(), Some((Step::Item(_), _))) {
            return;
        }
        // A default that the source does not show is no change: not every program prints them.
        if self.against.deployed && !self.is_written() {
            return;
        }
        self.push(What::Missing, None, Some(wanted));
    }

    /// Whether what stands at the path was rendered, and not filled in.
    fn is_written(&self) -> bool {
        stands_in(Some(self.rendered), &self.steps())
    }

    /// What is deployed and not rendered.
    fn extra(&mut self, live: &'w Value) {
        let steps = self.steps();
        let keys = keys(&steps);
        if is_empty(live) && !matches!(steps.last(), Some(Step::Item(_)))
            || defaults::is_given(self.subject.kind, &keys)
        {
            return;
        }
        if self.against.scaled && keys == ["spec", "replicas"] {
            self.replicas(live);
            return;
        }
        if !self.against.deployed {
            self.push(What::Left, Some(live), None);
            return;
        }
        // A map is looked through: one key of it may be hagen's, another somebody else's.
        if let Value::Object(map) = live
            && !matches!(steps.last(), Some(Step::Item(_) | Step::Index(_)))
            && !map.is_empty()
        {
            for (key, value) in map {
                self.at(Step::Key(key.clone()), None, |walk| walk.extra(value));
            }
            return;
        }
        // It stood in what was rendered before.
        if stands_in(self.against.former, &steps) {
            self.push(What::Left, Some(live), None);
            return;
        }
        // The server takes such a list or map as one value: applying writes all of it.
        let in_list = matches!(steps.last(), Some(Step::Item(_) | Step::Index(_)));
        let in_map = matches!(keys[..], [.., "matchLabels" | "nodeSelector", _])
            || self.subject.kind == "Service" && matches!(keys[..], ["spec", "selector", _]);
        if in_list && keys.last().is_some_and(|list| ATOMIC.contains(list)) || in_map && !self.is_alone(&steps) {
            self.push(What::Changed, Some(live), None);
            return;
        }
        match self.owner_below(live) {
            // Its fields are given to the new manager by the first apply.
            Owner::Other(name) if name == CLIENT_SIDE && !is_harmless(self.subject.kind, &keys) => {
                self.push(What::Left, Some(live), None);
                if let Some(change) = self.changes.last_mut() {
                    change.owner = Some(name);
                }
            }
            Owner::Hagen => self.push(What::Left, Some(live), None),
            _ if !self.against.unmanaged && is_harmless(self.subject.kind, &keys) => {}
            Owner::Other(name) => self.push(What::Foreign(Some(name)), Some(live), None),
            // Whatever owns it: it is no default where those are known.
            Owner::Unknown | Owner::Nobody if self.known => self.push(What::Foreign(None), Some(live), None),
            Owner::Unknown if self.against.unmanaged => self.push(What::Foreign(None), Some(live), None),
            Owner::Unknown | Owner::Nobody => {}
        }
    }

    /// Whether nothing is rendered of the map that the last step is in: then it is not applied.
    fn is_alone(&self, steps: &[Step]) -> bool {
        steps.split_last().is_some_and(|(_, above)| !stands_in(Some(self.rendered), above))
    }

    /// Who owns what stands at the path, or something in it.
    fn owner_below(&self, live: &Value) -> Owner {
        let mut path = self.path.clone();
        let own = self.owners.at(&path);
        match (own, live) {
            (Owner::Nobody, Value::Object(map)) => {
                let mut found = Owner::Nobody;
                for key in map.keys() {
                    path.push((Step::Key(key.clone()), None));
                    match self.owners.at(&path) {
                        Owner::Hagen => return Owner::Hagen,
                        other @ Owner::Other(_) => found = other,
                        Owner::Nobody | Owner::Unknown => {}
                    }
                    path.pop();
                }
                found
            }
            (own, _) => own,
        }
    }

    fn at(&mut self, step: Step, item: Option<&'w Value>, go: impl FnOnce(&mut Self)) {
        self.path.push((step, item));
        go(self);
        self.path.pop();
    }

    fn push(&mut self, what: What, before: Option<&Value>, after: Option<&Value>) {
        let steps = self.steps();
        let mut graded = risk::of(self.subject, &keys(&steps), &what);
        let fewer = before.and_then(Value::as_i64) > after.and_then(Value::as_i64);
        if self.subject.kind == "StatefulSet" && keys(&steps) == ["spec", "replicas"] && fewer {
            graded = Graded::new(Risk::Failover, "the last pods go, and one of them may be the primary")
                .by("see who is what, and move the primary to a pod that stays, before applying");
        }
        if let (Some(how), Some(name)) = (&graded.how, self.rendered.pointer("/metadata/name").and_then(Value::as_str))
        {
            graded.how = Some(how.replace("NAME", name).into());
        }
        let owner = match self.owners.at(&self.path) {
            Owner::Other(name) if matches!(what, What::Changed) => Some(name),
            _ => None,
        };
        self.changes.push(Change {
            at: text(&steps),
            what,
            before: before.cloned(),
            after: after.cloned(),
            owner,
            graded,
        });
    }
}

/// Whether the order of a list that has keys is more than how it is written: containers that run one after the other, variables
/// that name others, which must stand before them.
fn order_counts(keys: &[&str], wanted: &[Value], live: &[Value]) -> bool {
    let refers = |item: &Value| item.get("value").and_then(Value::as_str).is_some_and(|value| value.contains("$("));
    match keys.last() {
        Some(&"initContainers") => true,
        Some(&"env") => wanted.iter().chain(live).any(refers),
        _ => false,
    }
}

/// Lists that have keys here, and none on the server (`x-kubernetes-list-type: atomic`): who applies one writes all of it.
const ATOMIC: [&str; 3] = ["metrics", "subjects", "tolerations"];

/// Lists of texts in which no order counts.
const SETS: [&str; 8] =
    ["accessModes", "dnsNames", "finalizers", "hostnames", "namespaces", "policyTypes", "resources", "verbs"];

/// Whether something stands at a path of a value.
fn stands_in(value: Option<&Value>, steps: &[Step]) -> bool {
    let mut here = value;
    for (at, step) in steps.iter().enumerate() {
        here = match (step, here) {
            (Step::Key(key), Some(value)) => value.get(key),
            (Step::Index(index), Some(value)) => value.get(index),
            (Step::Item(name), Some(Value::Array(items))) => {
                let keys = keys(&steps[..at]);
                items.iter().find(|item| identity(&keys, item).as_ref() == Some(name))
            }
            _ => None,
        };
    }
    here.is_some()
}

/// Annotations that balancers and ingress controllers obey.
const OBEYED: [&str; 5] = [
    "alb.ingress.kubernetes.io/",
    "external-dns.alpha.kubernetes.io/",
    "haproxy.org/",
    "nginx.ingress.kubernetes.io/",
    "service.beta.kubernetes.io/",
];

/// Whether what others wrote there changes nothing that runs, and nobody's rights.
fn is_harmless(kind: &str, keys: &[&str]) -> bool {
    match keys {
        // They decide what pods may do there, and which mesh they are in.
        ["metadata", "labels", ..] => kind != "Namespace",
        ["metadata", "annotations", name, ..] => {
            !OBEYED.iter().any(|start| name.starts_with(start)) && !risk::is_right(name)
        }
        ["metadata", "annotations" | "finalizers", ..] => true,
        // `kubectl rollout restart`.
        [.., "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt"] => true,
        _ => false,
    }
}
