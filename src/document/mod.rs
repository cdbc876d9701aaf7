//! The text of a blueprint as a tree in which every key and value knows its place.
//!
//! Only this module knows the YAML reader or an offset. Everything else names places by [`Path`].

mod de;
pub mod edit;
pub mod merge;
pub mod node;
mod path;
pub mod plain;
pub mod quote;
mod span;
pub mod yaml;

pub use de::TypeError;
pub use node::{Node, NodeKind, ScalarType};
pub use path::{Path, PathError, Step};
pub use span::{LineColumn, Source, Span};

use crate::diagnostics::Place;

/// The files that were read, and the tree that they make together.
#[derive(Debug, Clone)]
pub struct Document {
    /// The files, by the index in spans.
    pub sources: Vec<Source>,
    /// The tree: the base with overlays and environment applied.
    pub root: Node,
}

impl Document {
    /// Where a place stands. A value that is not written is where the nearest part above it is.
    pub fn span(&self, place: &Place) -> Span {
        match place {
            Place::Span(span) => *span,
            Place::Key(path) => {
                let located = self.root.locate(path);
                // An item of a list has no key of its own: it begins with the first of its fields.
                let item = matches!(path.steps().last(), Some(Step::Index(_))) && located.whole;
                let first = match &located.node.kind {
                    NodeKind::Map(entries) if item => entries.first().map(|entry| entry.key_span),
                    _ => None,
                };
                first.or(located.key).unwrap_or_else(|| start_of(located.node.span))
            }
            Place::Value(path) => {
                let located = self.root.locate(path);
                let narrow = matches!(located.node.kind, NodeKind::Scalar(_));
                if located.whole && narrow {
                    located.node.span
                } else {
                    located.key.unwrap_or_else(|| start_of(located.node.span))
                }
            }
        }
    }
}

fn start_of(span: Span) -> Span {
    Span { end: span.start, ..span }
}
