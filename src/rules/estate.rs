//! The files that rules read: hand-written ones, or those that hagen rendered. Rules do not know which.

use crate::render::ArtifactKind;
use crate::verify::Node;

/// A file, read.
pub struct File<'a> {
    /// Its place among the files: what a finding names.
    pub index: u32,
    /// Its name.
    pub name: &'a str,
    /// What reads it.
    pub kind: ArtifactKind,
    /// What stands in it; for a file of several documents, each of them.
    pub documents: Vec<Node<'a>>,
}

/// All files that are looked at together.
#[derive(Default)]
pub struct Estate<'a> {
    /// The files, by name.
    pub files: Vec<File<'a>>,
}
