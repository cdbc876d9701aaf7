//! What is to be done: a pure function of the rendered files, the old lock and what stands in the directory.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use similar::TextDiff;

use super::error::{Conflict, ConflictKind, WriteError};
use super::lock::FORMAT;
use super::state::{Found, State};
use super::{Difference, LOCK, Lock, LockedFile, Request, Staleness, kustomization};
use crate::render::{Artifact, ArtifactKind, Family};

/// A file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write<'a> {
    /// Its path, relative to the directory.
    pub path: String,
    /// Its content.
    pub text: Cow<'a, str>,
    /// The digest of its content.
    pub sha256: String,
    /// The digest of what stands there now.
    pub before: Option<String>,
    /// Whether it may be run.
    pub executable: bool,
    /// Whether nothing stands there now.
    pub new: bool,
}

/// What a run is to do.
#[derive(Debug, Clone, Default)]
pub struct Plan<'a> {
    /// The files to be written, by path.
    pub writes: Vec<Write<'a>>,
    /// The files to be removed, each with the digest of what stands there now.
    pub removes: Vec<(String, String)>,
    /// How many files are right as they are.
    pub unchanged: usize,
    /// What people would lose, or what cannot be done.
    pub conflicts: Vec<Conflict>,
    /// The text of the new lock file; `None` when the old one says the same.
    pub lock: Option<String>,
}

/// Plans a run.
pub fn plan<'a>(request: &Request<'a>, state: &State) -> Result<Plan<'a>, WriteError> {
    let merged = merge(request, state)?;
    let mut plan = Plan::default();
    let obsolete: BTreeSet<&str> = merged.removed.iter().map(|file| file.path.as_str()).collect();
    for entry in &merged.picked {
        let artifact = merged.artifact(request, &entry.path);
        let old = merged.old.get(entry.path.as_str()).copied();
        let found = state.at(&entry.path);
        if let Some(kind) = conflict(found, entry, old, &obsolete) {
            plan.conflicts.push(Conflict { path: entry.path.clone(), kind, diff: diff(artifact, found) });
        }
        if right(found, entry) {
            plan.unchanged += 1;
            continue;
        }
        plan.writes.push(Write {
            path: entry.path.clone(),
            text: match merged.reduced.get(&entry.path) {
                Some(reduced) => Cow::Owned(reduced.text.clone()),
                None => Cow::Borrowed(&request.files[&entry.path].text),
            },
            sha256: entry.sha256.clone(),
            before: sha_of(found),
            executable: entry.executable,
            new: matches!(found, Found::Missing | Found::ThroughFile(_) | Found::Directory { .. }),
        });
    }
    for file in &merged.removed {
        match state.at(&file.path) {
            // It is gone, or something else stands there now: nothing of hagen's is left to remove.
            Found::Missing
            | Found::Link
            | Found::Directory { .. }
            | Found::NoFile
            | Found::ThroughFile(_)
            | Found::ThroughLink => {}
            Found::File { sha256, .. } => {
                if *sha256 != file.sha256 {
                    let kind = ConflictKind::EditedAndObsolete;
                    plan.conflicts.push(Conflict { path: file.path.clone(), kind, diff: String::new() });
                }
                plan.removes.push((file.path.clone(), sha256.clone()));
            }
        }
    }
    let text = merged.lock.text();
    plan.lock = (text != state.lock_text).then_some(text);
    Ok(plan)
}

/// What is not as the blueprint says.
pub fn differences(request: &Request<'_>, state: &State) -> Result<Vec<Difference>, WriteError> {
    let merged = merge(request, state)?;
    let obsolete: BTreeSet<&str> = merged.removed.iter().map(|file| file.path.as_str()).collect();
    let mut differences = Vec::new();
    let mut differs = |path: &str, what| differences.push(Difference { path: path.to_owned(), what });
    for entry in &merged.picked {
        let found = state.at(&entry.path);
        let old = merged.old.get(entry.path.as_str()).copied();
        match found {
            found if right(found, entry) => {}
            Found::Missing => differs(&entry.path, Staleness::Missing),
            Found::ThroughFile(parent) if obsolete.contains(parent.as_str()) => {
                differs(&entry.path, Staleness::Missing)
            }
            found if conflict(found, entry, old, &obsolete).is_some() => {
                differs(&entry.path, Staleness::Edited);
            }
            _ => differs(&entry.path, Staleness::Stale),
        }
    }
    for file in &merged.removed {
        if let Found::File { .. } = state.at(&file.path) {
            differs(&file.path, Staleness::Extra);
        }
    }
    if differences.is_empty() && merged.lock.text() != state.lock_text {
        let what = if state.lock.is_some() { Staleness::Stale } else { Staleness::Missing };
        differences.push(Difference { path: LOCK.to_owned(), what });
    }
    Ok(differences)
}

/// The old lock and the new files, put together.
struct Merged<'a> {
    /// The old entries, by path.
    old: BTreeMap<&'a str, &'a LockedFile>,
    /// The entries of what is rendered now.
    picked: Vec<LockedFile>,
    /// The old entries that the selection picks and that are not rendered any more.
    removed: Vec<&'a LockedFile>,
    /// The new lock.
    lock: Lock,
    /// The kustomizations that name fewer files than they were rendered with.
    reduced: BTreeMap<String, Artifact>,
}

impl<'a> Merged<'a> {
    fn artifact(&'a self, request: &'a Request<'_>, path: &str) -> &'a Artifact {
        self.reduced.get(path).unwrap_or_else(|| &request.files[path])
    }
}

fn merge<'a>(request: &Request<'_>, state: &'a State) -> Result<Merged<'a>, WriteError> {
    let old_lock = state.lock.as_ref();
    if let Some(lock) = old_lock
        && (lock.blueprint != request.blueprint || lock.environment.as_deref() != request.environment)
    {
        return Err(WriteError::Foreign {
            root: state.root.clone(),
            theirs: Lock::owner(&lock.blueprint, lock.environment.as_deref()),
            ours: Lock::owner(request.blueprint, request.environment),
        });
    }
    let picks = |file: &LockedFile| match file.family() {
        Some(Family::Kubernetes) if file.kind == ArtifactKind::Kustomization.name() => {
            request.selection.picks_file(ArtifactKind::Kustomization, Family::Kubernetes, file.region.as_deref())
        }
        Some(family) => request.selection.picks(family, file.region.as_deref()),
        // Of a part that this version does not know: only a run over everything may take it away.
        None => request.selection.only.is_empty() && request.selection.regions.is_empty(),
    };
    let mut chosen: BTreeMap<&str, &Artifact> = BTreeMap::new();
    for (path, artifact) in request.files {
        if request.selection.picks_file(artifact.kind, artifact.family, artifact.region.as_deref()) {
            chosen.insert(path, artifact);
        }
    }
    let reduced = if request.selection.is_partial() { reduce(&mut chosen, state, &picks) } else { BTreeMap::new() };
    let objects = |path: &str| request.objects.get(path).cloned().unwrap_or_default();
    // Side by side: each is digested.
    let picked: Vec<LockedFile> = chosen
        .par_iter()
        .map(|(path, artifact)| LockedFile::of(reduced.get(*path).unwrap_or(artifact), objects(path)))
        .collect();
    let rendered: BTreeSet<&str> = picked.iter().map(|file| file.path.as_str()).collect();
    let (mut kept, mut removed) = (Vec::new(), Vec::new());
    for file in old_lock.iter().flat_map(|lock| &lock.files) {
        if rendered.contains(file.path.as_str()) {
            continue;
        }
        if picks(file) {
            removed.push(file);
        } else {
            let mut file = file.clone();
            let of = file.model.take().or_else(|| old_lock.map(|lock| lock.model.clone()));
            file.model = of.filter(|model| *model != request.model);
            kept.push(file);
        }
    }
    let mut files: Vec<LockedFile> = picked.iter().cloned().chain(kept).collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let lock = Lock {
        format: FORMAT,
        hagen: env!("CARGO_PKG_VERSION").to_owned(),
        blueprint: request.blueprint.to_owned(),
        environment: request.environment.map(str::to_owned),
        model: request.model.clone(),
        files,
    };
    let old = old_lock.iter().flat_map(|lock| &lock.files).map(|file| (file.path.as_str(), file)).collect();
    Ok(Merged { old, picked, removed, lock, reduced })
}

/// The kustomizations without what is neither written now nor there; those that would name nothing are not chosen any more.
fn reduce(
    chosen: &mut BTreeMap<&str, &Artifact>,
    state: &State,
    picks: &impl Fn(&LockedFile) -> bool,
) -> BTreeMap<String, Artifact> {
    let locked = state.lock.iter().flat_map(|lock| &lock.files);
    let goes: BTreeSet<&str> = locked.filter(|file| picks(file)).map(|file| file.path.as_str()).collect();
    let there =
        |path: &str| chosen.contains_key(path) || !goes.contains(path) && matches!(state.at(path), Found::File { .. });
    let all = chosen.iter().filter(|(_, artifact)| artifact.kind == ArtifactKind::Kustomization);
    let reduced: Vec<(String, Option<Artifact>)> =
        all.map(|(path, artifact)| ((*path).to_owned(), kustomization::reduced(artifact, there))).collect();
    for (path, _) in reduced.iter().filter(|(_, left)| left.is_none()) {
        chosen.remove(path.as_str());
    }
    reduced.into_iter().filter_map(|(path, left)| Some((path, left?))).collect()
}

/// Whether a file stands there as it should.
fn right(found: &Found, entry: &LockedFile) -> bool {
    // Where the system knows no such permission, nothing is executable and nothing can be done about it.
    let runs = |executable: bool| executable == entry.executable || cfg!(not(unix));
    matches!(found, Found::File { sha256, executable, .. } if *sha256 == entry.sha256 && runs(*executable))
}

/// What would be lost or cannot be done when a file is written.
fn conflict(
    found: &Found,
    entry: &LockedFile,
    old: Option<&LockedFile>,
    obsolete: &BTreeSet<&str>,
) -> Option<ConflictKind> {
    match found {
        Found::Missing => None,
        Found::File { sha256, .. } if *sha256 == entry.sha256 => None,
        Found::File { sha256, .. } => match old {
            Some(old) if old.sha256 == *sha256 => None,
            Some(_) => Some(ConflictKind::Edited),
            None => Some(ConflictKind::Unknown),
        },
        Found::Link if old.is_some() => Some(ConflictKind::Edited),
        Found::Link => Some(ConflictKind::Unknown),
        // The directory holds nothing but what goes now, and so goes as well.
        Found::Directory { holds } if holds.iter().all(|path| obsolete.contains(path.as_str())) => None,
        Found::Directory { .. } | Found::NoFile => Some(ConflictKind::NoFile),
        // The file in the path is one of hagen's own that goes now.
        Found::ThroughFile(parent) if obsolete.contains(parent.as_str()) => None,
        Found::ThroughFile(_) => Some(ConflictKind::ThroughFile),
        Found::ThroughLink => Some(ConflictKind::ThroughLink),
    }
}

fn sha_of(found: &Found) -> Option<String> {
    match found {
        Found::File { sha256, .. } => Some(sha256.clone()),
        _ => None,
    }
}

/// What is there against what would be written.
pub fn diff(artifact: &Artifact, found: &Found) -> String {
    let Found::File { text: Some(text), .. } = found else {
        return String::new();
    };
    let diff = TextDiff::from_lines(text.as_str(), artifact.text.as_str());
    let (there, rendered) = (format!("{} (there)", artifact.path), format!("{} (rendered)", artifact.path));
    diff.unified_diff().context_radius(3).header(&there, &rendered).to_string()
}
