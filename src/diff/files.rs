//! What is rendered against a tree that was rendered before.

use std::collections::BTreeMap;

use serde_json::Value;
use similar::TextDiff;

use super::kubernetes::{Against, object, parse, subject};
use super::{Change, Comparison, Difference, Graded, Risk, What};
use crate::render::{Artifact, ArtifactKind, ArtifactSet, Selection};
use crate::state::ObjectId as Id;
use crate::state::{LockedFile, Tree};

/// Compares each file with that of the tree.
pub fn compare(set: &ArtifactSet, selection: &Selection, tree: &Tree) -> Result<Comparison, String> {
    let mut all = Comparison::default();
    for artifact in set.values() {
        match tree.files.get(&artifact.path) {
            Some((_, text)) if *text == artifact.text => all.same += 1,
            Some((_, text)) if artifact.kind == ArtifactKind::Kubernetes => all.add(objects(artifact, text)?),
            Some((_, text)) => all.differences.push(of_file(artifact, What::Changed, vec![of_text(artifact, text)])),
            None if artifact.kind == ArtifactKind::Kubernetes => all.add(objects(artifact, "")?),
            None => {
                let graded = Graded::new(Risk::None, "it is new");
                let change = Change {
                    at: String::new(),
                    what: What::Missing,
                    before: None,
                    after: Some(Value::from(artifact.text.clone())),
                    owner: None,
                    graded,
                };
                all.differences.push(of_file(artifact, What::Missing, vec![change]));
            }
        }
    }
    // What was not asked for was not rendered, and is not left over.
    let asked = |file: &LockedFile| file.family().is_none_or(|family| selection.picks(family, file.region.as_deref()));
    for (path, (file, text)) in tree.files.iter().filter(|(path, (file, _))| !set.contains_key(*path) && asked(file)) {
        if file.kind == ArtifactKind::Kubernetes.name() {
            all.differences.extend(gone(path, file, text)?);
            continue;
        }
        let graded = Graded::new(Risk::Metadata, "the file goes; what it was applied to keeps what it has");
        let before = Some(Value::from(text.clone()));
        let change = Change { at: String::new(), what: What::Left, before, after: None, owner: None, graded };
        all.differences.push(Difference {
            region: file.region.clone(),
            artifact: path.clone(),
            subject: path.clone(),
            what: What::Left,
            changes: vec![change],
            origin: None,
            moved_from: None,
        });
    }
    Ok(all)
}

fn of_file(artifact: &Artifact, what: What, changes: Vec<Change>) -> Difference {
    Difference {
        region: artifact.region.clone(),
        artifact: artifact.path.clone(),
        subject: artifact.path.clone(),
        what,
        changes,
        origin: artifact.origins.first().cloned(),
        moved_from: None,
    }
}

/// The objects in a file, one by one; a file of which only comments are others is the same.
fn objects(artifact: &Artifact, before: &str) -> Result<Comparison, String> {
    let indexed = |values: Vec<Value>| -> BTreeMap<Id, Value> {
        values.into_iter().filter_map(|value| Some((Id::of(&value)?, value))).collect()
    };
    let mut all = Comparison::default();
    let (old, new) = (indexed(parse(&artifact.path, before)?), indexed(parse(&artifact.path, &artifact.text)?));
    let difference = |id: &Id, what: What, changes: Vec<Change>| Difference {
        region: artifact.region.clone(),
        artifact: artifact.path.clone(),
        subject: id.shown(),
        what,
        changes,
        origin: artifact.origins.first().cloned(),
        moved_from: None,
    };
    let whole = |value: &Value, what: What| {
        let graded = super::kubernetes::risk_of(value, &what);
        let (before, after) = match what {
            What::Missing => (None, Some(value.clone())),
            _ => (Some(value.clone()), None),
        };
        Change { at: String::new(), what, before, after, owner: None, graded }
    };
    for (id, value) in &new {
        match old.get(id) {
            Some(old) => {
                let against = Against { former: None, scaled: false, unmanaged: false, deployed: false };
                let changes = object(subject(value), value, old, &against);
                if changes.is_empty() {
                    all.same += 1;
                } else {
                    all.differences.push(difference(id, What::Changed, changes));
                }
            }
            None => all.differences.push(difference(id, What::Missing, vec![whole(value, What::Missing)])),
        }
    }
    for (id, value) in old.iter().filter(|(id, _)| !new.contains_key(id)) {
        all.differences.push(difference(id, What::Left, vec![whole(value, What::Left)]));
    }
    Ok(all)
}

/// The objects of a file that is rendered no more.
fn gone(path: &str, file: &LockedFile, text: &str) -> Result<Vec<Difference>, String> {
    let difference = |value: Value| {
        let id = Id::of(&value)?;
        let graded = super::kubernetes::risk_of(&value, &What::Left);
        let change =
            Change { at: String::new(), what: What::Left, before: Some(value), after: None, owner: None, graded };
        Some(Difference {
            region: file.region.clone(),
            artifact: path.to_owned(),
            subject: id.shown(),
            what: What::Left,
            changes: vec![change],
            origin: None,
            moved_from: None,
        })
    };
    Ok(parse(path, text)?.into_iter().filter_map(difference).collect())
}

/// The lines of a file that are others.
fn of_text(artifact: &Artifact, before: &str) -> Change {
    let diff = TextDiff::from_lines(before, &artifact.text).unified_diff().context_radius(0).to_string();
    let (mut old, mut new) = (String::new(), String::new());
    for line in diff.lines() {
        if let Some(line) = line.strip_prefix('-') {
            old.push_str(line);
            old.push('\n');
        } else if let Some(line) = line.strip_prefix('+') {
            new.push_str(line);
            new.push('\n');
        }
    }
    Change {
        at: String::new(),
        what: What::Changed,
        before: Some(Value::from(old)),
        after: Some(Value::from(new)),
        owner: None,
        graded: risk(artifact.kind),
    }
}

/// What a change of a file does to its reader, as far as the file as a whole tells.
fn risk(kind: ArtifactKind) -> Graded {
    match kind {
        ArtifactKind::PrometheusRules
        | ArtifactKind::PrometheusConfig
        | ArtifactKind::Alertmanager
        | ArtifactKind::Blackbox
        | ArtifactKind::Haproxy
        | ArtifactKind::Pgbouncer => Graded::new(Risk::Reload, "its reader reloads it while it runs"),
        ArtifactKind::Patroni => Graded::new(Risk::RollingRestart, "members reload it; some parameters need a restart")
            .by("`patronictl reload`, then `patronictl list`: a `*` asks for a restart; `bootstrap.dcs` is not applied to a living cluster: `patronictl edit-config`"),
        ArtifactKind::Etcd | ArtifactKind::Systemd => {
            Graded::new(Risk::RollingRestart, "it is read when the service starts").by("one host at a time")
        }
        ArtifactKind::Redis => Graded::new(Risk::RollingRestart, "it is read when the server starts")
            .by("one node at a time, replicas first; many settings can be set by CONFIG SET as well"),
        ArtifactKind::Route53Changes | ArtifactKind::Route53HealthCheck => {
            Graded::new(Risk::DnsVisible, "clients follow once what they keep has run out")
        }
        ArtifactKind::Kubernetes => Graded::new(Risk::RollingRestart, "objects differ"),
        ArtifactKind::Pgbackrest => Graded::new(Risk::Reload, "the next backup reads it"),
        ArtifactKind::Kustomization
        | ArtifactKind::PrometheusTests
        | ArtifactKind::Shell
        | ArtifactKind::Markdown
        | ArtifactKind::Json
        | ArtifactKind::Text => Graded::new(Risk::Metadata, "nothing that runs reads it"),
    }
}
