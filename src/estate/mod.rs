//! Files that hagen did not write, read: what each one is, and what stands in it, as trees in which every value knows its
//! place. Rules look at them without a blueprint; hagen's own output can be read in the same way.
//!
//! Nothing here judges, and nothing here opens a file: texts in, trees out. What a file is follows from its content, and from
//! its name where the content leaves it open.

mod clusters;
mod directives;
mod embedded;
mod kind;

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use crate::diagnostics::Diagnostic;
use crate::document::{Node, NodeKind, Source, yaml};

pub use kind::Kind;

/// A file, read; or a part of one that is a file for another program, such as an entry of a ConfigMap.
#[derive(Debug)]
pub struct File {
    /// Its place among the sources: what spans name.
    pub index: u32,
    /// What reads it.
    pub kind: Kind,
    /// What stands in it; one tree for each document, and for each object of a `List`.
    pub documents: Vec<Node>,
}

/// All files that are looked at together.
#[derive(Debug, Default)]
pub struct Estate {
    /// The texts, by the index in spans.
    pub sources: Arc<Vec<Source>>,
    /// The files that something is known to read, in the order of the sources.
    pub files: Vec<Arc<File>>,
    /// What is wrong with files as such: no YAML, a key that stands twice.
    pub problems: Vec<Diagnostic>,
    /// The files that nothing is known to read, by the index of their source.
    pub unknown: Vec<u32>,
    /// Where the objects of Kubernetes stand, by their kind: the file and the document in it.
    objects: BTreeMap<String, Vec<(usize, usize)>>,
}

impl Estate {
    /// Reads texts, each with its name.
    pub fn read(texts: impl IntoIterator<Item = (String, String)>) -> Self {
        let sources: Vec<Source> = texts.into_iter().map(|(name, text)| Source::new(name, text)).collect();
        let read: Vec<Read> = sources.par_iter().enumerate().map(|(at, source)| one(source, at as u32)).collect();
        let (mut files, mut problems, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
        for of_source in read {
            if of_source.files.is_empty() {
                unknown.push(of_source.index);
            }
            files.extend(of_source.files.into_iter().map(Arc::new));
            problems.extend(of_source.problems);
        }
        Self { problems, unknown, ..Self::of_files(Arc::new(sources), files) }
    }

    /// Files that were read already.
    fn of_files(sources: Arc<Vec<Source>>, files: Vec<Arc<File>>) -> Self {
        let mut objects: BTreeMap<String, Vec<(usize, usize)>> = BTreeMap::new();
        for (at, file) in files.iter().enumerate().filter(|(_, file)| file.kind == Kind::Kubernetes) {
            for (document, node) in file.documents.iter().enumerate() {
                let kind = node.get("kind").and_then(Node::scalar).map_or("", |kind| &kind.text);
                objects.entry(kind.to_owned()).or_default().push((at, document));
            }
        }
        Self { sources, files, objects, ..Self::default() }
    }

    /// The trees of a kind, each with the index of its source.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &Node> {
        self.files.iter().filter(move |file| file.kind == kind).flat_map(|file| &file.documents)
    }

    /// The objects of Kubernetes of a kind: `Deployment`.
    pub fn objects(&self, kind: &str) -> impl Iterator<Item = &Node> {
        let places = self.objects.get(kind).map(Vec::as_slice).unwrap_or_default();
        places.iter().filter_map(|(file, document)| self.files.get(*file)?.documents.get(*document))
    }
}

/// What came of one text.
struct Read {
    index: u32,
    files: Vec<File>,
    problems: Vec<Diagnostic>,
}

fn one(source: &Source, index: u32) -> Read {
    let mut files: Vec<File> = Vec::new();
    match kind::of(source) {
        kind::Form::Yaml => {
            let (documents, mut problems) = yaml::parse_foreign(source, index);
            let mut inside = Vec::new();
            for document in documents.into_iter().flat_map(unpacked) {
                let Some(kind) = kind::of_tree(&document) else { continue };
                inside.extend(embedded::files(source, index, &document));
                match files.last_mut().filter(|file| file.kind == kind) {
                    Some(file) => file.documents.push(document),
                    None => files.push(File { index, kind, documents: vec![document] }),
                }
            }
            files.extend(inside);
            if files.is_empty() && !kind::is_meant(&source.name) {
                problems.clear();
            }
            Read { index, files, problems }
        }
        kind::Form::Lines(kind) => {
            files.push(File { index, kind, documents: vec![directives::read(source, index, kind)] });
            Read { index, files, problems: Vec::new() }
        }
        kind::Form::Unknown => Read { index, files, problems: Vec::new() },
    }
}

/// The objects of a `List` of Kubernetes, or the document itself.
fn unpacked(document: Node) -> Vec<Node> {
    let is_list = document.get("kind").and_then(Node::scalar).is_some_and(|kind| &*kind.text == "List");
    match document.kind {
        NodeKind::Map(entries) if is_list => {
            let items = entries.into_iter().find(|entry| &*entry.key == "items").map(|entry| entry.value.kind);
            if let Some(NodeKind::List(items)) = items { items } else { Vec::new() }
        }
        kind => vec![Node { span: document.span, kind }],
    }
}
