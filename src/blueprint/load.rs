//! From the texts of files to the resolved blueprint: parse, merge, validate, resolve. All problems at once.

pub mod environment;

use std::collections::{BTreeSet, HashSet};

use super::{Blueprint, raw, resolve, validate};
use crate::diagnostics::{Diagnostic, Level, Place};
use crate::document::merge::{Merge, conflicts};
use crate::document::node::{Node, NodeKind};
use crate::document::{Document, Path, Source, Span, yaml};

/// A text to be read.
#[derive(Debug, Clone)]
pub struct Input {
    /// Its name, for messages.
    pub name: String,
    /// Its text.
    pub text: String,
    /// The directory that it came from, when a directory was named: overlays in it have no order.
    pub directory: Option<String>,
}

/// An input as it was read from bytes.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// The text, with U+FFFD for what is no UTF-8.
    pub input: Input,
    /// What keeps it from being read as YAML.
    pub fault: Option<Fault>,
}

/// Why bytes are no text to be read.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// There are too many; none is kept.
    TooLarge,
    /// The first that is no UTF-8 stands here.
    NotUtf8 {
        /// Where it stands.
        at: usize,
        /// Whether the file begins as UTF-16 does.
        wide: bool,
    },
}

impl Decoded {
    /// The bytes of a file as text.
    pub fn new(name: String, bytes: Vec<u8>, directory: Option<String>) -> Self {
        let (text, fault) = if bytes.len() > yaml::BYTES {
            (String::new(), Some(Fault::TooLarge))
        } else {
            match String::from_utf8(bytes) {
                Ok(text) => (text, None),
                Err(error) => {
                    let wide = matches!(error.as_bytes(), [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
                    let at = error.utf8_error().valid_up_to();
                    (String::from_utf8_lossy(error.as_bytes()).into_owned(), Some(Fault::NotUtf8 { at, wide }))
                }
            }
        };
        Self { input: Input { name, text, directory }, fault }
    }
}

/// What came of loading a base with its overlays in one environment.
#[derive(Debug)]
pub struct Loaded {
    /// The environment, if one was chosen.
    pub environment: Option<String>,
    /// The texts and the merged tree; the tree is empty when a file could not be read.
    pub document: Document,
    /// The blueprint, when nothing is wrong.
    pub blueprint: Option<Blueprint>,
    /// All problems, in the order of their places.
    pub problems: Vec<Diagnostic>,
}

impl Loaded {
    /// Whether a problem keeps the blueprint from being used.
    pub fn is_invalid(&self) -> bool {
        self.blueprint.is_none() || self.problems.iter().any(|p| p.level == Level::Error)
    }
}

/// The texts as trees: bases and overlays, before anything is merged.
#[derive(Debug)]
pub struct Files {
    sources: Vec<Source>,
    bases: Vec<Node>,
    overlays: Vec<(Node, Option<String>)>,
    problems: Vec<Diagnostic>,
    unreadable: bool,
}

/// Parses texts.
pub fn parse(inputs: Vec<Input>) -> Files {
    parse_decoded(inputs.into_iter().map(|input| Decoded { input, fault: None }).collect())
}

/// Parses what was read. A file that is no UTF-8 is a fault of the blueprint, with its place as any other.
pub fn parse_decoded(inputs: Vec<Decoded>) -> Files {
    let mut files =
        Files { sources: Vec::new(), bases: Vec::new(), overlays: Vec::new(), problems: Vec::new(), unreadable: false };
    let mut unclear = Vec::new();
    for (index, Decoded { input, fault }) in inputs.into_iter().enumerate() {
        let source = Source::new(input.name, input.text);
        let (node, problems) = match fault {
            Some(Fault::TooLarge) => (None, vec![yaml::too_large(index as u32)]),
            Some(Fault::NotUtf8 { at, wide }) => (None, vec![not_utf8(&source, index as u32, at, wide)]),
            None => yaml::parse(&source, index as u32),
        };
        files.unreadable |= node.is_none();
        files.problems.extend(problems);
        if let Some(node) = node {
            match node.get("kind").and_then(Node::scalar).map(|kind| &*kind.text) {
                Some("Overlay") => {
                    files.problems.extend(overlay_version(&node));
                    files.overlays.push((node, input.directory));
                }
                Some("Blueprint") => files.bases.push(node),
                _ => unclear.push((node, input.directory)),
            }
        }
        files.sources.push(source);
    }
    // What does not say what it is can only be meant as a patch where there is a base; alone it is a base with a fault.
    let beside = !files.bases.is_empty();
    for (node, directory) in unclear {
        if beside {
            files.problems.push(unclear_kind(&node));
            files.overlays.push((node, directory));
        } else {
            files.bases.push(node);
        }
    }
    files
}

/// The first byte of a file that is no UTF-8; in the text U+FFFD stands in its place.
fn not_utf8(source: &Source, file: u32, at: usize, wide: bool) -> Diagnostic {
    let end = at + source.text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    let span = Span { file, start: at as u32, end: end as u32 };
    let problem = Diagnostic::error("BP001", Place::Span(span), "the file is not UTF-8 from here on");
    if wide {
        problem.because("it begins as UTF-16 does").fix("save it as UTF-8, without a byte order mark")
    } else {
        problem.because("YAML is Unicode text; this byte is of another encoding").fix("save the file as UTF-8")
    }
}

/// An overlay is written for a version of the language as much as a base is.
fn overlay_version(overlay: &Node) -> Option<Diagnostic> {
    let problem = match overlay.get("apiVersion") {
        Some(node) if node.scalar().is_some_and(|version| &*version.text == "hagen.dev/v1") => return None,
        Some(node) => {
            Diagnostic::error("BP017", Place::Span(node.span), "this is no version of the language that hagen knows")
        }
        None => {
            let start = Span { end: overlay.span.start, ..overlay.span };
            Diagnostic::error("BP008", Place::Span(start), "`apiVersion` is missing in this overlay")
        }
    };
    Some(problem.fix("write `apiVersion: hagen.dev/v1`"))
}

/// A file beside a base that is neither base nor overlay.
fn unclear_kind(node: &Node) -> Diagnostic {
    let start = Span { end: node.span.start, ..node.span };
    let (place, title) = match node.get("kind") {
        Some(kind) => (kind.span, "this file is neither a blueprint nor an overlay"),
        None => (start, "this file does not say what it is"),
    };
    Diagnostic::error("BP169", Place::Span(place), title)
        .because("a base was named too, so it can only be a patch for that")
        .fix("write `kind: Overlay`")
}

impl Files {
    /// The environments that a base with its overlays has.
    pub fn environments(&self, base: usize) -> Vec<String> {
        let nodes = self.bases.get(base).into_iter().chain(self.overlays.iter().map(|(node, _)| node));
        let maps = nodes.filter_map(|node| node.get("environments").and_then(Node::map));
        let mut names: Vec<String> = maps.flatten().map(|entry| entry.key.to_string()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether every text could be read as YAML.
    pub const fn is_readable(&self) -> bool {
        !self.unreadable
    }

    /// How many bases there are: `validate` and `check` take each as a run of its own.
    pub fn bases(&self) -> usize {
        self.bases.len()
    }

    /// The blueprint of one base with all overlays, in an environment.
    pub fn load(&self, base: usize, environment: Option<&str>) -> Loaded {
        let mut problems = self.problems.clone();
        let empty = Node { span: Span::default(), kind: NodeKind::Map(Vec::new()) };
        let mut root = self.bases.get(base).cloned();
        if root.is_none() && !self.unreadable {
            let span = self
                .overlays
                .first()
                .map(|(node, _)| node.get("kind").map_or(node.span, |kind| kind.span))
                .unwrap_or_default();
            problems.push(
                Diagnostic::error("BP023", Place::Span(span), "an overlay alone is no blueprint")
                    .fix("name the base before it: `base.yaml overlay.yaml`"),
            );
        }
        let mut target = None;
        let mut merge = Merge::default();
        if let Some(root) = &mut root {
            self.merge(root, &mut merge);
            target = Some(environment::Target::of(root));
            if let Some(name) = environment {
                environment::apply(root, name, &mut merge);
            }
            problems.append(&mut merge.problems);
        }
        let document = Document { sources: self.sources.clone(), root: root.unwrap_or(empty) };
        let mut blueprint = None;
        if !self.unreadable && base < self.bases.len() {
            let (formal, repaired) = validate::validate(&document.root);
            if problems.is_empty() && formal.is_empty() {
                (blueprint, problems) = typed(&document, environment);
            } else {
                problems.extend(despite(&document.sources, &repaired, &formal));
                problems.extend(formal);
            }
            if let (Some(blueprint), Some(name), Some(base)) = (&blueprint, environment, &target) {
                problems.extend(environment::shared(blueprint, name, base, &environment::Target::of(&document.root)));
            }
        }
        for problem in &mut problems {
            merge.explain(problem);
            unwritten(&document, problem);
        }
        sort(&document, &mut problems);
        Loaded { environment: environment.map(str::to_owned), document, blueprint, problems }
    }

    fn merge(&self, root: &mut Node, merge: &mut Merge) {
        for (at, (overlay, directory)) in self.overlays.iter().enumerate() {
            let Some(directory) = directory else { continue };
            let beside = self.overlays[..at].iter().filter(|(_, other)| other.as_ref() == Some(directory));
            for (other, _) in beside {
                conflicts(&without_head(other), &without_head(overlay), &Path::root(), &mut merge.problems);
            }
        }
        for (overlay, _) in &self.overlays {
            merge.apply(root, &without_head(overlay));
        }
    }
}

/// The tree as typed values, resolved.
fn typed(document: &Document, environment: Option<&str>) -> (Option<Blueprint>, Vec<Diagnostic>) {
    match <raw::Blueprint as serde::Deserialize>::deserialize(&document.root) {
        Ok(spec) => {
            let (blueprint, mut problems) = resolve::resolve(spec, environment.map(str::to_owned));
            problems.extend(blueprint.as_ref().and_then(nothing));
            (blueprint, problems)
        }
        Err(error) => {
            let place = Place::Span(error.span.unwrap_or_default());
            let problem = Diagnostic::error(
                "BP099",
                place,
                format!("the value fits the schema but not its type: {}", error.message),
            )
            .because("this is a fault of hagen")
            .fix("please report it with this part of the blueprint");
            (None, vec![problem])
        }
    }
}

/// A blueprint in which nothing runs is most likely not finished, or its sections were deleted by a patch.
fn nothing(blueprint: &Blueprint) -> Option<Diagnostic> {
    let spec = &blueprint.spec;
    let empty = spec.services.is_empty() && spec.postgres.is_empty() && spec.redis.is_empty();
    let problem =
        Diagnostic::warning("BP136", Place::Key(Path::root().key("regions")), "nothing runs in these regions");
    empty.then(|| {
        problem
            .because("without `services`, `postgres` and `redis` there is next to nothing to render")
            .fix("write what runs, such as `services: {api: {…}}`; `hagen init --from one-service` writes an example")
    })
}

/// With problems of form, what does not depend on them is still resolved: all problems in one run. `repaired` is the tree with
/// what was wrong left out or, where it is required, stood in for; findings that touch a stand-in are dropped, and so is what
/// would be said of a place for the second time.
fn despite(sources: &[Source], repaired: &validate::Repaired, formal: &[Diagnostic]) -> Vec<Diagnostic> {
    let Some(root) = &repaired.root else { return Vec::new() };
    let Ok(spec) = <raw::Blueprint as serde::Deserialize>::deserialize(root) else { return Vec::new() };
    let (_, problems) = resolve::resolve_read(spec, None, &repaired.dropped);
    let stand_ins: BTreeSet<&Path> = repaired.stand_ins.iter().collect();
    let dropped: BTreeSet<&Path> = repaired.dropped.iter().collect();
    // The paths of a set that hold a path are its beginnings; those below it stand right behind it, for paths are in order.
    let above = |set: &BTreeSet<&Path>, path: &Path| {
        !set.is_empty() && std::iter::successors(Some(path.clone()), Path::parent).any(|part| set.contains(&part))
    };
    let below = |set: &BTreeSet<&Path>, path: &Path| {
        set.range::<Path, _>(path..).next().is_some_and(|next| next.starts_with(path))
    };
    let touched = |place: &Place| {
        let path = match place {
            Place::Value(path) | Place::Key(path) => path,
            Place::Span(_) => return false,
        };
        above(&stand_ins, path) || below(&stand_ins, path) || above(&dropped, path)
    };
    let unknown = |path: &Path| [&stand_ins, &dropped].iter().any(|set| above(set, path) || below(set, path));
    let document = Document { sources: sources.to_vec(), root: root.clone() };
    // What is missing is said of the place that it is missing in; that says nothing of what else is.
    let present = formal.iter().filter(|problem| problem.id != "BP008" || problem.rests_on.is_empty());
    let said: HashSet<Span> = present.map(|problem| document.span(&problem.primary.place)).collect();
    let stands = |p: &Diagnostic| {
        !touched(&p.primary.place)
            && !p.related.iter().any(|label| touched(&label.place))
            && !p.rests_on.iter().any(unknown)
            && !said.contains(&document.span(&p.primary.place))
    };
    problems.into_iter().filter(stands).collect()
}

/// A place that takes part and is not written is said to be a default, and not marked where nothing of it stands.
fn unwritten(document: &Document, problem: &mut Diagnostic) {
    problem.related.retain_mut(|label| {
        let Place::Value(path) = &label.place else { return true };
        let found = document.root.locate(path);
        if !found.whole {
            label.text = format!("{} (`{path}`, a default)", label.text);
        }
        found.whole || found.key.is_some()
    });
}

/// An overlay without what only says that it is one.
fn without_head(overlay: &Node) -> Node {
    let mut node = overlay.clone();
    if let NodeKind::Map(entries) = &mut node.kind {
        entries.retain(|entry| !matches!(&*entry.key, "apiVersion" | "kind"));
    }
    node
}

/// By file, place, level and id; the same finding once.
pub fn sort(document: &Document, problems: &mut Vec<Diagnostic>) {
    problems.sort_by_cached_key(|p| (document.span(&p.primary.place), p.level, p.id.clone(), p.title.clone()));
    problems.dedup();
}
