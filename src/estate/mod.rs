//! Files that hagen did not write, read: what each one is, and what stands in it, as trees in which every value knows its
//! place. Rules look at them without a blueprint; hagen's own output can be read in the same way.
//!
//! Nothing here judges, and nothing here opens a file: texts in, trees out. What a file is follows from its content, and from
//! its name where the content leaves it open.

mod directives;
mod kind;

use rayon::prelude::*;

use crate::diagnostics::Diagnostic;
use crate::document::{Node, Source, yaml};

pub use kind::Kind;

/// A file, read.
#[derive(Debug)]
pub struct File {
    /// Its place among the sources: what spans name.
    pub index: u32,
    /// What reads it.
    pub kind: Kind,
    /// What stands in it; one tree for each document.
    pub documents: Vec<Node>,
}

/// All files that are looked at together.
#[derive(Debug, Default)]
pub struct Estate {
    /// The texts, by the index in spans.
    pub sources: Vec<Source>,
    /// The files that something is known to read, in the order of the sources.
    pub files: Vec<File>,
    /// What is wrong with files as such: no YAML, a key that stands twice.
    pub problems: Vec<Diagnostic>,
    /// The files that nothing is known to read, by the index of their source.
    pub unknown: Vec<u32>,
}

impl Estate {
    /// Reads texts, each with its name.
    pub fn read(texts: impl IntoIterator<Item = (String, String)>) -> Self {
        let sources: Vec<Source> = texts.into_iter().map(|(name, text)| Source::new(name, text)).collect();
        let read: Vec<Read> = sources.par_iter().enumerate().map(|(at, source)| one(source, at as u32)).collect();
        let mut estate = Self { sources, ..Self::default() };
        for Read { index, files, problems } in read {
            if files.is_empty() {
                estate.unknown.push(index);
            }
            estate.files.extend(files);
            estate.problems.extend(problems);
        }
        estate
    }

    /// The trees of a kind, each with the index of its source.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &Node> {
        self.files.iter().filter(move |file| file.kind == kind).flat_map(|file| &file.documents)
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
            for document in documents {
                let Some(kind) = kind::of_tree(&document) else { continue };
                match files.last_mut().filter(|file| file.kind == kind) {
                    Some(file) => file.documents.push(document),
                    None => files.push(File { index, kind, documents: vec![document] }),
                }
            }
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
