//! Rendered objects against the objects of a cluster.

mod compare;
mod defaults;
mod equal;
mod keys;
mod owners;
mod risk;
mod standing;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Change, Comparison, Difference, Options, What};
use crate::blueprint::Blueprint;
use crate::document::{Path, Source, plain, yaml};
use crate::render::{ArtifactKind, ArtifactSet, Selection};
use crate::state::{Asked, Dump, ObjectId as Id, Tree};

pub(super) use compare::{Against, object};
pub(super) use risk::Subject;
use standing::Adoption;

/// A rendered object.
pub(super) struct Rendered {
    pub(super) value: Value,
    pub(super) artifact: String,
    pub(super) origin: Option<Path>,
}

/// The objects in a text.
pub(super) fn parse(path: &str, text: &str) -> Result<Vec<Value>, String> {
    let source = Source::new(path.to_owned(), text.to_owned());
    let (documents, problems) = yaml::parse_foreign(&source, 0);
    if let Some(problem) = problems.first() {
        return Err(format!("{path}: {}", problem.title));
    }
    Ok(documents.iter().map(plain::json).filter(|value| !value.is_null()).collect())
}

/// The rendered objects of a region.
fn rendered(set: &ArtifactSet, region: &str) -> Result<BTreeMap<Id, Rendered>, String> {
    let mut all = BTreeMap::new();
    let own = |artifact: &&crate::render::Artifact| {
        artifact.kind == ArtifactKind::Kubernetes && artifact.region.as_deref() == Some(region)
    };
    for artifact in set.values().filter(own) {
        for value in parse(&artifact.path, &artifact.text)? {
            if let Some(id) = Id::of(&value) {
                let origin = artifact.origins.first().cloned();
                all.insert(id, Rendered { value, artifact: artifact.path.clone(), origin });
            }
        }
    }
    Ok(all)
}

/// Whether objects are rendered for a region.
pub(super) fn has_objects(set: &ArtifactSet, region: &str) -> bool {
    let own = |artifact: &crate::render::Artifact| artifact.region.as_deref() == Some(region);
    set.values().any(|artifact| artifact.kind == ArtifactKind::Kubernetes && own(artifact))
}

/// The rendered objects of a region, as they are applied.
pub(super) fn values(set: &ArtifactSet, region: &str) -> Result<Vec<Value>, String> {
    Ok(rendered(set, region)?.into_values().map(|rendered| rendered.value).collect())
}

/// The kinds of which something may be left over. What controllers make is not, and Secrets are read by nobody who need not.
pub(super) fn kinds() -> Vec<(String, String)> {
    const NOT: [&str; 4] = ["Endpoints", "PersistentVolumeClaim", "Pod", "Secret"];
    let split = |kind: &str| kind.rsplit_once('/').map(|(version, kind)| (version.to_owned(), kind.to_owned()));
    crate::verify::kinds().filter_map(split).filter(|(_, kind)| !NOT.contains(&kind.as_str())).collect()
}

/// What picks all objects that hagen rendered for a blueprint.
pub(super) fn selector(blueprint: &Blueprint) -> String {
    format!("app.kubernetes.io/managed-by=hagen,app.kubernetes.io/part-of={}", blueprint.name)
}

/// The objects of the tree that was rendered before, for a region.
fn former(previous: Option<&Tree>, region: &str) -> Result<BTreeMap<Id, Value>, String> {
    let mut all = BTreeMap::new();
    for (file, text) in previous.into_iter().flat_map(|tree| tree.files.values()) {
        if file.kind == ArtifactKind::Kubernetes.name() && file.region.as_deref() == Some(region) {
            for value in parse(&file.path, text)? {
                all.extend(Id::of(&value).map(|id| (id, value)));
            }
        }
    }
    Ok(all)
}

/// Compares the objects of a region's cluster, from all dumps of it, with those that are rendered for it.
pub fn compare(
    blueprint: &Blueprint,
    set: &ArtifactSet,
    selection: &Selection,
    (region, dumps): (&str, &[&Dump]),
    previous: Option<&Tree>,
    options: Options,
) -> Result<Comparison, String> {
    let mut all = Comparison::default();
    if !selection.regions.is_empty() && !selection.regions.iter().any(|picked| picked == region) {
        return Ok(all);
    }
    let rendered = rendered(set, region)?;
    let former = former(previous, region)?;
    let mut live: BTreeMap<Id, Deployed<'_>> = BTreeMap::new();
    for dump in dumps {
        for object in &dump.objects {
            let Some(id) = Id::of(object) else { continue };
            let known = live.get(&id).filter(|known| compare::stripped(known.object) != compare::stripped(object));
            if let Some(known) = known {
                all.refused.push(format!(
                    "{} of {region} is in {} and in {}, and is another one in each: which of them is deployed?",
                    id.shown(),
                    known.source,
                    dump.source
                ));
            }
            live.insert(id, Deployed { object, source: &dump.source });
        }
    }
    let asked: Vec<&Asked> = dumps.iter().filter_map(|dump| dump.asked.as_ref()).collect();
    let kinds: BTreeSet<(&str, &str)> = live.keys().map(|id| (&*id.group, &*id.kind)).collect();
    let scaled = scaled(rendered.values().map(|rendered| &rendered.value));
    let mut unseen: BTreeSet<&str> = BTreeSet::new();
    let mut adoption = Adoption::default();
    for (id, rendered) in &rendered {
        // Nothing is known of it, which was said where it was read.
        if asked.iter().any(|asked| asked.hidden.contains(id)) {
            continue;
        }
        let subject = subject(&rendered.value);
        let difference = |what: What, changes: Vec<Change>| Difference {
            region: Some(region.to_owned()),
            artifact: rendered.artifact.clone(),
            subject: id.shown(),
            what,
            changes,
            origin: rendered.origin.clone(),
            moved_from: None,
        };
        let Some(live) = live.get(id) else {
            let graded = risk::of(subject, &[], &What::Missing);
            let after = Some(rendered.value.clone());
            let change = Change { at: String::new(), what: What::Missing, before: None, after, owner: None, graded };
            let refused = outcome(&asked, id).and_then(|outcome| outcome.as_ref().err());
            let changes = [change].into_iter().chain(refused.map(|why| standing::refused(why))).collect();
            all.differences.push(difference(What::Missing, changes));
            if asked.is_empty() && !kinds.contains(&(&*id.group, &*id.kind)) {
                unseen.insert(&id.kind);
            }
            continue;
        };
        adoption.add(live.object);
        let against = Against {
            former: former.get(id),
            scaled: scaled.contains(&(&*id.kind, &*id.namespace, &*id.name)),
            unmanaged: options.unmanaged,
            deployed: true,
        };
        let mut changes = object(subject, &rendered.value, live.object, &against);
        match outcome(&asked, id) {
            Some(Ok(applied)) => {
                changes = standing::told(changes, subject, applied, live.object, against.scaled);
            }
            // It is not what is rendered, and does not become it by applying: a difference, whatever else is one.
            Some(Err(why)) => changes.push(standing::refused(why)),
            None => {}
        }
        changes.extend(standing::deleted(live.object));
        changes.extend(standing::behind(subject, live.object).filter(|_| changes.is_empty()));
        if changes.is_empty() {
            all.same += 1;
        } else {
            all.differences.push(difference(What::Changed, changes));
        }
    }
    all.unknown.extend(asked.iter().flat_map(|asked| &asked.unsure).map(|why| format!("of {region}, {why}")));
    all.adopted.extend(adoption.said(region));
    if !unseen.is_empty() {
        let kinds: Vec<&str> = unseen.into_iter().collect();
        all.unknown.push(format!("of {region} no source has any {}: were they asked for?", kinds.join(", ")));
    }
    // With a part of the output only, what is not rendered may be of the other parts.
    if selection.only.is_empty() && selection.skip.is_empty() {
        all.differences.extend(left(blueprint, region, &live, &rendered));
    }
    Ok(all)
}

/// What an API server said of applying an object.
fn outcome<'a>(asked: &[&'a Asked], id: &Id) -> Option<&'a Result<Value, String>> {
    asked.iter().find_map(|asked| asked.outcomes.get(id))
}

/// A deployed object, and the source that shows it.
struct Deployed<'a> {
    object: &'a Value,
    source: &'a str,
}

/// The dumps of each region, and those of which it is not known.
type ByRegion<'a> = (BTreeMap<String, Vec<&'a Dump>>, Vec<String>);

/// Dumps by their region.
pub fn by_region<'a>(blueprint: &Blueprint, dumps: impl Iterator<Item = &'a Dump>) -> ByRegion<'a> {
    let (mut found, mut refused): ByRegion<'a> = Default::default();
    for dump in dumps {
        match region(blueprint, dump) {
            Ok(region) => found.entry(region).or_default().push(dump),
            Err(why) => refused.push(format!("{}: {why}", dump.source)),
        }
    }
    (found, refused)
}

/// The region of a dump: the one that people named, that of the labels in it, or the only one that there is.
fn region(blueprint: &Blueprint, dump: &Dump) -> Result<String, String> {
    let label = |object| Value::pointer(object, "/metadata/labels/hagen.dev~1region").and_then(Value::as_str);
    let labelled: BTreeSet<&str> = dump.objects.iter().filter_map(label).collect();
    let labelled: Vec<&str> = labelled.into_iter().collect();
    let region = match (&dump.region, &labelled[..], &blueprint.regions[..]) {
        (Some(region), ..) => region.as_str(),
        (None, [region], _) => region,
        (None, [], [region]) => region.name.as_str(),
        (None, [], regions) => {
            let names: Vec<String> = regions.iter().map(|region| format!("{}={}", region.name, dump.source)).collect();
            return Err(format!("nothing in it says of which region it is; write one of: {}", names.join(", ")));
        }
        (None, several, _) => {
            let several = several.join(", ");
            return Err(format!(
                "objects of several regions are in it ({several}); one source holds the objects of one cluster"
            ));
        }
    };
    if blueprint.region(region).is_none() {
        return Err(format!("its region `{region}` is not in the blueprint"));
    }
    // What another region's objects are in is another region's cluster, whatever it was called by.
    let own = |object: &&Value| {
        let part = object.pointer("/metadata/labels/app.kubernetes.io~1part-of").and_then(Value::as_str);
        part == Some(blueprint.name.as_str())
    };
    let elsewhere: BTreeSet<&str> = dump.objects.iter().filter(own).filter_map(label).collect();
    if !elsewhere.is_empty() && !elsewhere.contains(region) {
        let elsewhere: Vec<&str> = elsewhere.into_iter().collect();
        return Err(format!(
            "its objects say that they are of region {}, not of {region}: is it the right cluster?",
            elsewhere.join(", ")
        ));
    }
    Ok(region.to_owned())
}

/// The risk of all of an object.
pub(super) fn risk_of(object: &Value, what: &What) -> super::Graded {
    risk::of(subject(object), &[], what)
}

/// What the risk of an object's changes depends on.
pub(super) fn subject(object: &Value) -> Subject<'_> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    Subject {
        kind: text("/kind"),
        name: text("/metadata/labels/app.kubernetes.io~1name"),
        on_delete: text("/spec/updateStrategy/type") == "OnDelete",
    }
}

/// The workloads whose replicas an autoscaler among the objects decides.
fn scaled<'a>(objects: impl Iterator<Item = &'a Value>) -> BTreeSet<(&'a str, &'a str, &'a str)> {
    let target = |object: &'a Value| {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
        let scales = matches!(text("/kind"), Some("HorizontalPodAutoscaler" | "ScaledObject"));
        let kind = text("/spec/scaleTargetRef/kind").unwrap_or("Deployment");
        let name = text("/spec/scaleTargetRef/name").filter(|_| scales)?;
        Some((kind, text("/metadata/namespace").unwrap_or_default(), name))
    };
    objects.filter_map(target).collect()
}

/// Objects that carry hagen's label and are rendered no more.
fn left(
    blueprint: &Blueprint,
    region: &str,
    live: &BTreeMap<Id, Deployed<'_>>,
    rendered: &BTreeMap<Id, Rendered>,
) -> Vec<Difference> {
    // What controllers make for others carries the labels of those.
    const MADE: [&str; 7] =
        ["ControllerRevision", "EndpointSlice", "Endpoints", "Event", "PersistentVolumeClaim", "Pod", "ReplicaSet"];
    let is_left = |id: &Id, object: &Value| {
        let label = |name: &str| {
            object.pointer(&format!("/metadata/labels/{}", name.replace('/', "~1"))).and_then(Value::as_str)
        };
        let owned =
            object.pointer("/metadata/ownerReferences").and_then(Value::as_array).is_some_and(|o| !o.is_empty());
        label("app.kubernetes.io/managed-by") == Some("hagen")
            && label("app.kubernetes.io/part-of") == Some(blueprint.name.as_str())
            && label("hagen.dev/region").is_none_or(|own| own == region)
            && !owned
            && !MADE.contains(&&*id.kind)
            && !rendered.contains_key(id)
    };
    let difference = |(id, deployed): (&Id, &Deployed<'_>)| {
        let graded = risk::of(subject(deployed.object), &[], &What::Left);
        let before = Some(compare::stripped(deployed.object));
        let change = Change { at: String::new(), what: What::Left, before, after: None, owner: None, graded };
        Difference {
            region: Some(region.to_owned()),
            artifact: deployed.source.to_owned(),
            subject: id.shown(),
            what: What::Left,
            changes: vec![change],
            origin: None,
            moved_from: None,
        }
    };
    live.iter().filter(|(id, deployed)| is_left(id, deployed.object)).map(difference).collect()
}
