//! The text of a blueprint as a tree in which every key and value knows its place.

mod path;
mod span;

pub use path::{Path, Step};
pub use span::{LineColumn, Source, Span};
