//! A kustomization names the files beside it. Where a run renders only a part of the output, some of them may be nowhere:
//! `kubectl apply -k` would refuse the whole directory for one that is missing.

use crate::render::{Artifact, ArtifactKind};

/// The file that a line of a kustomization names, as a path below the output directory; only what lies beside it.
fn named(artifact: &Artifact, line: &str) -> Option<String> {
    let name = line.trim_start().strip_prefix("- ")?.trim();
    let quoted = |sign: char| name.strip_prefix(sign)?.strip_suffix(sign);
    let name = quoted('\'').or_else(|| quoted('"')).unwrap_or(name);
    let (directory, _) = artifact.path.rsplit_once('/')?;
    (name.ends_with(".yaml") && !name.contains('/')).then(|| format!("{directory}/{name}"))
}

/// The files that a kustomization names; none for any other file.
pub fn listed(artifact: &Artifact) -> impl Iterator<Item = String> {
    let lines = if artifact.kind == ArtifactKind::Kustomization { artifact.text.as_str() } else { "" };
    lines.lines().filter_map(|line| named(artifact, line))
}

/// A kustomization without the files that are not there; `None` where none is left.
pub fn reduced(artifact: &Artifact, is_there: impl Fn(&str) -> bool) -> Option<Artifact> {
    let gone = |line: &&str| named(artifact, line).is_some_and(|path| !is_there(&path));
    let lines = artifact.text.lines().filter(|line| !gone(line));
    let reduced = Artifact { text: lines.flat_map(|line| [line, "\n"]).collect(), ..artifact.clone() };
    let any = listed(&reduced).next().is_some();
    any.then_some(reduced)
}
