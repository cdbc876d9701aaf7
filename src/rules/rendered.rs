//! What the rules about files find in what a blueprint renders to, said at the part of the blueprint that it comes from.
//!
//! The rendered files are in nobody's editor: a finding points at the blueprint, names the file and line in which it shows,
//! and the template that wrote it. With hagen's own templates there is little to find (the tests hold every rule against
//! what the shipped blueprints render to); with templates of one's own, annotations and settings that are passed on, there is.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{check_rendered, find};
use crate::blueprint::Blueprint;
use crate::diagnostics::{Diagnostic, Label, Place};
use crate::document::{Document, Node, NodeKind, Path, Span, Step};
use crate::estate::Estate;
use crate::render::{Artifact, ArtifactKind, ArtifactSet, alerts};

/// What the rules find in rendered files. Those that can look at the blueprint itself have done so (`known`), and know more
/// there than files show. `foreign` says whether some of the templates are not hagen's own.
pub fn check(
    blueprint: &Blueprint,
    document: &Document,
    set: &ArtifactSet,
    known: &[Diagnostic],
    foreign: bool,
) -> Vec<Diagnostic> {
    let read = |artifact: &&Artifact| is_read(artifact.kind) && (foreign || !is_copied(artifact, set));
    let read: Vec<&Artifact> = set.values().filter(read).collect();
    let estate = Estate::read(read.iter().map(|artifact| (artifact.path.clone(), artifact.text.clone())));
    let mut findings: Vec<Diagnostic> = Vec::new();
    // Each region has files of the same form: the same fault in all of them is one finding.
    let mut seen: BTreeMap<(Cow<'static, str>, String, String), (usize, usize)> = BTreeMap::new();
    for found in check_rendered(&estate) {
        let Some(at) = span_of(&found.primary.place).and_then(|span| Shown::new(&estate, &read, span)) else {
            continue;
        };
        let cause = cause(blueprint, document, &found.id, &at);
        if known.iter().any(|other| other.id == found.id && concerns(&other.primary.place, &cause)) {
            continue;
        }
        let key = (found.id.clone(), cause.to_string(), found.title.clone());
        match seen.get_mut(&key) {
            Some((_, more)) => *more += 1,
            None => {
                seen.insert(key, (findings.len(), 0));
                findings.push(moved(&estate, &read, found, cause, &at));
            }
        }
    }
    for (finding, more) in seen.into_values().filter(|(_, more)| *more > 0) {
        let files = if more == 1 { "once more".to_owned() } else { format!("{more} times more") };
        findings[finding].primary.text.push_str(&format!(", and {files}"));
    }
    findings
}

/// Whether the rules know what reads such a file. Unit tests of alerts are full of what must fire.
const fn is_read(kind: ArtifactKind) -> bool {
    matches!(
        kind,
        ArtifactKind::Kubernetes
            | ArtifactKind::PrometheusRules
            | ArtifactKind::Alertmanager
            | ArtifactKind::Patroni
            | ArtifactKind::Etcd
            | ArtifactKind::Haproxy
            | ArtifactKind::Pgbouncer
            | ArtifactKind::Pgbackrest
            | ArtifactKind::Redis
            | ArtifactKind::Route53Changes
            | ArtifactKind::Route53HealthCheck
    )
}

/// Whether the rules of a file stand in the objects of its region as well. They are written from the same values: reading them
/// once is enough, as long as the templates are hagen's own.
fn is_copied(artifact: &Artifact, set: &ArtifactSet) -> bool {
    artifact.kind == ArtifactKind::PrometheusRules
        && artifact.region.as_ref().is_some_and(|region| set.contains_key(&alerts::objects_path(region)))
}

/// A place in a rendered file.
struct Shown<'a> {
    artifact: &'a Artifact,
    line: usize,
    text: &'a str,
}

impl<'a> Shown<'a> {
    fn new(estate: &'a Estate, read: &[&'a Artifact], span: Span) -> Option<Self> {
        let source = estate.sources.get(span.file as usize)?;
        let text = source.text.get(span.start as usize..span.end as usize).unwrap_or_default();
        Some(Self { artifact: read.get(span.file as usize)?, line: source.position(span.start).line, text })
    }
}

const fn span_of(place: &Place) -> Option<Span> {
    match place {
        Place::Span(span) => Some(*span),
        Place::Value(_) | Place::Key(_) => None,
    }
}

/// The part of the blueprint that a finding comes from: the value that stands there word for word, the field that the rule
/// reads below the part which the file is rendered from, or that part.
fn cause(blueprint: &Blueprint, document: &Document, rule: &str, at: &Shown<'_>) -> Path {
    let origins = &at.artifact.origins;
    if let Some(path) = written(document, origins, at.text.trim_matches(['"', '\''])) {
        return path;
    }
    let fields = find(rule).map_or(&[][..], |rule| rule.fields);
    let below = origins.iter().find_map(|origin| fields.iter().find_map(|field| filled(field, origin)));
    let named = below.or_else(|| origins.first().cloned()).unwrap_or_else(Path::root);
    // A region's files without an origin of their own are the region's.
    match (&at.artifact.region, named.steps().is_empty()) {
        (Some(region), true) if blueprint.region(region).is_some() => crate::path!["regions", region],
        _ => named,
    }
}

/// Where a text stands as a value of its own: below what the file is rendered from, or else in one place only. Numbers and
/// words such as `true` stand in many places and mean something else in each.
fn written(document: &Document, origins: &[Path], text: &str) -> Option<Path> {
    const SHORTEST: usize = 5;
    if text.len() < SHORTEST || !text.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        return None;
    }
    let mut found = Vec::new();
    places(&document.root, &Path::root(), text, &mut found);
    let near = found.iter().position(|path| origins.iter().any(|origin| path.starts_with(origin)));
    match (near, found.len()) {
        (Some(near), _) => Some(found.swap_remove(near)),
        (None, 1) => found.pop(),
        (None, _) => None,
    }
}

fn places(node: &Node, path: &Path, text: &str, found: &mut Vec<Path>) {
    match &node.kind {
        NodeKind::Scalar(scalar) if &*scalar.text == text => found.push(path.clone()),
        NodeKind::Scalar(_) => {}
        NodeKind::List(items) => {
            items.iter().enumerate().for_each(|(index, item)| places(item, &path.index(index), text, found));
        }
        NodeKind::Map(entries) => {
            entries.iter().for_each(|entry| places(&entry.value, &path.key(&entry.key), text, found));
        }
    }
}

/// `services.*.probes` below `services.api`: `services.api.probes`. None where the field lies elsewhere.
fn filled(field: &str, origin: &Path) -> Option<Path> {
    let mut steps = origin.steps().iter();
    let mut path = Path::root();
    for part in field.split('.') {
        match steps.next() {
            Some(Step::Key(key)) if part == "*" || part == key => path = path.key(key),
            Some(_) => return None,
            None if part == "*" => return None,
            None => path = path.key(part),
        }
    }
    steps.next().is_none().then_some(path)
}

/// Whether a place in the blueprint and a part of it concern the same thing: one lies within the other, or they lie in
/// different sections, as what is said of `backup` and shows in the files of `postgres.main` does.
fn concerns(place: &Place, part: &Path) -> bool {
    match place {
        Place::Value(path) | Place::Key(path) => {
            path.starts_with(part) || part.starts_with(path) || path.steps().first() != part.steps().first()
        }
        Place::Span(_) => false,
    }
}

/// A finding in a rendered file, at the part of the blueprint that causes it.
fn moved(estate: &Estate, read: &[&Artifact], found: Diagnostic, cause: Path, at: &Shown<'_>) -> Diagnostic {
    let said = if found.primary.text.is_empty() { String::new() } else { format!("{}: ", found.primary.text) };
    let mut finding = Diagnostic {
        primary: Label {
            place: Place::Value(cause.clone()),
            text: format!("{said}it shows in {}:{}", at.artifact.path, at.line),
        },
        related: Vec::new(),
        edit: None,
        ..found
    };
    let mut beside = Vec::new();
    for label in &found.related {
        let Some(other) = span_of(&label.place).and_then(|span| Shown::new(estate, read, span)) else { continue };
        let text = format!("{} ({}:{})", label.text, other.artifact.path, other.line);
        match other.artifact.origins.first() {
            Some(origin) if *origin != cause => finding = finding.also(Place::Key(origin.clone()), text),
            _ => beside.push(text),
        }
    }
    let template = format!("`templates/{}` writes this file", at.artifact.template);
    let why = finding.why.take().into_iter().chain(beside).chain([template]);
    finding.because(why.collect::<Vec<_>>().join("; "))
}
